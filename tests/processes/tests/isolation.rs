//! Jobs that share a TaskManager: what one does to its slot, to its processor or to itself is no
//! concern of the others, nor of the process.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::time::Duration;

use sandbar_processes::metrics::{OFTEN, per_second};
use sandbar_processes::{Cluster, eventually, jobs};
use serde_json::{Value, json};

/// Records of a neighbour.
const RECORDS: u64 = 2000;

/// A job that counts words with keyed state for two seconds.
fn neighbour(name: &str) -> Value {
    let mut job = jobs::count_words(name, 1, RECORDS);
    job["sources"][0]["options"]["rate"] = json!(RECORDS / 2);
    job
}

/// Waits until a neighbour has finished, at its first attempt.
#[track_caller]
fn check_untouched(cluster: &Cluster, job: &str) {
    cluster.await_state(job, "FINISHED");
    assert!(cluster.tasks(job).iter().all(|task| task["attempt"] == 0));
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    assert_eq!(why["root-exception"], Value::Null, "{why:#}");
}

/// The sum of all words that were counted.
fn counted(cluster: &Cluster) -> u64 {
    let count = |line: &String| line.split_once('\t').unwrap().1.parse::<u64>().unwrap();
    cluster.printed().iter().map(count).sum()
}

/// Why a job failed.
fn why_failed(cluster: &Cluster, job: &str) -> String {
    cluster.await_state(job, "FAILED");
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    why["root-exception"].as_str().unwrap().to_owned()
}

/// A job that keeps one key of 60 kB after the other.
fn hoarder() -> Value {
    let words = ["a", "b", "c", "d"].map(|letter| letter.repeat(5000));
    let mut job = jobs::count_words("hoarder", 1, 1);
    job["sources"][0]["options"] = json!({
        "format": "text",
        "words-per-line": 12,
        "vocabulary": words,
        "zipf": 0,
    });
    job
}

#[test]
fn a_slot_has_its_share_of_managed_memory_and_a_job_that_needs_more_fails_alone() {
    let mut cluster = Cluster::start(&[]);
    cluster.add_worker(3, &["-Dtaskmanager.memory.managed.size=300m"]);
    cluster.await_workers(1);
    let beside = cluster.submit(&neighbour("beside"));
    cluster.await_tasks(&beside, "RUNNING");
    let all = cluster.rest().get("/taskmanagers");
    let id = all["taskmanagers"][0]["id"].as_str().unwrap();
    let details = cluster.rest().get(&format!("/taskmanagers/{id}"));
    assert_eq!(details["totalResource"]["managedMemory"], 300, "{details:#}");
    assert_eq!(details["freeResource"]["managedMemory"], 200, "{details:#}");
    let slots = details["allocatedSlots"].as_array().unwrap();
    assert_eq!((slots.len(), &slots[0]["resource"]["managedMemory"]), (1, &json!(100)));
    let hoarder = cluster.submit(&hoarder());
    let why = why_failed(&cluster, &hoarder);
    // 100 MiB: the share of one slot of three.
    let parts = [
        "job \"hoarder\"",
        "operator \"count\"",
        "bytes more do not fit",
        "104857600 bytes",
        "are used",
        "taskmanager.memory.managed.size",
    ];
    for part in parts {
        assert!(why.contains(part), "{part}: {why}");
    }
    // Its state and its timers share the budget; either may ask for the last bytes.
    assert!(why.contains("/count: ") || why.contains("timers of count: "), "{why}");
    let (_, log) = cluster.rest().text("GET", "/jobmanager/log", None);
    assert!(log.contains("failure: job \"hoarder\""), "{log}");
    check_untouched(&cluster, &beside);
    assert_eq!(counted(&cluster), RECORDS);
    assert!(cluster.workers[0].is_running());
}

#[test]
fn guests_that_fail_in_every_way_leave_other_jobs_and_the_process_alone() {
    let mut cluster = Cluster::start(&[]);
    cluster.add_worker(8, &["-Dtaskmanager.memory.guest.size=512m"]);
    cluster.await_workers(1);
    let before = cluster.rest().get("/taskmanagers")["taskmanagers"][0]["id"].clone();
    let neighbours: Vec<String> =
        (0..3).map(|number| cluster.submit(&neighbour(&format!("beside-{number}")))).collect();
    neighbours.iter().for_each(|job| cluster.await_tasks(job, "RUNNING"));
    let failing = [("trap", "unreachable"), ("grow-memory", "memory limit"), ("recurse", "stack")];
    let submitted =
        failing.map(|(behaviour, _)| cluster.submit(&jobs::misbehaving(behaviour, behaviour)));
    for (job, (behaviour, part)) in submitted.iter().zip(failing) {
        let why = why_failed(&cluster, job);
        assert!(why.contains(behaviour) && why.contains(part), "{behaviour}: {why}");
    }
    neighbours.iter().for_each(|job| check_untouched(&cluster, job));
    assert_eq!(counted(&cluster), 3 * RECORDS);
    // The same process, with the same registration, has all its slots again.
    assert!(cluster.workers[0].is_running());
    assert_eq!(cluster.rest().get("/taskmanagers")["taskmanagers"][0]["id"], before);
    assert_eq!(cluster.overview("slots-available"), 8);
    let next = cluster.submit(&jobs::count_words("next", 8, 100));
    cluster.await_state(&next, "FINISHED");
}

/// Records per second that the first vertex of a job makes.
fn throughput(cluster: &Cluster, job: &str) -> f64 {
    per_second(Duration::from_secs(2), || cluster.metric(job, (0, 0), "numRecordsIn"))
}

#[test]
fn an_endless_loop_takes_no_more_than_its_share_and_is_cancelled_at_once() {
    let cluster = Cluster::with_workers(1, 2, &[OFTEN]);
    let works = cluster.submit(&jobs::misbehaving("works", "well-behaved"));
    cluster.await_tasks(&works, "RUNNING");
    let alone = throughput(&cluster, &works);
    let stuck = cluster.submit(&jobs::stuck("stuck"));
    eventually("it loops", || {
        let busy = cluster.metric(&stuck, (1, 0), "busyTimeMsPerSecond")?;
        (busy > 900.0).then_some(())
    });
    let beside = throughput(&cluster, &works);
    // It has a processor to share, on machines that other tests keep busy too.
    assert!(beside > alone / 4.0, "{beside} of {alone} records per second");
    let shown =
        cluster.rest().get(&format!("/jobs/{stuck}/vertices/{}", cluster.vertex(&stuck, 1)));
    assert_eq!(shown["subtasks"][0]["status"], "RUNNING");
    cluster.cancel(&stuck);
    let canceled = cluster.await_state(&stuck, "CANCELED");
    let at = |state: &str| canceled["timestamps"][state].as_i64().unwrap();
    let took = at("CANCELED") - at("CANCELLING");
    assert!(took < 1000, "{took} ms");
    assert_eq!(cluster.job(&works)["state"], "RUNNING");
}
