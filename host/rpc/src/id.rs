//! Ids of processes, of leaders' terms, and of attempts.

use std::fmt;

use sandbar_model::{JobId, VertexId};
use serde::{Deserialize, Serialize};

/// Names a TaskManager process, as `/taskmanagers` of the REST API does. A process that starts
/// again is another TaskManager.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskManagerId(pub String);

impl fmt::Display for TaskManagerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The term of a JobManager: drawn at random when it starts. Links fence terms off: a link leads to
/// one JobManager, and ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FencingToken(pub u64);

/// One attempt to run a subtask. Law: at most one attempt of a subtask runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskAttempt {
    /// The job.
    pub job: JobId,
    /// The vertex.
    pub vertex: VertexId,
    /// 0-based index of the subtask.
    pub subtask: u32,
    /// 0 for the first, as in Flink.
    pub attempt: u32,
}

impl fmt::Display for TaskAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaskAttempt { job, vertex, subtask, attempt } = self;
        write!(f, "{job}_{}_{subtask}_{attempt}", vertex.0)
    }
}
