//! The summary of a job that has ended: for people a table, for scripts JSON.

use std::time::Duration;

use sandbar_cluster::{JobResult, JobSnapshot, VertexSnapshot};
use serde_json::{Value, json};

/// Prints the summary to standard error.
pub(crate) fn print(name: &str, result: &JobResult, snapshot: &JobSnapshot) {
    let width = snapshot.vertices.iter().map(|vertex| vertex.name.len()).max().unwrap_or(6).max(6);
    eprintln!(
        "{:width$}  {:>5} {:>13} {:>13} {:>13} {:>9} {:>12}",
        "vertex", "tasks", "records in", "records out", "bytes out", "refused", "records/s"
    );
    for vertex in &snapshot.vertices {
        eprintln!(
            "{:width$}  {:>5} {:>13} {:>13} {:>13} {:>9} {:>12.0}",
            vertex.name,
            vertex.parallelism,
            vertex.records_in,
            vertex.records_out,
            vertex.bytes_out,
            vertex.records_failed,
            rate(vertex, result.runtime)
        );
    }
    let seconds = result.runtime.as_secs_f64();
    eprintln!("Job \"{name}\" {} after {seconds:.3} s", result.status);
}

/// The summary as JSON.
pub(crate) fn json(result: &JobResult, snapshot: &JobSnapshot) -> Value {
    let vertex = |vertex: &VertexSnapshot| {
        let metrics: serde_json::Map<String, Value> = vertex
            .guest_metrics
            .iter()
            .map(|((uid, name), value)| (format!("{uid}.{name}"), json!(value)))
            .collect();
        json!({
            "id": vertex.id.0,
            "name": vertex.name,
            "parallelism": vertex.parallelism,
            "records-in": vertex.records_in,
            "records-out": vertex.records_out,
            "bytes-out": vertex.bytes_out,
            "records-refused": vertex.records_failed,
            "records-per-second": rate(vertex, result.runtime),
            "back-pressured-ms": vertex.back_pressured.as_millis() as u64,
            "metrics": metrics,
        })
    };
    json!({
        "jid": result.job.to_string(),
        "name": result.name,
        "state": result.status.to_string(),
        "failure": result.failure,
        "duration-ms": result.runtime.as_millis() as u64,
        "vertices": snapshot.vertices.iter().map(vertex).collect::<Vec<_>>(),
    })
}

fn rate(vertex: &VertexSnapshot, runtime: Duration) -> f64 {
    vertex.records_in as f64 / runtime.as_secs_f64().max(1e-3)
}
