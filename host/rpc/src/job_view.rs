//! What is to be seen of jobs and TaskManagers, as REST, metrics and command line show it. Times
//! are milliseconds since the Unix epoch, as in Flink's REST API.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::{JobId, VertexId};

use crate::accumulators::Accumulators;
use crate::id::TaskManagerId;
use crate::metric_table::MetricTable;
use crate::resource_requirements::ParallelismBounds;

/// A job, running or archived.
#[derive(Clone, Debug)]
pub struct JobView {
    /// The job.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub status: JobStatus,
    /// When it was submitted.
    pub start_time: i64,
    /// When it ended.
    pub end_time: Option<i64>,
    /// When it last entered each state.
    pub timestamps: BTreeMap<JobStatus, i64>,
    /// Its graph, with the parallelism it runs at; `graph.configuration` holds its effective
    /// options.
    pub graph: Arc<JobGraph>,
    /// Its vertices, in the order of the graph.
    pub vertices: Vec<VertexView>,
    /// What went wrong, newest first, at most 16.
    pub exceptions: Vec<ExceptionView>,
    /// How often it was restarted.
    pub restarts: u32,
    /// How many of them changed its parallelism, and followed from no failure.
    pub rescales: u32,
    /// Why it does not run yet: `needs 8 slots, has 4`.
    pub waiting_for: Option<String>,
    /// The bounds of each vertex's parallelism, in the order of the graph; none unless the
    /// scheduler is adaptive.
    pub resource_requirements: Option<Vec<ParallelismBounds>>,
}

impl JobView {
    /// What its guests counted, over all vertices: of the current attempts that have ended.
    pub fn accumulators(&self) -> Accumulators {
        let mut all = Accumulators::default();
        self.vertices.iter().for_each(|vertex| all.merge(&vertex.accumulators()));
        all
    }
}

/// A vertex of a job.
#[derive(Clone, Debug)]
pub struct VertexView {
    /// The vertex.
    pub id: VertexId,
    /// Its subtasks by index.
    pub subtasks: Vec<SubtaskView>,
}

impl VertexView {
    /// What its guests counted, over all subtasks.
    pub fn accumulators(&self) -> Accumulators {
        let mut all = Accumulators::default();
        self.subtasks.iter().for_each(|subtask| all.merge(&subtask.accumulators));
        all
    }
}

/// The current attempt of a subtask, and those before.
#[derive(Clone, Debug)]
pub struct SubtaskView {
    /// Number of the attempt, from 0.
    pub attempt: u32,
    /// Its state.
    pub state: ExecutionState,
    /// When it entered each state.
    pub timestamps: BTreeMap<ExecutionState, i64>,
    /// Where it runs.
    pub task_manager: Option<TaskManagerId>,
    /// Its metrics.
    pub metrics: MetricTable,
    /// What its guests counted, once it has ended.
    pub accumulators: Arc<Accumulators>,
    /// The attempts before, oldest first, at most 16.
    pub earlier: Vec<SubtaskView>,
}

/// Something that went wrong in a job.
#[derive(Clone, Debug)]
pub struct ExceptionView {
    /// When.
    pub timestamp: i64,
    /// What.
    pub message: String,
    /// The task, as `name (2/4)`; none for the job as a whole.
    pub task: Option<String>,
    /// Where it ran.
    pub task_manager: Option<TaskManagerId>,
}

/// A TaskManager.
#[derive(Clone, Debug)]
pub struct TaskManagerView {
    /// Its name.
    pub id: TaskManagerId,
    /// Where it takes records of others.
    pub data_address: String,
    /// When it was last heard of.
    pub last_heartbeat: i64,
    /// Number of its slots.
    pub slots: u32,
    /// How many of them are free.
    pub free_slots: u32,
    /// Bytes of managed memory, over all slots.
    pub managed_memory_bytes: u64,
    /// Bytes of memory for guests, over all slots.
    pub guest_memory_bytes: u64,
    /// Threads that its machine runs at once.
    pub cpu_cores: u32,
    /// Metrics of its process by Flink's names.
    pub metrics: MetricTable,
}
