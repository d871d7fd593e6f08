//! Jobs: the lists of them, and one with its vertices.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobVertex;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_rpc::{JobView, SubtaskView, VertexView};
use serde::{Deserialize, Serialize};

use crate::execution::{
    EXECUTION_STATES, JOB_STATUSES, Period, aggregate_state, entered, state_counts,
};
use crate::message::metric::{IoMetrics, whole};
use crate::message::plan::Plan;
use sandbar_model::hex_id::{hex_id, vertex_id};

/// The option that holds a job's greatest parallelism.
const MAX_PARALLELISM: &str = "pipeline.max-parallelism";
/// The metric of records that an operator refused.
const REFUSED_RECORDS: &str = "numRecordsRefused";

/// Answer of `GET /jobs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobIdsWithStatusOverview {
    /// All jobs, running and archived.
    pub jobs: Vec<JobIdWithStatus>,
}

/// A job and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobIdWithStatus {
    /// The job.
    pub id: String,
    /// Its state.
    pub status: JobStatus,
}

impl JobIdsWithStatusOverview {
    pub(crate) fn of(jobs: &[JobView]) -> JobIdsWithStatusOverview {
        let one = |job: &JobView| JobIdWithStatus { id: job.id.to_string(), status: job.status };
        JobIdsWithStatusOverview { jobs: jobs.iter().map(one).collect() }
    }
}

/// Answer of `GET /jobs/:jobid/status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatusResponse {
    /// Its state.
    pub status: JobStatus,
}

/// Answer of what starts a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStarted {
    /// The job.
    pub jobid: String,
}

/// Answer of `GET /jobs/overview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultipleJobsDetails {
    /// All jobs, running and archived.
    pub jobs: Vec<JobSummary>,
}

/// A job in a list. Source: Flink's `JobDetails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobSummary {
    /// The job.
    pub jid: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: JobStatus,
    /// When it was submitted.
    pub start_time: i64,
    /// When it ended; -1 while it runs.
    pub end_time: i64,
    /// Milliseconds from start to end, or until now.
    pub duration: i64,
    /// When a task of it last changed its state.
    pub last_modification: i64,
    /// Subtasks by state in lower case, and `total`.
    pub tasks: BTreeMap<String, u32>,
    /// Why it does not run yet: `needs 8 slots, has 4`. Not in Flink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
}

impl MultipleJobsDetails {
    pub(crate) fn of(jobs: &[JobView], now: i64) -> MultipleJobsDetails {
        MultipleJobsDetails { jobs: jobs.iter().map(|job| JobSummary::of(job, now)).collect() }
    }
}

impl JobSummary {
    fn of(job: &JobView, now: i64) -> JobSummary {
        let subtasks = || job.vertices.iter().flat_map(|vertex| &vertex.subtasks);
        let counts = state_counts(subtasks());
        let total = counts.values().sum();
        let by_state = counts.iter().map(|(state, count)| (lower_case(*state), *count));
        let changed = subtasks().map(|subtask: &SubtaskView| entered(subtask, subtask.state));
        JobSummary {
            jid: job.id.to_string(),
            name: job.name.clone(),
            state: job.status,
            start_time: job.start_time,
            end_time: job.end_time.unwrap_or(-1),
            duration: duration(job, now),
            last_modification: changed.chain(job.end_time).max().unwrap_or(0),
            tasks: by_state.chain([("total".to_owned(), total)]).collect(),
            waiting_for: job.waiting_for.clone(),
        }
    }
}

fn lower_case(state: ExecutionState) -> String {
    state.to_string().to_ascii_lowercase()
}

/// Milliseconds that a job has run.
pub(crate) fn duration(job: &JobView, now: i64) -> i64 {
    (job.end_time.unwrap_or(now) - job.start_time).max(0)
}

/// Answer of `GET /jobs/:jobid`. Source: Flink's `JobDetailsInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDetails {
    /// The job.
    pub jid: String,
    /// Its name.
    pub name: String,
    /// Whether it can be stopped with a savepoint.
    #[serde(rename = "isStoppable")]
    pub is_stoppable: bool,
    /// Its state.
    pub state: JobStatus,
    /// `STREAMING`.
    #[serde(rename = "job-type")]
    pub job_type: String,
    /// When it was submitted.
    #[serde(rename = "start-time")]
    pub start_time: i64,
    /// When it ended; -1 while it runs.
    #[serde(rename = "end-time")]
    pub end_time: i64,
    /// Milliseconds from start to end, or until now.
    pub duration: i64,
    /// The greatest parallelism of the job's configuration; -1 for none.
    #[serde(rename = "maxParallelism")]
    pub max_parallelism: i64,
    /// The server's time.
    pub now: i64,
    /// When it last entered each state; 0 for never.
    pub timestamps: BTreeMap<JobStatus, i64>,
    /// In topological order.
    pub vertices: Vec<JobVertexSummary>,
    /// How many vertices are in each state.
    #[serde(rename = "status-counts")]
    pub status_counts: BTreeMap<ExecutionState, u32>,
    /// Its graph.
    pub plan: Plan,
    /// Operators that are not part of a vertex yet: none.
    #[serde(rename = "pending-operators")]
    pub pending_operators: u32,
    /// Why it does not run yet: `needs 8 slots, has 4`. Not in Flink.
    #[serde(rename = "waiting-for", default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
}

