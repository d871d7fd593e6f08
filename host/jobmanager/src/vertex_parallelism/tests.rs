//! Tests of the adaptive scheduler's decision: its laws over random jobs, and graphs that change.

use proptest::prelude::*;
use sandbar_model::VertexId;
use sandbar_model::job_graph::{ErrorPolicy, OperatorNode, Output};

use super::*;
use crate::slot_sharing::SlotSharing;
use crate::testing::graph;

fn bounds(all: &[(u32, u32)]) -> Vec<ParallelismBounds> {
    all.iter().map(|(lower, upper)| ParallelismBounds { lower: *lower, upper: *upper }).collect()
}

/// Vertices in up to three groups, and their bounds.
fn job() -> impl Strategy<Value = (JobGraph, Vec<ParallelismBounds>)> {
    let vertex = (0..3_usize, 1..6_u32, 0..6_u32);
    prop::collection::vec(vertex, 1..6).prop_map(|vertices| {
        let shapes: Vec<(u32, &str)> = vertices
            .iter()
            .map(|(group, lower, more)| (lower + more, ["a", "b", "c"][*group]))
            .collect();
        let bounds =
            vertices.iter().map(|(_, lower, more)| (*lower, lower + more)).collect::<Vec<_>>();
        (graph(&shapes, &[]), self::bounds(&bounds))
    })
}

proptest! {
    #[test]
    fn all_or_nothing_within_bounds_and_slots((graph, bounds) in job(), slots in 0..40_u32) {
        let least = least_slots(&graph, &bounds);
        let determined = determine_parallelism(&graph, &bounds, slots);
        prop_assert_eq!(determined.is_some(), slots >= least);
        let Some(parallelism) = determined else { return Ok(()) };
        for (subtasks, own) in parallelism.iter().zip(&bounds) {
            prop_assert!((own.lower..=own.upper).contains(subtasks));
        }
        let used = SlotSharing::of(&at_parallelism(&graph, &parallelism)).required_slots();
        prop_assert!(used <= slots);
        // No slot is left over that some vertex could use.
        let desired = desired_slots(&graph, &bounds);
        prop_assert_eq!(used, slots.min(desired));
    }

    #[test]
    fn more_slots_never_take_a_subtask_away((graph, bounds) in job(), slots in 0..40_u32) {
        let Some(few) = determine_parallelism(&graph, &bounds, slots) else { return Ok(()) };
        let more = determine_parallelism(&graph, &bounds, slots + 1).unwrap_or_default();
        prop_assert_eq!(few.len(), more.len());
        prop_assert!(few.iter().zip(&more).all(|(few, more)| few <= more), "{few:?} {more:?}");
    }

    #[test]
    fn at_its_upper_bounds_a_job_is_what_was_submitted((graph, bounds) in job()) {
        let desired = desired_slots(&graph, &bounds);
        let upper: Vec<u32> = bounds.iter().map(|bounds| bounds.upper).collect();
        prop_assert_eq!(determine_parallelism(&graph, &bounds, desired), Some(upper.clone()));
        prop_assert_eq!(at_parallelism(&graph, &upper), graph);
    }
}

#[test]
fn what_is_left_over_goes_to_the_groups_in_turn() {
    let graph = graph(&[(9, "a"), (9, "b"), (2, "c")], &[]);
    let bounds = bounds(&[(1, 9), (2, 9), (1, 2)]);
    let determined = |slots| determine_parallelism(&graph, &bounds, slots);
    assert_eq!(determined(3), None);
    assert_eq!(determined(4), Some(vec![1, 2, 1]));
    assert_eq!(determined(5), Some(vec![2, 2, 1]));
    assert_eq!(determined(7), Some(vec![2, 3, 2]));
    assert_eq!(determined(11), Some(vec![4, 5, 2]));
    assert_eq!(determined(99), Some(vec![9, 9, 2]));
}

#[test]
fn vertices_of_a_group_share_its_slots_up_to_their_own_bounds() {
    let graph = graph(&[(2, "g"), (6, "g"), (3, "g")], &[]);
    let bounds = bounds(&[(1, 2), (1, 6), (3, 3)]);
    assert_eq!(determine_parallelism(&graph, &bounds, 2), None);
    assert_eq!(determine_parallelism(&graph, &bounds, 4), Some(vec![2, 4, 3]));
    assert_eq!(desired_slots(&graph, &bounds), 6);
}

