//! The records of one side and key that may still find partners, in the order of their timestamps.
//!
//! Those of both sides are one value per key, so that a batch of records costs one fetch for all
//! its keys, a lookup is a binary search and a hot key costs no call of the host. Its price: what a
//! key holds is written as a whole, at checkpoints and when the key leaves the cache.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::inline_deque::InlineDeque;
use crate::memory;

/// A record that waits, and whether it ever found a partner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting<T> {
    timestamp: i64,
    matched: bool,
    value: T,
}

/// The partners that a record found, by their places in the buffer.
pub(super) struct Found {
    places: Range<usize>,
    /// Some of them had no partner before.
    has_unmatched: bool,
}

impl Found {
    pub(super) fn is_any(&self) -> bool {
        !self.places.is_empty()
    }
}

/// The buffer of one side. The records of one timestamp keep their order of arrival.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub(super) struct TimeBuffer<T>(InlineDeque<Waiting<T>>);

impl<T> Default for TimeBuffer<T> {
    fn default() -> TimeBuffer<T> {
        TimeBuffer(InlineDeque::default())
    }
}

impl<T> TimeBuffer<T> {
    /// Has the processor fetch the ends of many records.
    pub(super) fn touch(&self) {
        if let [first, .., last] = &*self.0 {
            memory::touch(&first.timestamp);
            memory::touch(&last.timestamp);
        }
    }

    /// The smallest timestamp.
    #[inline]
    pub(super) fn first(&self) -> Option<i64> {
        self.0.first().map(|first| first.timestamp)
    }

    /// Visits the records from timestamp `low` to `high`, both included.
    #[inline]
    pub(super) fn find(
        &self,
        low: i64,
        high: i64,
        mut visit: impl FnMut(i64, &T) -> Result<(), Error>,
    ) -> Result<Found, Error> {
        let start = self.0.partition_point(|record| record.timestamp < low);
        let mut found = Found { places: start..start, has_unmatched: false };
        for record in &self.0[start..] {
            if record.timestamp > high {
                break;
            }
            visit(record.timestamp, &record.value)?;
            found.has_unmatched |= !record.matched;
            found.places.end += 1;
        }
        Ok(found)
    }

    /// Notes that these records have found a partner.
    pub(super) fn mark(&mut self, found: Found) {
        if found.has_unmatched {
            self.0[found.places].iter_mut().for_each(|record| record.matched = true);
        }
    }

    /// Adds a record.
    #[inline]
    pub(super) fn insert(&mut self, timestamp: i64, matched: bool, value: T) {
        // Mostly the newest record comes last.
        let place = match self.0.last() {
            Some(last) if last.timestamp > timestamp => {
                self.0.partition_point(|earlier| earlier.timestamp <= timestamp)
            }
            _ => self.0.len(),
        };
        self.0.insert(place, Waiting { timestamp, matched, value });
    }

    /// Takes out the records that are `expired` by their timestamps, a prefix; visits those of them
    /// that never found a partner.
    pub(super) fn expire(
        &mut self,
        expired: impl Fn(i64) -> bool,
        mut visit: impl FnMut(i64, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let count = self.0.partition_point(|record| expired(record.timestamp));
        let mut unmatched = self.0[..count].iter().filter(|record| !record.matched);
        let visited = unmatched.try_for_each(|it| visit(it.timestamp, &it.value));
        self.0.drop_front(count);
        visited
    }
}
