//! Windows that end when no element has come for a while. Each element begins with a window of its
//! own, and windows that overlap or touch merge.

use std::marker::PhantomData;
use std::time::Duration;

use super::{WindowAssigner, millis, timed};
use crate::error::Error;
use crate::window::time_window::TimeWindow;
use crate::window::trigger::{EventTimeTrigger, ProcessingTimeTrigger};

/// Sessions with a gap of fixed length, by the timestamps of elements. Source: Flink,
/// `EventTimeSessionWindows`.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::EventTimeSessionWindows;
///
/// let sessions = EventTimeSessionWindows::with_gap(Duration::from_secs(30 * 60));
/// let per_user = EventTimeSessionWindows::with_dynamic_gap(|user: &(String, bool)| {
///     if user.1 { 60_000 } else { 1000 }
/// });
/// # let _ = (sessions, per_user);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EventTimeSessionWindows {
    gap: i64,
}

/// Sessions with a gap of fixed length, by the host's clock. Source: Flink,
/// `ProcessingTimeSessionWindows`.
#[derive(Clone, Copy, Debug)]
pub struct ProcessingTimeSessionWindows {
    gap: i64,
}

/// Sessions with a gap that each element gives, by timestamps. Source: Flink,
/// `DynamicEventTimeSessionWindows`.
pub struct DynamicEventTimeSessionWindows<T, F> {
    gap: F,
    marker: PhantomData<fn(&T)>,
}

/// Sessions with a gap that each element gives, by the host's clock. Source: Flink,
/// `DynamicProcessingTimeSessionWindows`.
pub struct DynamicProcessingTimeSessionWindows<T, F> {
    gap: F,
    marker: PhantomData<fn(&T)>,
}

fn session(timestamp: i64, gap: i64) -> Result<TimeWindow, Error> {
    if gap < 1 {
        return Err(Error::fatal(format!("session gap {gap} ms: it must be at least 1 ms")));
    }
    Ok(TimeWindow::new(timestamp, timestamp.saturating_add(gap)))
}

macro_rules! assigner {
    (
        $event_time:literal, $trigger:ident,
        |$this:ident, $element:ident, $timestamp:ident, $clock:ident| $window:expr
    ) => {
        type Window = TimeWindow;
        type OwnTrigger = $trigger;

        #[inline]
        fn assign(
            &mut self,
            $element: &T,
            $timestamp: i64,
            $clock: &dyn Fn() -> i64,
            windows: &mut Vec<TimeWindow>,
        ) -> Result<(), Error> {
            let $this = self;
            windows.push($window?);
            Ok(())
        }

        fn is_event_time(&self) -> bool {
            $event_time
        }

        fn is_merging(&self) -> bool {
            true
        }

        fn merge(&self, first: &TimeWindow, second: &TimeWindow) -> Option<TimeWindow> {
            first.intersects(second).then(|| first.cover(second))
        }
    };
}

macro_rules! sessions {
    (
        $name:ident, $dynamic:ident, $event_time:literal, $trigger:ident,
        |$timestamp:ident, $clock:ident| $time:expr
    ) => {
        impl $name {
            /// Makes sessions that end when no element has come for `gap`, at least 1 ms.
            pub fn with_gap(gap: Duration) -> $name {
                $name { gap: millis(gap) }
            }

            /// Makes sessions whose gap each element gives, in milliseconds and at least 1.
            pub fn with_dynamic_gap<T, F: FnMut(&T) -> i64 + 'static>(gap: F) -> $dynamic<T, F> {
                $dynamic { gap, marker: PhantomData }
            }
        }

        impl<T> WindowAssigner<T> for $name {
            assigner!($event_time, $trigger, |this, _element, $timestamp, $clock| session(
                $time, this.gap
            ));

            fn validate(&self) -> Result<(), Error> {
                session(0, self.gap).map(|_| ())
            }
        }

        impl<T: 'static, F: FnMut(&T) -> i64 + 'static> WindowAssigner<T> for $dynamic<T, F> {
            assigner!($event_time, $trigger, |this, element, $timestamp, $clock| session(
                $time,
                (this.gap)(element)
            ));
        }

        impl<T, F> std::fmt::Debug for $dynamic<T, F> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($dynamic)).finish_non_exhaustive()
            }
        }
    };
}

sessions!(
    EventTimeSessionWindows,
    DynamicEventTimeSessionWindows,
    true,
    EventTimeTrigger,
    |timestamp, _clock| timed(timestamp)?
);
sessions!(
    ProcessingTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
    false,
    ProcessingTimeTrigger,
    |_timestamp, clock| clock()
);
