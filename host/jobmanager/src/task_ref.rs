//! Names a subtask of a job, whichever attempt runs it.

use sandbar_model::VertexId;
use sandbar_model::job_graph::JobGraph;

/// One subtask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskRef {
    /// Its vertex.
    pub vertex: VertexId,
    /// 0-based index.
    pub subtask: u32,
}

/// All subtasks of a job, vertex by vertex in topological order.
pub fn tasks_of(graph: &JobGraph) -> impl Iterator<Item = TaskRef> {
    graph.vertices.iter().flat_map(|vertex| {
        (0..vertex.parallelism).map(|subtask| TaskRef { vertex: vertex.id, subtask })
    })
}
