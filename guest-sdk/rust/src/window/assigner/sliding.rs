//! Windows of one size that start at equal distances, and overlap if that is less than the size.

use std::time::Duration;

use super::{Panes, WindowAssigner, check, millis, timed, within};
use crate::error::Error;
use crate::window::time_window::TimeWindow;
use crate::window::trigger::{EventTimeTrigger, ProcessingTimeTrigger};

/// Windows of one size that start at equal distances, by the timestamps of elements. Source:
/// Flink, `SlidingEventTimeWindows`.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::SlidingEventTimeWindows;
///
/// // The last hour, every minute.
/// let hour = SlidingEventTimeWindows::of(Duration::from_secs(3600), Duration::from_secs(60));
/// # let _ = hour;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SlidingEventTimeWindows {
    size: i64,
    slide: i64,
    offset: i64,
}

/// Windows of one size that start at equal distances, by the host's clock. Source: Flink,
/// `SlidingProcessingTimeWindows`.
#[derive(Clone, Copy, Debug)]
pub struct SlidingProcessingTimeWindows {
    size: i64,
    slide: i64,
    offset: i64,
}

/// Appends the windows that a timestamp is in, the last one first.
fn assign(timestamp: i64, windows: &mut Vec<TimeWindow>, size: i64, slide: i64, offset: i64) {
    let mut start = TimeWindow::start_of(timestamp, offset, slide);
    let before = timestamp.saturating_sub(size);
    while start > before {
        windows.push(TimeWindow::new(start, start.saturating_add(size)));
        let Some(earlier) = start.checked_sub(slide) else { break };
        start = earlier;
    }
}

macro_rules! sliding {
    (
        $name:ident, $event_time:literal, $trigger:ident,
        |$timestamp:ident, $clock:ident| $time:expr
    ) => {
        impl $name {
            /// Makes windows of `size` that start every `slide`, one of them at the epoch.
            pub fn of(size: Duration, slide: Duration) -> $name {
                $name { size: millis(size), slide: millis(slide), offset: 0 }
            }

            /// Moves the starts of windows by some milliseconds, fewer than the slide.
            #[must_use]
            pub fn offset(self, offset_ms: i64) -> $name {
                $name { offset: offset_ms, ..self }
            }
        }

        impl<T> WindowAssigner<T> for $name {
            type Window = TimeWindow;
            type OwnTrigger = $trigger;

            #[inline]
            fn assign(
                &mut self,
                _element: &T,
                $timestamp: i64,
                $clock: &dyn Fn() -> i64,
                windows: &mut Vec<TimeWindow>,
            ) -> Result<(), Error> {
                let time = within($time, self.size.max(self.slide))?;
                assign(time, windows, self.size, self.slide, self.offset);
                Ok(())
            }

            fn is_event_time(&self) -> bool {
                $event_time
            }

            fn panes(&self) -> Option<Panes<TimeWindow>> {
                let (size, slide, offset) = (self.size, self.slide, self.offset);
                Some(Panes { size, slide, offset, window: TimeWindow::new })
            }

            fn validate(&self) -> Result<(), Error> {
                check(self.size, self.slide, self.offset)
            }
        }
    };
}

sliding!(SlidingEventTimeWindows, true, EventTimeTrigger, |timestamp, _clock| timed(timestamp)?);
sliding!(SlidingProcessingTimeWindows, false, ProcessingTimeTrigger, |_timestamp, clock| clock());
