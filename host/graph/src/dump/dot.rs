//! Graphs in the language of Graphviz.

use sandbar_model::job_graph::JobGraph;

use crate::stream_graph::StreamGraph;

/// A StreamGraph as DOT.
pub fn stream_graph_dot(graph: &StreamGraph) -> String {
    let node = |(index, node): (usize, &crate::stream_graph::StreamNode)| {
        let label = format!("{}\nparallelism {}", node.display_name(), node.parallelism);
        format!("  n{index} [label={}];\n", quoted(&label))
    };
    let edge = |edge: &crate::stream_graph::StreamEdge| {
        let output = &graph.nodes[edge.source].outputs[edge.output].name;
        let label = format!("{output}: {}", edge.partitioner.ship_strategy());
        format!("  n{} -> n{} [label={}];\n", edge.source, edge.target, quoted(&label))
    };
    let nodes = graph.nodes.iter().enumerate().map(node).collect();
    digraph(&graph.name, nodes, graph.edges.iter().map(edge).collect())
}

/// A JobGraph as DOT.
pub fn job_graph_dot(graph: &JobGraph) -> String {
    let vertex = |vertex: &sandbar_model::job_graph::JobVertex| {
        let label = format!("{}\nparallelism {}", vertex.name, vertex.parallelism);
        format!("  v{} [label={}];\n", vertex.id.0, quoted(&label))
    };
    let edge = |edge: &sandbar_model::job_graph::JobEdge| {
        let label = quoted(edge.partitioner.ship_strategy());
        format!("  v{} -> v{} [label={label}];\n", edge.source.0, edge.target.0)
    };
    let vertices = graph.vertices.iter().map(vertex).collect();
    digraph(&graph.name, vertices, graph.edges.iter().map(edge).collect())
}

fn digraph(name: &str, nodes: String, edges: String) -> String {
    let name = quoted(name);
    format!("digraph {name} {{\n  rankdir=LR;\n  node [shape=box];\n{nodes}{edges}}}\n")
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
