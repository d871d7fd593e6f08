//! Slots and deployment: from CREATED to DEPLOYING.
//!
//! Law: nothing is deployed before the job has had all its slots at once; after that, a region is
//! deployed when all slots of its own are there. A restarted task keeps its slot.

use sandbar_model::status::{ExecutionState, JobStatus};

use super::{Command, ExecutionGraph, ExecutionVertex, Phase, PlacedTask, SlotRequestId};
use crate::failover_region::RegionId;
use crate::slot_manager::SlotId;
use crate::slot_sharing::{SharedSlot, SlotSharing};
use crate::task_ref::TaskRef;

/// The slots of a job.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    sharing: SlotSharing,
    /// One for each slot that the job needs. Invariant: none is there twice.
    filled: Vec<Option<SlotId>>,
    /// Slots beyond those, until one is needed.
    spare: Vec<SlotId>,
    /// Slots that it takes in all; it may have more when it takes fewer than before.
    most: usize,
    /// Whether the job had all its slots at once.
    were_complete: bool,
}

/// What became of a slot that was given.
enum Added {
    Taken,
    Known,
    Surplus,
}

impl Slots {
    pub(super) fn new(sharing: SlotSharing) -> Slots {
        let required = sharing.required_slots() as usize;
        let (filled, spare) = (vec![None; required], Vec::new());
        Slots { sharing, filled, spare, most: 2 * required, were_complete: false }
    }

    pub(super) fn sharing(&self) -> &SlotSharing {
        &self.sharing
    }

    pub(super) fn filled(&self) -> u32 {
        self.filled.iter().flatten().count() as u32
    }

    pub(super) fn contains(&self, slot: &SlotId) -> bool {
        self.filled.iter().flatten().chain(&self.spare).any(|known| known == slot)
    }

    /// How many there are.
    pub(super) fn total(&self) -> u32 {
        self.filled() + self.spare.len() as u32
    }

    /// Gives the slots to the tasks of another graph; nothing runs in them.
    pub(super) fn rearrange(&mut self, sharing: SlotSharing) {
        let places = vec![None; sharing.required_slots() as usize];
        let filled = std::mem::replace(&mut self.filled, places);
        let spare = std::mem::take(&mut self.spare);
        self.spare = filled.into_iter().flatten().chain(spare).collect();
        (self.sharing, self.were_complete) = (sharing, false);
        self.fill();
    }

    /// Takes no more than this many in all; returns those that are in no use and beyond.
    pub(super) fn limit(&mut self, most: u32) -> Vec<SlotId> {
        self.most = most as usize;
        let room = self.most.saturating_sub(self.filled() as usize).min(self.spare.len());
        self.spare.split_off(room)
    }

    pub(super) fn clear(&mut self) {
        self.filled.fill(None);
        self.spare.clear();
    }

    /// Takes a slot, unless it is known or one too many.
    fn add(&mut self, slot: SlotId) -> Added {
        if self.contains(&slot) {
            return Added::Known;
        }
        if self.total() as usize >= self.most {
            return Added::Surplus;
        }
        self.spare.push(slot);
        self.fill();
        Added::Taken
    }

    /// Takes slots away; returns those that were filled.
    pub(super) fn remove(&mut self, lost: &[SlotId]) -> Vec<SharedSlot> {
        self.spare.retain(|slot| !lost.contains(slot));
        let mut emptied = Vec::new();
        for (index, place) in (0..).zip(&mut self.filled) {
            if place.as_ref().is_some_and(|slot| lost.contains(slot)) {
                *place = None;
                emptied.push(SharedSlot(index));
            }
        }
        self.fill();
        emptied
    }

    fn fill(&mut self) {
        let mut spare = std::mem::take(&mut self.spare).into_iter();
        for place in self.filled.iter_mut().filter(|place| place.is_none()) {
            *place = spare.next();
        }
        self.spare = spare.collect();
        self.were_complete |= self.filled.iter().all(Option::is_some);
    }

    fn of_task(&self, task: TaskRef) -> Option<&SlotId> {
        self.filled.get(self.sharing.slot_of(task)?.index())?.as_ref()
    }
}

impl ExecutionGraph {
    pub(super) fn on_start(&mut self, now: i64) -> Vec<Command> {
        if self.status != JobStatus::Created {
            self.ignore();
            return Vec::new();
        }
        if self.adaptive.is_some() {
            // As in Flink, it is CREATED until it has slots.
            return self.wait_for_slots(now);
        }
        // As in Flink, the job is RUNNING while its tasks still wait for slots.
        self.switch_to(JobStatus::Running, now);
        let regions: Vec<RegionId> = self.regions.ids().collect();
        let mut commands = self.schedule(&regions, now);
        commands.extend(self.complete(now));
        commands
    }

