//! Windows of whole jobs against a slow model of them: every assigner, trigger, lateness and mode at
//! parallelism 1 and 4, random streams out of order with watermarks of their own, inputs that are
//! idle, a clock that is moved by hand. Many cases run side by side in one job.
//!
//! A case that fails names its seed: `SANDBAR_SEED=n` runs that one alone. `SANDBAR_CASES=n` runs
//! so many, with a seed as one job from that one on.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod cases;
mod feed;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use sandbar_model::status::JobStatus;
use window_model::model::{Model, Step};
use window_model::setup::GLOBAL;

use cases::{Case, KEYS, Line, MOVES_MS, START, combinations};
use feed::{Feed, Workshop};

/// Cases, unless `SANDBAR_CASES` says how many: a minute of two cores without optimisation.
const CASES: u64 = 3_000;

/// Cases that run side by side in one job; every instance of the guest sets up all of them.
const BATCH: u64 = 4;

/// Jobs that run at the same time.
const THREADS: usize = 4;

/// What a key of a case prints: results in their order, and late elements in theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Printed {
    fired: Vec<String>,
    late: Vec<String>,
}

/// What a case prints by key, and how many elements it drops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Observed {
    keys: BTreeMap<u8, Printed>,
    dropped: usize,
}

/// What the model says.
fn expected(case: &Case) -> Observed {
    let mut observed = Observed::default();
    for key in 0..KEYS {
        let mut model = Model::new(&case.setup, START);
        for (lines, by) in case.rounds.iter().zip(MOVES_MS) {
            for line in lines {
                let Line { key: of, at, value, .. } = *line;
                model.step_of(key, Step::Element { key: of, at, value });
                line.watermarks.iter().for_each(|to| model.step_of(key, Step::Watermark(*to)));
            }
            model.step_of(key, Step::Clock(by));
        }
        model.step_of(key, Step::Watermark(i64::MAX));
        let mut printed = Printed::default();
        for fired in &model.results {
            let (start, end) = fired.window;
            let at = if fired.window == GLOBAL { i64::MAX } else { end - 1 };
            let values = ordered(case, fired.values.clone());
            printed.fired.push(format!("{at} {start} {end} {values:?}"));
        }
        if case.tagged {
            printed.late = model.late.iter().map(|value| format!("[{value}]")).collect();
        } else {
            observed.dropped += model.late.len();
        }
        if printed != Printed::default() {
            observed.keys.insert(key, printed);
        }
    }
    observed
}

/// Values in the order that a function may rely on.
fn ordered(case: &Case, mut values: Vec<i64>) -> Vec<i64> {
    if !case.process || case.setup.merges() {
        values.sort_unstable();
    }
    values
}

/// Adds a line `label key what rest` to what its case has printed.
fn add(line: &str, by_label: &mut BTreeMap<String, (&Case, Observed)>) {
    let bare = line.split_once("> ").map_or(line, |(_, rest)| rest);
    let mut words = bare.splitn(4, ' ');
    let (Some(label), Some(key), Some(what), Some(rest)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        assert!(bare.contains("barrier"), "{line}");
        return;
    };
    let Some((case, observed)) = by_label.get_mut(label) else {
        assert!(bare.contains("barrier"), "{line}");
        return;
    };
    let key: u8 = key.parse().unwrap();
    if key >= KEYS {
        return;
    }
    let printed = observed.keys.entry(key).or_default();
    match what {
        "late" => printed.late.push(rest.to_owned()),
        _ => {
            let (bounds, list) = rest.split_once('[').unwrap();
            let numbers = list.trim_end_matches(']').split(", ").filter(|text| !text.is_empty());
            let values = ordered(case, numbers.map(|text| text.parse().unwrap()).collect());
            printed.fired.push(format!("{bounds}{values:?}"));
        }
    }
}

/// Runs cases in one job, and returns those whose results are not the model's.
fn failures(workshop: &Workshop, cases: &[Case]) -> Vec<String> {
    let mut feed = Feed::start(workshop, cases);
    feed.await_idleness(cases);
    for (round, by) in MOVES_MS.into_iter().enumerate() {
        cases.iter().for_each(|case| feed.send(&case.label(), &case.rounds[round]));
        feed.advance(by);
    }
    let outcome = feed.finish();
    let seeds = || cases.iter().map(|case| case.seed).collect::<Vec<_>>();
    let result = &outcome.result;
    assert_eq!(result.status, JobStatus::Finished, "seeds {:?}: {:?}", seeds(), result.failure);
    let nothing = |case| (Case::label(case), (case, Observed::default()));
    let mut by_label: BTreeMap<_, _> = cases.iter().map(nothing).collect();
    outcome.lines.iter().for_each(|line| add(line, &mut by_label));
    for vertex in &outcome.snapshot.vertices {
        for ((uid, metric), count) in &vertex.guest_metrics {
            if let ("numLateRecordsDropped", Some((case, observed))) =
                (metric.as_str(), by_label.get_mut(uid))
                && !case.tagged
            {
                observed.dropped += *count as usize;
            }
        }
    }
    let failure = |(_, (case, observed)): (String, (&Case, Observed))| {
        let expected = expected(case);
        (observed != expected).then(|| {
            format!(
                "SANDBAR_SEED={} replays {case:?}\nthe model expects {expected:?}\n\
                 the job has       {observed:?}\n",
                case.seed
            )
        })
    };
    by_label.into_iter().filter_map(failure).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

#[test]
fn windows_of_jobs_are_those_of_the_model() {
    let cases = number("SANDBAR_CASES");
    if let Some(seed) = number("SANDBAR_SEED") {
        let batch: Vec<Case> = (seed..seed + cases.unwrap_or(1)).map(Case::of).collect();
        let failures = failures(&Workshop::new(), &batch);
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        return;
    }
    let cases = cases.unwrap_or(CASES);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let workshop = Workshop::new();
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= cases {
                        return;
                    }
                    let batch: Vec<Case> =
                        (first..cases.min(first + BATCH)).map(Case::of).collect();
                    let failures = failures(&workshop, &batch);
                    assert!(failures.is_empty(), "{}", failures.join("\n"));
                }
            });
        }
    });
}

#[test]
fn the_cases_go_through_every_combination() {
    let all = combinations();
    assert!((all.len() as u64) < CASES, "{} combinations", all.len());
    let count = |is: fn(&Case) -> bool| (0..CASES).map(Case::of).filter(is).count();
    assert!(count(|case| case.idle) > 100);
    assert!(count(|case| case.setup.evictor.is_some()) > 100);
}
