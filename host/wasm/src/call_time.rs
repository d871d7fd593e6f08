//! How long a call has worked in its guest, as its deadline has it: looked at on each epoch tick,
//! and without the time in the host.
//!
//! Law: only time that the guest had counts. Clocks go on while a process or its machine is
//! stopped, and a call that happens to be on its way then has done nothing wrong.

use std::time::{Duration, Instant};

use crate::epoch::EPOCH_TICK;

/// What the time from one look to the next counts for at most. A guest that runs looks up once a
/// tick; the rest is room for one instruction on all of a large memory.
const LOOK_TIME_MAX: Duration = EPOCH_TICK.saturating_mul(50);

/// The time of the call in hand.
#[derive(Debug)]
pub(crate) struct CallTime {
    started: Instant,
    in_host: Duration,
    looked_at: Instant,
    /// Of `in_host` at that time.
    in_host_then: Duration,
    counted: Duration,
}

impl CallTime {
    /// A call that starts.
    pub(crate) fn start(now: Instant) -> CallTime {
        CallTime {
            started: now,
            in_host: Duration::ZERO,
            looked_at: now,
            in_host_then: Duration::ZERO,
            counted: Duration::ZERO,
        }
    }

    /// The host was at work for the guest.
    pub(crate) fn add_host(&mut self, spent: Duration) {
        self.in_host += spent;
    }

    /// Looks at the time, and says how much of it the guest has had, for its deadline.
    pub(crate) fn look(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.looked_at);
        let in_guest = passed.saturating_sub(self.in_host - self.in_host_then);
        self.counted += in_guest.min(LOOK_TIME_MAX);
        (self.looked_at, self.in_host_then) = (now, self.in_host);
        self.counted
    }

    /// All time since the start without that in the host.
    pub(crate) fn in_guest(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started).saturating_sub(self.in_host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn time_in_which_the_process_was_stopped_is_not_the_guests() {
        let start = Instant::now();
        let mut time = CallTime::start(start);
        assert_eq!(time.look(start + EPOCH_TICK), EPOCH_TICK);
        // Stopped for a minute between two ticks.
        let resumed = start + 61 * SECOND;
        assert!(time.look(resumed) <= EPOCH_TICK + LOOK_TIME_MAX);
        let counted = time.look(resumed + EPOCH_TICK);
        assert!(counted <= EPOCH_TICK * 2 + LOOK_TIME_MAX, "{counted:?}");
    }

    #[test]
    fn a_guest_that_runs_is_charged_all_its_time() {
        let start = Instant::now();
        let mut time = CallTime::start(start);
        let ticks = 100 * SECOND.as_millis() / EPOCH_TICK.as_millis();
        let counted = (1..=ticks as u32).map(|tick| time.look(start + EPOCH_TICK * tick)).last();
        assert_eq!(counted, Some(100 * SECOND));
        assert_eq!(time.in_guest(start + 100 * SECOND), 100 * SECOND);
    }

    #[test]
    fn time_in_the_host_is_not_the_guests() {
        let start = Instant::now();
        let mut time = CallTime::start(start);
        time.look(start + EPOCH_TICK);
        time.add_host(10 * SECOND);
        let counted = time.look(start + 10 * SECOND + 3 * EPOCH_TICK);
        assert_eq!(counted, 3 * EPOCH_TICK);
        assert_eq!(time.in_guest(start + 10 * SECOND + 3 * EPOCH_TICK), 3 * EPOCH_TICK);
    }
}
