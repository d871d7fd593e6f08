//! StreamGraph: a valid job as written, each operator with its settings worked out. Keys are on
//! the edges that need them; hidden operators come with the JobGraph.

use std::collections::BTreeMap;

use sandbar_model::job_graph::{Connector, ErrorPolicy, KeyRule, Partitioner, WatermarkStrategy};
use sandbar_model::plugin::{OperatorKind, Port};
use serde::Serialize;

use crate::build;
use crate::catalog::{Catalog, GraphSettings};
use crate::error::GraphError;
use crate::place::Places;
use crate::spec::{Chaining, JobSpec};

/// A job before chaining.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StreamGraph {
    /// As the user named it.
    pub name: String,
    /// Options of the job by key.
    pub configuration: BTreeMap<String, String>,
    /// Arguments given to `define`.
    pub arguments: Vec<String>,
    /// Whether operators may be chained at all.
    pub chaining_enabled: bool,
    /// Whether operators of different max parallelism may be chained.
    pub chain_different_max_parallelism: bool,
    /// Sources, operators and sinks, in the order they are written.
    pub nodes: Vec<StreamNode>,
    /// Edges, those into one node in the order of its inputs. Invariant: no cycles; `source`
    /// and `target` are indexes of `nodes`, `output` one of the source's outputs.
    pub edges: Vec<StreamEdge>,
}

impl StreamGraph {
    /// Builds the graph of a job and checks all that can be checked before it runs.
    ///
    /// # Errors
    /// Everything that is wrong with the job.
    pub fn build(
        spec: &JobSpec,
        places: &Places,
        catalog: &dyn Catalog,
        settings: &GraphSettings,
    ) -> Result<StreamGraph, Vec<GraphError>> {
        build::stream_graph(spec, places, catalog, settings)
    }
}

/// A source, an operator or a sink.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StreamNode {
    /// Unique in the job.
    pub uid: String,
    /// For a person to read.
    pub name: String,
    /// What it does.
    pub body: NodeBody,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Number of key groups.
    pub max_parallelism: u32,
    /// Slot sharing group.
    pub slot_sharing_group: String,
    /// How it may be chained.
    pub chaining: Chaining,
    /// What happens to a bad record.
    pub on_error: ErrorPolicy,
    /// The main output, the side outputs, and last, if `on_error` asks for it, `dead-letter`.
    pub outputs: Vec<Port>,
    /// What it does about event time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermarks: Option<WatermarkStrategy>,
}

impl StreamNode {
    /// The name as vertices show it. Source: Flink's `Source: x` and `Sink: x`.
    pub fn display_name(&self) -> String {
        match &self.body {
            NodeBody::Source(_) => format!("Source: {}", self.name),
            NodeBody::Operator { .. } => self.name.clone(),
            NodeBody::Sink(_) => format!("Sink: {}", self.name),
        }
    }
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeBody {
    /// A native source.
    Source(Connector),
    /// An operator of a plugin.
    Operator {
        /// Name of the plugin in the job.
        plugin: String,
        /// Name of the operator in the plugin.
        operator: String,
        /// Its kind.
        kind: OperatorKind,
        /// JSON; empty when there is none.
        config: String,
    },
    /// A native sink.
    Sink(Connector),
}

/// An edge from an output to an input.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StreamEdge {
    /// Index of the node it comes from.
    pub source: usize,
    /// Index of that node's output.
    pub output: usize,
    /// Index of the node it goes to.
    pub target: usize,
    /// Which input of that node; several edges may feed one input (a union).
    pub input: u32,
    /// How records are dealt out.
    pub partitioner: Partitioner,
    /// How keys are found. Invariant: there with hash and custom, and only with them.
    pub key: Option<EdgeKey>,
}

/// How the keys of an edge are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKey {
    /// By the host.
    Rule(KeyRule),
    /// By an operator of a plugin.
    Selector {
        /// Name of the plugin in the job.
        plugin: String,
        /// Name of the operator in the plugin.
        operator: String,
        /// Key selector or partitioner.
        kind: OperatorKind,
    },
}

impl EdgeKey {
    /// The key in a few words.
    pub fn label(&self) -> String {
        match self {
            EdgeKey::Rule(KeyRule::Value) => "value".to_owned(),
            EdgeKey::Rule(KeyRule::Json(pointer)) => format!("json {pointer:?}"),
            EdgeKey::Rule(KeyRule::Bytes { start, end }) => format!("bytes {start}..{end}"),
            EdgeKey::Selector { plugin, operator, .. } => format!("{plugin}.{operator}"),
        }
    }
}
