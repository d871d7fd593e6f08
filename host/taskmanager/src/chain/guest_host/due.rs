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

/// What a watermark fires next.
pub(crate) enum DueByWatermark {
    /// Timers that are here.
    Here(DueBatch),
    /// What the guest has in its cache up to then.
    Cached { up_to: i64 },
}

impl GuestHost {
    /// What a watermark fires next: timers of event time up to it, in order, where at one timestamp
    /// those that are here fire before those in the guest's cache; and then, at the end of a batch,
    /// all of processing time, which a stream drops. Source: Flink, FLIP-134, and
    /// `BatchExecutionInternalTimeService`.
    pub(crate) fn next_timers_by_watermark(
        &mut self,
        watermark: Watermark,
    ) -> Option<DueByWatermark> {
        let here = self.timers.next_due(sandbar_state::TimeDomain::EventTime);
        let here = here.filter(|at| *at <= watermark.0);
        let cached = self.cached_timers.filter(|at| *at <= watermark.0);
        match (here, cached) {
            (Some(here), Some(cached)) if cached < here => {
                Some(DueByWatermark::Cached { up_to: here - 1 })
            }
            (None, Some(_)) => Some(DueByWatermark::Cached { up_to: watermark.0 }),
            (Some(_), _) => {
                let up_to = cached.unwrap_or(watermark.0);
                self.pop_timers(TimeDomain::EventTime, up_to).map(DueByWatermark::Here)
            }
            (None, None) if self.is_batch && watermark == Watermark::MAX => {
                self.pop_timers(TimeDomain::ProcessingTime, i64::MAX).map(DueByWatermark::Here)
            }
            (None, None) => None,
        }
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

    /// Warns of timers by the clock that a stream still waits for at its end: they are dropped, as
    /// in Flink.
    pub(crate) fn warn_of_dropped_timers(&self) {
        let timers = self.timers.len(sandbar_state::TimeDomain::ProcessingTime);
        if timers > 0 {
            let operator = self.operator(0).1;
            tracing::warn!(
                job = %self.job,
                operator,
                subtask = self.subtask,
                timers,
                "the input has ended, and timers by the clock are dropped: with \
                 execution.runtime-mode = BATCH they fire"
            );
        }
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
