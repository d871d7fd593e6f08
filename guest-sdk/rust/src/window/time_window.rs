//! What a window is: a key of the elements that are grouped, with the last timestamp in it.

use serde::{Deserialize, Serialize};

use crate::codec::Data;

/// A group of elements. Two windows are the same if they are equal; windows that merge are
/// ordered by where they begin.
pub trait Window: Data + Ord + std::fmt::Debug {
    /// The last millisecond that belongs to the window, and the timestamp of its results.
    fn max_timestamp(&self) -> i64;
}

/// The milliseconds from `start` on and before `end`.
///
/// ```
/// use sandbar_sdk::{TimeWindow, Window};
///
/// let window = TimeWindow::new(1000, 2000);
/// assert_eq!(window.max_timestamp(), 1999);
/// assert!(window.intersects(&TimeWindow::new(2000, 3000)), "they touch");
/// assert_eq!(window.cover(&TimeWindow::new(2000, 3000)), TimeWindow::new(1000, 3000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeWindow {
    /// The first millisecond of the window.
    pub start: i64,
    /// The first millisecond behind the window.
    pub end: i64,
}

impl TimeWindow {
    /// Makes the window of `start <= t < end`, in milliseconds since the Unix epoch.
    #[inline]
    pub const fn new(start: i64, end: i64) -> TimeWindow {
        TimeWindow { start, end }
    }

    /// Whether the windows overlap or touch, which is when sessions merge. Source: Flink,
    /// `TimeWindow.intersects`.
    #[inline]
    pub fn intersects(&self, other: &TimeWindow) -> bool {
        self.start <= other.end && self.end >= other.start
    }

    /// The smallest window that has both in it.
    #[inline]
    #[must_use]
    pub fn cover(&self, other: &TimeWindow) -> TimeWindow {
        TimeWindow::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// Where the window of a timestamp starts, of windows that start every `size` milliseconds
    /// from `offset` on; correct before 1970 too. Source: Flink,
    /// `TimeWindow.getWindowStartWithOffset`.
    #[inline]
    pub fn start_of(timestamp: i64, offset: i64, size: i64) -> i64 {
        timestamp.wrapping_sub(timestamp.wrapping_sub(offset).rem_euclid(size))
    }
}

impl Window for TimeWindow {
    #[inline]
    fn max_timestamp(&self) -> i64 {
        self.end.wrapping_sub(1)
    }
}

/// The one window that all elements of a key are in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct GlobalWindow;

impl Window for GlobalWindow {
    #[inline]
    fn max_timestamp(&self) -> i64 {
        i64::MAX
    }
}
