//! From StreamGraph to JobGraph: chains become vertices, and keys become hidden operators at the
//! end of the chain before the edge, one for each output and key.

mod chains;

use std::collections::BTreeMap;

use sandbar_model::VertexId;
use sandbar_model::job_graph::{
    EdgeId, ErrorPolicy, JobEdge, JobGraph, JobVertex, KeyRule, OperatorBody, OperatorNode, Output,
    OutputTarget, Partitioner,
};
use sandbar_model::plugin::OperatorKind;

use crate::catalog::{Catalog, GraphSettings};
use crate::error::GraphError;
use crate::job_graph::chains::{Chain, Chains};
use crate::place::Places;
use crate::spec::{DEAD_LETTER_OUTPUT, JobSpec, MAIN_OUTPUT, SELF_PLUGIN};
use crate::stream_graph::{EdgeKey, NodeBody, StreamEdge, StreamGraph, StreamNode};

/// Builds the graph of a job and chains it.
///
/// # Errors
/// Everything that is wrong with the job.
pub fn compile(
    spec: &JobSpec,
    places: &Places,
    catalog: &dyn Catalog,
    settings: &GraphSettings,
) -> Result<JobGraph, Vec<GraphError>> {
    StreamGraph::build(spec, places, catalog, settings).map(|graph| job_graph(&graph))
}

/// Chains a graph.
pub fn job_graph(graph: &StreamGraph) -> JobGraph {
    let chains = Chains::of(graph);
    let mut edges = Vec::new();
    // For each stream edge between two vertices, its edge of the job.
    let mut ids = BTreeMap::new();
    for (target, chain) in chains.list.iter().enumerate() {
        for index in &chains.edges_into[chain.head()] {
            let edge = &graph.edges[*index];
            let id = EdgeId(edges.len() as u32);
            ids.insert(*index, id);
            edges.push(JobEdge {
                id,
                source: VertexId(chains.chain_of[edge.source] as u32),
                target: VertexId(target as u32),
                input: edge.input,
                partitioner: edge.partitioner,
            });
        }
    }
    let vertex = |(index, chain): (usize, &Chain)| {
        let mut operators = Operators { graph, chains: &chains, ids: &ids, hidden: Vec::new() };
        vertex(VertexId(index as u32), chain, &mut operators)
    };
    let vertices = chains.list.iter().enumerate().map(vertex).collect();
    JobGraph {
        name: graph.name.clone(),
        configuration: graph.configuration.clone(),
        arguments: graph.arguments.clone(),
        vertices,
        edges,
    }
}

fn vertex(id: VertexId, chain: &Chain, operators: &mut Operators<'_>) -> JobVertex {
    let visible: Vec<OperatorNode> =
        chain.nodes.iter().map(|node| operators.visible(*node, chain)).collect();
    let hidden = operators.hidden.iter().enumerate();
    let hidden = hidden.map(|(number, hidden)| operators.hidden_operator(number, hidden));
    let head = &operators.graph.nodes[chain.head()];
    JobVertex {
        id,
        name: operators.chains.name(operators.graph, chain.head()),
        parallelism: head.parallelism,
        max_parallelism: head.max_parallelism,
        slot_sharing_group: head.slot_sharing_group.clone(),
        operators: visible.into_iter().chain(hidden).collect(),
    }
}

/// A key selector or partitioner behind an output.
struct Hidden<'a> {
    source: usize,
    output: usize,
    key: &'a EdgeKey,
    /// For a partitioner: the parallelism that it chooses from. Else 0.
    partitions: u32,
    /// What happens to a record that has no key, by the operators that read the edges.
    on_error: ErrorPolicy,
    targets: Vec<OutputTarget>,
}

impl Hidden<'_> {
    fn is_for(&self, edge: &StreamEdge, partitions: u32, on_error: ErrorPolicy) -> bool {
        (self.source, self.output, self.partitions) == (edge.source, edge.output, partitions)
            && Some(self.key) == edge.key.as_ref()
            && self.on_error == on_error
    }
}

/// The operators of one chain while they are made.
struct Operators<'a> {
    graph: &'a StreamGraph,
    chains: &'a Chains,
    ids: &'a BTreeMap<usize, EdgeId>,
    hidden: Vec<Hidden<'a>>,
}