#[test]
fn forward_edges_become_rescale_where_parallelism_differs_and_key_groups_stay() {
    let edges = [(0, 1, Partitioner::Forward), (1, 2, Partitioner::Hash)];
    let submitted = graph(&[(4, "g"), (4, "g"), (4, "g")], &edges);
    let rescaled = at_parallelism(&submitted, &[4, 2, 1]);
    let partitioners: Vec<_> = rescaled.edges.iter().map(|edge| edge.partitioner).collect();
    assert_eq!(partitioners, [Partitioner::Rescale, Partitioner::Hash]);
    assert!(rescaled.vertices.iter().all(|vertex| vertex.max_parallelism == 128));
    let equal = at_parallelism(&submitted, &[2, 2, 1]);
    assert_eq!(equal.edges[0].partitioner, Partitioner::Forward);
}

/// A graph whose vertex 0 has a partitioner of the user for each list of edges.
fn partitioned(parallelism: &[u32], chosen: &[&[u32]]) -> JobGraph {
    let vertices: Vec<(u32, &str)> = parallelism.iter().map(|of| (*of, "g")).collect();
    let all = chosen.iter().copied().flatten();
    let edges: Vec<_> = all.map(|target| (0, *target, Partitioner::Custom)).collect();
    let mut graph = graph(&vertices, &edges);
    let mut next = 0;
    for targets in chosen {
        let first = next;
        next += targets.len() as u32;
        let edge = |id| OutputTarget::Edge(sandbar_model::job_graph::EdgeId(id));
        graph.vertices[0].operators.push(OperatorNode {
            uid: format!("p{first}"),
            watermarks: None,
            name: "partition by".to_owned(),
            body: OperatorBody::Plugin {
                plugin: "p".to_owned(),
                operator: "p".to_owned(),
                kind: OperatorKind::Partitioner,
                config: String::new(),
                partitions: parallelism[targets[0] as usize],
            },
            outputs: vec![Output {
                name: "main".to_owned(),
                targets: (first..next).map(edge).collect(),
            }],
            on_error: ErrorPolicy::Fail,
            dead_letter_output: None,
        });
    }
    graph
}

#[test]
fn a_partitioner_of_the_user_chooses_from_the_parallelism_that_runs() {
    let submitted = partitioned(&[1, 4, 3], &[&[1], &[2]]);
    let rescaled = at_parallelism(&submitted, &[1, 2, 3]);
    let partitions: Vec<u32> = rescaled.vertices[0]
        .operators
        .iter()
        .map(|operator| match &operator.body {
            OperatorBody::Plugin { partitions, .. } => *partitions,
            OperatorBody::Source(_) | OperatorBody::Sink(_) | OperatorBody::Key(_) => 0,
        })
        .collect();
    assert_eq!(partitions, [2, 3]);
}

#[test]
fn vertices_that_read_from_one_partitioner_have_one_parallelism() {
    // 1 and 2 share a partitioner, and so do 2 and 3.
    let graph = partitioned(&[1, 4, 4, 4, 4], &[&[1, 2], &[2, 3], &[4]]);
    let loose = bounds(&[(1, 1), (1, 4), (2, 3), (1, 4), (1, 4)]);
    assert_eq!(determine_parallelism(&graph, &loose, 1), None);
    assert_eq!(determine_parallelism(&graph, &loose, 4), Some(vec![1, 3, 3, 3, 4]));
    assert!(contradictions(&graph, &loose).is_empty());
    let tight = bounds(&[(1, 1), (1, 1), (1, 4), (2, 4), (1, 4)]);
    let tied: Vec<VertexId> = [1, 2, 3].map(VertexId).to_vec();
    assert_eq!(contradictions(&graph, &tight), [tied]);
}

#[test]
fn rescaling_is_worth_it_for_enough_more_subtasks_or_for_fewer() {
    let graph = graph(&[(2, "g"), (4, "g")], &[]);
    let is_worth = |target: &[u32], increase| is_worth_rescaling(&graph, target, increase);
    assert!(!is_worth(&[2, 4], 1));
    assert!(is_worth(&[3, 4], 1) && !is_worth(&[3, 5], 2) && is_worth(&[3, 6], 2));
    assert!(is_worth(&[2, 3], 9));
}
