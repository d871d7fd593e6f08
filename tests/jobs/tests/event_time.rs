//! Event time of whole jobs: whatever the order of a bounded input within its bound, the results
//! are the same at any parallelism, and exactly those events are late that come after it.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sandbar_cluster::JobSource;
use sandbar_jobs::{Outcome, TestCluster, guest, sorted, write_job};
use sandbar_model::status::JobStatus;

/// Out of order by at most this many milliseconds.
const BOUND_MS: i64 = 50;
/// The guest sums over this many milliseconds.
const LENGTH_MS: i64 = 100;

#[derive(Clone, Debug)]
struct Event {
    at: i64,
    key: u8,
    value: u64,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (-2000i64..2000, 0u8..4, 1u64..10);
    let event = event.prop_map(|(at, key, value)| Event { at, key, value });
    prop::collection::vec(event, 1..600)
}

/// The events in an order in which none is later than the bound: each is moved by less.
fn shuffled(events: &[Event], moves: &[i64]) -> Vec<Event> {
    let moved = |index: usize| events[index].at + moves[index % moves.len()];
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|index| moved(*index));
    order.into_iter().map(|index| events[index].clone()).collect()
}

fn text(events: &[Event]) -> String {
    events.iter().fold(String::new(), |mut text, Event { at, key, value }| {
        writeln!(text, "{{\"at\":{at},\"key\":\"k{key}\",\"value\":{value}}}").unwrap();
        text
    })
}

/// What the job prints of events of which none is late.
fn sums<'e>(events: impl IntoIterator<Item = &'e Event>) -> Vec<String> {
    let mut sums: BTreeMap<(u8, i64), u64> = BTreeMap::new();
    for Event { at, key, value } in events {
        *sums.entry((*key, at.div_euclid(LENGTH_MS) * LENGTH_MS)).or_default() += value;
    }
    let line = |((key, start), sum): (&(u8, i64), &u64)| format!("sum k{key} {start} {sum}");
    let mut lines: Vec<String> = sums.iter().map(line).collect();
    lines.sort();
    lines
}

fn run(events: &[Event], strategy: &str, parallelism: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    fs::write(&file, text(events)).unwrap();
    let arguments = vec![file.display().to_string(), strategy.to_owned(), BOUND_MS.to_string()];
    let source = JobSource::Plugin { path: guest("guest-event-time"), arguments };
    let options =
        [("parallelism.default", parallelism), ("pipeline.auto-watermark-interval", "1 ms")];
    let outcome = TestCluster::new().run(&source, &options);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    outcome
}

