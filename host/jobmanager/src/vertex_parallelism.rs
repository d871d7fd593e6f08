//! The adaptive scheduler's decision: how many subtasks each vertex has on so many slots. Pure.
//!
//! Law: all or nothing. Either every vertex is within its bounds and the job's groups need no more
//! slots than there are, or nothing runs; more slots never give any vertex fewer subtasks.
//! Source: Flink, `SlotSharingSlotAllocator.determineParallelism`.

use std::collections::BTreeMap;

use sandbar_model::VertexId;
use sandbar_model::job_graph::{JobGraph, JobVertex, OperatorBody, OutputTarget, Partitioner};
use sandbar_model::plugin::OperatorKind;
use sandbar_rpc::ParallelismBounds;

/// Slots that would be used if there were enough: the sum over slot sharing groups of the largest
/// upper bound.
pub fn desired_slots(graph: &JobGraph, bounds: &[ParallelismBounds]) -> u32 {
    let groups = groups(graph, &tied(graph, bounds));
    groups.iter().fold(0, |sum, group| sum.saturating_add(group.upper))
}

/// Slots that the job needs at least: the sum over slot sharing groups of the largest lower bound.
pub fn least_slots(graph: &JobGraph, bounds: &[ParallelismBounds]) -> u32 {
    let groups = groups(graph, &tied(graph, bounds));
    groups.iter().fold(0, |sum, group| sum.saturating_add(group.lower))
}

/// The parallelism of each vertex in the order of the graph, on this many slots; none if they are
/// too few for the lower bounds.
///
/// Every group gets the slots of its largest lower bound. What is left goes one by one to the
/// group that got fewest of these and can use another; so one group's wishes starve no other's.
pub fn determine_parallelism(
    graph: &JobGraph,
    bounds: &[ParallelismBounds],
    slots: u32,
) -> Option<Vec<u32>> {
    let bounds = tied(graph, bounds);
    let mut groups = groups(graph, &bounds);
    let least: u32 = groups.iter().fold(0, |sum, group| sum.saturating_add(group.lower));
    share(&mut groups, slots.checked_sub(least)?);
    let slots_of = |group: &str| {
        let found = groups.iter().find(|known| known.name == group);
        found.map_or(0, |known| known.lower + known.extra)
    };
    let of_vertex = |(vertex, own): (&JobVertex, &ParallelismBounds)| {
        own.upper.min(slots_of(&vertex.slot_sharing_group))
    };
    let mut parallelism: Vec<u32> = graph.vertices.iter().zip(&bounds).map(of_vertex).collect();
    for tie in ties(graph) {
        let shared = tie.iter().map(|vertex| parallelism[vertex.index()]).min().unwrap_or(0);
        tie.iter().for_each(|vertex| parallelism[vertex.index()] = shared);
    }
    Some(parallelism)
}

/// Gives slots to groups, one by one to that which got fewest and can use another.
fn share(groups: &mut [Group<'_>], slots: u32) {
    for _ in 0..slots {
        let growing = groups.iter_mut().filter(|group| group.lower + group.extra < group.upper);
        let Some(next) = growing.min_by_key(|group| group.extra) else { return };
        next.extra += 1;
    }
}

/// The vertices that must have one parallelism, whose bounds leave none; empty if there are no
/// such.
pub fn contradictions(graph: &JobGraph, bounds: &[ParallelismBounds]) -> Vec<Vec<VertexId>> {
    let bounds = tied(graph, bounds);
    let is_empty = |vertex: &VertexId| {
        let of_vertex = bounds[vertex.index()];
        of_vertex.lower > of_vertex.upper
    };
    ties(graph).into_iter().filter(|tie| tie.iter().any(is_empty)).collect()
}

/// Whether it is worth a restart to run at other parallelism: some vertex shrinks, or grows by at
/// least `min_increase`. Source: Flink, `EnforceMinimalIncreaseRescalingController`.
pub fn is_worth_rescaling(graph: &JobGraph, target: &[u32], min_increase: u32) -> bool {
    graph.vertices.iter().zip(target).any(|(vertex, target)| {
        *target < vertex.parallelism || *target - vertex.parallelism >= min_increase.max(1)
    })
}

/// A job's graph with other parallelism. Everything else stays, the number of key groups above all.
///
/// A forward edge needs one parallelism at both ends; where these differ it deals records out to
/// the subtasks that are near, as rescale does. A partitioner of the user is told the parallelism
/// it chooses from. Source: Flink, `StreamTask.createRecordWriter`.
pub fn at_parallelism(submitted: &JobGraph, parallelism: &[u32]) -> JobGraph {
    let mut graph = submitted.clone();
    let of = |vertex: VertexId| parallelism.get(vertex.index()).copied().unwrap_or(0);
    for vertex in &mut graph.vertices {
        vertex.parallelism = of(vertex.id);
        for operator in &mut vertex.operators {
            let target =
                operator.outputs.iter().flat_map(|output| &output.targets).find_map(|target| {
                    match target {
                        OutputTarget::Edge(edge) => {
                            Some(submitted.edges.get(edge.0 as usize)?.target)
                        }
                        OutputTarget::Chained(_) => None,
                    }
                });
            if let OperatorBody::Plugin { kind: OperatorKind::Partitioner, partitions, .. } =
                &mut operator.body
                && let Some(target) = target
            {
                *partitions = of(target);
            }
        }
    }
    for edge in &mut graph.edges {
        if edge.partitioner == Partitioner::Forward && of(edge.source) != of(edge.target) {
            edge.partitioner = Partitioner::Rescale;
        }
    }
    graph
}

/// A slot sharing group, and the slots that it needs at least and can use at most.
struct Group<'a> {
    name: &'a str,
    lower: u32,
    upper: u32,
    /// Slots that it has beyond the lower bound.
    extra: u32,
}

