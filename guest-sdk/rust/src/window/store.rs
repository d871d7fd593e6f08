//! The windows of a key as they are stored: one value, which the cache keeps decoded, so that an
//! element costs no lookup beyond that of its key.
//!
//! Law: the windows are ordered and each is there once.

use serde::{Deserialize, Serialize};

use super::due::{Armed, DueTimes};
use crate::inline_deque::InlineDeque;
use crate::timers::TimeDomain;

/// A window: what is kept of its elements `S`, the trigger's state `T` and the function's `U`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry<W, S, T, U> {
    pub(crate) window: W,
    pub(crate) stored: Option<S>,
    pub(crate) trigger: T,
    pub(crate) function: Option<U>,
    pub(crate) times: DueTimes,
}

/// All windows of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "W: Serialize, S: Serialize, T: Serialize, U: Serialize",
    deserialize = "W: Deserialize<'de>, S: Deserialize<'de>, T: Deserialize<'de>, \
        U: Deserialize<'de>"
))]
pub(crate) struct KeyWindows<W, S, T, U> {
    /// Most keys have one, which is then where the rest of the key is: in one place of memory.
    pub(crate) entries: InlineDeque<Entry<W, S, T, U>>,
    pub(crate) armed: Armed,
}

impl<W, S, T, U> Default for KeyWindows<W, S, T, U> {
    fn default() -> KeyWindows<W, S, T, U> {
        KeyWindows { entries: InlineDeque::default(), armed: Armed::default() }
    }
}

impl<W: Ord + Clone, S, T: Default, U> KeyWindows<W, S, T, U> {
    /// The position of a window, which is added if it is not there.
    #[inline]
    pub(crate) fn find_or_add(&mut self, window: &W) -> usize {
        // Most elements are of the last window.
        if let Some(last) = self.entries.last()
            && last.window == *window
        {
            return self.entries.len() - 1;
        }
        match self.position(window) {
            Ok(position) => position,
            Err(position) => {
                self.entries.insert(position, Entry::new(window.clone()));
                position
            }
        }
    }

    /// Where a window is, or where it would be.
    pub(crate) fn position(&self, window: &W) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| entry.window.cmp(window))
    }

    /// The earliest timer of a clock, and the position of its window.
    pub(crate) fn earliest(&self, domain: TimeDomain) -> Option<(i64, usize)> {
        let due = |(position, entry): (usize, &Entry<W, S, T, U>)| {
            entry.times.earliest(domain).map(|at| (at, position))
        };
        self.entries.iter().enumerate().filter_map(due).min()
    }
}

impl<W, S, T: Default, U> Entry<W, S, T, U> {
    pub(crate) fn new(window: W) -> Entry<W, S, T, U> {
        Entry {
            window,
            stored: None,
            trigger: T::default(),
            function: None,
            times: DueTimes::default(),
        }
    }
}
