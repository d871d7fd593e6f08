//! How a job ended, its configuration, and its accumulators, of which there are none.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobVertex;
use sandbar_model::status::JobStatus;
use sandbar_rpc::{JobView, SubtaskView, VertexView};
use serde::{Deserialize, Serialize};

use crate::execution::Locations;
use crate::message::job::duration;
use crate::vertex_id::vertex_id;

/// Whether an answer is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// `IN_PROGRESS` or `COMPLETED`.
    pub id: String,
}

/// Answer of `GET /jobs/:jobid/execution-result`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobExecutionResult {
    /// Whether the job has ended.
    pub status: QueueStatus,
    /// How it ended; left out while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_execution_result: Option<JobResult>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobResult {
    /// The job.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `SUCCEEDED`, `FAILED` or `CANCELED`.
    pub application_status: String,
    /// Empty.
    pub accumulator_results: BTreeMap<String, String>,
    /// Milliseconds from start to end.
    pub net_runtime: i64,
    /// Why, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_cause: Option<FailureCause>,
    /// When it was submitted.
    pub start_time: i64,
    /// When it ended.
    pub end_time: i64,
}

/// Why a job failed. Source: Flink's `SerializedThrowable`, without the Java object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureCause {
    /// The first line of it.
    pub class: String,
    /// All of it.
    pub stack_trace: String,
}

impl JobExecutionResult {
    pub(crate) fn of(job: &JobView, now: i64) -> JobExecutionResult {
        let Some(application_status) = application_status(job.status) else {
            let status = QueueStatus { id: "IN_PROGRESS".to_owned() };
            return JobExecutionResult { status, job_execution_result: None };
        };
        let has_failed = job.status == JobStatus::Failed;
        let cause = job.exceptions.first().filter(|_| has_failed).map(|cause| FailureCause {
            class: cause.message.lines().next().unwrap_or("").to_owned(),
            stack_trace: cause.message.clone(),
        });
        let result = JobResult {
            id: job.id.to_string(),
            name: job.name.clone(),
            application_status: application_status.to_owned(),
            accumulator_results: BTreeMap::new(),
            net_runtime: duration(job, now),
            failure_cause: cause,
            start_time: job.start_time,
            end_time: job.end_time.unwrap_or(-1),
        };
        let status = QueueStatus { id: "COMPLETED".to_owned() };
        JobExecutionResult { status, job_execution_result: Some(result) }
    }
}

/// Flink's `ApplicationStatus` of a job that has ended.
fn application_status(status: JobStatus) -> Option<&'static str> {
    match status {
        JobStatus::Finished => Some("SUCCEEDED"),
        JobStatus::Failed => Some("FAILED"),
        JobStatus::Canceled => Some("CANCELED"),
        JobStatus::Initializing
        | JobStatus::Created
        | JobStatus::Running
        | JobStatus::Failing
        | JobStatus::Cancelling
        | JobStatus::Restarting => None,
    }
}

/// Answer of `GET /jobs/:jobid/config`. Source: Flink's `JobConfigInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobConfig {
    /// The job.
    pub jid: String,
    /// Its name.
    pub name: String,
    /// Its options.
    pub execution_config: ExecutionConfig,
}

/// The options of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExecutionConfig {
    /// `PIPELINED`.
    pub execution_mode: String,
    /// The option `restart-strategy.type`.
    pub restart_strategy: String,
    /// The option `parallelism.default`; 1 if it is not set.
    pub job_parallelism: i64,
    /// True: operators of a chain hand records on without a copy.
    pub object_reuse_mode: bool,
    /// All effective options, secrets masked.
    pub user_config: BTreeMap<String, String>,
}

/// What Flink writes in place of a secret.
const MASK: &str = "******";
/// Parts of keys whose values are secret. Source: Flink's `GlobalConfiguration.SENSITIVE_KEYS`.
const SENSITIVE: [&str; 9] = [
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "credentials",
];

impl JobConfig {
    pub(crate) fn of(job: &JobView) -> JobConfig {
        let options = &job.graph.configuration;
        let parallelism = options.get("parallelism.default").and_then(|value| value.parse().ok());
        let strategy = options.get("restart-strategy.type").or(options.get("restart-strategy"));
        JobConfig {
            jid: job.id.to_string(),
            name: job.name.clone(),
            execution_config: ExecutionConfig {
                execution_mode: "PIPELINED".to_owned(),
                restart_strategy: strategy.map_or("none", String::as_str).to_owned(),
                job_parallelism: parallelism.unwrap_or(1),
                object_reuse_mode: true,
                user_config: mask(options),
            },
        }
    }
}

/// Replaces the values of secrets.
pub(crate) fn mask(options: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_secret = |key: &str| {
        let key = key.to_ascii_lowercase();
        SENSITIVE.iter().any(|part| key.contains(part))
    };
    let one = |(key, value): (&String, &String)| {
        (key.clone(), if is_secret(key) { MASK.to_owned() } else { value.clone() })
    };
    options.iter().map(one).collect()
}

/// Answer of `GET /jobs/:jobid/accumulators`. There are none: operators report metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobAccumulators {
    /// Empty, as in Flink.
    pub job_accumulators: Vec<UserAccumulator>,
    /// Empty.
    pub user_task_accumulators: Vec<UserAccumulator>,
    /// Empty.
    pub serialized_user_task_accumulators: BTreeMap<String, String>,
}

/// An accumulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAccumulator {
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub accumulator_type: String,
    /// Its value as text.
    pub value: String,
}

impl JobAccumulators {
    pub(crate) fn none() -> JobAccumulators {
        JobAccumulators {
            job_accumulators: Vec::new(),
            user_task_accumulators: Vec::new(),
            serialized_user_task_accumulators: BTreeMap::new(),
        }
    }
}

/// Answer of `.../vertices/:vertexid/accumulators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobVertexAccumulators {
    /// The vertex.
    pub id: String,
    /// Empty.
    pub user_accumulators: Vec<UserAccumulator>,
}

/// Answer of `.../vertices/:vertexid/subtasks/accumulators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtasksAllAccumulators {
    /// The vertex.
    pub id: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Its subtasks by index.
    pub subtasks: Vec<SubtaskAccumulators>,
}

/// The accumulators of a subtask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SubtaskAccumulators {
    /// Its index.
    pub subtask: usize,
    /// Number of its attempt.
    pub attempt: u32,
    /// Where it runs, as `host:port`.
    pub host: String,
    /// Empty.
    pub user_accumulators: Vec<UserAccumulator>,
}

impl SubtasksAllAccumulators {
    pub(crate) fn of(
        vertex: &JobVertex,
        view: &VertexView,
        locations: &Locations,
    ) -> SubtasksAllAccumulators {
        let one = |(index, subtask): (usize, &SubtaskView)| SubtaskAccumulators {
            subtask: index,
            attempt: subtask.attempt,
            host: locations.endpoint(subtask.task_manager.as_ref()),
            user_accumulators: Vec::new(),
        };
        SubtasksAllAccumulators {
            id: vertex_id(vertex),
            parallelism: vertex.parallelism,
            subtasks: view.subtasks.iter().enumerate().map(one).collect(),
        }
    }
}
