//! Guest memory: the budget that the linear memories of all instances in a slot are paid from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A budget in bytes; clones share it.
#[derive(Clone, Debug)]
pub struct GuestMemory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    bytes: usize,
    /// Invariant: the sum over all instances, at most `bytes`.
    used: AtomicUsize,
}

impl GuestMemory {
    /// Makes a budget of so many bytes.
    pub fn new(bytes: usize) -> GuestMemory {
        GuestMemory(Arc::new(Budget { bytes, used: AtomicUsize::new(0) }))
    }

    /// A budget that only the instances' own limits bound.
    pub fn unbounded() -> GuestMemory {
        GuestMemory::new(usize::MAX)
    }

    /// All bytes of the budget.
    pub fn budget_bytes(&self) -> usize {
        self.0.bytes
    }

    /// The bytes that instances have taken.
    pub fn used_bytes(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Takes bytes if the budget has them.
    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        let take = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.0.bytes);
        // Relaxed: the counter orders nothing but itself.
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is() {
        let memory = GuestMemory::new(10);
        let shared = memory.clone();
        assert!(memory.try_take(7) && !shared.try_take(4) && shared.try_take(3));
        assert_eq!(memory.used_bytes(), 10);
        shared.give_back(10);
        assert_eq!(memory.used_bytes(), 0);
        let unbounded = GuestMemory::unbounded();
        assert!(unbounded.try_take(usize::MAX) && !unbounded.try_take(1));
    }
}
