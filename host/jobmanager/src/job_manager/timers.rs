//! What is due when. Timers are never stopped: whoever hears of one that has lost its reason
//! ignores it.

use std::collections::BTreeMap;

use sandbar_model::JobId;

use crate::execution_graph::{RestartId, SlotRequestId, WaitId};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Send heartbeats.
    Heartbeat,
    /// A job has waited for slots long enough.
    SlotRequest(JobId, SlotRequestId),
    /// A wait of a job's adaptive scheduler is over.
    Wait(JobId, WaitId),
    /// Tasks are to run again.
    Restart(JobId, RestartId),
}

/// Timers by time, in milliseconds, and order.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeMap<(i64, u64), Timer>,
    next: u64,
}

impl Timers {
    pub(super) fn set(&mut self, at: i64, timer: Timer) {
        self.next += 1;
        self.due.insert((at, self.next), timer);
    }

    /// When the next is due.
    pub(super) fn next_at(&self) -> Option<i64> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many are set.
    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    /// Takes one that is due.
    pub(super) fn take_due(&mut self, now: i64) -> Option<Timer> {
        let is_due = self.next_at().is_some_and(|at| at <= now);
        if is_due { self.due.pop_first().map(|(_, timer)| timer) } else { None }
    }
}