#[test]
fn order_within_the_bound_changes_no_result() {
    let mut runner = TestRunner::new(Config { cases: 6, ..Config::default() });
    let input = (events(), prop::collection::vec(0..=BOUND_MS, 1..50));
    runner
        .run(&input, |(events, moves)| {
            let read = shuffled(&events, &moves);
            let expected = sums(&events);
            for strategy in ["field", "assigner", "punctuated", "periodic", "behind", "end"] {
                for parallelism in ["1", "4"] {
                    let found = sorted(&run(&read, strategy, parallelism).lines);
                    prop_assert_eq!(&found, &expected, "{} at {}", strategy, parallelism);
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn exactly_the_events_behind_the_watermark_are_late() {
    let mut runner = TestRunner::new(Config { cases: 6, ..Config::default() });
    let input = (events(), prop::collection::vec(0..20 * BOUND_MS, 1..50));
    runner
        .run(&input, |(events, moves)| {
            let read = shuffled(&events, &moves);
            let mut watermark = i64::MIN;
            let mut expected = Vec::new();
            let mut in_time = Vec::new();
            for event in &read {
                let last = event.at.div_euclid(LENGTH_MS) * LENGTH_MS + LENGTH_MS - 1;
                if last <= watermark {
                    expected.push(format!("late k{} {}", event.key, event.at));
                } else {
                    in_time.push(event);
                }
                watermark = watermark.max(event.at - BOUND_MS - 1);
            }
            expected.extend(sums(in_time));
            expected.sort();
            prop_assert_eq!(sorted(&run(&read, "punctuated", "1").lines), expected);
            Ok(())
        })
        .unwrap();
}

/// Runs a job that prints what a source of JSON reads, and its dead letters.
fn read(format: &str, policy: &str, input: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let letters = if policy == "dead-letter" { ", 'events.dead-letter'" } else { "" };
    let job = format!(
        "name = 'read'\n[[sources]]\nname = 'events'\nconnector = 'files'\n\
         options = {{ path = 'in.txt', format = '{format}' }}\n\
         timestamp = {{ json = '/time', format = 'rfc3339' }}\non-error = '{policy}'\n\
         watermarks = {{ max-out-of-orderness-ms = 10 }}\n\
         [[sinks]]\nname = 'print'\nconnector = 'print'\ninputs = ['events'{letters}]\n"
    );
    let source = write_job(folder.path(), &job, &[("in.txt", input)]);
    TestCluster::new().run(&source, &[])
}

const ROWS: &str = "id,time\n1,1970-01-01T00:00:01Z\n2,yesterday\n3,1970-01-01T00:00:03Z\n";

#[test]
fn a_record_without_event_time_follows_the_sources_policy() {
    let good = [
        "{\"id\":\"1\",\"time\":\"1970-01-01T00:00:01Z\"}",
        "{\"id\":\"3\",\"time\":\"1970-01-01T00:00:03Z\"}",
    ];
    let skipped = read("csv", "skip", ROWS);
    assert_eq!(skipped.result.status, JobStatus::Finished, "{:?}", skipped.result.failure);
    assert_eq!(sorted(&skipped.lines), good);

    let lines = sorted(&read("csv", "dead-letter", ROWS).lines);
    let (letters, records): (Vec<_>, Vec<_>) =
        lines.iter().map(String::as_str).partition(|line| line.contains("\"operator\""));
    assert_eq!(records, good);
    assert_eq!(
        letters,
        [concat!(
            r#"{"operator":"events","subtask":1,"message":"its timestamp \"/time\" is "#,
            r#"\"yesterday\", which is no date and time with an offset, as RFC 3339 has them","#,
            r#""value":"{\"id\":\"2\",\"time\":\"yesterday\"}"}"#
        )]
    );

    let failed = read("json", "fail", "{\"time\":\"1970-01-01T00:00:01Z\"}\n{\"when\":1}\n");
    assert_eq!(failed.result.status, JobStatus::Failed);
    let failure = failed.result.failure.unwrap();
    let expected = "operator \"events\": it has nothing at the timestamp \"/time\"; the record is \
                    \"{\\\"when\\\":1}\"; to go on without such records set on-error = \"skip\"";
    assert!(failure.contains(expected), "{failure}");
}

#[test]
fn a_guest_makes_no_watermarks_that_the_job_does_not_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let job = format!(
        "name = 'unasked'\n[plugins.tools]\npath = '{}'\n[[sources]]\nname = 'lines'\n\
         connector = 'files'\noptions = {{ path = 'in.txt' }}\n[[operators]]\nname = 'each'\n\
         plugin = 'tools'\noperator = 'each-record'\ninputs = ['lines']\n[[sinks]]\n\
         name = 'print'\nconnector = 'print'\ninputs = ['each']\n",
        guest("guest-operators").display()
    );
    let source = write_job(folder.path(), &job, &[("in.txt", "a\n")]);
    let outcome = TestCluster::new().run(&source, &[]);
    assert_eq!(outcome.result.status, JobStatus::Failed);
    let failure = outcome.result.failure.unwrap();
    let expected = "emitted a watermark on output 0; for the operator to make watermarks, set \
                    watermarks = { generator = \"custom\" } on it";
    assert!(failure.contains(expected), "{failure}");
}
