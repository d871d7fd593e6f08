//! Which operators run in one chain. The rules are Flink's, to the letter
//! (`StreamingJobGraphGenerator.isChainable`, `isChainableInput`, `areOperatorsChainable`), less
//! those about things that do not exist here: operator factories, yielding operators, legacy
//! sources, batch exchanges and HEAD_WITH_SOURCES.

use std::collections::BTreeMap;
use std::fmt;

use sandbar_model::job_graph::Partitioner;

use crate::spec::Chaining;
use crate::stream_graph::{StreamEdge, StreamGraph};

/// What becomes of one edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainingDecision {
    /// Uid of the operator before it.
    pub upstream: String,
    /// Name of that operator's output.
    pub output: String,
    /// Uid of the operator after it.
    pub downstream: String,
    /// Whether the two are chained, and if not, why.
    pub result: ChainingResult,
}

/// Whether two operators are chained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainingResult {
    /// They are.
    Chained,
    /// They are not, for all of these reasons.
    Refused(Vec<ChainingRefusal>),
}

/// A rule that an edge breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainingRefusal {
    /// The downstream operator has several input edges.
    MoreThanOneInput {
        /// How many.
        inputs: usize,
    },
    /// Another edge feeds the same input of the downstream operator.
    Union {
        /// Number of the input.
        input: u32,
    },
    /// `pipeline.operator-chaining.enabled` is false.
    ChainingDisabled,
    /// They are in different slot sharing groups.
    DifferentSlotSharingGroup {
        /// Group of the upstream operator.
        upstream: String,
        /// Group of the downstream operator.
        downstream: String,
    },
    /// The upstream operator has `chaining = "never"`.
    UpstreamNever,
    /// The downstream operator has `chaining = "never"`.
    DownstreamNever,
    /// The downstream operator has `chaining = "head"`.
    DownstreamHead,
    /// Records may have to go to another subtask.
    PartitionerNotForward {
        /// The partitioner.
        partitioner: Partitioner,
    },
    /// They have different parallelism.
    DifferentParallelism {
        /// Parallelism of the upstream operator.
        upstream: u32,
        /// Parallelism of the downstream operator.
        downstream: u32,
    },
    /// They have different max parallelism, and
    /// `pipeline.operator-chaining.chain-operators-with-different-max-parallelism` is false.
    DifferentMaxParallelism {
        /// Max parallelism of the upstream operator.
        upstream: u32,
        /// Max parallelism of the downstream operator.
        downstream: u32,
    },
}

impl ChainingRefusal {
    /// The name of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            ChainingRefusal::MoreThanOneInput { .. } => "more-than-one-input",
            ChainingRefusal::Union { .. } => "union",
            ChainingRefusal::ChainingDisabled => "chaining-disabled",
            ChainingRefusal::DifferentSlotSharingGroup { .. } => "different-slot-sharing-group",
            ChainingRefusal::UpstreamNever => "upstream-never",
            ChainingRefusal::DownstreamNever => "downstream-never",
            ChainingRefusal::DownstreamHead => "downstream-head",
            ChainingRefusal::PartitionerNotForward { .. } => "partitioner-not-forward",
            ChainingRefusal::DifferentParallelism { .. } => "different-parallelism",
            ChainingRefusal::DifferentMaxParallelism { .. } => "different-max-parallelism",
        }
    }
}

