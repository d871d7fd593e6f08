//! Buffers and credit: how much waits for a slow task, and that only its own channel waits.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use sandbar_processes::{Cluster, eventually, jobs};
use serde_json::json;

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
