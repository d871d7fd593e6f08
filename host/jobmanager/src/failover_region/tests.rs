//! Regions of small jobs, and their law for random ones.

use Partitioner::{Forward, Hash, Rescale};
use proptest::prelude::*;

use super::*;
use crate::testing::{graph, task};

fn check_regions(
    parallelisms: &[u32],
    edges: &[(u32, u32, Partitioner)],
    expected: &[&[(u32, u32)]],
) {
    let vertices: Vec<_> = parallelisms.iter().map(|p| (*p, "default")).collect();
    let regions = FailoverRegions::of(&graph(&vertices, edges), FailoverStrategy::Region);
    let expected: Vec<Vec<TaskRef>> =
        expected.iter().map(|tasks| tasks.iter().map(|(v, s)| task(*v, *s)).collect()).collect();
    assert_eq!(regions.regions, expected, "{parallelisms:?} {edges:?}");
}

#[test]
fn forward_connects_subtasks_of_one_index() {
    check_regions(&[2, 2], &[(0, 1, Forward)], &[&[(0, 0), (1, 0)], &[(0, 1), (1, 1)]]);
    check_regions(&[2, 1], &[], &[&[(0, 0)], &[(0, 1)], &[(1, 0)]]);
    check_regions(&[], &[], &[]);
}

#[test]
fn rescale_connects_groups_of_subtasks() {
    let halves: &[&[(u32, u32)]] = &[&[(0, 0), (1, 0), (1, 1)], &[(0, 1), (1, 2), (1, 3)]];
    check_regions(&[2, 4], &[(0, 1, Rescale)], halves);
    let pairs: &[&[(u32, u32)]] = &[&[(0, 0), (0, 1), (1, 0)], &[(0, 2), (0, 3), (1, 1)]];
    check_regions(&[4, 2], &[(0, 1, Rescale)], pairs);
}

#[test]
fn all_to_all_connects_everything() {
    check_regions(&[2, 2], &[(0, 1, Hash)], &[&[(0, 0), (0, 1), (1, 0), (1, 1)]]);
    // The subtasks of a forward edge meet behind it.
    check_regions(
        &[2, 2, 1],
        &[(0, 1, Forward), (1, 2, Hash)],
        &[&[(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]],
    );
}

#[test]
fn a_failure_restarts_its_region_or_everything() {
    let graph = graph(&[(2, "a"), (2, "a")], &[(0, 1, Forward)]);
    let restarted =
        |strategy, failed| FailoverRegions::of(&graph, strategy).tasks_to_restart(failed).to_vec();
    assert_eq!(restarted(FailoverStrategy::Region, task(1, 1)), [task(0, 1), task(1, 1)]);
    let all = [task(0, 0), task(0, 1), task(1, 0), task(1, 1)];
    assert_eq!(restarted(FailoverStrategy::Full, task(1, 1)), all);
    assert_eq!(restarted(FailoverStrategy::Full, task(7, 0)), []);
}

fn partitioner() -> impl Strategy<Value = Partitioner> {
    prop_oneof![Just(Rescale), Just(Rescale), Just(Hash), Just(Partitioner::Broadcast)]
}

/// Subtasks that an edge connects, from the definition: Flink's wiring seen from upstream.
fn is_connected(edge: &JobEdge, graph: &JobGraph, source: u32, target: u32) -> bool {
    let (sources, targets) = (
        graph.vertices[edge.source.index()].parallelism,
        graph.vertices[edge.target.index()].parallelism,
    );
    let up = |index: u32| (index * targets).div_ceil(sources);
    match edge.partitioner {
        Rescale if sources < targets => (up(source)..up(source + 1)).contains(&target),
        Rescale => up(source + 1) - 1 == target,
        Forward => source == target,
        Hash
        | Partitioner::Rebalance
        | Partitioner::Shuffle
        | Partitioner::Broadcast
        | Partitioner::Global
        | Partitioner::Custom => true,
    }
}

proptest! {
    #[test]
    fn no_record_leaves_its_region(
        parallelisms in proptest::collection::vec(1..9_u32, 2..6),
        drawn in proptest::collection::vec((0..5_u32, 0..5_u32, partitioner()), 0..6),
    ) {
        let vertices: Vec<_> = parallelisms.iter().map(|p| (*p, "default")).collect();
        let count = vertices.len() as u32;
        let edges: Vec<_> =
            drawn.into_iter().filter(|(a, b, _)| a < b && *b < count).collect();
        let graph = graph(&vertices, &edges);
        let regions = FailoverRegions::of(&graph, FailoverStrategy::Region);
        // Regions found by flooding from every subtask along what is connected.
        let mut flooded: BTreeMap<TaskRef, TaskRef> = tasks_of(&graph).map(|t| (t, t)).collect();
        loop {
            let before = flooded.clone();
            for edge in &graph.edges {
                for source in 0..graph.vertices[edge.source.index()].parallelism {
                    for target in 0..graph.vertices[edge.target.index()].parallelism {
                        if is_connected(edge, &graph, source, target) {
                            let ends = [task(edge.source.0, source), task(edge.target.0, target)];
                            let least = flooded[&ends[0]].min(flooded[&ends[1]]);
                            flooded.extend(ends.map(|end| (end, least)));
                        }
                    }
                }
            }
            if before == flooded {
                break;
            }
        }
        for one in tasks_of(&graph) {
            for other in tasks_of(&graph) {
                let is_same = regions.region_of(one) == regions.region_of(other);
                prop_assert_eq!(is_same, flooded[&one] == flooded[&other], "{:?} {:?}", one, other);
            }
        }
    }
}
