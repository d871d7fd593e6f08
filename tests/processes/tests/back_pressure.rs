//! Buffers and credit: how much waits for a slow task, and that only its own channel waits.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::time::{Duration, Instant};

use sandbar_processes::metrics::{OFTEN, per_second};
use sandbar_processes::{Cluster, eventually, guest, jobs};
use serde_json::{Value, json};

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
    let metric = |vertex, name: &str| cluster.metric(&job, (vertex, 0), name);
    eventually("nothing moves", || {
        (metric(0, "backPressuredTimeMsPerSecond")? > 950.0).then_some(())
    });
    let sent = (metric(0, "outputQueueLength").unwrap(), metric(0, "outputQueueSize").unwrap());
    let waits = (metric(1, "inputQueueLength").unwrap(), metric(1, "inputQueueSize").unwrap());
    // Both are in one process: what one has to send is what the other has to take.
    assert_eq!(sent, waits);
    waits
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

#[test]
fn a_slow_channel_holds_up_no_other_on_the_same_connection() {
    let cluster = Cluster::with_workers(2, 4, &[OFTEN]);
    let job = cluster.submit(&side_by_side());
    cluster.await_tasks(&job, "RUNNING");
    let workers = |vertex: usize| -> Vec<String> {
        let path = format!("/jobs/{job}/vertices/{}", cluster.vertex(&job, vertex));
        let shown = cluster.rest().get(&path);
        let subtasks = shown["subtasks"].as_array().unwrap().iter();
        let mut ids: Vec<String> = subtasks
            .map(|subtask| subtask["taskmanager-id"].as_str().unwrap().to_owned())
            .collect();
        ids.dedup();
        ids
    };
    let (here, there) = (workers(0), workers(1));
    assert!(here.len() == 1 && there.len() == 1 && here != there, "{here:?} {there:?}");
    let back_pressure =
        |subtask| cluster.metric(&job, (0, subtask), "backPressuredTimeMsPerSecond");
    eventually("the channel of the slow subtask is full", || {
        (back_pressure(0)? > 500.0).then_some(())
    });
    let count = |subtask| cluster.metric(&job, (1, subtask), "numRecordsIn");
    let rate = |subtask| per_second(Duration::from_secs(2), || count(subtask));
    let (started, before) = (Instant::now(), count(0).unwrap());
    // All at once, since the machine is the same for all.
    let rates = std::thread::scope(|scope| {
        let measuring = [1, 2, 3].map(|subtask| scope.spawn(move || rate(subtask)));
        measuring.map(|thread| thread.join().unwrap())
    });
    let slow = (count(0).unwrap() - before) / started.elapsed().as_secs_f64();
    assert!(slow < RATE / 2.0, "{slow} beside {rates:?}");
    assert!(rates.iter().all(|fast| *fast > RATE * 0.7), "{rates:?}");
    for subtask in 1..4 {
        let blocked = back_pressure(subtask).unwrap();
        assert!(blocked < 100.0, "{subtask}: {blocked}");
    }
}