impl<'a> Operators<'a> {
    fn visible(&mut self, node: usize, chain: &Chain) -> OperatorNode {
        let graph = self.graph;
        let StreamNode { uid, name, on_error, outputs, .. } = &graph.nodes[node];
        let mut outputs: Vec<Output> = outputs
            .iter()
            .map(|port| Output { name: port.name.clone(), targets: Vec::new() })
            .collect();
        if let Some(main) = outputs.first_mut() {
            main.name = MAIN_OUTPUT.to_owned();
        }
        for index in &self.chains.edges_out_of[node] {
            let edge = &graph.edges[*index];
            let target = self.target(*index, edge, chain);
            let targets = &mut outputs[edge.output].targets;
            // Edges with one key share one hidden operator.
            let is_shared = edge.key.is_some() && targets.contains(&target);
            if !is_shared {
                targets.push(target);
            }
        }
        let dead_letters = outputs.iter().rposition(|output| output.name == DEAD_LETTER_OUTPUT);
        let has_dead_letters = *on_error == ErrorPolicy::DeadLetter;
        OperatorNode {
            uid: uid.clone(),
            name: name.clone(),
            body: body(&graph.nodes[node].body),
            outputs,
            on_error: *on_error,
            dead_letter_output: dead_letters.filter(|_| has_dead_letters).map(|at| at as u32),
            watermarks: graph.nodes[node].watermarks.clone(),
        }
    }

    /// Where an edge leads to within the chain or out of it.
    fn target(&mut self, index: usize, edge: &'a StreamEdge, chain: &Chain) -> OutputTarget {
        let Some(id) = self.ids.get(&index) else {
            return OutputTarget::Chained(chain.position(edge.target));
        };
        let exit = OutputTarget::Edge(*id);
        let Some(key) = &edge.key else {
            return exit;
        };
        let partitions = match edge.partitioner {
            Partitioner::Custom => self.graph.nodes[edge.target].parallelism,
            Partitioner::Forward
            | Partitioner::Rebalance
            | Partitioner::Rescale
            | Partitioner::Shuffle
            | Partitioner::Broadcast
            | Partitioner::Global
            | Partitioner::Hash => 0,
        };
        let on_error = self.policy(edge, key);
        let is_for = |hidden: &Hidden<'_>| hidden.is_for(edge, partitions, on_error);
        let known = self.hidden.iter().position(is_for);
        let position = match known {
            Some(position) => {
                self.hidden[position].targets.push(exit);
                position
            }
            None => {
                let (source, output, targets) = (edge.source, edge.output, vec![exit]);
                self.hidden.push(Hidden { source, output, key, partitions, on_error, targets });
                self.hidden.len() - 1
            }
        };
        OutputTarget::Chained(chain.nodes.len() + position)
    }

    /// What happens to a record without a key: as the operator says that reads the edge. With a
    /// policy, a selector is no longer fused to the operator in front of it, so there is none
    /// where every record has a key: the value itself, or what a job's own closure makes of it.
    fn policy(&self, edge: &StreamEdge, key: &EdgeKey) -> ErrorPolicy {
        let is_own = |plugin: &str| plugin == SELF_PLUGIN;
        let from_own = match &self.graph.nodes[edge.source].body {
            NodeBody::Operator { plugin, .. } => is_own(plugin),
            NodeBody::Source(_) | NodeBody::Sink(_) => false,
        };
        match key {
            EdgeKey::Rule(KeyRule::Value) => ErrorPolicy::Fail,
            EdgeKey::Selector { plugin, kind: OperatorKind::KeySelector, .. }
                if from_own && is_own(plugin) =>
            {
                ErrorPolicy::Fail
            }
            EdgeKey::Rule(KeyRule::Json(_) | KeyRule::Bytes { .. }) | EdgeKey::Selector { .. } => {
                self.graph.nodes[edge.target].on_error
            }
        }
    }

    /// The operator of a key. Its uid contains a dot, so no operator of the user has it.
    fn hidden_operator(&self, number: usize, hidden: &Hidden<'_>) -> OperatorNode {
        let source = &self.graph.nodes[hidden.source];
        let label = hidden.key.label();
        let (role, body) = match hidden.key {
            EdgeKey::Rule(rule) => ("key by", OperatorBody::Key(rule.clone())),
            EdgeKey::Selector { plugin, operator, kind } => {
                let body = OperatorBody::Plugin {
                    plugin: plugin.clone(),
                    operator: operator.clone(),
                    kind: *kind,
                    config: String::new(),
                    partitions: hidden.partitions,
                };
                (if hidden.partitions > 0 { "partition by" } else { "key by" }, body)
            }
        };
        OperatorNode {
            uid: format!("{}.key-{number}", source.uid),
            name: format!("{role} {label}"),
            body,
            outputs: vec![Output { name: MAIN_OUTPUT.to_owned(), targets: hidden.targets.clone() }],
            on_error: hidden.on_error,
            dead_letter_output: None,
            watermarks: None,
        }
    }
}

fn body(body: &NodeBody) -> OperatorBody {
    match body {
        NodeBody::Source(connector) => OperatorBody::Source(connector.clone()),
        NodeBody::Sink(connector) => OperatorBody::Sink(connector.clone()),
        NodeBody::Operator { plugin, operator, kind, config } => OperatorBody::Plugin {
            plugin: plugin.clone(),
            operator: operator.clone(),
            kind: *kind,
            config: config.clone(),
            partitions: 0,
        },
    }
}
