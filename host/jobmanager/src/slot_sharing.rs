//! Slot sharing: how many slots a job needs, and which of its subtasks share one. Pure.
//!
//! Law: slot `k` of a group holds subtask `k` of every vertex of the group, so a slot holds at
//! most one subtask of a vertex, and vertices of different groups never meet.
//! Source: Flink, `SlotSharingSlotAllocator.calculateRequiredSlots`.

use sandbar_model::VertexId;
use sandbar_model::job_graph::JobGraph;

use crate::task_ref::TaskRef;

/// Position of a slot among those that a job needs. It is filled by a slot of a TaskManager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SharedSlot(pub u32);

impl SharedSlot {
    /// The position as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Vertices that may run in the same slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSharingGroup {
    /// As the job names it.
    pub name: String,
    /// Its vertices, in the order of the graph.
    pub vertices: Vec<VertexId>,
    /// The first of its slots; the others follow.
    pub first_slot: SharedSlot,
    /// Number of its slots: the largest parallelism of its vertices.
    pub slots: u32,
}

/// The slots that a job needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSharing {
    groups: Vec<SlotSharingGroup>,
    /// Of each vertex: the first slot of its group, and its parallelism.
    of_vertex: Vec<(SharedSlot, u32)>,
    required: u32,
}

impl SlotSharing {
    /// Finds the groups of a job, in the order in which its vertices first name them.
    pub fn of(graph: &JobGraph) -> SlotSharing {
        let mut groups: Vec<SlotSharingGroup> = Vec::new();
        for vertex in &graph.vertices {
            let known = groups.iter_mut().find(|group| group.name == vertex.slot_sharing_group);
            match known {
                Some(group) => {
                    group.vertices.push(vertex.id);
                    group.slots = group.slots.max(vertex.parallelism);
                }
                None => groups.push(SlotSharingGroup {
                    name: vertex.slot_sharing_group.clone(),
                    vertices: vec![vertex.id],
                    first_slot: SharedSlot(0),
                    slots: vertex.parallelism,
                }),
            }
        }
        let mut required = 0_u32;
        let mut of_vertex = vec![(SharedSlot(0), 0); graph.vertices.len()];
        for group in &mut groups {
            group.first_slot = SharedSlot(required);
            required = required.saturating_add(group.slots);
            for vertex in &group.vertices {
                let parallelism = graph.vertices[vertex.index()].parallelism;
                of_vertex[vertex.index()] = (group.first_slot, parallelism);
            }
        }
        SlotSharing { groups, of_vertex, required }
    }

    /// Number of slots that the job needs: the sum over its groups.
    pub fn required_slots(&self) -> u32 {
        self.required
    }

    /// The groups.
    pub fn groups(&self) -> &[SlotSharingGroup] {
        &self.groups
    }

    /// The slot that a subtask runs in; none for a subtask that the job does not have.
    pub fn slot_of(&self, task: TaskRef) -> Option<SharedSlot> {
        let (first, parallelism) = *self.of_vertex.get(task.vertex.index())?;
        (task.subtask < parallelism).then(|| SharedSlot(first.0 + task.subtask))
    }

    /// The subtasks that share a slot, in the order of the graph.
    pub fn tasks_in(&self, slot: SharedSlot) -> impl Iterator<Item = TaskRef> {
        let vertices = (0..).map(VertexId).zip(&self.of_vertex);
        let group = self
            .groups
            .iter()
            .find(|group| (group.first_slot.0..group.first_slot.0 + group.slots).contains(&slot.0));
        vertices.filter_map(move |(vertex, (first, parallelism))| {
            let subtask = slot.0.checked_sub(group?.first_slot.0)?;
            let is_held = *first == group?.first_slot && subtask < *parallelism;
            is_held.then_some(TaskRef { vertex, subtask })
        })
    }
}

#[cfg(test)]
mod tests;
