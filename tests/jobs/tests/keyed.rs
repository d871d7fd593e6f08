//! Keyed operators in whole jobs, one property each: order within the bound changes no result, late
//! records go to one place only, triggers and timers fire when they must, every kind of state keeps
//! what it is given, and state that does not fit fails its job with the state's name.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sandbar_cluster::{JobClient, JobSource};
use sandbar_jobs::{Outcome, TestCluster, guest, sorted};
use sandbar_model::status::JobStatus;
use sandbar_model::{Clock, ManualClock};

/// Out of order by at most this many milliseconds, as the guest says.
const BOUND_MS: i64 = 50;

/// How long a running job may take to print a line.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait for a line before the clock is moved again.
const PATIENCE: Duration = Duration::from_millis(5);

/// Time, key and value.
type Event = (i64, &'static str, i64);

fn text(events: &[Event]) -> String {
    events.iter().fold(String::new(), |mut text, (at, key, value)| {
        writeln!(text, "{{\"at\":{at},\"key\":\"{key}\",\"value\":{value}}}").unwrap();
        text
    })
}

fn source(job: &str, input: &str, rest: &[&str]) -> JobSource {
    let arguments = [&[job, input], rest].concat().iter().map(|it| (*it).to_owned()).collect();
    JobSource::Plugin { path: guest("guest-keyed"), arguments }
}

/// Runs a job over these events to its end.
fn outcome(job: &str, events: &[Event], rest: &[&str], options: &[(&str, &str)]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    std::fs::write(&file, text(events)).unwrap();
    let source = source(job, &file.display().to_string(), rest);
    TestCluster::with(options, Arc::new(sandbar_model::SystemClock)).run(&source, options)
}

/// What a job prints.
fn lines(job: &str, events: &[Event], rest: &[&str], options: &[(&str, &str)]) -> Vec<String> {
    let outcome = outcome(job, events, rest, options);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    outcome.lines
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (-1000i64..1000, prop::sample::select(vec!["a", "b", "c"]), 1i64..10);
    prop::collection::vec(event, 1..300)
}

/// The events in an order in which none is later than the bound: each is moved by less.
fn shuffled(events: &[Event], moves: &[i64]) -> Vec<Event> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|index| events[*index].0 + moves[index % moves.len()]);
    order.into_iter().map(|index| events[index]).collect()
}

/// Windows that start every `slide` and that an event is in.
fn starts(at: i64, size: i64, slide: i64, offset: i64) -> impl Iterator<Item = i64> {
    let last = at - (at - offset).rem_euclid(slide);
    (0..).map(move |back| last - back * slide).take_while(move |start| start + size > at)
}

/// What the job of windows prints.
fn expected_windows(events: &[Event]) -> Vec<String> {
    let mut windows: BTreeMap<(&str, &str, i64, i64), Vec<Event>> = BTreeMap::new();
    for event @ (at, key, _) in events {
        for start in starts(*at, 100, 100, 0) {
            windows.entry(("tumbling", key, start, start + 100)).or_default().push(*event);
        }
        for start in starts(*at, 120, 50, 10) {
            windows.entry(("sliding", key, start, start + 120)).or_default().push(*event);
        }
    }
    for key in events.iter().map(|event| event.1).collect::<BTreeSet<_>>() {
        let mut of_key: Vec<Event> = events.iter().filter(|it| it.1 == key).copied().collect();
        of_key.sort_unstable();
        for session in of_key.chunk_by(|first, second| second.0 - first.0 <= 15) {
            let (start, end) = (session[0].0, session[session.len() - 1].0 + 15);
            windows.insert(("session", key, start, end), session.to_vec());
        }
    }
    let mut lines = Vec::new();
    for ((kind, key, start, end), members) in windows {
        let sum: i64 = members.iter().map(|event| event.2).sum();
        lines.push(format!("{kind} {key} {start} {end} {} {sum}", members.len()));
        if kind == "sliding" {
            let latest = members.iter().map(|event| event.0).max().unwrap();
            lines.push(format!("pane {key} {latest} {sum}"));
        }
    }
    lines.sort();
    lines
}

