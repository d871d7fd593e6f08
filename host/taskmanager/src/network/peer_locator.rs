//! Where the tasks of a job run: decides whether a channel stays in this process.

use std::collections::HashMap;

use sandbar_model::VertexId;

/// Finds the TaskManager of a task.
pub trait PeerLocator: Send + Sync {
    /// The data address (`host:port`) of the TaskManager that a subtask runs in; none for this one.
    fn data_address(&self, vertex: VertexId, subtask: u32) -> Option<String>;
}

/// All tasks run in this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalPeers;

impl PeerLocator for LocalPeers {
    fn data_address(&self, _: VertexId, _: u32) -> Option<String> {
        None
    }
}

/// The tasks that run elsewhere, with their addresses.
impl PeerLocator for HashMap<(VertexId, u32), String> {
    fn data_address(&self, vertex: VertexId, subtask: u32) -> Option<String> {
        self.get(&(vertex, subtask)).cloned()
    }
}
