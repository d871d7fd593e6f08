//! Buffers and credit: how much waits for a slow task, and that only its own channel waits.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::time::{Duration, Instant};

use sandbar_processes::{Cluster, eventually, guest, jobs};
use serde_json::{Value, json};

/// Tells of metrics soon.
const OFTEN: &str = "-Dheartbeat.interval=100ms";

/// The id of a job's vertex.
fn vertex(cluster: &Cluster, job: &str, index: usize) -> String {
    cluster.job(job)["vertices"][index]["id"].as_str().unwrap().to_owned()
}

/// Metrics of a subtask, none until all are there.
fn metrics<const N: usize>(
    cluster: &Cluster,
    (job, vertex, subtask): (&str, &str, usize),
    names: [&str; N],
) -> Option<[f64; N]> {
    let names_listed = names.join(",");
    let path = format!("/jobs/{job}/vertices/{vertex}/subtasks/{subtask}/metrics");
    let shown = cluster.rest().get(&format!("{path}?get={names_listed}"));
    let mut values = [0.0; N];
    for (value, name) in values.iter_mut().zip(names) {
        let metric = shown.as_array()?.iter().find(|metric| metric["id"] == name)?;
        *value = metric["value"].as_str()?.parse().ok()?;
    }
    Some(values)
}

/// What waits before a task that takes nothing, once all buffers are full: number and bytes.
fn waiting(per_channel: u32, floating: u32) -> (f64, f64) {
    let cluster = Cluster::with_workers(1, 1, &[OFTEN]);
    let mut spec = jobs::stuck("stuck");
    let options = spec["configuration"].as_object_mut().unwrap();
    let memory = "taskmanager.network.memory";
    options.insert(format!("{memory}.buffers-per-channel"), json!(per_channel));
    options.insert(format!("{memory}.floating-buffers-per-gate"), json!(floating));
    let job = cluster.submit(&spec);
    cluster.await_tasks(&job, "RUNNING");
    let (source, stuck) = (vertex(&cluster, &job, 0), vertex(&cluster, &job, 1));
    eventually("nothing moves", || {
        let names = ["backPressuredTimeMsPerSecond"];
        let [back_pressured] = metrics(&cluster, (&job, &source, 0), names)?;
        (back_pressured > 950.0).then_some(())
    });
    let output = ["outputQueueLength", "outputQueueSize"];
    let [sent, sent_bytes] = metrics(&cluster, (&job, &source, 0), output).unwrap();
    let input = ["inputQueueLength", "inputQueueSize"];
    let [length, bytes] = metrics(&cluster, (&job, &stuck, 0), input).unwrap();
    // Both are in one process: what one has to send is what the other has to take.
    assert_eq!((sent, sent_bytes), (length, bytes));
    (length, bytes)
}

#[test]
fn half_the_buffers_hold_half_as_much_before_a_task_that_takes_nothing() {
    let (whole, whole_bytes) = waiting(2, 8);
    let (half, half_bytes) = waiting(1, 4);
    assert_eq!((whole, half), (10.0, 5.0));
    let ratio = half_bytes / whole_bytes;
    assert!((0.4..0.6).contains(&ratio), "{half_bytes} bytes of {whole_bytes}");
}

/// Records per second that each source subtask makes.
const RATE: f64 = 1000.0;

/// Four sources on one TaskManager that each feed one of four operators on another; the first of
/// these is slow.
fn side_by_side() -> Value {
    let edge = |from: &str| json!([{ "from": from, "partitioner": "forward" }]);
    json!({
        "name": "side-by-side",
        "plugins": { "faults": { "path": guest("guest-faults") } },
        "configuration": { "sandbar.guest.call.deadline": "10 min" },
        "sources": [{
            "name": "lines",
            "connector": "datagen",
            "options": { "format": "text", "rate": 4.0 * RATE },
            "parallelism": 4,
            "slot-sharing-group": "here",
        }],
        "operators": [{
            "name": "works",
            "plugin": "faults",
            "operator": "slow-in-first",
            "inputs": edge("lines"),
            "parallelism": 4,
            "slot-sharing-group": "there",
        }],
        "sinks": [{
            "name": "nothing",
            "connector": "discard",
            "inputs": edge("works"),
            "parallelism": 4,
            "slot-sharing-group": "there",
        }],
    })
}

/// How many records each subtask of a vertex has taken.
fn counts(cluster: &Cluster, job: &str, vertex: &str) -> Option<Vec<f64>> {
    let count = |subtask| metrics(cluster, (job, vertex, subtask), ["numRecordsIn"]);
    (0..4).map(|subtask| count(subtask).map(|[count]| count)).collect()
}

#[test]
fn a_slow_channel_holds_up_no_other_on_the_same_connection() {
    let cluster = Cluster::with_workers(2, 4, &[OFTEN]);
    let job = cluster.submit(&side_by_side());
    cluster.await_tasks(&job, "RUNNING");
    let (sources, operators) = (vertex(&cluster, &job, 0), vertex(&cluster, &job, 1));
    let workers = |vertex: &str| -> Vec<String> {
        let shown = cluster.rest().get(&format!("/jobs/{job}/vertices/{vertex}"));
        let subtasks = shown["subtasks"].as_array().unwrap().iter();
        let mut ids: Vec<String> = subtasks
            .map(|subtask| subtask["taskmanager-id"].as_str().unwrap().to_owned())
            .collect();
        ids.dedup();
        ids
    };
    let (here, there) = (workers(&sources), workers(&operators));
    assert!(here.len() == 1 && there.len() == 1 && here != there, "{here:?} {there:?}");
    eventually("the channel of the slow subtask is full", || {
        let names = ["backPressuredTimeMsPerSecond"];
        let [back_pressured] = metrics(&cluster, (&job, &sources, 0), names)?;
        (back_pressured > 500.0).then_some(())
    });
    let before = eventually("records are counted", || counts(&cluster, &job, &operators));
    let started = Instant::now();
    let window = Duration::from_secs(2);
    let after = eventually("the window is over", || {
        (started.elapsed() >= window).then(|| counts(&cluster, &job, &operators)).flatten()
    });
    let seconds = started.elapsed().as_secs_f64();
    let rates: Vec<f64> =
        after.iter().zip(&before).map(|(after, before)| (after - before) / seconds).collect();
    assert!(rates[0] < RATE / 2.0, "{rates:?}");
    assert!(rates[1..].iter().all(|rate| *rate > RATE * 0.7), "{rates:?}");
    for subtask in 1..4 {
        let names = ["backPressuredTimeMsPerSecond"];
        let [back_pressured] = metrics(&cluster, (&job, &sources, subtask), names).unwrap();
        assert!(back_pressured < 100.0, "{subtask}: {back_pressured}");
    }
}
