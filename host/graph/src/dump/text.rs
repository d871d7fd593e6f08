//! Graphs as indented text.

use std::fmt::Write;

use sandbar_model::job_graph::{
    ErrorPolicy, JobGraph, JobVertex, OperatorBody, OperatorNode, OutputTarget,
};

use crate::stream_graph::{NodeBody, StreamEdge, StreamGraph, StreamNode};

const NO_FAILURE: &str = "writing into a string does not fail";

/// A StreamGraph as text: each node with its settings and the edges out of it.
pub fn stream_graph_text(graph: &StreamGraph) -> String {
    let mut text = format!("stream graph of {}\n", graph.name);
    for (index, node) in graph.nodes.iter().enumerate() {
        let edges = graph.edges.iter().filter(|edge| edge.source == index);
        stream_node(&mut text, graph, node, &edges.collect::<Vec<_>>()).expect(NO_FAILURE);
    }
    text
}

fn stream_node(
    text: &mut String,
    graph: &StreamGraph,
    node: &StreamNode,
    edges: &[&StreamEdge],
) -> std::fmt::Result {
    writeln!(text, "\n{}  [{}]", node.display_name(), node.uid)?;
    let what = match &node.body {
        NodeBody::Source(connector) | NodeBody::Sink(connector) => {
            format!("connector {}", connector.name)
        }
        NodeBody::Operator { plugin, operator, .. } => format!("operator {plugin}.{operator}"),
    };
    writeln!(text, "  {what}{}", on_error(node.on_error))?;
    writeln!(
        text,
        "  {}",
        sizes(node.parallelism, node.max_parallelism, &node.slot_sharing_group)
    )?;
    for (index, output) in node.outputs.iter().enumerate() {
        let targets: Vec<_> = edges.iter().filter(|edge| edge.output == index).collect();
        let nobody = if targets.is_empty() { ", read by nobody" } else { "" };
        writeln!(text, "  output {}: {}{nobody}", output.name, output.format)?;
        for edge in targets {
            let target = &graph.nodes[edge.target].uid;
            let key = edge.key.as_ref().map_or(String::new(), |key| format!(" by {}", key.label()));
            let strategy = edge.partitioner.ship_strategy();
            writeln!(text, "    {strategy}{key} -> input {} of {target}", edge.input)?;
        }
    }
    Ok(())
}

/// A JobGraph as text: each vertex with its chain and where every output goes.
pub fn job_graph_text(graph: &JobGraph) -> String {
    let mut text = format!("job graph of {}\n", graph.name);
    for vertex in &graph.vertices {
        job_vertex(&mut text, graph, vertex).expect(NO_FAILURE);
    }
    text
}

fn job_vertex(text: &mut String, graph: &JobGraph, vertex: &JobVertex) -> std::fmt::Result {
    writeln!(text, "\nvertex {}: {}", vertex.id.0, vertex.name)?;
    writeln!(
        text,
        "  {}",
        sizes(vertex.parallelism, vertex.max_parallelism, &vertex.slot_sharing_group)
    )?;
    for (position, operator) in vertex.operators.iter().enumerate() {
        writeln!(
            text,
            "  {position} {}  [{}] {}{}",
            operator.name,
            operator.uid,
            operator_body(operator),
            on_error(operator.on_error)
        )?;
        for output in &operator.outputs {
            for target in &output.targets {
                writeln!(text, "      {} -> {}", output.name, output_target(graph, *target))?;
            }
        }
    }
    Ok(())
}

fn operator_body(operator: &OperatorNode) -> String {
    match &operator.body {
        OperatorBody::Source(connector) => format!("source {}", connector.name),
        OperatorBody::Sink(connector) => format!("sink {}", connector.name),
        OperatorBody::Plugin { plugin, operator, partitions, .. } => match partitions {
            0 => format!("operator {plugin}.{operator}"),
            partitions => format!("operator {plugin}.{operator} over {partitions} partitions"),
        },
        OperatorBody::Key(_) => "key rule".to_owned(),
    }
}

fn output_target(graph: &JobGraph, target: OutputTarget) -> String {
    match target {
        OutputTarget::Chained(position) => position.to_string(),
        OutputTarget::Edge(id) => {
            let edge = &graph.edges[id.0 as usize];
            let strategy = edge.partitioner.ship_strategy();
            format!("edge {}: {strategy} to input {} of vertex {}", id.0, edge.input, edge.target.0)
        }
    }
}

fn sizes(parallelism: u32, max_parallelism: u32, slot_sharing_group: &str) -> String {
    format!(
        "parallelism {parallelism} of at most {max_parallelism}, slot sharing group \
         {slot_sharing_group}"
    )
}

fn on_error(policy: ErrorPolicy) -> &'static str {
    match policy {
        ErrorPolicy::Fail => "",
        ErrorPolicy::Skip => ", skips bad records",
        ErrorPolicy::DeadLetter => ", sets bad records aside",
    }
}
