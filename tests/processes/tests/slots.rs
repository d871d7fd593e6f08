//! Slots: how many a job needs, who gets them, and what happens when there are not enough.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeMap;

use sandbar_processes::{Cluster, eventually, jobs};
use serde_json::{Value, json};

/// How many tasks of a job each TaskManager has.
fn tasks_by_worker(cluster: &Cluster, job: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for task in cluster.tasks(job) {
        let worker = task["taskmanager-id"].as_str().unwrap().to_owned();
        *counts.entry(worker).or_default() += 1;
    }
    counts
}

#[test]
fn slots_are_taken_by_jobs_and_given_back() {
    let cluster = Cluster::with_workers(2, 2, &[]);
    assert_eq!(cluster.overview("slots-available"), 4);
    let job = cluster.submit(&jobs::endless("job", 3));
    cluster.await_tasks(&job, "RUNNING");
    // Source and sink of a subtask share a slot.
    assert_eq!(cluster.overview("slots-available"), 1);
    cluster.cancel(&job);
    cluster.await_state(&job, "CANCELED");
    assert_eq!(cluster.overview("slots-available"), 4);
}

#[test]
fn a_job_that_lacks_slots_says_so_and_runs_when_a_task_manager_comes() {
    let mut cluster = Cluster::with_workers(1, 2, &[]);
    let job = cluster.submit(&jobs::endless("wide", 4));
    eventually("it says what it lacks", || {
        let shown = cluster.job(&job);
        (shown["waiting-for"] == "needs 4 slots, has 2").then_some(())
    });
    assert!(cluster.tasks(&job).iter().all(|task| task["status"] == "SCHEDULED"));
    assert_eq!(cluster.overview("taskmanagers"), 1);
    cluster.add_worker(2, &[]);
    cluster.await_tasks(&job, "RUNNING");
    assert_eq!(cluster.job(&job)["waiting-for"], Value::Null);
}

