//! Job graphs for the tests of this crate: vertices of a parallelism and a slot sharing group,
//! and the edges between them.

use std::collections::BTreeMap;

use sandbar_model::VertexId;
use sandbar_model::job_graph::{EdgeId, JobEdge, JobGraph, JobVertex, Partitioner};

use crate::task_ref::TaskRef;

/// Makes a graph of vertices `(parallelism, slot sharing group)` and edges
/// `(source, target, partitioner)`.
pub(crate) fn graph(vertices: &[(u32, &str)], edges: &[(u32, u32, Partitioner)]) -> JobGraph {
    let vertex = |(index, (parallelism, group)): (usize, &(u32, &str))| JobVertex {
        id: VertexId(index as u32),
        name: format!("v{index}"),
        parallelism: *parallelism,
        max_parallelism: 128,
        slot_sharing_group: (*group).to_owned(),
        operators: Vec::new(),
    };
    let edge =
        |(index, (source, target, partitioner)): (usize, &(u32, u32, Partitioner))| JobEdge {
            id: EdgeId(index as u32),
            source: VertexId(*source),
            target: VertexId(*target),
            input: 0,
            partitioner: *partitioner,
        };
    JobGraph {
        name: "job".into(),
        configuration: BTreeMap::new(),
        arguments: Vec::new(),
        vertices: vertices.iter().enumerate().map(vertex).collect(),
        edges: edges.iter().enumerate().map(edge).collect(),
    }
}

/// Names a subtask.
pub(crate) fn task(vertex: u32, subtask: u32) -> TaskRef {
    TaskRef { vertex: VertexId(vertex), subtask }
}
