//! What windows of a test are: assigner, trigger, evictor, lateness. The model, the operators in the
//! harness, and the guest and the whole jobs of `tests/` all read this file.

use serde::{Deserialize, Serialize};

/// A window by start and end; the global one is `GLOBAL`.
pub(crate) type Span = (i64, i64);

pub(crate) const GLOBAL: Span = (i64::MIN, i64::MAX);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Assigner {
    Tumbling {
        size: i64,
        offset: i64,
    },
    Sliding {
        size: i64,
        slide: i64,
        offset: i64,
    },
    Session {
        gap: i64,
    },
    /// The gap of an element is its value modulo 5, plus 1.
    DynamicSession,
    Global,
    /// All of a key in one window too: the setup's trigger is a count, which purges or has an
    /// evictor by count.
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Trigger {
    EventTime,
    ProcessingTime,
    Count(u64),
    ContinuousEventTime(i64),
    ContinuousProcessingTime(i64),
    /// By the difference of values.
    Delta(f64),
    Never,
    /// Purges at every third element, and fires by a timer 3 ms after each element.
    Custom,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Evictor {
    Count(usize),
    Delta(f64),
    Time(i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) assigner: Assigner,
    pub(crate) event_time: bool,
    pub(crate) trigger: Trigger,
    /// Whether a window that fires drops its elements.
    pub(crate) purging: bool,
    /// And whether it evicts behind the function.
    pub(crate) evictor: Option<(Evictor, bool)>,
    pub(crate) lateness: i64,
}