/// What the join prints.
fn expected_pairs(events: &[Event]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, key, even) in events.iter().filter(|event| event.2 % 2 == 0) {
        for (other, _, odd) in events.iter().filter(|other| {
            other.2 % 2 == 1 && other.1 == *key && (at - 30..=at + 20).contains(&other.0)
        }) {
            lines.push(format!("{key} {at} {even} {other} {odd}"));
        }
    }
    lines.sort();
    lines
}

#[test]
fn order_within_the_bound_changes_no_window_and_no_pair() {
    let mut runner = TestRunner::new(Config { cases: 12, ..Config::default() });
    let input = (events(), prop::collection::vec(0..=BOUND_MS, 1..50));
    let options = |parallelism| {
        [("parallelism.default", parallelism), ("pipeline.auto-watermark-interval", "1 ms")]
    };
    runner
        .run(&input, |(events, moves)| {
            let mut in_order = events.clone();
            in_order.sort_unstable();
            let out_of_order = shuffled(&events, &moves);
            type Expected = fn(&[Event]) -> Vec<String>;
            let jobs: [(&str, Expected); 2] =
                [("windows", expected_windows), ("join", expected_pairs)];
            for (job, expected) in jobs {
                let expected = expected(&events);
                for (order, read) in [("in order", &in_order), ("shuffled", &out_of_order)] {
                    for parallelism in ["1", "4"] {
                        let found = sorted(&lines(job, read, &[], &options(parallelism)));
                        prop_assert_eq!(&found, &expected, "{} {} {}", job, order, parallelism);
                    }
                }
            }
            Ok(())
        })
        .unwrap();
}

/// Events of two keys, out of order within the bound.
const FEW: [Event; 8] = [
    (10, "a", 1),
    (130, "a", 2),
    (95, "a", 3),
    (120, "b", 4),
    (140, "a", 5),
    (100, "b", 6),
    (260, "a", 7),
    (245, "a", 8),
];

#[test]
fn each_kind_of_window_makes_the_golden_file() {
    let golden = include_str!("keyed/windows.txt");
    let expected: Vec<&str> = golden.lines().collect();
    for parallelism in ["1", "4"] {
        let options = [("parallelism.default", parallelism)];
        assert_eq!(sorted(&lines("windows", &FEW, &[], &options)), expected);
    }
}

#[test]
fn a_co_group_has_the_records_of_both_streams_and_a_reduce_tells_updates() {
    let expected = [
        "greatest a 1",
        "greatest a 2",
        "greatest a 3",
        "greatest a 5",
        "greatest a 7",
        "greatest a 8",
        "greatest b 4",
        "greatest b 6",
        "group a 0 2",
        "group a 1 1",
        "group a 1 1",
        "group b 2 0",
    ];
    assert_eq!(sorted(&lines("groups", &FEW, &[], &[("parallelism.default", "1")])), expected);
}

/// A job that reads events from a socket, on a clock that is moved by hand.
struct Live {
    cluster: TestCluster,
    clock: Arc<ManualClock>,
    job: JobClient,
    input: TcpStream,
    printed: String,
}

impl Live {
    fn start(job: &str, rest: &[&str]) -> Live {
        let clock = Arc::new(ManualClock::new(0));
        let cluster = TestCluster::with(&[], Arc::clone(&clock) as Arc<dyn Clock>);
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port().to_string();
        let options =
            [("execution.buffer-timeout", "0"), ("pipeline.auto-watermark-interval", "5 ms")];
        let job = cluster.submit(&source(job, &port, rest), &options).unwrap();
        let input = server.accept().unwrap().0;
        Live { cluster, clock, job, input, printed: String::new() }
    }

    fn send(&mut self, events: &[Event]) {
        self.input.write_all(text(events).as_bytes()).unwrap();
    }

    fn advance(&self, by_ms: i64) {
        self.clock.advance(by_ms);
        self.job.wake();
    }

    /// Waits for a line, while the clock moves on by so much at a time.
    fn await_line(&mut self, line: &str, step_ms: i64) {
        let started = Instant::now();
        while !self.printed.lines().any(|found| found == line) {
            assert!(started.elapsed() < ANSWER_TIMEOUT, "no {line}:\n{}", self.printed);
            self.advance(step_ms);
            self.printed.push_str(&self.cluster.take_text(PATIENCE));
        }
    }

