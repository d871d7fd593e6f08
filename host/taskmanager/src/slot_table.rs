//! The slots of a TaskManager: what the tasks of a slot share. Owns nothing that a task does not
//! hold: when the last task of a slot is gone, so is what it used.
//!
//! Source: Flink, `TaskSlotTable`; a slot's memory is its share of the TaskManager's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sandbar_model::JobId;
use sandbar_state::ManagedMemory;
use sandbar_wasm::GuestMemory;

/// What the tasks of a slot may use together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotBudget {
    /// Bytes of keyed state, operator state and timers.
    pub managed_memory_bytes: u64,
    /// Bytes of the linear memories of all guests.
    pub guest_memory_bytes: usize,
}

impl Default for SlotBudget {
    /// 128 MiB for state; guests are bounded by their own limits.
    fn default() -> SlotBudget {
        SlotBudget { managed_memory_bytes: 128 << 20, guest_memory_bytes: usize::MAX }
    }
}

/// What the tasks of a slot share.
#[derive(Debug)]
pub struct SlotMemory {
    /// Memory of state.
    pub managed: ManagedMemory,
    /// Memory of guests.
    pub guest: GuestMemory,
}

impl SlotMemory {
    /// Makes the memory of a slot.
    pub fn new(budget: SlotBudget) -> SlotMemory {
        SlotMemory {
            managed: ManagedMemory::new(budget.managed_memory_bytes),
            guest: GuestMemory::new(budget.guest_memory_bytes),
        }
    }
}

/// The slots that have tasks.
#[derive(Debug)]
pub struct SlotTable {
    budget: SlotBudget,
    /// By job and index: a slot belongs to one job at a time, but a job that ends may overlap with
    /// the next one while its tasks are being torn down.
    slots: Mutex<HashMap<(JobId, u32), Weak<SlotMemory>>>,
}

impl SlotTable {
    /// Makes a table without tasks, each slot of which has this budget.
    pub fn new(budget: SlotBudget) -> SlotTable {
        SlotTable { budget, slots: Mutex::default() }
    }

    /// The memory of a job's slot: that of the tasks which are in it already, or a new one.
    pub fn memory(&self, job: JobId, slot: u32) -> Arc<SlotMemory> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = slots.get(&(job, slot)).and_then(Weak::upgrade) {
            return memory;
        }
        let memory = Arc::new(SlotMemory::new(self.budget));
        slots.insert((job, slot), Arc::downgrade(&memory));
        memory
    }

    /// Forgets the slots of a job whose tasks have all ended.
    pub fn release(&self, job: JobId) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|(of, _), memory| *of != job && memory.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_a_slot_share_its_memory_and_it_ends_with_them() {
        let budget = SlotBudget { managed_memory_bytes: 10, guest_memory_bytes: 20 };
        let table = SlotTable::new(budget);
        let (job, other) = (JobId(1), JobId(2));
        let first = table.memory(job, 0);
        assert!(Arc::ptr_eq(&first, &table.memory(job, 0)));
        assert!(!Arc::ptr_eq(&first, &table.memory(job, 1)));
        assert!(!Arc::ptr_eq(&first, &table.memory(other, 0)));
        assert_eq!(first.managed.budget_bytes(), 10);
        assert_eq!(first.guest.budget_bytes(), 20);
        let weak = Arc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_none());
        table.release(job);
        assert!(table.slots.lock().unwrap().is_empty());
    }
}
