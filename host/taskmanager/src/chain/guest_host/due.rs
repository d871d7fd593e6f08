//! What a guest is called for by time: timers, or something that it is told without any.

use sandbar_wasm::{TimeDomain, TimerColumns};

/// Timers to hand to the guest.
pub(crate) struct DueBatch {
    pub(crate) operator: u32,
    pub(crate) domain: TimeDomain,
    pub(crate) timers: TimerColumns,
}

impl DueBatch {
    /// No timers: tells the guest something else; see wit/operator.wit.
    pub(crate) fn empty(domain: TimeDomain) -> DueBatch {
        DueBatch { operator: 0, domain, timers: TimerColumns::default() }
    }
}
