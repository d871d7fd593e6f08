//! Which state follows which, for jobs and for tasks: the only place that says so.
//!
//! Source: Flink, `JobStatus`, `ExecutionState`, `Execution`. Two arrows more than Flink's leave
//! DEPLOYING, for RUNNING and FINISHED: reports of a task may overtake each other.

use sandbar_model::status::ExecutionState::{self, *};
use sandbar_model::status::JobStatus;

/// The states that a job may enter from another.
///
/// ```text
/// INITIALIZING -> CREATED -> RUNNING <-> RESTARTING        RUNNING -> FINISHED
/// INITIALIZING -> FAILED      CREATED | RUNNING | RESTARTING -> FAILING -> FAILED
/// INITIALIZING | CREATED | RUNNING | RESTARTING | FAILING -> CANCELLING -> CANCELED
/// ```
pub fn after_job(from: JobStatus) -> &'static [JobStatus] {
    use JobStatus::{
        Canceled, Cancelling, Created, Failed, Failing, Finished, Restarting, Running,
    };
    match from {
        JobStatus::Initializing => &[Created, Cancelling, Failed],
        Created => &[Running, Failing, Cancelling],
        Running => &[Restarting, Failing, Cancelling, Finished],
        Restarting => &[Running, Failing, Cancelling],
        Failing => &[Failed, Cancelling],
        Cancelling => &[Canceled],
        Failed | Canceled | Finished => &[],
    }
}

/// The states that an attempt may enter from another.
///
/// ```text
/// CREATED -> SCHEDULED -> DEPLOYING -> INITIALIZING -> RUNNING -> FINISHED
/// CREATED | SCHEDULED -> CANCELED | FAILED
/// DEPLOYING | INITIALIZING | RUNNING -> CANCELING | CANCELED | FAILED
/// CANCELING -> CANCELED            (however it ends, also in Flink)
/// ```
pub fn after_task(from: ExecutionState) -> &'static [ExecutionState] {
    match from {
        Created => &[Scheduled, Canceled, Failed],
        Scheduled => &[Deploying, Canceled, Failed],
        Deploying => &[Initializing, Running, Finished, Canceling, Canceled, Failed],
        Initializing => &[Running, Finished, Canceling, Canceled, Failed],
        Running => &[Finished, Canceling, Canceled, Failed],
        Canceling => &[Canceled],
        Finished | Canceled | Failed => &[],
    }
}

/// Whether an attempt in this state is at a TaskManager: only then it reports.
pub fn is_deployed(state: ExecutionState) -> bool {
    match state {
        Deploying | Initializing | Running | Canceling => true,
        Created | Scheduled | Finished | Canceled | Failed => false,
    }
}
