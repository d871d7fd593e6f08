//! Clusters of one job: `sandbar jobmanager --job`, which lives as long as its job.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use sandbar_processes::cluster::words_of_the_book;
use sandbar_processes::{Process, guest, jobs, root};
use serde_json::json;
use tempfile::TempDir;

/// Runs a job on a cluster of its own and returns its exit code, what was printed and the log.
fn run(job: &str, arguments: &[&str], files: &[(&str, String)]) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let own = [
        "jobmanager",
        "--job",
        job,
        "-Drest.port=0",
        "-Djobmanager.rpc.port=0",
        "-Dsandbar.resource.provider=process",
        "-Dparallelism.default=2",
    ];
    let mut process = Process::start(folder.path(), "application", &[&own, arguments].concat());
    let code = process.wait().code();
    (code, process.stdout(), process.stderr())
}

#[test]
fn a_cluster_of_a_jobs_own_ends_with_it_and_leaves_no_process() {
    let book = root().join("examples/word-count/data/opticks.txt");
    let plugin = guest("word-count");
    let arguments = ["--", book.to_str().unwrap(), "all"];
    let (code, printed, log) = run(plugin.to_str().unwrap(), &arguments, &[]);
    assert_eq!(code, Some(0), "{log}");
    let mut lines: Vec<String> = printed
        .lines()
        .map(|line| line.split_once("> ").map_or(line, |(_, rest)| rest).into())
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, words_of_the_book());
    // Its TaskManagers have said that they are gone, or were told to go.
    let pids = log.lines().filter_map(|line| line.split_once("pid=")).map(|(_, pid)| pid.trim());
    let pids: Vec<&str> = pids.collect();
    assert!(!pids.is_empty(), "{log}");
    for pid in pids {
        sandbar_processes::eventually("the TaskManager is gone", || {
            let path = format!("/proc/{pid}/stat");
            let state = std::fs::read_to_string(path).ok();
            state.is_none_or(|state| state.contains(") Z ")).then_some(())
        });
    }
}

#[test]
fn a_job_that_fails_fails_its_cluster() {
    let spec = json!({
        "name": "failing",
        "sources": [{ "name": "lines", "connector": "files", "options": { "path": "none.txt" } }],
        "sinks": [{ "name": "out", "connector": "print", "inputs": ["lines"] }],
    });
    let (code, _, log) = run("job.json", &[], &[("job.json", spec.to_string())]);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("none.txt"), "{log}");
}

#[test]
fn a_wrong_job_is_refused_with_its_place() {
    let mut spec = jobs::endless("wrong", 1);
    spec["sinks"][0]["inputs"] = json!(["numbrs"]);
    let (code, _, log) = run("job.json", &[], &[("job.json", format!("{spec:#}"))]);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("job.json:") && log.contains("numbrs"), "{log}");
}
