//! Builds a StreamGraph out of a JobSpec: first the nodes with their settings, then the edges
//! between them, then what only the whole graph can tell. Goes on after an error, so that all
//! are found at once.

mod config;
mod edges;
mod event_time;
mod formats;
mod keys;
mod nodes;
mod order;
mod parallelism;
mod references;

use std::collections::BTreeMap;

use sandbar_model::plugin::OperatorKind;

use crate::catalog::{Catalog, GraphSettings};
use crate::error::{self, GraphError, Problem, ReferenceProblem, WiringProblem};
use crate::place::Places;
use crate::spec::{InputSpec, JobSpec};
use crate::stream_graph::{NodeBody, StreamGraph, StreamNode};

/// Builds the graph of a job.
///
/// # Errors
/// Everything that is wrong with the job, in the order of the places.
pub(crate) fn stream_graph(
    spec: &JobSpec,
    places: &Places,
    catalog: &dyn Catalog,
    settings: &GraphSettings,
) -> Result<StreamGraph, Vec<GraphError>> {
    let mut builder = Builder {
        spec,
        places,
        catalog,
        settings: *settings,
        errors: Vec::new(),
        uids: BTreeMap::new(),
    };
    if spec.name.is_empty() {
        builder.error("name", ReferenceProblem::Empty { what: "name" });
    }
    builder.check_job_parallelism();
    let mut drafts = builder.drafts();
    if spec.sources.is_empty() {
        builder.error("", WiringProblem::NoSources);
    }
    let edges = builder.edges(&drafts);
    builder.order(&mut drafts, &edges);
    let mut paths = Vec::new();
    if builder.errors.is_empty() {
        let graph = StreamGraph {
            name: spec.name.clone(),
            configuration: spec
                .configuration
                .iter()
                .map(|(key, value)| (key.clone(), value.to_string()))
                .collect(),
            arguments: spec.arguments.clone(),
            chaining_enabled: settings.chaining_enabled,
            chain_different_max_parallelism: settings.chain_different_max_parallelism,
            nodes: drafts
                .into_iter()
                .map(|draft| {
                    paths.push(draft.path);
                    draft.node
                })
                .collect(),
            edges,
        };
        builder.check_alignment(&graph, &paths);
        if builder.errors.is_empty() {
            return Ok(graph);
        }
    }
    Err(error::in_text_order(builder.errors))
}

/// What building needs at every step.
struct Builder<'a> {
    spec: &'a JobSpec,
    places: &'a Places,
    catalog: &'a dyn Catalog,
    settings: GraphSettings,
    errors: Vec<GraphError>,
    /// Index of each uid's node.
    uids: BTreeMap<String, usize>,
}

impl Builder<'_> {
    fn error(&mut self, path: &str, problem: impl Into<Problem>) {
        let place = self.places.place(path);
        self.errors.push(GraphError { place, problem: problem.into() });
    }
}

/// A node while its graph is built.
struct Draft<'a> {
    node: StreamNode,
    /// Where it is written, such as `operators[2]`.
    path: String,
    inputs: &'a [InputSpec],
    takes: Takes,
    /// Whether its outputs are known; not so after an error in its plugin or connector.
    is_known: bool,
    has_own_slot_sharing_group: bool,
}

impl Draft<'_> {
    /// The plugin whose compact formats it understands.
    fn plugin(&self) -> Option<&str> {
        match &self.node.body {
            NodeBody::Operator { plugin, .. } => Some(plugin),
            NodeBody::Source(_) | NodeBody::Sink(_) => None,
        }
    }
}

/// What a node takes at its inputs.
enum Takes {
    /// A source takes nothing.
    Nothing,
    /// Not known, after an error in its plugin or connector.
    Unknown,
    /// The formats of an operator's inputs.
    Inputs { kind: OperatorKind, formats: Vec<String> },
    /// A sink has one input, of any of these formats.
    AnyOf(Vec<String>),
}

/// What an input asks of the partitioner in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// Any will do.
    Nothing,
    /// A key, and hash.
    Keys,
    /// Broadcast, without a key.
    Broadcast,
}

impl Takes {
    /// Number of inputs, where it is known.
    fn inputs(&self) -> Option<u32> {
        match self {
            Takes::Nothing => Some(0),
            Takes::Unknown => None,
            Takes::Inputs { kind, .. } => Some(kind.inputs()),
            Takes::AnyOf(_) => Some(1),
        }
    }

    /// What the input asks of the partitioner in front of it.
    fn asks(&self, input: u32) -> Asks {
        match self {
            Takes::Inputs { kind, .. } if kind.is_broadcast_input(input) => Asks::Broadcast,
            Takes::Inputs { kind, .. } if kind.is_keyed_input(input) => Asks::Keys,
            Takes::Inputs { .. } | Takes::Nothing | Takes::Unknown | Takes::AnyOf(_) => {
                Asks::Nothing
            }
        }
    }

    /// Formats that one input takes; none where that is not known.
    fn formats(&self, input: u32) -> Option<&[String]> {
        match self {
            Takes::Nothing | Takes::Unknown => None,
            Takes::Inputs { formats, .. } => formats.get(input as usize).map(std::slice::from_ref),
            Takes::AnyOf(formats) => Some(formats),
        }
    }
}

/// The name of a kind, as the contract writes it.
fn kind_name(kind: OperatorKind) -> &'static str {
    match kind {
        OperatorKind::Process => "process",
        OperatorKind::KeyedProcess => "keyed-process",
        OperatorKind::TwoInputProcess => "two-input-process",
        OperatorKind::KeyedTwoInputProcess => "keyed-two-input-process",
        OperatorKind::KeyedBroadcastProcess => "keyed-broadcast-process",
        OperatorKind::KeySelector => "key-selector",
        OperatorKind::Partitioner => "partitioner",
    }
}
