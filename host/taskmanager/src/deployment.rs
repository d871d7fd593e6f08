//! What a TaskManager is told to run: a job's graph with everything its tasks share, and which
//! subtask of which vertex.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sandbar_connectors::{ConnectorError, Split};
use sandbar_model::job_graph::{JobGraph, JobVertex};
use sandbar_model::{JobId, VertexId, Watermark};
use sandbar_rpc::TaskAttempt;
use sandbar_wasm::{Limits, Plugin};

use crate::chain::native::NativePlugin;
use crate::network::peer_locator::PeerLocator;
use crate::slot_table::SlotMemory;

/// Code that operators come from.
#[derive(Clone)]
pub enum PluginHandle {
    /// A component in the sandbox.
    Component(Plugin),
    /// Native operators.
    Native(Arc<dyn NativePlugin>),
}

impl std::fmt::Debug for PluginHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PluginHandle::Component(plugin) => plugin.fmt(f),
            PluginHandle::Native(_) => f.write_str("Native"),
        }
    }
}

/// The coordinators of a job's sources: the enumerators, which deal out splits, and what keeps
/// sources together, behind whatever carries the request.
pub trait SplitProvider: Send + Sync {
    /// The next split for a subtask of a source vertex, or none when it gets no more.
    ///
    /// # Errors
    /// The enumerator's.
    fn next_split(&self, vertex: VertexId, subtask: u32) -> Result<Option<Split>, ConnectorError>;

    /// Tells how far a subtask of a source in an alignment group has come. The answer is a bound on
    /// the task's watermark, later; there is none where nobody aligns sources.
    fn on_watermark(&self, vertex: VertexId, subtask: u32, watermark: Watermark) {
        let _ = (vertex, subtask, watermark);
    }
}

/// How the tasks of a job run.
#[derive(Clone, Debug)]
pub struct TaskSettings {
    /// How long records wait in an output buffer; zero sends each batch at once, none sends only
    /// full buffers. `execution.buffer-timeout`.
    pub buffer_timeout: Option<Duration>,
    /// Bytes after which a buffer is sent. `taskmanager.memory.segment-size`.
    pub buffer_bytes_max: usize,
    /// Buffers that wait in each channel.
    /// `taskmanager.network.memory.buffers-per-channel`.
    pub buffers_per_channel: usize,
    /// Buffers more that the channels of an input share evenly.
    /// `taskmanager.network.memory.floating-buffers-per-gate`.
    pub floating_buffers_per_gate: usize,
    /// How often sources make watermarks; zero for never.
    /// `pipeline.auto-watermark-interval`.
    pub auto_watermark_interval: Duration,
    /// Whether the job runs as a batch, which has no watermark before the end of the input.
    /// `execution.runtime-mode`.
    pub is_batch: bool,
    /// Limits of each guest instance.
    pub limits: Limits,
}

impl Default for TaskSettings {
    fn default() -> TaskSettings {
        TaskSettings {
            buffer_timeout: Some(Duration::from_millis(100)),
            buffer_bytes_max: 32 << 10,
            buffers_per_channel: 2,
            floating_buffers_per_gate: 8,
            auto_watermark_interval: Duration::from_millis(200),
            is_batch: false,
            limits: Limits::default(),
        }
    }
}

/// What all tasks of a job share.
pub struct JobDeployment {
    /// The job.
    pub id: JobId,
    /// 0 for its first execution.
    pub attempt: u32,
    /// Its graph.
    pub graph: JobGraph,
    /// Its plugins by name.
    pub plugins: HashMap<String, PluginHandle>,
    /// Its sources' splits.
    pub splits: Arc<dyn SplitProvider>,
    /// How its tasks run.
    pub settings: TaskSettings,
    /// Where its tasks run.
    pub peers: Arc<dyn PeerLocator>,
    /// Folder that relative paths of connectors start from; none for the process's own.
    pub base_folder: Option<PathBuf>,
}

impl std::fmt::Debug for JobDeployment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobDeployment")
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .field("name", &self.graph.name)
            .finish_non_exhaustive()
    }
}

/// One subtask to run.
#[derive(Clone, Debug)]
pub struct TaskDeployment {
    /// Its job.
    pub job: Arc<JobDeployment>,
    /// Its vertex.
    pub vertex: VertexId,
    /// 0-based index.
    pub subtask: u32,
    /// The memory of the slot it runs in.
    pub slot: Arc<SlotMemory>,
}

impl TaskDeployment {
    /// The attempt that it is.
    pub fn attempt(&self) -> TaskAttempt {
        let (job, vertex, subtask) = (self.job.id, self.vertex, self.subtask);
        TaskAttempt { job, vertex, subtask, attempt: self.job.attempt }
    }

    /// The vertex of the graph.
    pub fn vertex(&self) -> &JobVertex {
        &self.job.graph.vertices[self.vertex.index()]
    }
}
