//! What others may do to a running task: cancel it and wake it; and what they may see of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::Duration;

/// The control block of a task, shared between its thread and everybody else.
#[derive(Debug, Default)]
pub struct TaskControl {
    canceled: Arc<AtomicBool>,
    unflushed: AtomicBool,
    back_pressured_ns: AtomicU64,
    idle_ns: AtomicU64,
    thread: Mutex<Option<Thread>>,
}

impl TaskControl {
    /// Asks the task to stop, wherever it is: waiting, in the host, or in guest code.
    pub fn cancel(&self) {
        self.canceled.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the task has been asked to stop.
    #[inline]
    pub fn is_canceled(&self) -> bool {
        self.canceled.load(Ordering::Relaxed)
    }

    /// The flag that interrupts guest code.
    pub fn cancel_flag(&self) -> &Arc<AtomicBool> {
        &self.canceled
    }

    /// Makes the task look up if it waits. Sticky: not lost if it is about to wait.
    pub fn wake(&self) {
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }

    /// Names the thread that runs the task.
    pub(crate) fn attach(&self, thread: Thread) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// Says that an output buffer holds records.
    #[inline]
    pub(crate) fn mark_unflushed(&self) {
        self.unflushed.store(true, Ordering::Relaxed);
    }

    /// Whether an output buffer holds records.
    #[inline]
    pub(crate) fn is_unflushed(&self) -> bool {
        self.unflushed.load(Ordering::Relaxed)
    }

    pub(crate) fn clear_unflushed(&self) {
        self.unflushed.store(false, Ordering::Relaxed);
    }

    pub(crate) fn add_back_pressured(&self, waited: Duration) {
        self.back_pressured_ns.fetch_add(nanoseconds(waited), Ordering::Relaxed);
    }

    pub(crate) fn add_idle(&self, waited: Duration) {
        self.idle_ns.fetch_add(nanoseconds(waited), Ordering::Relaxed);
    }

    /// Time spent waiting for input.
    pub fn idle(&self) -> Duration {
        Duration::from_nanos(self.idle_ns.load(Ordering::Relaxed))
    }

    /// Time spent waiting for room downstream.
    pub fn back_pressured(&self) -> Duration {
        Duration::from_nanos(self.back_pressured_ns.load(Ordering::Relaxed))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
