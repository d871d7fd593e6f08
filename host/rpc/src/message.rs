//! The messages between a JobManager and its TaskManagers. One closed set a direction: what an
//! endpoint can be told is what is listed here.

use std::collections::BTreeMap;

use sandbar_model::status::ExecutionState;
use sandbar_model::{JobId, PluginId};
use serde::{Deserialize, Serialize};

use crate::accumulators::Accumulators;
use crate::deployment::{JobInformation, TaskDescriptor, TaskLocation};
use crate::id::{FencingToken, TaskAttempt, TaskManagerId};
use crate::state_query::{StateAnswer, StateQuery};

/// What a TaskManager tells or asks its JobManager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToJobManager {
    /// The first message on a link.
    Register(Registration),
    /// Answers [`ToTaskManager::Heartbeat`].
    Heartbeat(HeartbeatReport),
    /// It has been told to end, and what runs there ends: nothing follows but the end of the link.
    Leaving,
    /// A task's state changed.
    TaskState {
        /// The attempt.
        task: TaskAttempt,
        /// Its state.
        state: ExecutionState,
        /// Why, for `FAILED`.
        error: Option<String>,
        /// The task's last metrics by Flink's names, with a terminal state.
        metrics: BTreeMap<String, f64>,
        /// The counters of its guests, with a terminal state.
        accumulators: Accumulators,
    },
    /// A source asks for a split. Answered by [`ToTaskManager::Split`].
    NextSplit {
        /// Names the question.
        request: u64,
        /// Who asks.
        task: TaskAttempt,
    },
    /// How far a source's subtask has come, once an interval of its alignment group. Answered by
    /// [`ToTaskManager::AlignSource`].
    SourceWatermark {
        /// The attempt.
        task: TaskAttempt,
        /// Its watermark; the largest if it is idle or has ended.
        watermark: i64,
    },
    /// Asks for the bytes of a plugin. Answered by [`ToTaskManager::Plugin`].
    FetchPlugin {
        /// Names the question.
        request: u64,
        /// The plugin.
        plugin: PluginId,
    },
    /// Answers [`ToTaskManager::ReadLog`].
    Log {
        /// The question.
        request: u64,
        /// The newest lines of the process's log.
        text: String,
    },
    /// Answers [`ToTaskManager::QueryState`].
    State {
        /// The question.
        request: u64,
        /// The answer.
        answer: StateAnswer,
    },
}

/// Who a TaskManager is. When it lost an earlier link it cancelled all that ran for it, so there is
/// nothing to say of tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// [`crate::PROTOCOL_VERSION`] of the sender.
    pub protocol: u32,
    /// Its name.
    pub id: TaskManagerId,
    /// A number of this process alone: one that has the name of another is told from one that
    /// registers again.
    pub instance: u64,
    /// Where it takes records of other TaskManagers: `host:port`.
    pub data_address: String,
    /// Number of slots.
    pub slots: u32,
    /// Bytes of managed memory, over all slots.
    pub managed_memory_bytes: u64,
    /// Bytes of memory for guests, over all slots.
    pub guest_memory_bytes: u64,
    /// Threads that the machine runs at once.
    pub cpu_cores: u32,
}

/// How a TaskManager is.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct HeartbeatReport {
    /// The number of the heartbeat that it answers.
    pub sequence: u64,
    /// The metrics of its tasks by Flink's names.
    pub tasks: Vec<(TaskAttempt, BTreeMap<String, f64>)>,
    /// Metrics of the process by Flink's names.
    pub process: BTreeMap<String, f64>,
}

/// What a JobManager tells a TaskManager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToTaskManager {
    /// It is registered.
    Registered {
        /// The term of the JobManager, to tell it from others in a log: a link leads to one term,
        /// and ends with it.
        token: FencingToken,
        /// Milliseconds without a heartbeat after which each side gives the other up.
        heartbeat_timeout_ms: u64,
    },
    /// It is not registered, and trying again is of no use.
    Refused(String),
    /// It is not registered, which may be different later.
    NotNow(String),
    /// Answered by [`ToJobManager::Heartbeat`].
    Heartbeat {
        /// Counts up.
        sequence: u64,
    },
    /// Run tasks of a job.
    Deploy {
        /// What they share.
        job: Box<JobInformation>,
        /// The tasks.
        tasks: Vec<TaskDescriptor>,
        /// Where all tasks of the job run that these exchange records with.
        locations: Vec<TaskLocation>,
    },
    /// Cancel attempts; each reports `CANCELED`, or how else it ended.
    Cancel(Vec<TaskAttempt>),
    /// The job has ended: forget what is kept for it.
    Release(JobId),
    /// Answers [`ToJobManager::NextSplit`].
    Split {
        /// The question.
        request: u64,
        /// The split as JSON, none when there are no more, or what went wrong.
        split: Result<Option<String>, String>,
    },
    /// Answers [`ToJobManager::SourceWatermark`]: a source whose watermark is later pauses.
    AlignSource {
        /// The attempt.
        task: TaskAttempt,
        /// The watermark.
        max_watermark: i64,
    },
    /// Answers [`ToJobManager::FetchPlugin`].
    Plugin {
        /// The question.
        request: u64,
        /// The bytes, or why they are not there.
        bytes: Result<serde_bytes::ByteBuf, String>,
    },
    /// Asks for the log. Answered by [`ToJobManager::Log`].
    ReadLog {
        /// Names the question.
        request: u64,
    },
    /// Asks a task for the state of a key. Answered by [`ToJobManager::State`] when the task is
    /// between two batches.
    QueryState {
        /// Names the question.
        request: u64,
        /// The task.
        task: TaskAttempt,
        /// The question.
        query: StateQuery,
    },
    /// The cluster ends: cancel everything and end the process.
    Shutdown,
}
