//! What windows of a test are: assigner, trigger, evictor, lateness.

use serde::{Deserialize, Serialize};

/// A window by start and end; the global one is [`GLOBAL`].
pub type Span = (i64, i64);

/// The window of all elements.
pub const GLOBAL: Span = (i64::MIN, i64::MAX);

/// Which windows an element is in. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assigner {
    /// Side by side.
    Tumbling {
        /// Milliseconds.
        size: i64,
        /// Milliseconds, less than the size.
        offset: i64,
    },
    /// Of one size, at equal distances.
    Sliding {
        /// Milliseconds.
        size: i64,
        /// Milliseconds from start to start.
        slide: i64,
        /// Milliseconds, less than the slide.
        offset: i64,
    },
    /// As long as elements keep coming.
    Session {
        /// Milliseconds without elements that end one.
        gap: i64,
    },
    /// The gap of an element is its value modulo 5, plus 1.
    DynamicSession,
    /// All of a key in one.
    Global,
    /// All of a key in one window too: the setup's trigger is a count, which purges or has an
    /// evictor by count.
    Count,
}

/// When a window fires.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trigger {
    /// At its end by event time, and again for each late element.
    EventTime,
    /// At its end by the clock.
    ProcessingTime,
    /// Whenever it has so many elements more.
    Count(u64),
    /// At intervals of so many milliseconds of event time, and at its end.
    ContinuousEventTime(i64),
    /// At intervals of so many milliseconds by the clock.
    ContinuousProcessingTime(i64),
    /// By the difference of values.
    Delta(f64),
    /// Not at all.
    Never,
    /// Purges at every third element, and fires by a timer 3 ms after each element.
    Custom,
}

/// Which elements of a window that fires are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Evictor {
    /// All but the last so many.
    Count(usize),
    /// Those whose value is so far from the last one's.
    Delta(f64),
    /// Those so many milliseconds older than the newest.
    Time(i64),
}

/// All that windows are made by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Which windows an element is in.
    pub assigner: Assigner,
    /// Whether they end by event time, or else by the clock.
    pub event_time: bool,
    /// When a window fires.
    pub trigger: Trigger,
    /// Whether a window that fires drops its elements.
    pub purging: bool,
    /// What it drops of its elements then, and whether behind the function.
    pub evictor: Option<(Evictor, bool)>,
    /// Allowed lateness in milliseconds.
    pub lateness: i64,
}
