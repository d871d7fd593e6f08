//! The invariants that `sandbar_model::job_graph` notes on its fields.

use sandbar_model::VertexId;
use sandbar_model::job_graph::{
    EdgeId, JobGraph, JobVertex, OperatorBody, OutputTarget, Partitioner,
};
use sandbar_model::key_group::MAX_PARALLELISM_LIMIT;

/// Panics at the first invariant that does not hold.
pub(crate) fn assert_invariants(graph: &JobGraph) {
    for (index, vertex) in graph.vertices.iter().enumerate() {
        assert_eq!(vertex.id, VertexId(index as u32));
        assert!(vertex.parallelism >= 1 && vertex.parallelism <= vertex.max_parallelism);
        assert!(vertex.max_parallelism <= MAX_PARALLELISM_LIMIT);
        assert_chain(vertex);
    }
    let mut uids: Vec<&str> =
        graph.vertices.iter().flat_map(|it| &it.operators).map(|it| it.uid.as_str()).collect();
    uids.sort_unstable();
    assert!(uids.windows(2).all(|pair| pair[0] != pair[1]), "uids are unique: {uids:?}");
    for (index, edge) in graph.edges.iter().enumerate() {
        assert_eq!(edge.id, EdgeId(index as u32));
        assert!(edge.source < edge.target, "vertices are in topological order");
        let parallelism = |vertex: VertexId| graph.vertices[vertex.index()].parallelism;
        let is_forward = edge.partitioner == Partitioner::Forward;
        assert!(!is_forward || parallelism(edge.source) == parallelism(edge.target));
        assert_eq!(feeders(graph, edge.id), [edge.source], "one operator feeds each edge");
    }
}

fn assert_chain(vertex: &JobVertex) {
    let mut chained = vec![0; vertex.operators.len()];
    for (position, operator) in vertex.operators.iter().enumerate() {
        let is_sink = matches!(operator.body, OperatorBody::Sink(_));
        assert!(!is_sink || operator.outputs.is_empty());
        let is_source = matches!(operator.body, OperatorBody::Source(_));
        assert!(!is_source || position == 0, "a source is a head");
        for target in operator.outputs.iter().flat_map(|output| &output.targets) {
            if let OutputTarget::Chained(next) = target {
                assert!(*next > position, "targets come later");
                chained[*next] += 1;
            }
        }
        if let Some(at) = operator.dead_letter_output {
            assert_eq!(at as usize, operator.outputs.len() - 1);
            assert_eq!(operator.outputs[at as usize].name, "dead-letter");
        }
    }
    assert_eq!(chained[0], 0, "the head is no target");
    assert!(chained[1..].iter().all(|targets| *targets == 1), "{vertex:?}");
}

/// The vertices of all operators that write to an edge, once for each.
fn feeders(graph: &JobGraph, edge: EdgeId) -> Vec<VertexId> {
    let mut feeders = Vec::new();
    for vertex in &graph.vertices {
        for output in vertex.operators.iter().flat_map(|operator| &operator.outputs) {
            let targets = output.targets.iter();
            let count = targets.filter(|target| **target == OutputTarget::Edge(edge)).count();
            feeders.extend(std::iter::repeat_n(vertex.id, count));
        }
    }
    feeders
}
