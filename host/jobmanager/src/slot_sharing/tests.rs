//! Slots of small jobs, and the law of sharing for random ones.

use proptest::prelude::*;

use super::*;
use crate::task_ref::tasks_of;
use crate::testing::{graph, task};

fn check_required(vertices: &[(u32, &str)], expected: u32) {
    assert_eq!(SlotSharing::of(&graph(vertices, &[])).required_slots(), expected, "{vertices:?}");
}

#[test]
fn a_job_needs_the_largest_parallelism_of_each_group() {
    check_required(&[], 0);
    check_required(&[(2, "default"), (6, "default"), (3, "default")], 6);
    check_required(&[(2, "a"), (6, "a"), (3, "b")], 9);
    check_required(&[(2, "a"), (3, "b"), (6, "a"), (1, "c")], 10);
}

#[test]
fn subtasks_of_one_index_share_a_slot() {
    let sharing = SlotSharing::of(&graph(&[(1, "a"), (2, "b"), (2, "a")], &[]));
    let tasks = |slot| sharing.tasks_in(SharedSlot(slot)).collect::<Vec<_>>();
    assert_eq!(tasks(0), [task(0, 0), task(2, 0)]);
    assert_eq!(tasks(1), [task(2, 1)]);
    assert_eq!(tasks(2), [task(1, 0)]);
    assert_eq!(tasks(4), []);
    assert_eq!(sharing.slot_of(task(0, 1)), None);
    assert_eq!(sharing.slot_of(task(9, 0)), None);
}

proptest! {
    #[test]
    fn every_subtask_has_one_slot_and_shares_it_within_its_group(
        vertices in proptest::collection::vec((1..9_u32, 0..3_usize), 1..7)
    ) {
        let names = ["default", "a", "b"];
        let named: Vec<_> = vertices.iter().map(|(p, group)| (*p, names[*group])).collect();
        let graph = graph(&named, &[]);
        let sharing = SlotSharing::of(&graph);
        for each in tasks_of(&graph) {
            let slot = sharing.slot_of(each).unwrap();
            prop_assert!(slot.0 < sharing.required_slots());
            let sharers: Vec<_> = sharing.tasks_in(slot).collect();
            prop_assert_eq!(sharers.iter().filter(|other| other.vertex == each.vertex).count(), 1);
            prop_assert!(sharers.contains(&each));
            for other in sharers {
                prop_assert_eq!(named[other.vertex.index()].1, named[each.vertex.index()].1);
                prop_assert_eq!(other.subtask, each.subtask);
            }
        }
        let held: usize =
            (0..sharing.required_slots()).map(|k| sharing.tasks_in(SharedSlot(k)).count()).sum();
        prop_assert_eq!(held, tasks_of(&graph).count());
    }
}
