//! A job graph as Flink's plan: a vertex is a node.

use sandbar_model::JobId;
use sandbar_model::job_graph::{JobEdge, JobGraph, JobVertex};
use serde::{Deserialize, Serialize};

use sandbar_model::hex_id::{vertex_id, vertex_id_at};

/// The only exchange there is. Source: Flink's `ResultPartitionType.PIPELINED_BOUNDED`.
const EXCHANGE: &str = "pipelined_bounded";

/// Answer of `GET /jobs/:jobid/plan` and of `/plugins/:pluginid/plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPlan {
    /// The plan.
    pub plan: Plan,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The job; zeroes for a plan of a job that does not run.
    pub jid: String,
    /// The job's name.
    pub name: String,
    /// `STREAMING`.
    #[serde(rename = "type")]
    pub job_type: String,
    /// In topological order.
    pub nodes: Vec<PlanNode>,
}

/// A vertex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNode {
    /// The vertex's id.
    pub id: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Flink has batch operators' names here; empty for streams.
    pub operator: String,
    /// Empty for streams.
    pub operator_strategy: String,
    /// The names of its operators.
    pub description: String,
    /// Where its records come from; empty for sources.
    pub inputs: Vec<PlanInput>,
    /// Empty for streams.
    pub optimizer_properties: OptimizerProperties,
}

/// Empty for streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptimizerProperties {}

/// An edge into a vertex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanInput {
    /// Its position among the edges into the vertex.
    pub num: usize,
    /// The vertex it comes from.
    pub id: String,
    /// How records are dealt out: `HASH`, `FORWARD`, ...
    pub ship_strategy: String,
    /// `pipelined_bounded`.
    pub exchange: String,
}

impl Plan {
    pub(crate) fn of(graph: &JobGraph, job: JobId) -> Plan {
        Plan {
            jid: job.to_string(),
            name: graph.name.clone(),
            job_type: "STREAMING".to_owned(),
            nodes: graph.vertices.iter().map(|vertex| PlanNode::of(graph, vertex)).collect(),
        }
    }
}

impl PlanNode {
    fn of(graph: &JobGraph, vertex: &JobVertex) -> PlanNode {
        let input = |(num, edge): (usize, &JobEdge)| PlanInput {
            num,
            id: vertex_id_at(graph, edge.source),
            ship_strategy: edge.partitioner.ship_strategy().to_owned(),
            exchange: EXCHANGE.to_owned(),
        };
        PlanNode {
            id: vertex_id(vertex),
            parallelism: vertex.parallelism,
            operator: String::new(),
            operator_strategy: String::new(),
            description: vertex.name.clone(),
            inputs: graph.edges_into(vertex.id).enumerate().map(input).collect(),
            optimizer_properties: OptimizerProperties {},
        }
    }
}
