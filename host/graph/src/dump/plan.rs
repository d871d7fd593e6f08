//! A JobGraph as JSON, in the shape of Flink's `JsonPlanGenerator`.

use sandbar_model::JobId;
use sandbar_model::hex_id::{vertex_id, vertex_id_at};
use sandbar_model::job_graph::{JobEdge, JobGraph, JobVertex};
use serde::Serialize;

/// The only exchange there is. Source: Flink's `ResultPartitionType.PIPELINED_BOUNDED`.
const EXCHANGE: &str = "pipelined_bounded";

#[derive(Serialize)]
struct Job<'a> {
    jid: String,
    name: &'a str,
    #[serde(rename = "type")]
    job_type: &'static str,
    plan: Plan<'a>,
}

#[derive(Serialize)]
struct Plan<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    id: String,
    parallelism: u32,
    /// Flink has batch operators' names here; empty for streams.
    operator: &'static str,
    description: &'a str,
    /// Left out for sources, as in Flink.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<Input>,
}

#[derive(Serialize)]
struct Input {
    num: usize,
    id: String,
    ship_strategy: &'static str,
    exchange: &'static str,
}

/// A JobGraph as Flink's plan, `{"jid", "name", "type", "plan": {"nodes": [...]}}`, indented.
pub fn job_graph_json(graph: &JobGraph, job: JobId) -> String {
    let plan = Plan { nodes: graph.vertices.iter().map(|vertex| node(graph, vertex)).collect() };
    let job = Job { jid: job.to_string(), name: &graph.name, job_type: "STREAMING", plan };
    serde_json::to_string_pretty(&job).expect("all keys of a plan are strings")
}

fn node<'a>(graph: &'a JobGraph, vertex: &'a JobVertex) -> Node<'a> {
    Node {
        id: vertex_id(vertex),
        parallelism: vertex.parallelism,
        operator: "",
        description: &vertex.name,
        inputs: graph.edges_into(vertex.id).enumerate().map(|edge| input(graph, edge)).collect(),
    }
}

fn input(graph: &JobGraph, (num, edge): (usize, &JobEdge)) -> Input {
    Input {
        num,
        id: vertex_id_at(graph, edge.source),
        ship_strategy: edge.partitioner.ship_strategy(),
        exchange: EXCHANGE,
    }
}
