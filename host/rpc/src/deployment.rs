//! What a TaskManager is told to run. The job's part is sent once per TaskManager and attempt.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::{JobId, PluginId, VertexId};
use serde::{Deserialize, Serialize};

use crate::id::TaskManagerId;

/// What all tasks of a job share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobInformation {
    /// The job.
    pub job: JobId,
    /// Its graph; `graph.configuration` holds the effective options.
    pub graph: JobGraph,
    /// Its plugins by name; their bytes are asked for when they are not there.
    pub plugins: BTreeMap<String, PluginId>,
    /// Folder that relative paths of connectors start from; none for the TaskManager's own.
    pub base_folder: Option<String>,
}

/// One task to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDescriptor {
    /// The vertex.
    pub vertex: VertexId,
    /// 0-based index of the subtask.
    pub subtask: u32,
    /// The attempt.
    pub attempt: u32,
    /// The slot of the TaskManager it runs in, counted from 0.
    pub slot: u32,
}

/// Where the tasks that a task exchanges records with run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLocation {
    /// The vertex.
    pub vertex: VertexId,
    /// 0-based index of the subtask.
    pub subtask: u32,
    /// Its attempt.
    pub attempt: u32,
    /// Its TaskManager.
    pub task_manager: TaskManagerId,
    /// Where that takes records of others: `host:port`.
    pub data_address: String,
}
