//! How a job ended, and its configuration.

use std::collections::BTreeMap;

use sandbar_model::status::JobStatus;
use sandbar_rpc::JobView;
use serde::{Deserialize, Serialize};

use crate::message::job::duration;

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
    /// What its guests counted, by name. Numbers, where Flink has serialized Java objects.
    pub accumulator_results: BTreeMap<String, i64>,
    /// The name from which on accumulators are left out: there are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accumulators_left_out_from: Option<String>,
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
        let accumulators = job.accumulators();
        let result = JobResult {
            id: job.id.to_string(),
            name: job.name.clone(),
            application_status: application_status.to_owned(),
            accumulator_results: accumulators.sums().clone(),
            accumulators_left_out_from: accumulators.left_out_from().map(str::to_owned),
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