/// A vertex in its job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobVertexSummary {
    /// The vertex.
    pub id: String,
    /// The slot sharing group.
    #[serde(rename = "slotSharingGroupId")]
    pub slot_sharing_group_id: String,
    /// The names of its operators.
    pub name: String,
    /// Number of key groups.
    #[serde(rename = "maxParallelism")]
    pub max_parallelism: u32,
    /// Number of subtasks.
    pub parallelism: u32,
    /// The state that stands for all subtasks.
    pub status: ExecutionState,
    /// When the first subtask was deployed; -1 before.
    #[serde(rename = "start-time")]
    pub start_time: i64,
    /// When the last subtask ended; -1 before.
    #[serde(rename = "end-time")]
    pub end_time: i64,
    /// Milliseconds from start to end, or until now; -1 before the start.
    pub duration: i64,
    /// How many subtasks are in each state.
    pub tasks: BTreeMap<ExecutionState, u32>,
    /// Sums over its subtasks.
    pub metrics: IoMetrics,
    /// Records skipped or sent to a dead-letter output. Not in Flink.
    #[serde(rename = "refused-records", default)]
    pub refused_records: i64,
    /// Sums of the metrics that guests make, as `<uid>.<name>`. Not in Flink.
    #[serde(rename = "guest-metrics", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guest_metrics: BTreeMap<String, f64>,
}

impl JobDetails {
    pub(crate) fn of(job: &JobView, now: i64) -> JobDetails {
        let pairs = job.graph.vertices.iter().zip(&job.vertices);
        let vertices: Vec<JobVertexSummary> =
            pairs.map(|(vertex, view)| JobVertexSummary::of(vertex, view, now)).collect();
        let mut status_counts: BTreeMap<ExecutionState, u32> =
            EXECUTION_STATES.into_iter().map(|state| (state, 0)).collect();
        for vertex in &vertices {
            *status_counts.entry(vertex.status).or_default() += 1;
        }
        let at = |status: JobStatus| (status, job.timestamps.get(&status).copied().unwrap_or(0));
        let configured = job.graph.configuration.get(MAX_PARALLELISM);
        JobDetails {
            jid: job.id.to_string(),
            name: job.name.clone(),
            is_stoppable: false,
            state: job.status,
            job_type: "STREAMING".to_owned(),
            start_time: job.start_time,
            end_time: job.end_time.unwrap_or(-1),
            duration: duration(job, now),
            max_parallelism: configured.and_then(|value| value.parse().ok()).unwrap_or(-1),
            now,
            timestamps: JOB_STATUSES.into_iter().map(at).collect(),
            vertices,
            status_counts,
            plan: Plan::of(&job.graph, job.id),
            pending_operators: 0,
            waiting_for: job.waiting_for.clone(),
        }
    }
}

impl JobVertexSummary {
    fn of(vertex: &JobVertex, view: &VertexView, now: i64) -> JobVertexSummary {
        let tasks = state_counts(&view.subtasks);
        let period = Period::of(&view.subtasks, now);
        let mut sums = other_sums(&view.subtasks);
        JobVertexSummary {
            id: vertex_id(vertex),
            slot_sharing_group_id: hex_id(vertex.slot_sharing_group.as_bytes()),
            name: vertex.name.clone(),
            max_parallelism: vertex.max_parallelism,
            parallelism: vertex.parallelism,
            status: aggregate_state(&tasks),
            start_time: period.start,
            end_time: period.end,
            duration: period.duration,
            tasks,
            metrics: IoMetrics::of(&view.subtasks),
            refused_records: whole(sums.remove(REFUSED_RECORDS).unwrap_or(0.0)),
            guest_metrics: sums,
        }
    }
}

/// Sums over subtasks of the metrics that Flink has no fields for: of refused records, and those
/// that guests make. Names of Flink's own have no dot; those of guests begin with a uid and one.
fn other_sums(subtasks: &[SubtaskView]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for (name, value) in subtasks.iter().flat_map(|subtask| subtask.metrics.iter()) {
        if name == REFUSED_RECORDS || name.contains('.') {
            *sums.entry(name.to_owned()).or_default() += value;
        }
    }
    sums
}
