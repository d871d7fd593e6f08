//! Which windows an element belongs to.

mod session;
mod sliding;
mod tumbling;

use std::time::Duration;

pub use session::{
    DynamicEventTimeSessionWindows, DynamicProcessingTimeSessionWindows, EventTimeSessionWindows,
    ProcessingTimeSessionWindows,
};
pub use sliding::{SlidingEventTimeWindows, SlidingProcessingTimeWindows};
pub use tumbling::{TumblingEventTimeWindows, TumblingProcessingTimeWindows};

use super::time_window::{GlobalWindow, Window};
use super::trigger::{NeverTrigger, Trigger};
use crate::error::Error;
use crate::host::NO_TIMESTAMP;

/// Assigns elements of type `T` to windows. Source: Flink, `WindowAssigner`.
pub trait WindowAssigner<T>: 'static {
    /// The windows.
    type Window: Window;

    /// The trigger of windows that are given none.
    type OwnTrigger: Trigger<T, Self::Window> + Default;

    /// Appends the windows of an element to `windows`, which is empty. `timestamp` is the
    /// element's, in milliseconds since the Unix epoch and the smallest `i64` if it has none;
    /// `clock` is processing time.
    ///
    /// # Errors
    /// The element belongs to no window that could be told: it is a bad record.
    fn assign(
        &mut self,
        element: &T,
        timestamp: i64,
        clock: &dyn Fn() -> i64,
        windows: &mut Vec<Self::Window>,
    ) -> Result<(), Error>;

    /// Whether windows end by event time. If not, no element is ever late.
    fn is_event_time(&self) -> bool;

    /// Whether windows can merge.
    fn is_merging(&self) -> bool {
        false
    }

    /// The window that two windows become, if they merge.
    fn merge(&self, _first: &Self::Window, _second: &Self::Window) -> Option<Self::Window> {
        None
    }

    /// How windows are put together of panes that share no element, for assigners whose windows
    /// have one size and start at equal distances: what overlaps is then kept once, and two-phase
    /// aggregation is possible. None unless the assigner says otherwise.
    fn panes(&self) -> Option<Panes<Self::Window>> {
        None
    }

    /// Checks the sizes that the assigner was made with.
    ///
    /// # Errors
    /// Which size does not fit, and what would.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Windows of `size` milliseconds that start every `slide` milliseconds from `offset` on, and the
/// panes that they are put together of: parts of time in which no window starts or ends.
#[derive(Clone, Copy, Debug)]
pub struct Panes<W> {
    /// Milliseconds from the start of a window to its end.
    pub size: i64,
    /// Milliseconds from the start of a window to that of the next.
    pub slide: i64,
    /// Milliseconds since the Unix epoch at which some window starts.
    pub offset: i64,
    /// Makes the window of a start and an end.
    pub window: fn(i64, i64) -> W,
}

/// Assigns all elements to one window, which never ends by itself: give it a trigger. Source:
/// Flink, `GlobalWindows`.
///
/// ```
/// use sandbar_sdk::{CountTrigger, GlobalWindows, PurgingTrigger, Windowing};
///
/// // What `Windowing::count(100)` is.
/// let hundreds = Windowing::<u64, _, _>::of(GlobalWindows::create())
///     .trigger(PurgingTrigger::of(CountTrigger::of(100)));
/// # let _ = hundreds;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalWindows;

impl GlobalWindows {
    /// Makes the assigner.
    pub const fn create() -> GlobalWindows {
        GlobalWindows
    }
}

impl<T> WindowAssigner<T> for GlobalWindows {
    type Window = GlobalWindow;
    type OwnTrigger = NeverTrigger;

    #[inline]
    fn assign(
        &mut self,
        _element: &T,
        _timestamp: i64,
        _clock: &dyn Fn() -> i64,
        windows: &mut Vec<GlobalWindow>,
    ) -> Result<(), Error> {
        windows.push(GlobalWindow);
        Ok(())
    }

    fn is_event_time(&self) -> bool {
        false
    }
}

/// Whole milliseconds; those that do not fit are the largest `i64`.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The timestamp, if there is one.
#[inline]
pub(crate) fn timed(timestamp: i64) -> Result<i64, Error> {
    if timestamp == NO_TIMESTAMP {
        return Err(untimed());
    }
    Ok(timestamp)
}

/// The time, if windows of it that are `span` long, or that far apart, neither start before the
/// first nor end after the last millisecond that there is.
#[inline]
pub(crate) fn within(time: i64, span: i64) -> Result<i64, Error> {
    let room = i64::MAX - span;
    if (-room..=room).contains(&time) { Ok(time) } else { Err(beyond(time, span)) }
}

#[cold]
fn beyond(time: i64, span: i64) -> Error {
    Error::bad_record(format!(
        "the record's timestamp is {time} ms, and windows of {span} ms would start or end beyond \
         the times that there are: check what timestamps are made of"
    ))
}

#[cold]
fn untimed() -> Error {
    Error::bad_record(
        "the record has no timestamp, which event time windows need: assign timestamps at the \
         source, or use processing time windows",
    )
}

/// Checks the size of windows and the offset of their starts, which are `every` apart.
fn check(size: i64, every: i64, offset: i64) -> Result<(), Error> {
    if size < 1 || every < 1 {
        return Err(Error::fatal(format!(
            "windows of {size} ms every {every} ms: both must be at least 1 ms"
        )));
    }
    if offset.unsigned_abs() >= every.unsigned_abs() {
        return Err(Error::fatal(format!(
            "window offset {offset} ms: it must be less than the {every} ms between windows, \
             either way"
        )));
    }
    Ok(())
}