    /// Ends the input; the lines of the outcome are all.
    fn finish(mut self) -> Outcome {
        drop(self.input);
        let mut outcome = self.cluster.attend(&self.job);
        assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
        self.printed.push_str(&self.cluster.take_text(Duration::ZERO));
        outcome.lines = self.printed.lines().map(str::to_owned).collect();
        outcome
    }
}

/// Three events in time and one that is late, whose window may be written no more.
fn with_a_late_event(rest: &[&str]) -> Outcome {
    let mut live = Live::start("late", rest);
    live.send(&[(350, "a", 1), (520, "a", 2)]);
    // The watermark is at 469 then, and the window up to 400 was cleaned up at 419.
    live.await_line("sum a 300 400 1 1", 5);
    live.send(&[(355, "a", 3), (460, "a", 4)]);
    let outcome = live.finish();
    assert_eq!(
        sorted(&outcome.lines),
        ["sum a 300 400 1 1", "sum a 400 500 1 4", "sum a 500 600 1 2"]
    );
    outcome
}

/// How many records each operator has dropped.
fn dropped(outcome: &Outcome) -> BTreeMap<String, f64> {
    let vertices = outcome.snapshot.vertices.iter();
    let metrics = vertices.flat_map(|vertex| &vertex.guest_metrics);
    let late = metrics.filter(|((_, name), _)| name == "numLateRecordsDropped");
    late.map(|((uid, _), count)| (uid.clone(), *count)).collect()
}

#[test]
fn a_late_record_is_in_the_side_outputs_file_only() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = with_a_late_event(&[&folder.path().display().to_string()]);
    let mut written = String::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        written.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    assert_eq!(written, "{\"at\":355,\"key\":\"a\",\"value\":3}\n");
    assert!(dropped(&outcome).values().all(|count| *count == 0.0));
}

#[test]
fn a_late_record_without_a_side_output_is_counted() {
    assert_eq!(dropped(&with_a_late_event(&[]))["sums"], 1.0);
}

#[test]
fn a_count_window_fires_for_every_three_records_and_keeps_the_rest() {
    let events: Vec<Event> =
        (0..10).flat_map(|number| [(number, "a", number), (number, "b", 100 + number)]).collect();
    let expected = [
        "a [0, 1, 2]",
        "a [3, 4, 5]",
        "a [6, 7, 8]",
        "b [100, 101, 102]",
        "b [103, 104, 105]",
        "b [106, 107, 108]",
    ];
    for parallelism in ["1", "4"] {
        let options = [("parallelism.default", parallelism)];
        assert_eq!(sorted(&lines("count", &events, &[], &options)), expected);
    }
}

/// Prices of two shares; a line a jump of more than a tenth, with the prices up to it.
const PRICES: [Event; 12] = [
    (1, "oak", 100),
    (2, "elm", 50),
    (3, "oak", 110),
    (4, "oak", 99),
    (5, "elm", 56),
    (6, "oak", 100),
    (7, "oak", 111),
    (8, "elm", 57),
    (9, "elm", 50),
    (10, "oak", 90),
    (11, "elm", 51),
    (12, "oak", 95),
];

#[test]
fn a_trigger_of_a_plugin_fires_when_the_price_jumps() {
    let golden = include_str!("keyed/jumps.txt");
    let expected: Vec<String> = golden.lines().map(str::to_owned).collect();
    assert_eq!(sorted(&lines("jumps", &PRICES, &[], &[("parallelism.default", "1")])), expected);
    assert_eq!(sorted(&lines("jumps", &PRICES, &[], &[("parallelism.default", "3")])), expected);
}

#[test]
fn a_pattern_finds_the_falls_of_each_key_in_the_order_of_time() {
    let events = [
        (10, "a", 10),
        (40, "a", 6),
        (20, "a", 8),
        (50, "a", 9),
        (60, "b", 5),
        (80, "b", 4),
        (70, "b", 6),
        (90, "a", 7),
        (95, "a", 12),
    ];
    let expected = [
        "a 10 8 6 9",
        "a 9 7 12",
        // What begins with an event that nothing lower follows goes at once; these waited.
        "unfinished at 1070: b 6 4",
        "unfinished at 1080: b 4",
        "unfinished at 1095: a 12",
    ];
    assert_eq!(sorted(&lines("falls", &events, &[], &[("parallelism.default", "1")])), expected);
    assert_eq!(sorted(&lines("falls", &events, &[], &[("parallelism.default", "4")])), expected);
}

