//! What a guest is called for by time: timers, or something that it is told without any.

use sandbar_model::Watermark;
use sandbar_state::TimerOwner;
use sandbar_wasm::{TimeDomain, TimerColumns};

use super::{GuestHost, state_calls};

/// Timers handed to a guest in one call, at most.
const TIMERS_PER_CALL_MAX: usize = 1024;

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

impl GuestHost {
    /// Timers that a watermark fires: those of event time up to it and, at the end of a batch, all
    /// of processing time, which a stream drops. Source: Flink, FLIP-134, and
    /// `BatchExecutionInternalTimeService`.
    pub(crate) fn pop_timers_by_watermark(&mut self, watermark: Watermark) -> Option<DueBatch> {
        let due = self.pop_timers(TimeDomain::EventTime, watermark.0);
        if due.is_some() || !self.is_batch || watermark != Watermark::MAX {
            return due;
        }
        self.pop_timers(TimeDomain::ProcessingTime, i64::MAX)
    }

    /// A timer fires when its millisecond is over, so that no record of that millisecond comes
    /// after it, as none with the timestamp of an event timer does. Source: Flink,
    /// `ProcessingTimeServiceUtil`.
    pub(crate) fn pop_processing_timers(&mut self, now_ms: i64) -> Option<DueBatch> {
        self.pop_timers(TimeDomain::ProcessingTime, now_ms.checked_sub(1)?)
    }

    fn pop_timers(&mut self, domain: TimeDomain, up_to: i64) -> Option<DueBatch> {
        let due = self.timers.pop_due(state_calls::domain(domain), up_to, TIMERS_PER_CALL_MAX)?;
        let TimerOwner(operator) = due.owner;
        Some(DueBatch { operator, domain, timers: state_calls::columns(due.timers) })
    }

    /// Whether timers can be registered. At the end of a batch, those of processing time are
    /// ignored: a timer that registers the next would never come to an end.
    pub(super) fn takes_timers(&self, domain: TimeDomain) -> bool {
        match domain {
            TimeDomain::EventTime => true,
            TimeDomain::ProcessingTime => !(self.is_batch && self.watermark == Watermark::MAX),
        }
    }
}
