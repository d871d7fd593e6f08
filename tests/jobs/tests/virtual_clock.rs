//! Jobs with a virtual clock: timers and windows by processing time fire at exactly their times, in
//! every run; hours of them take no time; and time stands still while something may come from
//! outside. What is pending at the end of the input fires in a batch, and is dropped in a stream.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use sandbar_cluster::JobSource;
use sandbar_jobs::{TestCluster, guest, sorted, write_job};
use sandbar_model::status::JobStatus;

/// 2024-01-01T00:00:00Z, in milliseconds.
const START: i64 = 1_704_067_200_000;

/// How far ahead the job sets its timers.
const AHEAD_MS: i64 = 2500;

/// So many events, one a second.
fn clock_job(events: i64) -> JobSource {
    let arguments = ["clock".to_owned(), format!("paced 1 {events}"), AHEAD_MS.to_string()];
    JobSource::Plugin { path: guest("guest-keyed"), arguments: arguments.to_vec() }
}

fn run(events: i64, parallelism: &str, mode: &str) -> Vec<String> {
    let cluster = TestCluster::with_virtual_clock(START);
    let options = [("parallelism.default", parallelism), ("execution.runtime-mode", mode)];
    let outcome = cluster.run(&clock_job(events), &options);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    outcome.lines
}

/// What the job prints of so many events, sorted: by the times alone.
fn expected(events: i64, is_batch: bool) -> Vec<String> {
    expected_from(START, events, is_batch)
}

fn expected_from(start: i64, events: i64, is_batch: bool) -> Vec<String> {
    let end = start + (events - 1) * 1000;
    let is_seen = |fires_at: i64| fires_at <= end || is_batch;
    let mut lines = Vec::new();
    let mut timers = BTreeSet::new();
    let mut windows: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
    for value in 0..events {
        let (key, at) = (value % 3, start + value * 1000);
        lines.push(format!("set {value} {at} {at}"));
        timers.insert((at + AHEAD_MS, key));
        let of_window = windows.entry((at - at.rem_euclid(10_000), key)).or_default();
        *of_window = (of_window.0 + 1, of_window.1 + value);
        if is_seen(at + 2000) {
            lines.push(format!("session k{key} {at} {} 1 {value}", at + 2000));
        }
    }
    while let Some((timestamp, key)) = timers.pop_first() {
        let fires_at = timestamp + 1;
        if is_seen(fires_at) {
            lines.push(format!("fired k{key} {timestamp} {}", fires_at.min(end)));
        }
        if fires_at <= end && timestamp % 7 == 0 {
            timers.insert((timestamp + 7000, key));
        }
    }
    for ((from, key), (count, sum)) in windows {
        if is_seen(from + 10_000) {
            lines.push(format!("tumbling k{key} {from} {} {count} {sum}", from + 10_000));
        }
    }
    lines.sort();
    lines
}

#[test]
fn timers_and_windows_fire_at_exactly_their_times_in_every_run() {
    for parallelism in ["1", "4", "4"] {
        assert_eq!(sorted(&run(40, parallelism, "STREAMING")), expected(40, false));
    }
    // What one task does has the same order, too.
    let echoes = || {
        let lines = run(40, "1", "STREAMING").into_iter();
        lines.filter(|line| line.starts_with("set") || line.starts_with("fired"))
    };
    assert!(echoes().eq(echoes()));
}

#[test]
fn an_hour_by_the_clock_is_over_at_once() {
    let started = Instant::now();
    let events = 3601;
    let lines = run(events, "4", "STREAMING");
    assert_eq!(sorted(&lines), expected(events, false));
    assert!(started.elapsed() < Duration::from_secs(50), "{:?}", started.elapsed());
}

#[test]
fn timers_that_are_pending_at_the_end_fire_in_a_batch_and_are_dropped_in_a_stream() {
    let (streamed, batched) = (expected(40, false), expected(40, true));
    assert!(streamed.len() < batched.len());
    for parallelism in ["1", "4"] {
        assert_eq!(sorted(&run(40, parallelism, "STREAMING")), streamed);
        assert_eq!(sorted(&run(40, parallelism, "BATCH")), batched);
    }
}

