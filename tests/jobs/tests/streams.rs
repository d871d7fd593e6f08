//! A job in code that uses the parts of the stream API that the examples do not: what each of its
//! streams prints was worked out by hand.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::fs;

use sandbar_cluster::JobSource;
use sandbar_jobs::{Outcome, TestCluster, guest, sorted};
use sandbar_model::status::JobStatus;

const LINES: &str = "fig,1\npear,200\nplum\napple,x\nkiwi,5\nfig,300\n,0\n";

fn run(parallelism: &str, arguments: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.txt");
    fs::write(&file, LINES).unwrap();
    let mut all = vec![file.display().to_string()];
    all.extend(arguments.iter().copied().map(str::to_owned));
    let source = JobSource::Plugin { path: guest("guest-streams"), arguments: all };
    TestCluster::new().run(&source, &[("parallelism.default", parallelism)])
}

/// What the stream of that label prints.
fn check(label: &str, expected: &[&str]) {
    for parallelism in ["1", "3"] {
        let outcome = run(parallelism, &[]);
        assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
        let lines = sorted(&outcome.lines);
        let prefix = format!("{label}: ");
        let found: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(&prefix)).collect();
        assert_eq!(found, expected, "{label} at parallelism {parallelism}");
    }
}

#[test]
fn side_outputs_hold_what_was_sent_to_them() {
    check("large", &["fig", "pear"]);
}

#[test]
fn dead_letters_are_records_of_a_type() {
    check("bad", &["\"apple,x\": invalid digit found in string", "\"plum\": it has no comma"]);
}

#[test]
fn a_partitioner_in_code_chooses_the_subtask() {
    check("share", &["1 in subtask 1", "2 in subtask 0", "2 in subtask 2"]);
}

#[test]
fn a_union_takes_streams_of_several_formats() {
    check("short", &["", ",0", "fig", "fig"]);
}

#[test]
fn connected_streams_share_state_by_key() {
    check("both", &[" 0 1", ", 1 0", "a 1 0", "f 2 2", "k 1 1", "p 2 1"]);
}

#[test]
fn a_broadcast_reaches_every_subtask_before_the_sum() {
    check(
        "sum",
        &[
            "(0,0)",
            "(0,0)",
            "(1,1)",
            "(1,2)",
            "(200,200)",
            "(200,400)",
            "(300,300)",
            "(300,600)",
            "(5,10)",
            "(5,5)",
        ],
    );
}

#[test]
fn dead_letters_that_are_not_text_can_be_read() {
    let outcome = run("1", &["refuse-rows"]);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    for expected in ["refused: 200 is large", "refused: 300 is large"] {
        assert!(outcome.lines.iter().any(|line| line == expected), "{:?}", outcome.lines);
    }
}