#[test]
fn a_job_that_waits_too_long_for_slots_fails_with_no_resource_available() {
    let cluster = Cluster::with_workers(1, 2, &["-Dslot.request.timeout=300ms"]);
    let job = cluster.submit(&jobs::endless("wide", 4));
    cluster.await_state(&job, "FAILED");
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    let text = why["root-exception"].as_str().unwrap();
    for part in ["NoResourceAvailable", "needs 4 slots, has 2", "slot.request.timeout"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn slot_sharing_groups_need_the_sum_of_their_largest_parallelisms() {
    let mut cluster = Cluster::with_workers(1, 8, &[]);
    let mut spec = jobs::endless("groups", 2);
    spec["sources"][0]["slot-sharing-group"] = json!("a");
    spec["sinks"][0]["slot-sharing-group"] = json!("a");
    spec["sinks"][0]["parallelism"] = json!(6);
    let more = spec["sinks"].as_array_mut().unwrap();
    more.push(json!({
        "name": "other",
        "connector": "discard",
        "inputs": [{ "from": "numbers", "partitioner": "rebalance" }],
        "parallelism": 3,
        "slot-sharing-group": "b",
    }));
    let job = cluster.submit(&spec);
    eventually("it says what it lacks", || {
        (cluster.job(&job)["waiting-for"] == "needs 9 slots, has 8").then_some(())
    });
    cluster.add_worker(1, &[]);
    cluster.await_tasks(&job, "RUNNING");
    assert_eq!(cluster.overview("slots-available"), 0);
}

#[test]
fn slots_are_packed_or_spread_evenly() {
    for (spread, expected) in [("false", vec![4]), ("true", vec![2, 2])] {
        let option = format!("-Dcluster.evenly-spread-out-slots={spread}");
        let cluster = Cluster::with_workers(2, 4, &[&option]);
        let job = cluster.submit(&jobs::apart("job", 4));
        cluster.await_tasks(&job, "RUNNING");
        let counts: Vec<usize> = tasks_by_worker(&cluster, &job).into_values().collect();
        assert_eq!(counts, expected, "{spread}");
    }
}

#[test]
fn twenty_jobs_at_once_on_four_slots_all_finish() {
    let cluster = Cluster::with_workers(2, 2, &[]);
    let submitted: Vec<String> = (0..20)
        .map(|number| cluster.submit(&jobs::count_words(&format!("job-{number}"), 2, 2000)))
        .collect();
    for job in &submitted {
        cluster.await_state(job, "FINISHED");
    }
    assert_eq!(cluster.overview("jobs-finished"), 20);
    assert_eq!(cluster.overview("slots-available"), 4);
    // Every job counted its words once.
    let counted: u64 = cluster
        .printed()
        .iter()
        .map(|line| line.split_once('\t').unwrap().1.parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, 20 * 2000);
}

#[test]
fn a_job_of_parallelism_64_runs_on_64_slots() {
    let cluster = Cluster::with_workers(4, 16, &[]);
    let job = cluster.submit(&jobs::count_words("wide", 64, 10_000));
    cluster.await_state(&job, "FINISHED");
    let counted: u64 = cluster
        .printed()
        .iter()
        .map(|line| line.split_once('\t').unwrap().1.parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, 10_000);
}

#[test]
fn task_managers_of_the_process_provider_end_with_their_job_manager() {
    let mut cluster = Cluster::start(&[
        "-Dsandbar.resource.provider=process",
        "-Dtaskmanager.numberOfTaskSlots=1",
    ]);
    let job = cluster.submit(&jobs::apart("job", 2));
    cluster.await_tasks(&job, "RUNNING");
    cluster.job_manager.signal(rustix::process::Signal::KILL);
    cluster.job_manager.wait();
    let folder = cluster.folder().canonicalize().unwrap();
    eventually("no process is left", || {
        let works_here = |entry: std::fs::DirEntry| {
            std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder)
        };
        let all = std::fs::read_dir("/proc").unwrap();
        (!all.filter_map(Result::ok).any(works_here)).then_some(())
    });
}

#[test]
fn the_process_provider_starts_task_managers_for_jobs_and_ends_idle_ones() {
    let cluster = Cluster::start(&[
        "-Dsandbar.resource.provider=process",
        "-Dtaskmanager.numberOfTaskSlots=2",
        "-Dresourcemanager.taskmanager-timeout=500ms",
        "-Dheartbeat.interval=200ms",
    ]);
    assert_eq!(cluster.overview("taskmanagers"), 0);
    let job = cluster.submit(&jobs::endless("job", 4));
    cluster.await_tasks(&job, "RUNNING");
    assert_eq!(cluster.overview("taskmanagers"), 2);
    cluster.cancel(&job);
    cluster.await_state(&job, "CANCELED");
    cluster.await_workers(0);
    let again = cluster.submit(&jobs::endless("again", 1));
    cluster.await_tasks(&again, "RUNNING");
}

#[test]
fn guests_of_a_slot_share_its_memory_and_a_job_that_needs_more_fails_alone() {
    let mut cluster = Cluster::start(&[]);
    cluster.add_worker(2, &["-Dtaskmanager.memory.guest.size=64m"]);
    cluster.await_workers(1);
    let neighbour = cluster.submit(&jobs::apart("neighbour", 1));
    cluster.await_tasks(&neighbour, "RUNNING");
    let job = cluster.submit(&jobs::misbehaving("greedy", "grow-memory"));
    cluster.await_state(&job, "FAILED");
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    let text = why["root-exception"].as_str().unwrap();
    for part in ["greedy", "33554432 bytes", "taskmanager.memory.guest.size"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(cluster.job(&neighbour)["state"], "RUNNING");
    // What it had is there again.
    let next = cluster.submit(&jobs::count_words("next", 1, 100));
    cluster.await_state(&next, "FINISHED");
}