/// A sentence without its full stop.
impl fmt::Display for ChainingRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainingRefusal::MoreThanOneInput { inputs } => {
                write!(f, "the downstream operator has {inputs} input edges")
            }
            ChainingRefusal::Union { input } => {
                write!(f, "another edge feeds input {input} of the downstream operator too")
            }
            ChainingRefusal::ChainingDisabled => {
                f.write_str("pipeline.operator-chaining.enabled is false")
            }
            ChainingRefusal::DifferentSlotSharingGroup { upstream, downstream } => {
                write!(f, "the slot sharing groups differ: `{upstream}` and `{downstream}`")
            }
            ChainingRefusal::UpstreamNever => {
                f.write_str("the upstream operator has chaining = \"never\"")
            }
            ChainingRefusal::DownstreamNever => {
                f.write_str("the downstream operator has chaining = \"never\"")
            }
            ChainingRefusal::DownstreamHead => {
                f.write_str("the downstream operator has chaining = \"head\"")
            }
            ChainingRefusal::PartitionerNotForward { partitioner } => {
                write!(f, "the partitioner is {}, not FORWARD", partitioner.ship_strategy())
            }
            ChainingRefusal::DifferentParallelism { upstream, downstream } => {
                write!(f, "the parallelism differs: {upstream} and {downstream}")
            }
            ChainingRefusal::DifferentMaxParallelism { upstream, downstream } => write!(
                f,
                "the max parallelism differs: {upstream} and {downstream}, and \
                 pipeline.operator-chaining.chain-operators-with-different-max-parallelism is false"
            ),
        }
    }
}

/// What becomes of every edge, in the order of the graph's edges.
pub fn chaining_decisions(graph: &StreamGraph) -> Vec<ChainingDecision> {
    let fan_in = FanIn::of(graph);
    let decide = |edge: &StreamEdge| {
        let refusals = refusals(graph, edge, &fan_in);
        let source = &graph.nodes[edge.source];
        ChainingDecision {
            upstream: source.uid.clone(),
            output: source.outputs[edge.output].name.clone(),
            downstream: graph.nodes[edge.target].uid.clone(),
            result: if refusals.is_empty() {
                ChainingResult::Chained
            } else {
                ChainingResult::Refused(refusals)
            },
        }
    };
    graph.edges.iter().map(decide).collect()
}

/// How many edges feed each node, and each input of it.
#[derive(Default)]
struct FanIn {
    nodes: BTreeMap<usize, usize>,
    inputs: BTreeMap<(usize, u32), usize>,
}

impl FanIn {
    fn of(graph: &StreamGraph) -> FanIn {
        let mut fan_in = FanIn::default();
        for edge in &graph.edges {
            *fan_in.nodes.entry(edge.target).or_default() += 1;
            *fan_in.inputs.entry((edge.target, edge.input)).or_default() += 1;
        }
        fan_in
    }
}

fn refusals(graph: &StreamGraph, edge: &StreamEdge, fan_in: &FanIn) -> Vec<ChainingRefusal> {
    let (source, target) = (&graph.nodes[edge.source], &graph.nodes[edge.target]);
    let mut refusals = Vec::new();
    let inputs = fan_in.nodes[&edge.target];
    if inputs > 1 {
        refusals.push(ChainingRefusal::MoreThanOneInput { inputs });
    }
    if fan_in.inputs[&(edge.target, edge.input)] > 1 {
        refusals.push(ChainingRefusal::Union { input: edge.input });
    }
    if !graph.chaining_enabled {
        refusals.push(ChainingRefusal::ChainingDisabled);
    }
    if source.slot_sharing_group != target.slot_sharing_group {
        refusals.push(ChainingRefusal::DifferentSlotSharingGroup {
            upstream: source.slot_sharing_group.clone(),
            downstream: target.slot_sharing_group.clone(),
        });
    }
    if source.chaining == Chaining::Never {
        refusals.push(ChainingRefusal::UpstreamNever);
    }
    match target.chaining {
        Chaining::Always => {}
        Chaining::Head => refusals.push(ChainingRefusal::DownstreamHead),
        Chaining::Never => refusals.push(ChainingRefusal::DownstreamNever),
    }
    if edge.partitioner != Partitioner::Forward {
        let partitioner = edge.partitioner;
        refusals.push(ChainingRefusal::PartitionerNotForward { partitioner });
    }
    if source.parallelism != target.parallelism {
        refusals.push(ChainingRefusal::DifferentParallelism {
            upstream: source.parallelism,
            downstream: target.parallelism,
        });
    }
    let differ = source.max_parallelism != target.max_parallelism;
    if differ && !graph.chain_different_max_parallelism {
        refusals.push(ChainingRefusal::DifferentMaxParallelism {
            upstream: source.max_parallelism,
            downstream: target.max_parallelism,
        });
    }
    refusals
}