fn groups<'a>(graph: &'a JobGraph, bounds: &[ParallelismBounds]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (vertex, own) in graph.vertices.iter().zip(bounds) {
        let name = vertex.slot_sharing_group.as_str();
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => {
                group.lower = group.lower.max(own.lower);
                group.upper = group.upper.max(own.upper);
            }
            None => groups.push(Group { name, lower: own.lower, upper: own.upper, extra: 0 }),
        }
    }
    groups
}

/// Bounds with those of vertices that must have one parallelism cut to what they share.
fn tied(graph: &JobGraph, bounds: &[ParallelismBounds]) -> Vec<ParallelismBounds> {
    let mut tied = bounds.to_vec();
    for tie in ties(graph) {
        let of_tie = || tie.iter().map(|vertex| bounds[vertex.index()]);
        let lower = of_tie().map(|own| own.lower).max().unwrap_or(1);
        let upper = of_tie().map(|own| own.upper).min().unwrap_or(1);
        tie.iter().for_each(|vertex| tied[vertex.index()] = ParallelismBounds { lower, upper });
    }
    tied
}

/// Vertices that must have one parallelism: those that one partitioner of the user chooses from,
/// since it chooses once for all of them. A vertex that several choose from ties them together.
fn ties(graph: &JobGraph) -> Vec<Vec<VertexId>> {
    let mut first: BTreeMap<VertexId, VertexId> = BTreeMap::new();
    let edges = || graph.edges.iter().filter(|edge| edge.partitioner == Partitioner::Custom);
    let operators = graph.vertices.iter().flat_map(|vertex| &vertex.operators);
    for operator in operators.filter(|operator| is_partitioner(&operator.body)) {
        let targets = operator.outputs.iter().flat_map(|output| &output.targets);
        let chosen: Vec<VertexId> = edges()
            .filter(|edge| targets.clone().any(|target| *target == OutputTarget::Edge(edge.id)))
            .map(|edge| edge.target)
            .collect();
        let known = |vertex: &VertexId| first.get(vertex).copied().unwrap_or(*vertex);
        let joined: Vec<VertexId> = chosen.iter().map(known).collect();
        let Some(least) = joined.iter().min() else { continue };
        first.extend(chosen.iter().map(|vertex| (*vertex, *least)));
        first.values_mut().filter(|of| joined.contains(of)).for_each(|of| *of = *least);
    }
    let mut ties: BTreeMap<VertexId, Vec<VertexId>> = BTreeMap::new();
    for (vertex, least) in first {
        ties.entry(least).or_default().push(vertex);
    }
    ties.into_values().filter(|tie| tie.len() > 1).collect()
}

fn is_partitioner(body: &OperatorBody) -> bool {
    match body {
        OperatorBody::Plugin { kind, .. } => *kind == OperatorKind::Partitioner,
        OperatorBody::Source(_) | OperatorBody::Sink(_) | OperatorBody::Key(_) => false,
    }
}

#[cfg(test)]
mod tests;
