//! The job graph: what is left of a job after chaining, and all that a TaskManager needs to run
//! it. Made by `sandbar-graph`, which guarantees the invariants noted on the fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::VertexId;
use crate::plugin::OperatorKind;

/// A job after chaining.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobGraph {
    /// As the user named it.
    pub name: String,
    /// Options of the job by key: `execution.*`, `pipeline.*` and the user's own.
    pub configuration: BTreeMap<String, String>,
    /// Arguments given to `define`, for operators of a job plugin.
    pub arguments: Vec<String>,
    /// In topological order. Invariant: `vertices[i].id == VertexId(i)`.
    pub vertices: Vec<JobVertex>,
    /// Invariant: `edges[i].id == EdgeId(i)`.
    pub edges: Vec<JobEdge>,
}

impl JobGraph {
    /// The edges into a vertex, in the order of their ids.
    pub fn edges_into(&self, vertex: VertexId) -> impl Iterator<Item = &JobEdge> {
        self.edges.iter().filter(move |edge| edge.target == vertex)
    }
}

/// Position of an edge in its job graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EdgeId(pub u32);

/// A chain of operators that run in one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobVertex {
    /// Position in the graph.
    pub id: VertexId,
    /// The names of its visible operators joined as Flink does: `Source: lines -> split`.
    pub name: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Number of key groups. Invariant: at least `parallelism`, at most 2^15.
    pub max_parallelism: u32,
    /// Slot sharing group.
    pub slot_sharing_group: String,
    /// The head first. Invariant: every other operator is the target of exactly one
    /// [`OutputTarget::Chained`] of an operator before it, and has one input.
    pub operators: Vec<OperatorNode>,
}

/// One operator of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OperatorNode {
    /// Unique in the job.
    pub uid: String,
    /// For a person to read.
    pub name: String,
    /// What it does.
    pub body: OperatorBody,
    /// The main output, the side outputs in the order of the operator's description, and last,
    /// if `dead_letter_output` says so, the dead-letter output.
    pub outputs: Vec<Output>,
    /// What happens to a bad record. An operator that sets keys has the policy of those behind it
    /// and hands records without a key on to them, unless it is to fail.
    pub on_error: ErrorPolicy,
    /// Index in `outputs` of the dead-letter output; there with [`ErrorPolicy::DeadLetter`],
    /// except in operators that set keys.
    pub dead_letter_output: Option<u32>,
    /// What it does about event time; without, a source has only the watermark of its end, and any
    /// other operator sends on the watermarks that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermarks: Option<WatermarkStrategy>,
}

impl OperatorNode {
    /// Whether it is a plugin's key selector or partitioner.
    pub fn is_selector(&self) -> bool {
        match &self.body {
            OperatorBody::Plugin { kind, .. } => {
                matches!(kind, OperatorKind::KeySelector | OperatorKind::Partitioner)
            }
            OperatorBody::Source(_) | OperatorBody::Sink(_) | OperatorBody::Key(_) => false,
        }
    }
}

/// What an operator's output does about event time: a source's subtasks, or any operator in place
/// of the watermarks that it gets. Source: Flink's `WatermarkStrategy`,
/// `docs/content/docs/dev/datastream/event-time/generating_watermarks.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WatermarkStrategy {
    /// Where the timestamps of a source's records are; as its connector gives them without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampRule>,
    /// What makes watermarks; without, there is only that of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<WatermarkGenerator>,
    /// After how long without a record nobody waits for its watermarks; never without. Above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<i64>,
    /// For a source: waits for slower ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<WatermarkAlignment>,
}

/// What makes watermarks, every `pipeline.auto-watermark-interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatermarkGenerator {
    /// The host, from the latest timestamp.
    BoundedOutOfOrderness {
        /// By how much a record's timestamp may be before the latest one; not negative.
        max_out_of_orderness_ms: i64,
    },
    /// The guest, with `collector.emit-watermark`. Never of a source.
    Custom,
    /// Nobody: only the end of the input moves event time.
    NoWatermarks,
}

