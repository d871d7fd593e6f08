//! What an entry really takes from the allocator, against what it is charged: managed memory is a
//! promise about the process, so that what is charged may not be much less than what is taken.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sandbar_model::ManualClock;
use sandbar_state::{
    KeyGroups, KeyedState, ManagedMemory, PackedBuffer, StateDescriptor, StateFormats, StateKind,
};

/// Counts bytes as glibc hands them out: with a header of 8 bytes, in steps of 16, 32 at least.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

fn chunk(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: all calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(chunk(layout), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(chunk(layout), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes an entry takes and is charged, with keys of 12 bytes and values of 8.
fn measure(kind: StateKind, entries: u32, per_key: u32) -> (f64, f64) {
    let clock = Arc::new(ManualClock::new(0));
    let groups = KeyGroups::of_subtask(0, 1, 128);
    let mut state = KeyedState::new(groups, ManagedMemory::new(u64::MAX), clock);
    let formats = StateFormats::default();
    let (operator, name) = ("operator".to_owned(), "state".to_owned());
    let id = state.declare(StateDescriptor { operator, name, kind, ttl: None, formats }).unwrap();
    let before = TAKEN.load(Ordering::Relaxed);
    for number in 0..entries {
        let key: PackedBuffer = [format!("{:012}", number / per_key)].into_iter().collect();
        let user_key = (kind == StateKind::Map).then(|| format!("{number:012}"));
        let user_keys: PackedBuffer = user_key.into_iter().collect();
        let value: PackedBuffer = [u64::from(number).to_le_bytes()].into_iter().collect();
        state.multi_put(id, key.view(), user_keys.view(), value.view()).unwrap();
    }
    let taken = TAKEN.load(Ordering::Relaxed) - before;
    let each = f64::from(entries);
    (taken as f64 / each, state.used_bytes() as f64 / each)
}

#[test]
fn entries_are_charged_about_what_they_take() {
    // A table is at its fullest just before it grows, and at its emptiest just behind.
    for entries in [15_000, 28_000] {
        for (kind, per_key) in [
            (StateKind::Value, 1),
            (StateKind::Map, 1),
            (StateKind::Map, 10),
            (StateKind::Map, 500),
        ] {
            let (taken, charged) = measure(kind, entries, per_key);
            let share = charged / taken;
            assert!((0.95..=1.60).contains(&share), "{kind:?}: {taken:.1} taken, {charged:.1}");
        }
    }
}
