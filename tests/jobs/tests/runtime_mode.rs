//! `execution.runtime-mode`: a batch tells final results once, a stream tells updates, and both come
//! to the same; a batch needs sources that end, and knows no lateness.
//!
//! Source: Flink, `docs/content/docs/dev/datastream/execution_mode.md`.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeMap;

use sandbar_cluster::JobSource;
use sandbar_jobs::{TestCluster, guest, sorted, write_job};
use sandbar_model::status::JobStatus;

/// Runs a job over some lines and returns what it prints.
fn lines(package: &str, arguments: &[&str], input: &str, options: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.jsonl").display().to_string();
    std::fs::write(&file, input).unwrap();
    let arguments = arguments.iter().map(|word| word.replace("FILE", &file)).collect();
    let source = JobSource::Plugin { path: guest(package), arguments };
    let outcome = TestCluster::new().run(&source, options);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    sorted(&outcome.lines)
}

/// Two hundred events of five keys, in disorder.
fn events() -> String {
    let event = |number: i64| {
        let at = (number * 7919) % 1000;
        format!("{{\"at\":{at},\"key\":\"k{}\",\"value\":{number}}}\n", number % 5)
    };
    (1..=200).map(event).collect()
}

fn sums(mode: &str, parallelism: &str) -> Vec<String> {
    let options = [("execution.runtime-mode", mode), ("parallelism.default", parallelism)];
    lines("guest-keyed", &["sum", "FILE"], &events(), &options)
}

/// The last sum of each key: sums only grow.
fn last(lines: &[String]) -> BTreeMap<String, i64> {
    let mut last = BTreeMap::new();
    for line in lines {
        let (key, sum) = line.split_once(' ').unwrap();
        let sum: i64 = sum.parse().unwrap();
        let known = last.entry(key.to_owned()).or_insert(sum);
        *known = sum.max(*known);
    }
    last
}

#[test]
fn a_batch_prints_each_sum_once_and_a_stream_prints_updates() {
    for parallelism in ["1", "4"] {
        let streamed = sums("STREAMING", parallelism);
        assert_eq!(streamed.len(), 200);
        for mode in ["BATCH", "batch", "AUTOMATIC"] {
            let batched = sums(mode, parallelism);
            assert_eq!(batched.len(), 5, "{mode}: {batched:?}");
            assert_eq!(last(&batched), last(&streamed), "{mode}");
        }
    }
}

#[test]
fn nothing_is_late_in_a_batch() {
    // A watermark behind every record, and records far behind it.
    let run = |mode| {
        let options = [("execution.runtime-mode", mode), ("parallelism.default", "1")];
        lines("guest-event-time", &["FILE", "punctuated", "0"], &events(), &options)
    };
    let late = |lines: &[String]| lines.iter().filter(|line| line.starts_with("late")).count();
    assert!(late(&run("STREAMING")) > 0);
    let batched = run("BATCH");
    assert_eq!(late(&batched), 0);
    let total: i64 =
        batched.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!(total, (1..=200).sum::<i64>());
}

/// A job that reads what does not end by itself.
const ENDLESS: &str = "name = 'endless'\n[[sources]]\nname = 'numbers'\nconnector = 'datagen'\n\
    options = { fields = { id = { kind = 'sequence' } } }\n\
    [[sinks]]\nname = 'out'\nconnector = 'discard'\ninputs = ['numbers']\n";

#[test]
fn a_batch_of_a_source_that_does_not_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let job = write_job(folder.path(), ENDLESS, &[]);
    let cluster = TestCluster::new();
    let refused = cluster.submit(&job, &[("execution.runtime-mode", "BATCH")]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "execution.runtime-mode is BATCH, but source \"numbers\" (datagen) does not end: bound it, \
         or run the job as STREAMING or AUTOMATIC"
    );
    // Automatically it is a stream.
    let job = cluster.submit(&job, &[("execution.runtime-mode", "AUTOMATIC")]).unwrap();
    job.cancel();
    assert_eq!(job.wait().status, JobStatus::Canceled);
}
