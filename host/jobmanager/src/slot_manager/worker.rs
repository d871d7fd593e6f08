//! A registered TaskManager, as the slot manager sees it: its slots and their owners.
//!
//! Law: `free` counts the slots without an owner, and `idle_since` is there exactly if that is all.

use std::collections::BTreeMap;

use sandbar_model::JobId;
use sandbar_rpc::TaskManagerId;

use super::{SlotId, SlotUse};

/// The slots of a TaskManager.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    owners: Vec<Option<JobId>>,
    free: u32,
    idle_since: Option<i64>,
    /// Whether it has been told to end.
    is_released: bool,
    /// TaskManagers that came earlier have smaller numbers, and are preferred among equals.
    order: u64,
}

impl Worker {
    pub(super) fn new(slots: u32, order: u64, now: i64) -> Worker {
        let owners = vec![None; slots as usize];
        Worker { owners, free: slots, idle_since: Some(now), is_released: false, order }
    }

    pub(super) fn owner(&self, slot: u32) -> Option<JobId> {
        *self.owners.get(slot as usize)?
    }

    pub(super) fn slots_of(&self, id: &TaskManagerId, job: JobId) -> Vec<SlotId> {
        let owned = (0..).zip(&self.owners).filter(|(_, owner)| **owner == Some(job));
        owned.map(|(index, _)| SlotId { task_manager: id.clone(), index }).collect()
    }

    pub(super) fn slot_use(&self) -> SlotUse {
        let slots = self.owners.len() as u32;
        SlotUse { slots, free: self.free, idle_since: self.idle_since }
    }

    /// Gives the first free slot to a job.
    pub(super) fn allocate(&mut self, job: JobId) -> Option<u32> {
        let index = self.owners.iter().position(Option::is_none)?;
        self.owners[index] = Some(job);
        self.free -= 1;
        self.idle_since = None;
        Some(index as u32)
    }

    /// Takes all slots from a job.
    pub(super) fn free(&mut self, job: JobId, now: i64) {
        for slot in 0..self.owners.len() as u32 {
            self.free_slot(slot, job, now);
        }
    }

    /// Takes a slot from a job; false if the job does not have it.
    pub(super) fn free_slot(&mut self, slot: u32, job: JobId, now: i64) -> bool {
        let owner = self.owners.get_mut(slot as usize).filter(|owner| **owner == Some(job));
        let Some(owner) = owner else { return false };
        *owner = None;
        self.free += 1;
        let is_idle = self.free as usize == self.owners.len();
        if is_idle && self.idle_since.is_none() {
            self.idle_since = Some(now);
        }
        true
    }

    /// Marks it as released if it has been idle for this long, and was not released before.
    pub(super) fn release_if_idle(&mut self, timeout_ms: u64, now: i64) -> bool {
        let is_due =
            self.idle_since.is_some_and(|since| since.saturating_add_unsigned(timeout_ms) <= now);
        let is_new = is_due && !self.is_released;
        self.is_released |= is_new;
        is_new
    }

    fn has_room(&self) -> bool {
        self.free > 0 && !self.is_released
    }

    /// Compares by the part of the slots that is used.
    fn compare_use(&self, other: &Worker) -> std::cmp::Ordering {
        let used = |worker: &Worker| worker.owners.len() as u64 - u64::from(worker.free);
        let (own, others) = (used(self), used(other));
        (own * other.owners.len() as u64).cmp(&(others * self.owners.len() as u64))
    }
}

/// The TaskManager to take the next slot of: the least used one to spread, the most used one to
/// pack; the one that came first among equals.
pub(super) fn choose(
    workers: &mut BTreeMap<TaskManagerId, Worker>,
    is_spread: bool,
) -> Option<(&TaskManagerId, &mut Worker)> {
    workers.iter_mut().filter(|(_, worker)| worker.has_room()).min_by(|(_, one), (_, other)| {
        let by_use = one.compare_use(other);
        let by_use = if is_spread { by_use } else { by_use.reverse() };
        by_use.then(one.order.cmp(&other.order))
    })
}
