//! What a job leaves to whoever ran it, from the command line or from a program of their own: its
//! output, and the sums of what its guests counted.

use std::process::Output;

use sandbar_processes::cluster::{records, words_of_the_book};
use sandbar_processes::process::{command, command_of};
use sandbar_processes::{Cluster, client_example, guest, root};
use serde_json::{Value, json};

/// Records of the job that counts them.
const RECORDS: u64 = 5000;

/// A job whose guest counts the records of each of two subtasks in the counter `records`.
fn counted(name: &str) -> Value {
    json!({
        "name": name,
        "plugins": { "contract": { "path": guest("guest-contract") } },
        "sources": [{
            "name": "lines",
            "connector": "datagen",
            "options": { "format": "text", "count": RECORDS },
            "parallelism": 2,
        }],
        "operators": [{
            "name": "measure",
            "plugin": "contract",
            "operator": "metrics",
            "inputs": ["lines"],
            "parallelism": 2,
        }],
        "sinks": [{
            "name": "nothing",
            "connector": "discard",
            "inputs": ["measure"],
            "parallelism": 2,
        }],
    })
}

#[test]
fn counters_of_guests_are_summed_over_subtasks_when_a_job_ends() {
    let cluster = Cluster::with_workers(2, 1, &[]);
    let job = cluster.submit(&counted("counted"));
    let done = cluster.await_state(&job, "FINISHED");
    let sum = RECORDS.to_string();
    let listed = json!([{ "name": "records", "type": "LongCounter", "value": sum }]);
    let all = cluster.rest().get(&format!("/jobs/{job}/accumulators"));
    assert_eq!(all["user-task-accumulators"], listed, "{all:#}");
    let result = cluster.rest().get(&format!("/jobs/{job}/execution-result"));
    let result = &result["job-execution-result"];
    assert_eq!(result["accumulator-results"], json!({ "records": RECORDS }), "{result:#}");
    assert_eq!(result["application-status"], "SUCCEEDED");
    let vertex = done["vertices"][0]["id"].as_str().unwrap();
    let path = format!("/jobs/{job}/vertices/{vertex}");
    let of_vertex = cluster.rest().get(&format!("{path}/accumulators"));
    assert_eq!(of_vertex["user-accumulators"], listed);
    // Both subtasks have counted, each on a TaskManager of its own.
    let of_subtasks = cluster.rest().get(&format!("{path}/subtasks/accumulators"));
    let values = of_subtasks["subtasks"].as_array().unwrap().iter().map(|subtask| {
        let value = subtask["user-accumulators"][0]["value"].as_str().unwrap();
        value.parse::<u64>().unwrap()
    });
    let values: Vec<u64> = values.collect();
    assert_eq!((values.len(), values.iter().sum::<u64>()), (2, RECORDS), "{of_subtasks:#}");
    assert!(values.iter().all(|value| *value > 0), "{values:?}");
}

#[test]
fn a_job_that_is_run_tells_the_sums_at_its_end_wherever_it_runs() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let address = cluster.rest().address();
    std::fs::write(cluster.folder().join("job.json"), counted("told").to_string()).unwrap();
    for target in [&["-t", "remote", "-m", address][..], &["-t", "local"], &["-t", "application"]] {
        let arguments = [&["run", "--json"], target, &["job.json"]].concat();
        let output = command(cluster.folder()).args(&arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        let lines = format!("Accumulator Results:\n- records (LongCounter): {RECORDS}\n");
        assert!(output.status.success() && told.contains(&lines), "{target:?}: {told}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let summary: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        assert_eq!(summary["state"], "FINISHED", "{target:?}");
        // A cluster of the job's own has ended before it could be asked.
        if target != ["-t", "application"] {
            assert_eq!(summary["accumulators"], json!({ "records": RECORDS }), "{target:?}");
        }
    }
}

/// Runs the example of the library in the cluster's folder.
fn run_job(cluster: &Cluster, place: &str, job: &[&str]) -> Output {
    let mut command = command_of(&client_example("run_job"), cluster.folder());
    command.arg(place).args(job).output().expect("the example can be started")
}

#[test]
fn a_program_runs_a_job_in_itself_and_on_a_cluster_with_the_same_output() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let (book, plugin) = (root().join("examples/word-count/data/opticks.txt"), guest("word-count"));
    std::fs::copy(book, cluster.folder().join("book.txt")).unwrap();
    let job = [plugin.to_str().unwrap(), "book.txt", "all"];
    let local = run_job(&cluster, "local", &job);
    let remote = run_job(&cluster, cluster.rest().address(), &job);
    for (output, place) in [(&local, "local"), (&remote, "remote")] {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told == "word-count FINISHED\n", "{place}: {told}");
    }
    assert_eq!(records(&String::from_utf8(local.stdout).unwrap()), words_of_the_book());
    assert_eq!(cluster.printed(), words_of_the_book());
}

#[test]
fn a_program_gets_the_result_of_its_job_wherever_it_runs() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    std::fs::write(cluster.folder().join("job.json"), counted("told").to_string()).unwrap();
    let mut bad = counted("bad");
    bad["plugins"] = json!({ "contract": { "path": guest("guest-faults") } });
    bad["operators"][0]["operator"] = json!("panic");
    std::fs::write(cluster.folder().join("bad.json"), bad.to_string()).unwrap();
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for place in ["local", cluster.rest().address()] {
        let good = run_job(&cluster, place, &["job.json"]);
        assert_eq!(told(&good), format!("told FINISHED\nrecords: {RECORDS}\n"), "{place}");
        let failed = run_job(&cluster, place, &["bad.json"]);
        assert!(!failed.status.success(), "{place}");
        let why = told(&failed);
        assert!(why.starts_with("bad FAILED\n") && why.contains("plugin contract"), "{why}");
        let refused = run_job(&cluster, place, &["none.json"]);
        assert!(!refused.status.success() && told(&refused).contains("none.json"), "{place}");
    }
}
