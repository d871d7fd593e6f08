//! Windows of one size, side by side.

use std::time::Duration;

use super::{Panes, WindowAssigner, check, millis, timed, within};
use crate::error::Error;
use crate::window::time_window::TimeWindow;
use crate::window::trigger::{EventTimeTrigger, ProcessingTimeTrigger};

/// Windows of one size, side by side, by the timestamps of elements. Source: Flink,
/// `TumblingEventTimeWindows`.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::TumblingEventTimeWindows;
///
/// let hours = TumblingEventTimeWindows::of(Duration::from_secs(3600));
/// // Days of a time zone 8 hours ahead of UTC.
/// let days = TumblingEventTimeWindows::of(Duration::from_secs(86_400)).offset(-8 * 3_600_000);
/// # let _ = (hours, days);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TumblingEventTimeWindows {
    size: i64,
    offset: i64,
}

/// Windows of one size, side by side, by the host's clock. Source: Flink,
/// `TumblingProcessingTimeWindows`.
#[derive(Clone, Copy, Debug)]
pub struct TumblingProcessingTimeWindows {
    size: i64,
    offset: i64,
}

macro_rules! tumbling {
    (
        $name:ident, $event_time:literal, $trigger:ident,
        |$timestamp:ident, $clock:ident| $time:expr
    ) => {
        impl $name {
            /// Makes windows of `size`, of which one starts at the epoch.
            pub fn of(size: Duration) -> $name {
                $name { size: millis(size), offset: 0 }
            }

            /// Moves the starts of windows by some milliseconds, fewer than the size.
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
                let time = within($time, self.size)?;
                let start = TimeWindow::start_of(time, self.offset, self.size);
                windows.push(TimeWindow::new(start, start + self.size));
                Ok(())
            }

            fn is_event_time(&self) -> bool {
                $event_time
            }

            fn validate(&self) -> Result<(), Error> {
                check(self.size, self.size, self.offset)
            }

            fn panes(&self) -> Option<Panes<TimeWindow>> {
                let (size, offset) = (self.size, self.offset);
                Some(Panes { size, slide: size, offset, window: TimeWindow::new })
            }
        }
    };
}

tumbling!(TumblingEventTimeWindows, true, EventTimeTrigger, |timestamp, _clock| timed(timestamp)?);
tumbling!(TumblingProcessingTimeWindows, false, ProcessingTimeTrigger, |_timestamp, clock| clock());