/// Sources of one group keep together: a subtask that is ahead of the slowest pauses. Source:
/// Flink's `WatermarkStrategy.withWatermarkAlignment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WatermarkAlignment {
    /// The group; sources that name the same one are in it.
    pub group: String,
    /// How far ahead a subtask may be; not negative.
    pub max_drift_ms: i64,
    /// How often subtasks tell where they are, and are told how far they may go; above 0.
    pub update_interval_ms: i64,
}

/// Where the event time of a JSON record is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TimestampRule {
    /// JSON pointer (RFC 6901).
    pub pointer: String,
    /// How it is written there.
    pub format: TimestampFormat,
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimestampFormat {
    /// Milliseconds since the Unix epoch: a whole number, or text of one.
    #[default]
    Milliseconds,
    /// Seconds since the Unix epoch: a number, with a fraction or without, or text of one.
    Seconds,
    /// Text such as `2026-11-21T14:03:05.250+01:00`.
    Rfc3339,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorBody {
    /// A native source; always a head.
    Source(Connector),
    /// A native sink; has no outputs.
    Sink(Connector),
    /// An operator of a plugin.
    Plugin {
        /// Name of the plugin in the job.
        plugin: String,
        /// Name of the operator in the plugin.
        operator: String,
        /// Its kind.
        kind: OperatorKind,
        /// JSON; empty when there is none.
        config: String,
        /// For a partitioner: the parallelism of the vertex it chooses from. Else 0.
        partitions: u32,
    },
    /// Sets keys natively, in front of a hash partitioner.
    Key(KeyRule),
}

/// A connector and its options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Connector {
    /// `files`, `print`, ...
    pub name: String,
    /// The connector's own options; a JSON object.
    pub options: BTreeMap<String, serde_json::Value>,
}

/// How the host finds a record's key without user code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRule {
    /// The whole value is the key.
    Value,
    /// The value is JSON; the key is the text of what this JSON pointer (RFC 6901) finds.
    Json(String),
    /// The key is these bytes of the value.
    Bytes {
        /// The first of them.
        start: u32,
        /// The one behind them.
        end: u32,
    },
}

/// One output of an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// `main`, or the name of a side output.
    pub name: String,
    /// All the places its records go to; empty when nobody reads it.
    pub targets: Vec<OutputTarget>,
}

/// A place that records go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputTarget {
    /// Input 0 of the operator at this position of the same chain.
    Chained(usize),
    /// An edge to another vertex.
    Edge(EdgeId),
}

/// An exchange between two vertices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobEdge {
    /// Position in the graph.
    pub id: EdgeId,
    /// Where it comes from.
    pub source: VertexId,
    /// Where it goes to.
    pub target: VertexId,
    /// Which input of the target's head it feeds; several edges may feed one input (a union).
    pub input: u32,
    /// How records are dealt out to the target's subtasks.
    pub partitioner: Partitioner,
}

/// How records are dealt out to subtasks. Source: Flink's `StreamPartitioner`s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partitioner {
    /// To the subtask of the same index; needs equal parallelism.
    Forward,
    /// Round robin over all subtasks, from a random one on.
    Rebalance,
    /// Round robin over the subtasks that are local to this one.
    Rescale,
    /// To a random subtask.
    Shuffle,
    /// To every subtask.
    Broadcast,
    /// To subtask 0.
    Global,
    /// To the subtask that owns the key's key group.
    Hash,
    /// To the subtask that a partitioner of the user wrote into the key.
    Custom,
}

impl Partitioner {
    /// As Flink's plan shows it.
    pub fn ship_strategy(self) -> &'static str {
        match self {
            Partitioner::Forward => "FORWARD",
            Partitioner::Rebalance => "REBALANCE",
            Partitioner::Rescale => "RESCALE",
            Partitioner::Shuffle => "SHUFFLE",
            Partitioner::Broadcast => "BROADCAST",
            Partitioner::Global => "GLOBAL",
            Partitioner::Hash => "HASH",
            Partitioner::Custom => "CUSTOM",
        }
    }
}

/// What happens to a record that an operator refuses with `bad-record`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorPolicy {
    /// The task fails.
    #[default]
    Fail,
    /// The record is dropped and counted.
    Skip,
    /// The record and the message go to the operator's output `dead-letter`.
    DeadLetter,
}
