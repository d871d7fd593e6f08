//! Timers that fire: those that the host had, and those in the cache.
//!
//! Law: the timers of a key fire in the order of their timestamps, those included that its timers
//! register meanwhile.

use std::rc::Rc;

use super::{CallError, Instance};
use crate::chain::pipe::{Records, Signal};
use crate::host::TimerBatch;
use crate::state::slots::FETCHED_SLOTS;
use crate::timers::{HEAD, TimeDomain, Timer, rest_of, timer_of};

/// Cached timers that fire in one call, at most: a call has to end within its deadline.
const CACHED_TIMERS_PER_CALL_MAX: usize = 1024;

impl Instance {
    /// Fires timers that the host had, in order.
    pub(super) fn fire(
        &mut self,
        domain: TimeDomain,
        timers: &TimerBatch,
    ) -> Result<(), CallError> {
        let context = Rc::clone(&self.context);
        // During event time timers the watermark is already the one that fires them, as in Flink.
        context.watermark.set(context.host.current_watermark());
        let (count, last) =
            (timers.timestamps.len(), timers.timestamps[timers.timestamps.len() - 1]);
        let had_cached = context.timers.has_cached();
        if let Err(error) = context.begin_keyed_call(count, &timers.key_ends, &timers.keys) {
            return self.fail(error.to_string());
        }
        if domain == TimeDomain::EventTime {
            context.timers.forget_cached(&timers.timestamps, &context.keys.records());
            if had_cached && !context.timers.has_cached() {
                // What was cached is at the host now, perhaps the same timers once more.
                context.host.delete_timers(HEAD, domain, timers);
            }
        }
        // At the end of a batch all timers by the clock fire, and none can be registered or given
        // back.
        let is_end = domain == TimeDomain::ProcessingTime && context.watermark.get() == i64::MAX;
        for index in 0..count {
            let slots = context.keys.records();
            if index % FETCHED_SLOTS == 0 {
                context.keys.fetch(&slots[index..count.min(index + FETCHED_SLOTS)]);
            }
            let slot = slots[index];
            drop(slots);
            context.timers.start_watching();
            self.fire_under(&[slot], &timer_of(timers, domain, index))?;
            let earliest = context.timers.earliest_registered();
            if earliest <= last
                && !is_end
                && comes_again(timers, &context.keys.records(), index, earliest)
            {
                // What its key has registered comes first.
                let rest = rest_of(timers, index + 1);
                let handed_back = context.host.register_timers(HEAD, domain, &rest);
                return handed_back.or_else(|error| self.fail(error));
            }
        }
        Ok(())
    }

    /// Fires timers of cached keys, in order.
    pub(crate) fn on_cached_timers(&mut self, up_to: i64) -> Result<(), CallError> {
        let context = Rc::clone(&self.context);
        context.watermark.set(context.host.current_watermark());
        let mut left = CACHED_TIMERS_PER_CALL_MAX;
        let mut due = Vec::new();
        while left > 0
            && let Some(timestamp) = context.timers.take_due(up_to, left, &context.keys, &mut due)
        {
            left -= due.len();
            if let Err(error) = context.keys.begin_cached(&due) {
                return self.fail(error.to_string());
            }
            let timer = Timer { timestamp, domain: TimeDomain::EventTime, namespace: Vec::new() };
            for slots in due.chunks(FETCHED_SLOTS) {
                context.keys.fetch(slots);
                self.fire_under(slots, &timer)?;
            }
            if let Err(error) = context.timers.flush(&*context.host, &context.keys) {
                return self.fail(error.to_string());
            }
            if context.keys.expires() {
                // What is cached holds for this call and these timers only.
                break;
            }
        }
        self.end_call()
    }

    /// Timestamps and keys of the cached timers, for tests to look at.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn cached_timers(&self) -> Vec<(i64, Vec<u8>)> {
        self.context.timers.cached(&self.context.keys)
    }

    /// Fires a timer under each of some keys.
    fn fire_under(&mut self, slots: &[u32], timer: &Timer) -> Result<(), CallError> {
        let context = Rc::clone(&self.context);
        let records = Records { instance: &context, slots: Some(slots) };
        let signal = Signal::Timers(timer, records);
        let Err(failure) = self.heads[0].signal(signal) else { return Ok(()) };
        let name = self.name(failure.operator());
        let (at, error) = (timer.timestamp, failure.into_error());
        self.fail(format!("{name} in a timer due at {at}: {error}"))
    }
}

/// Whether the key of a timer has others in the batch that are due at or after `earliest`.
fn comes_again(timers: &TimerBatch, slots: &[u32], index: usize, earliest: i64) -> bool {
    let later = timers.timestamps.iter().zip(slots).skip(index + 1);
    later.into_iter().any(|(timestamp, slot)| *slot == slots[index] && *timestamp >= earliest)
}
