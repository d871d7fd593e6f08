//! Managed memory: the budget that all state of a slot is paid from. The tasks of the slot share
//! it; each state has an account, whose bytes come back when the state is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::StateError;

/// A budget in bytes; clones share it.
#[derive(Clone, Debug)]
pub struct ManagedMemory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    bytes: u64,
    /// Invariant: the sum over all accounts, at most `bytes`.
    used: AtomicU64,
}

impl ManagedMemory {
    /// Makes a budget of so many bytes.
    pub fn new(bytes: u64) -> ManagedMemory {
        ManagedMemory(Arc::new(Budget { bytes, used: AtomicU64::new(0) }))
    }

    /// All bytes of the budget.
    pub fn budget_bytes(&self) -> u64 {
        self.0.bytes
    }

    /// The bytes that accounts have taken.
    pub fn used_bytes(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    fn try_take(&self, bytes: u64) -> bool {
        let take = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.0.bytes);
        // Relaxed: the counter orders nothing but itself.
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one owner has taken from a budget.
#[derive(Debug)]
pub(crate) struct Account {
    memory: ManagedMemory,
    used: u64,
}

impl Account {
    pub(crate) fn new(memory: ManagedMemory) -> Account {
        Account { memory, used: 0 }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Takes bytes if the budget has them.
    pub(crate) fn try_grow(&mut self, bytes: u64) -> bool {
        let taken = self.memory.try_take(bytes);
        if taken {
            self.used += bytes;
        }
        taken
    }

    /// Takes bytes, or says on behalf of which state they were refused.
    pub(crate) fn grow(
        &mut self,
        bytes: u64,
        state: impl FnOnce() -> String,
    ) -> Result<(), StateError> {
        if self.try_grow(bytes) {
            return Ok(());
        }
        Err(StateError::BudgetExceeded {
            state: state(),
            needed_bytes: bytes,
            used_bytes: self.memory.used_bytes(),
            budget_bytes: self.memory.budget_bytes(),
        })
    }

    /// Gives bytes back that were taken before.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        assert!(bytes <= self.used, "{bytes} bytes given back of {} taken", self.used);
        self.used -= bytes;
        self.memory.give_back(bytes);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.memory.give_back(self.used);
    }
}
