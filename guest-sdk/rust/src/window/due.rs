//! The timers of the windows of a key. They are kept with the windows, and only the earliest of
//! them is a timer of the host, so that a key costs one timer however many windows it has.
//!
//! Law: the host has a timer at or before the earliest timer of each clock.

use serde::{Deserialize, Serialize};

use crate::codec::Key;
use crate::context::Context;
use crate::error::Error;
use crate::inline_deque::InlineDeque;
use crate::timers::TimeDomain;

/// A timer of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Due {
    at: i64,
    event_time: bool,
}

/// The timers of one window: at most one a clock and timestamp. Source: Flink,
/// `InternalTimerService`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DueTimes(InlineDeque<Due>);

/// The earliest timer of each clock that was registered during a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Earliest {
    event_time: Option<i64>,
    processing_time: Option<i64>,
}

impl Earliest {
    #[inline]
    pub(crate) fn note(&mut self, domain: TimeDomain, at: i64) {
        let earliest = match domain {
            TimeDomain::EventTime => &mut self.event_time,
            TimeDomain::ProcessingTime => &mut self.processing_time,
        };
        *earliest = Some(earliest.map_or(at, |earlier| earlier.min(at)));
    }
}

impl DueTimes {
    #[inline]
    pub(crate) fn register(&mut self, domain: TimeDomain, at: i64, earliest: &mut Earliest) {
        let due = Due { at, event_time: domain == TimeDomain::EventTime };
        if !self.0.contains(&due) {
            self.0.push(due);
            earliest.note(domain, at);
        }
    }

    pub(crate) fn delete(&mut self, domain: TimeDomain, at: i64) {
        let due = Due { at, event_time: domain == TimeDomain::EventTime };
        if let Some(position) = self.0.iter().position(|known| *known == due) {
            self.0.remove(position);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The earliest timer of a clock.
    pub(crate) fn earliest(&self, domain: TimeDomain) -> Option<i64> {
        let event_time = domain == TimeDomain::EventTime;
        self.0.iter().filter(|due| due.event_time == event_time).map(|due| due.at).min()
    }
}

/// When the next timer of a key is due, by each clock, if there is one. There may be later ones
/// that are not needed any more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Armed {
    event_time: i64,
    processing_time: i64,
}

/// The time of no timer.
const NEVER: i64 = i64::MIN;

impl Default for Armed {
    fn default() -> Armed {
        Armed { event_time: NEVER, processing_time: NEVER }
    }
}

impl Armed {
    /// Sees to it that the host calls in time for what was registered.
    #[inline]
    pub(crate) fn arm<K: Key>(
        &mut self,
        earliest: &Earliest,
        ctx: &Context<K>,
    ) -> Result<(), Error> {
        let clocks = [
            (TimeDomain::EventTime, earliest.event_time, &mut self.event_time),
            (TimeDomain::ProcessingTime, earliest.processing_time, &mut self.processing_time),
        ];
        for (domain, first, armed) in clocks {
            if let Some(at) = first
                && (*armed == NEVER || at < *armed)
            {
                *armed = at;
                ctx.register_kept_timer(domain, at)?;
            }
        }
        Ok(())
    }

    /// Notes that the host has called at a time.
    pub(crate) fn fired(&mut self, domain: TimeDomain, at: i64) {
        let armed = match domain {
            TimeDomain::EventTime => &mut self.event_time,
            TimeDomain::ProcessingTime => &mut self.processing_time,
        };
        if *armed <= at {
            *armed = NEVER;
        }
    }
}