    /// Makes the tasks of regions SCHEDULED, and deploys them if their slots are there.
    pub(super) fn schedule(&mut self, regions: &[RegionId], now: i64) -> Vec<Command> {
        let request = SlotRequestId(self.take_number());
        for region in regions {
            self.phases[region.0] = Phase::Waiting(request);
            for task in self.regions.tasks(*region) {
                let vertex = &mut self.vertices[task.vertex.index()][task.subtask as usize];
                vertex.switch_to(ExecutionState::Scheduled, now);
            }
        }
        let deployed = self.deploy_ready(now);
        if !self.phases.contains(&Phase::Waiting(request)) {
            return deployed;
        }
        let slots = self.required_slots();
        std::iter::once(Command::RequestSlots { slots, request }).chain(deployed).collect()
    }

    pub(super) fn on_slots_allocated(&mut self, slots: Vec<SlotId>, now: i64) -> Vec<Command> {
        if self.status.is_terminal() {
            self.ignore();
            return vec![Command::ReleaseSlots];
        }
        let mut surplus = Vec::new();
        for slot in slots {
            match self.slots.add(slot.clone()) {
                Added::Taken => {}
                Added::Surplus if self.adaptive.is_some() => surplus.push(slot),
                Added::Known | Added::Surplus => self.ignore(),
            }
        }
        let freed = (!surplus.is_empty()).then_some(Command::FreeSlots(surplus));
        freed.into_iter().chain(self.on_resources_changed(now)).collect()
    }

    /// Deploys every region that waits for slots and has them all.
    pub(super) fn deploy_ready(&mut self, now: i64) -> Vec<Command> {
        if !self.slots.were_complete {
            return Vec::new();
        }
        let mut placed = Vec::new();
        for region in self.regions.ids() {
            let has_slots = |task: &TaskRef| self.slots.of_task(*task).is_some();
            let is_waiting = matches!(self.phases[region.0], Phase::Waiting(_));
            if is_waiting && self.regions.tasks(region).iter().all(has_slots) {
                self.phases[region.0] = Phase::Settled;
                placed.extend(self.deploy_region(region, now));
            }
        }
        placed.sort_by_key(|placed| (std::cmp::Reverse(placed.task.vertex), placed.task.subtask));
        if placed.is_empty() { Vec::new() } else { vec![Command::Deploy(placed)] }
    }

    fn deploy_region(&mut self, region: RegionId, now: i64) -> Vec<PlacedTask> {
        let mut placed = Vec::new();
        for task in self.regions.tasks(region) {
            let Some(slot) = self.slots.of_task(*task).cloned() else { continue };
            let vertex = &mut self.vertices[task.vertex.index()][task.subtask as usize];
            if vertex.deploy(slot.clone(), now) {
                placed.push(PlacedTask { task: self.attempt(*task), slot });
            }
        }
        placed
    }

    /// Cancels the tasks of regions that have not ended.
    pub(super) fn cancel(&mut self, regions: &[RegionId], now: i64) -> Option<Command> {
        let mut placed = Vec::new();
        for task in regions.iter().flat_map(|region| self.regions.tasks(*region)) {
            let vertex = &mut self.vertices[task.vertex.index()][task.subtask as usize];
            match vertex.state() {
                ExecutionState::Created | ExecutionState::Scheduled => {
                    vertex.switch_to(ExecutionState::Canceled, now);
                }
                ExecutionState::Deploying
                | ExecutionState::Initializing
                | ExecutionState::Running => {
                    placed.extend(cancel_deployed(vertex, now).map(|slot| (*task, slot)));
                }
                ExecutionState::Finished
                | ExecutionState::Canceling
                | ExecutionState::Canceled
                | ExecutionState::Failed => {}
            }
        }
        let placed: Vec<PlacedTask> = placed
            .into_iter()
            .map(|(task, slot)| PlacedTask { task: self.attempt(task), slot })
            .collect();
        (!placed.is_empty()).then_some(Command::Cancel(placed))
    }
}

fn cancel_deployed(vertex: &mut ExecutionVertex, now: i64) -> Option<SlotId> {
    vertex.switch_to(ExecutionState::Canceling, now);
    vertex.current().slot.clone()
}
