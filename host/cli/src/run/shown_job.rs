//! What progress and summary show of a job, wherever it runs: made of what a MiniCluster tells of
//! it, and of what the REST API does.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbar_cluster::{JobSnapshot, VertexSnapshot};
use sandbar_model::status::JobStatus;
use sandbar_rest::message::job::{JobDetails, JobVertexSummary};

/// A look at a job.
#[derive(Clone, Debug)]
pub(super) struct ShownJob {
    pub(super) status: JobStatus,
    /// Why it does not run yet: `needs 8 slots, has 4`.
    pub(super) waiting_for: Option<String>,
    /// In topological order.
    pub(super) vertices: Vec<ShownVertex>,
}

/// A vertex: sums over its subtasks.
#[derive(Clone, Debug)]
pub(super) struct ShownVertex {
    pub(super) name: String,
    pub(super) parallelism: u32,
    pub(super) records_in: u64,
    pub(super) records_out: u64,
    pub(super) bytes_out: u64,
    pub(super) records_refused: u64,
    pub(super) back_pressured: Duration,
    /// Metrics of the guests' own, as `<uid>.<name>`.
    pub(super) guest_metrics: BTreeMap<String, f64>,
}

impl From<JobSnapshot> for ShownJob {
    fn from(snapshot: JobSnapshot) -> ShownJob {
        let vertices = snapshot.vertices.into_iter().map(ShownVertex::from).collect();
        // A MiniCluster makes the slots that a job needs.
        ShownJob { status: snapshot.status, waiting_for: None, vertices }
    }
}

impl From<VertexSnapshot> for ShownVertex {
    fn from(vertex: VertexSnapshot) -> ShownVertex {
        let metrics = vertex.guest_metrics.into_iter();
        ShownVertex {
            name: vertex.name,
            parallelism: vertex.parallelism,
            records_in: vertex.records_in,
            records_out: vertex.records_out,
            bytes_out: vertex.bytes_out,
            records_refused: vertex.records_failed,
            back_pressured: vertex.back_pressured,
            guest_metrics: metrics
                .map(|((uid, name), value)| (format!("{uid}.{name}"), value))
                .collect(),
        }
    }
}

impl From<JobDetails> for ShownJob {
    fn from(job: JobDetails) -> ShownJob {
        let vertices = job.vertices.into_iter().map(ShownVertex::from).collect();
        ShownJob { status: job.state, waiting_for: job.waiting_for, vertices }
    }
}

impl From<JobVertexSummary> for ShownVertex {
    fn from(vertex: JobVertexSummary) -> ShownVertex {
        let back_pressured = count(vertex.metrics.accumulated_backpressured_time);
        ShownVertex {
            name: vertex.name,
            parallelism: vertex.parallelism,
            records_in: count(vertex.metrics.read_records),
            records_out: count(vertex.metrics.write_records),
            bytes_out: count(vertex.metrics.write_bytes),
            records_refused: count(vertex.refused_records),
            back_pressured: Duration::from_millis(back_pressured),
            guest_metrics: vertex.guest_metrics,
        }
    }
}

/// Counts are signed in Flink's API, and never below 0.
fn count(number: i64) -> u64 {
    number.max(0).unsigned_abs()
}
