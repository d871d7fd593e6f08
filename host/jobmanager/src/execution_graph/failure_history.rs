//! What went wrong in a job, newest first.
//!
//! Law: bounded, in number and in bytes, whatever tasks report.

use std::collections::VecDeque;

use sandbar_rpc::{TaskAttempt, TaskManagerId};

/// Failures that are kept; Flink's default of `web.exception-history-size`.
pub const FAILURES_MAX: usize = 16;
/// Bytes of a cause that are kept: a backtrace of a guest fits, a dump of its memory does not.
pub const CAUSE_BYTES_MAX: usize = 16 * 1_024;

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When, in milliseconds.
    pub timestamp: i64,
    /// The attempt that failed; the first one if several failed at once, none for the job as a
    /// whole.
    pub task: Option<TaskAttempt>,
    /// The parallelism of its vertex then; 0 for the job as a whole.
    pub parallelism: u32,
    /// Where it ran.
    pub task_manager: Option<TaskManagerId>,
    /// Why.
    pub cause: String,
}

/// The newest failures of a job.
#[derive(Clone, Debug, Default)]
pub(super) struct FailureHistory {
    failures: VecDeque<Failure>,
}

impl FailureHistory {
    pub(super) fn push(&mut self, failure: Failure) {
        self.failures.truncate(FAILURES_MAX - 1);
        self.failures.push_front(failure);
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Failure> {
        self.failures.iter()
    }
}

/// Cuts a cause to [`CAUSE_BYTES_MAX`], and says so at its end.
pub(super) fn bounded_cause(mut cause: String) -> String {
    const MARK: &str = " (cut off)";
    if cause.len() > CAUSE_BYTES_MAX {
        cause.truncate(cause.floor_char_boundary(CAUSE_BYTES_MAX - MARK.len()));
        cause.push_str(MARK);
    }
    cause
}
