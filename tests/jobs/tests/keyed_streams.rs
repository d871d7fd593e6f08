//! Jobs in code over keyed streams: two-phase aggregation of a stream with a hot key, and a keyed
//! stream with a broadcast one.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use sandbar_cluster::JobSource;
use sandbar_jobs::{Outcome, TestCluster, guest, sorted};
use sandbar_model::status::JobStatus;

/// Events, of which nine in ten have one key.
const EVENTS: u64 = 20_000;

fn run(job: &str, files: &[(&str, &str)], arguments: &[&str], parallelism: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec![job.to_owned()];
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        all.push(path.display().to_string());
    }
    all.extend(arguments.iter().copied().map(str::to_owned));
    let source = JobSource::Plugin { path: guest("guest-keyed-streams"), arguments: all };
    let options =
        [("parallelism.default", parallelism), ("pipeline.auto-watermark-interval", "1 ms")];
    let outcome = TestCluster::new().run(&source, &options);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    outcome
}

/// Events of one second, out of order by at most 40 ms.
fn events() -> String {
    (0..EVENTS).fold(String::new(), |mut text, number| {
        let at = (number / 20).saturating_add_signed(-((number * 7 % 41) as i64));
        let key = if number % 10 == 0 { number % 7 + 1 } else { 0 };
        writeln!(text, "{{\"at\":{at},\"key\":\"k{key}\",\"value\":{}}}", number % 3 + 1).unwrap();
        text
    })
}

/// What windows print, and the last of the sums of each key, which only grow.
fn results(outcome: &Outcome) -> (Vec<String>, BTreeMap<String, u64>) {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let mut windows = Vec::new();
    for line in sorted(&outcome.lines) {
        match line.strip_prefix("sum (") {
            Some(rest) => {
                let (key, sum) = rest.trim_end_matches(')').split_once(',').unwrap();
                let last = sums.entry(key.to_owned()).or_default();
                *last = sum.parse::<u64>().unwrap().max(*last);
            }
            None => windows.push(line),
        }
    }
    (windows, sums)
}

/// Records that the vertices with this in their names have got, and sent on.
fn records(outcome: &Outcome, part: &str) -> (u64, u64) {
    let vertices = outcome.snapshot.vertices.iter().filter(|vertex| vertex.name.contains(part));
    vertices
        .fold((0, 0), |(read, sent), vertex| (read + vertex.records_in, sent + vertex.records_out))
}

#[test]
fn two_phases_give_what_one_gives_and_send_much_less() {
    let events = events();
    let of = |mode: &str| run("skew", &[("events.jsonl", &events)], &[mode], "8");
    let one = of("one");
    let expected = results(&one);
    assert_eq!(expected.1.values().sum::<u64>(), (0..EVENTS).map(|n| n % 3 + 1).sum::<u64>());
    assert_eq!(expected.1.len(), 8);
    // To three readers, by three exchanges.
    assert_eq!(records(&one, "events"), (EVENTS, 3 * EVENTS));
    for (mode, most) in [("two", EVENTS / 10), ("small", 3 * EVENTS), ("salted", 3 * EVENTS)] {
        let two = of(mode);
        assert_eq!(results(&two), expected, "{mode}");
        let (read, sent) = records(&two, "events");
        assert_eq!(read, EVENTS, "{mode}");
        assert!(sent < most, "{mode}: {sent} partial results of {EVENTS} records");
        let (_, salted) = records(&two, "Salted Aggregate");
        assert_eq!(salted > 0, mode == "salted", "{mode}");
    }
}

#[test]
fn what_a_key_selector_refuses_meets_the_policy_of_the_operator_behind() {
    let pairs = "[\"a\",1]\n{\"no\":\"pair\"}\n[\"a\",2]\n";
    let outcome = run("refused", &[("pairs.jsonl", pairs)], &[], "1");
    let expected = ["2 of a", "sum (a,1)", "sum (a,3)", r#"sums refused {"no":"pair"}"#];
    assert_eq!(sorted(&outcome.lines), expected);
    let refused: u64 = outcome.snapshot.vertices.iter().map(|vertex| vertex.records_failed).sum();
    assert_eq!(refused, 2, "one a reader");
}

#[test]
fn every_value_meets_every_rule_once_and_all_subtasks_know_all_rules() {
    let values: String = (0..300).fold(String::new(), |mut text, number| {
        writeln!(text, "key{},{number}", number % 23).unwrap();
        text
    });
    let rules = "double,2\ntriple,3\nsame,1\nzero,0\n";
    let parsed: Vec<(&str, u64)> = rules
        .lines()
        .map(|line| line.split_once(',').unwrap())
        .map(|(rule, factor)| (rule, factor.parse().unwrap()))
        .collect();
    let mut expected = Vec::new();
    for number in 0..300 {
        for (rule, factor) in &parsed {
            expected.push(format!("key{} {number} {rule} {}", number % 23, number * factor));
        }
    }
    expected.extend((0..23).map(|key| format!("key{key} knows double same triple zero")));
    expected.sort();
    for parallelism in ["1", "4"] {
        let files = [("values.txt", values.as_str()), ("rules.txt", rules)];
        let outcome = run("rules", &files, &[], parallelism);
        assert_eq!(sorted(&outcome.lines), expected, "at parallelism {parallelism}");
    }
}
