//! What only the whole graph can tell: cycles, and slot sharing groups that are inherited.

use super::nodes::DEFAULT_SLOT_SHARING_GROUP;
use super::{Builder, Draft};
use crate::error::WiringProblem;
use crate::stream_graph::StreamEdge;

/// How far the search for cycles is with a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    NotYet,
    Entered,
    Left,
}

impl Builder<'_> {
    /// Names every cycle that a search from each node runs into; without one, hands slot sharing
    /// groups on from inputs to consumers.
    pub(super) fn order(&mut self, drafts: &mut [Draft<'_>], edges: &[StreamEdge]) {
        let mut consumers = vec![Vec::new(); drafts.len()];
        let mut producers = vec![Vec::new(); drafts.len()];
        for edge in edges {
            consumers[edge.source].push(edge.target);
            producers[edge.target].push(edge.source);
        }
        let (order, cycles) = search(&consumers);
        for cycle in &cycles {
            let uids = cycle.iter().map(|node| drafts[*node].node.uid.clone()).collect();
            let path = drafts[cycle[0]].path.clone();
            self.error(&path, WiringProblem::Cycle { uids });
        }
        if !cycles.is_empty() {
            return;
        }
        for node in order {
            if !drafts[node].has_own_slot_sharing_group {
                drafts[node].node.slot_sharing_group = inherited(&producers[node], drafts);
            }
        }
    }
}

/// The group of all inputs if they agree, else the default one. Source: Flink's
/// `StreamGraphGenerator.determineSlotSharingGroup`.
fn inherited(producers: &[usize], drafts: &[Draft<'_>]) -> String {
    let mut groups = producers.iter().map(|node| drafts[*node].node.slot_sharing_group.as_str());
    let group = match groups.next() {
        Some(first) if groups.all(|group| group == first) => first,
        Some(_) | None => DEFAULT_SLOT_SHARING_GROUP,
    };
    group.to_owned()
}

/// A topological order, and the cycles: each by its nodes, the first repeated at the end.
/// Without recursion, since jobs may be long.
fn search(consumers: &[Vec<usize>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut visits = vec![Visit::NotYet; consumers.len()];
    let mut order = Vec::with_capacity(consumers.len());
    let mut cycles = Vec::new();
    for start in 0..consumers.len() {
        if visits[start] != Visit::NotYet {
            continue;
        }
        visits[start] = Visit::Entered;
        let mut path = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            let Some(consumer) = consumers[node].get(*next).copied() else {
                visits[node] = Visit::Left;
                order.push(node);
                path.pop();
                continue;
            };
            *next += 1;
            match visits[consumer] {
                Visit::NotYet => {
                    visits[consumer] = Visit::Entered;
                    path.push((consumer, 0));
                }
                Visit::Entered => {
                    let nodes = path.iter().map(|(entered, _)| *entered);
                    let mut cycle: Vec<usize> = nodes.skip_while(|it| *it != consumer).collect();
                    cycle.push(consumer);
                    cycles.push(cycle);
                }
                Visit::Left => {}
            }
        }
    }
    order.reverse();
    (order, cycles)
}
