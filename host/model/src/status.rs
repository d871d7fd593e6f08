//! States of jobs and tasks, with Flink's names and spellings (`JobStatus`, `ExecutionState`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Its master is being made.
    Initializing,
    /// Accepted, nothing runs.
    Created,
    /// Its tasks are deployed or run.
    Running,
    /// A task failed; the others are being cancelled.
    Failing,
    /// Ended by a failure.
    Failed,
    /// Being cancelled by the user.
    Cancelling,
    /// Ended by the user.
    Canceled,
    /// Ended with its input.
    Finished,
    /// A failure ended its tasks; it is about to run again.
    Restarting,
}

impl JobStatus {
    /// Whether the job has ended for good.
    pub fn is_terminal(self) -> bool {
        matches!(self, JobStatus::Failed | JobStatus::Canceled | JobStatus::Finished)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JobStatus::Initializing => "INITIALIZING",
            JobStatus::Restarting => "RESTARTING",
            JobStatus::Created => "CREATED",
            JobStatus::Running => "RUNNING",
            JobStatus::Failing => "FAILING",
            JobStatus::Failed => "FAILED",
            JobStatus::Cancelling => "CANCELLING",
            JobStatus::Canceled => "CANCELED",
            JobStatus::Finished => "FINISHED",
        })
    }
}

/// State of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionState {
    /// Not started.
    Created,
    /// Waits for a slot.
    Scheduled,
    /// Its thread is being started.
    Deploying,
    /// Its operators are being opened.
    Initializing,
    /// Processes records.
    Running,
    /// Ended with its input.
    Finished,
    /// Asked to stop. One L, as in Flink.
    Canceling,
    /// Stopped when asked.
    Canceled,
    /// Ended by a failure.
    Failed,
}

impl ExecutionState {
    /// Whether the task has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, ExecutionState::Finished | ExecutionState::Canceled | ExecutionState::Failed)
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ExecutionState::Created => "CREATED",
            ExecutionState::Scheduled => "SCHEDULED",
            ExecutionState::Deploying => "DEPLOYING",
            ExecutionState::Initializing => "INITIALIZING",
            ExecutionState::Running => "RUNNING",
            ExecutionState::Finished => "FINISHED",
            ExecutionState::Canceling => "CANCELING",
            ExecutionState::Canceled => "CANCELED",
            ExecutionState::Failed => "FAILED",
        })
    }
}