#[test]
fn a_timer_that_is_registered_three_times_fires_once() {
    // A negative value deletes the timer of its event, whoever registered it.
    let events = [(5, "a", 1), (5, "a", 2), (7, "a", 1), (7, "b", 1), (9, "a", 1), (9, "a", -1)];
    let found = lines("timers", &events, &[], &[("parallelism.default", "1")]);
    assert_eq!(sorted(&found), ["a 15", "a 17", "b 17"]);
}

/// What each kind of state holds for key `a` behind each event.
const STATES: [&str; 5] = [
    r#"a Some(3) [3] [("odd", 3)] Some(3) Some(3)"#,
    r#"a Some(8) [3, 8] [("even", 8), ("odd", 3)] Some(8) Some(5)"#,
    r#"a Some(1) [3, 8, 1] [("even", 8), ("odd", 4)] Some(8) Some(4)"#,
    "a None [] [] None None",
    r#"a Some(6) [6] [("even", 6)] Some(6) Some(6)"#,
];

#[test]
fn every_kind_of_state_keeps_what_it_is_given_by_key() {
    let a = |(at, value)| (at, "a", value);
    let mut events: Vec<Event> = [(1, 3), (2, 8), (3, 1), (4, 0), (5, 6)].map(a).to_vec();
    events.insert(2, (2, "b", 7));
    let mut expected: Vec<&str> = STATES.to_vec();
    expected.insert(2, r#"b Some(7) [7] [("odd", 7)] Some(7) Some(7)"#);
    assert_eq!(lines("states", &events, &[], &[("parallelism.default", "1")]), expected);
}

#[test]
fn every_kind_of_state_expires() {
    let mut live = Live::start("states", &["1000"]);
    live.send(&[(1, "a", 3), (2, "a", 8)]);
    live.await_line(STATES[1], 0);
    live.advance(999);
    live.send(&[(3, "a", 1)]);
    live.await_line(STATES[2], 0);
    live.advance(1000);
    live.send(&[(4, "a", 6)]);
    // Elements of lists and entries of maps expire each on its own; all are a second old.
    live.await_line(STATES[4], 0);
    live.finish();
}

#[test]
fn state_over_the_slots_budget_fails_its_job_alone_and_is_named() {
    let cluster = TestCluster::with(
        &[("taskmanager.memory.managed.size", "1m"), ("parallelism.default", "1")],
        Arc::new(sandbar_model::SystemClock),
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl").display().to_string();
    let keys: Vec<String> = (0..20_000).map(|number| format!("key {number}")).collect();
    let text = keys.iter().fold(String::new(), |mut text, key| {
        writeln!(text, "{{\"at\":1,\"key\":\"{key}\",\"value\":1}}").unwrap();
        text
    });
    let few = folder.path().join("few.jsonl").display().to_string();
    std::fs::write(&few, text.split_inclusive('\n').take(100).collect::<String>()).unwrap();
    std::fs::write(&file, text).unwrap();
    let kinds = [
        ("value", "hoarder/value"),
        ("list", "hoarder/list"),
        ("map", "hoarder/map"),
        ("reducing", "hoarder/reducing"),
        ("aggregating", "hoarder/aggregating"),
        ("window", "hoarder"),
        ("timers", "timers of hoarder"),
    ];
    for (kind, state) in kinds {
        let outcome = cluster.run(&source("hoard", &file, &[kind]), &[]);
        assert_eq!(outcome.result.status, JobStatus::Failed, "{kind}");
        let failure = outcome.result.failure.unwrap();
        for part in ["job \"guest-keyed\"", "operator \"hoarder\"", state, "do not fit", "1048576"]
        {
            assert!(failure.contains(part), "{kind}: no {part} in {failure}");
        }
        // What it had is free again.
        let next = cluster.run(&source("sum", &few, &[]), &[]);
        assert_eq!(next.result.status, JobStatus::Finished, "{kind}: {:?}", next.result.failure);
    }
}