#[test]
fn time_stands_still_from_a_failure_until_all_runs_again() {
    let JobSource::Plugin { path, mut arguments } = clock_job(40) else { unreachable!() };
    let fails_at = START + 7000;
    arguments.push(fails_at.to_string());
    let options = [
        ("parallelism.default", "4"),
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.delay", "20 ms"),
    ];
    let cluster = TestCluster::with_virtual_clock(START);
    let outcome = cluster.run(&JobSource::Plugin { path, arguments }, &options);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    // Without checkpoints all is read again, from the second of the failure on.
    let lines: BTreeSet<String> = sorted(&outcome.lines).into_iter().collect();
    let again = expected_from(fails_at, 40, false);
    let missing: Vec<&String> = again.iter().filter(|line| !lines.contains(*line)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {lines:?}");
}

/// A job of an operator of the contract guest over what a source brings.
fn contract_job(source: &str, operator: &str) -> String {
    let plugin = guest("guest-contract").display().to_string();
    format!(
        "name = 'by the clock'\nparallelism = 1\n[plugins]\ncontract = {{ path = '{plugin}' }}\n\
         [[sources]]\nname = 'lines'\n{source}\n\
         [[operators]]\nname = 'calls'\nplugin = 'contract'\noperator = '{operator}'\n\
         inputs = [{{ from = 'lines', key = 'value' }}]\n\
         [[sinks]]\nname = 'out'\nconnector = 'print'\ninputs = ['calls']\n"
    )
}

#[test]
fn time_stands_still_while_a_source_waits_for_something_outside() {
    let folder = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let source = format!("connector = 'socket'\noptions = {{ host = '127.0.0.1', port = {port} }}");
    let job = write_job(folder.path(), &contract_job(&source, "processing-timers"), &[]);
    let cluster = TestCluster::with_virtual_clock(0);
    let job = cluster.submit(&job, &[]).unwrap();
    let mut input = server.accept().unwrap().0;
    for lines in 1..=20 {
        input.write_all(format!("k{lines}\n").as_bytes()).unwrap();
        while cluster.lines().len() < lines {
            std::thread::yield_now();
        }
    }
    drop(input);
    let outcome = cluster.attend(&job);
    assert_eq!(outcome.result.status, JobStatus::Finished);
    // The timers are at 10, and the clock still shows 0.
    let fired = outcome.lines.iter().filter(|line| line.contains("fired")).count();
    assert_eq!((fired, outcome.lines.len()), (0, 20), "{:?}", outcome.lines);
}

#[test]
fn a_source_with_neither_end_nor_pace_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let submit = |options: &str| {
        let source = format!("connector = 'datagen'\noptions = {{ format = 'text'{options} }}");
        let job = write_job(folder.path(), &contract_job(&source, "lifecycle"), &[]);
        TestCluster::with_virtual_clock(0).submit(&job, &[]).map(drop)
    };
    assert_eq!(
        submit("").unwrap_err().to_string(),
        "source \"lines\" (datagen) has neither an end nor a pace, so a virtual clock would never \
         move: give it a rate, bound it, or run the job without a virtual clock"
    );
    submit(", rate = 1").unwrap();
    submit(", count = 1").unwrap();
}

#[test]
fn aligned_sources_keep_together_at_the_same_times_in_every_run() {
    let source = |name: &str, rate: u32| {
        format!(
            "[[sources]]\nname = '{name}'\nconnector = 'datagen'\nparallelism = 1\n\
             options = {{ count = 300, rate = {rate}, timestamp-interval-ms = 100, fields = {{ \
             source = {{ kind = 'constant', value = '{name}' }}, id = {{ kind = 'sequence' }}, \
             now = {{ kind = 'now' }} }} }}\n\
             watermarks = {{ alignment-group = 'g', max-drift-ms = 500, update-interval-ms = 100 }}\n"
        )
    };
    let (slow, fast) = (source("slow", 10), source("fast", 1000));
    let text = format!(
        "name = 'aligned'\n{slow}{fast}[[sinks]]\nname = 'out'\nconnector = 'print'\n\
         parallelism = 1\ninputs = ['slow', 'fast']\n"
    );
    let lines = || {
        let folder = tempfile::tempdir().unwrap();
        let job = write_job(folder.path(), &text, &[]);
        let outcome = TestCluster::with_virtual_clock(0).run(&job, &[]);
        assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
        sorted(&outcome.lines)
    };
    let first = lines();
    assert_eq!(first, lines());
    // Left to itself, the fast one would have made its records in 300 ms. It has made 200 when the
    // first watermark comes, of 20 s, and goes on when the slow one is near that.
    let made = |line: &String| -> i64 {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["now"].as_i64().unwrap()
    };
    let last = first.iter().filter(|line| line.contains("fast")).map(made).max().unwrap();
    assert!((19_500..20_000).contains(&last), "{last}");
}
