//! What went wrong in a job, newest first.

use std::collections::BTreeMap;

use sandbar_rpc::{ExceptionView, JobView};
use serde::{Deserialize, Serialize};

use crate::execution::{Locations, task_manager_name};

/// Answer of `GET /jobs/:jobid/exceptions`. Source: Flink's `JobExceptionsInfoWithHistory`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobExceptions {
    /// The newest; none if nothing went wrong.
    #[serde(rename = "root-exception")]
    pub root_exception: Option<String>,
    /// When that was.
    pub timestamp: Option<i64>,
    /// Those of tasks.
    #[serde(rename = "all-exceptions")]
    pub all_exceptions: Vec<TaskException>,
    /// Whether there are more than asked for.
    pub truncated: bool,
    /// All of them.
    #[serde(rename = "exceptionHistory")]
    pub exception_history: ExceptionHistory,
}

/// A task's failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskException {
    /// What went wrong.
    pub exception: String,
    /// The task, as `name (2/4)`.
    pub task: String,
    /// Where it ran, as `host:port`.
    pub location: String,
    /// The same, under Flink's later name.
    pub endpoint: String,
    /// When.
    pub timestamp: i64,
    /// Where it ran.
    #[serde(rename = "taskManagerId")]
    pub task_manager_id: String,
}

/// What went wrong, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionHistory {
    /// Newest first.
    pub entries: Vec<RootException>,
    /// Whether there are more than asked for.
    pub truncated: bool,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootException {
    /// The first line of what went wrong.
    pub exception_name: String,
    /// All of it.
    pub stacktrace: String,
    /// When.
    pub timestamp: i64,
    /// The task, as `name (2/4)`; left out for the job as a whole, as are the next three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    /// Where it ran, as `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The same, under Flink's later name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_manager_id: Option<String>,
    /// Empty: nobody labels failures.
    pub failure_labels: BTreeMap<String, String>,
    /// Empty: each has an entry of its own.
    pub concurrent_exceptions: Vec<RootException>,
}

impl JobExceptions {
    /// The newest `limit` exceptions of a job.
    pub(crate) fn of(job: &JobView, locations: &Locations, limit: usize) -> JobExceptions {
        let newest = job.exceptions.first();
        let truncated = job.exceptions.len() > limit;
        let shown = || job.exceptions.iter().take(limit);
        JobExceptions {
            root_exception: newest.map(|exception| exception.message.clone()),
            timestamp: newest.map(|exception| exception.timestamp),
            all_exceptions: shown().filter_map(|one| TaskException::of(one, locations)).collect(),
            truncated,
            exception_history: ExceptionHistory {
                entries: shown().map(|one| RootException::of(one, locations)).collect(),
                truncated,
            },
        }
    }
}

impl TaskException {
    fn of(exception: &ExceptionView, locations: &Locations) -> Option<TaskException> {
        let task = exception.task.clone()?;
        let endpoint = locations.endpoint(exception.task_manager.as_ref());
        Some(TaskException {
            exception: exception.message.clone(),
            task,
            location: endpoint.clone(),
            endpoint,
            timestamp: exception.timestamp,
            task_manager_id: task_manager_name(exception.task_manager.as_ref()),
        })
    }
}

impl RootException {
    fn of(exception: &ExceptionView, locations: &Locations) -> RootException {
        let id = exception.task_manager.as_ref();
        let endpoint = id.map(|id| locations.endpoint(Some(id)));
        RootException {
            exception_name: exception.message.lines().next().unwrap_or("").to_owned(),
            stacktrace: exception.message.clone(),
            timestamp: exception.timestamp,
            task_name: exception.task.clone(),
            location: endpoint.clone(),
            endpoint,
            task_manager_id: id.map(ToString::to_string),
            failure_labels: BTreeMap::new(),
            concurrent_exceptions: Vec::new(),
        }
    }
}
