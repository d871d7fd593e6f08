//! Cuts a graph into chains and puts them in topological order.

use std::collections::BTreeSet;

use crate::chaining::{ChainingResult, chaining_decisions};
use crate::stream_graph::StreamGraph;

/// All chains of a graph.
pub(super) struct Chains {
    /// In topological order; among those that could be next, in the order they are written.
    pub(super) list: Vec<Chain>,
    /// The chain of each node.
    pub(super) chain_of: Vec<usize>,
    /// The edges into each node, in the order of its inputs.
    pub(super) edges_into: Vec<Vec<usize>>,
    /// The edges out of each node.
    pub(super) edges_out_of: Vec<Vec<usize>>,
    /// For each node, the nodes chained behind it.
    chained: Vec<Vec<usize>>,
}

/// The nodes of a chain, each behind the one it is chained to; the head first.
pub(super) struct Chain {
    pub(super) nodes: Vec<usize>,
}

impl Chain {
    pub(super) fn head(&self) -> usize {
        self.nodes[0]
    }

    pub(super) fn position(&self, node: usize) -> usize {
        let found = self.nodes.iter().position(|it| *it == node);
        found.expect("an edge that is not between chains stays in one")
    }
}

impl Chains {
    pub(super) fn of(graph: &StreamGraph) -> Chains {
        let nodes = graph.nodes.len();
        let mut edges_into = vec![Vec::new(); nodes];
        let mut edges_out_of = vec![Vec::new(); nodes];
        let mut chained = vec![Vec::new(); nodes];
        let mut is_head = vec![true; nodes];
        for (index, decision) in chaining_decisions(graph).iter().enumerate() {
            let edge = &graph.edges[index];
            edges_into[edge.target].push(index);
            edges_out_of[edge.source].push(index);
            if decision.result == ChainingResult::Chained {
                chained[edge.source].push(edge.target);
                is_head[edge.target] = false;
            }
        }
        let mut chains = Chains {
            list: Vec::new(),
            chain_of: vec![0; nodes],
            edges_into,
            edges_out_of,
            chained,
        };
        // A chain's other nodes are reached through its head, so heads in topological order are
        // their chains in topological order.
        for head in chains.topological_order(graph).into_iter().filter(|node| is_head[*node]) {
            let chain = Chain { nodes: chains.reach(head) };
            for node in &chain.nodes {
                chains.chain_of[*node] = chains.list.len();
            }
            chains.list.push(chain);
        }
        chains
    }

    /// The name of the chain from a node on. Source: Flink's
    /// `StreamingJobGraphGenerator.createChainedName`.
    pub(super) fn name(&self, graph: &StreamGraph, head: usize) -> String {
        // Nodes still to be named, and what goes between them, the next one last.
        let mut pending = vec![Part::Node(head)];
        let mut name = String::new();
        while let Some(part) = pending.pop() {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Node(node) => {
                    name.push_str(&graph.nodes[node].display_name());
                    push_branches(&self.chained[node], &mut pending);
                }
            }
        }
        name
    }

    /// A node and all that is chained behind it, each behind the one it is chained to.
    fn reach(&self, head: usize) -> Vec<usize> {
        let mut nodes = Vec::new();
        let mut pending = vec![head];
        while let Some(node) = pending.pop() {
            nodes.push(node);
            pending.extend(self.chained[node].iter().rev());
        }
        nodes
    }

    fn topological_order(&self, graph: &StreamGraph) -> Vec<usize> {
        let mut missing: Vec<usize> = self.edges_into.iter().map(Vec::len).collect();
        let mut ready: BTreeSet<usize> =
            (0..missing.len()).filter(|node| missing[*node] == 0).collect();
        let mut order = Vec::with_capacity(missing.len());
        while let Some(node) = ready.pop_first() {
            order.push(node);
            for edge in &self.edges_out_of[node] {
                let target = graph.edges[*edge].target;
                missing[target] -= 1;
                if missing[target] == 0 {
                    ready.insert(target);
                }
            }
        }
        order
    }
}

enum Part {
    Node(usize),
    Text(&'static str),
}

fn push_branches(branches: &[usize], pending: &mut Vec<Part>) {
    match branches {
        [] => {}
        [only] => pending.extend([Part::Node(*only), Part::Text(" -> ")]),
        [first, rest @ ..] => {
            pending.push(Part::Text(")"));
            for node in rest.iter().rev() {
                pending.extend([Part::Node(*node), Part::Text(", ")]);
            }
            pending.extend([Part::Node(*first), Part::Text(" -> (")]);
        }
    }
}
