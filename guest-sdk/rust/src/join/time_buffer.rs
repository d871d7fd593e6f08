//! The records of one side and key that may still find partners, in the order of their timestamps.
//!
//! One value per key, so that a batch of records costs one fetch for all its keys, a lookup is a
//! binary search and a hot key costs no call of the host. Its price: the buffer of a key is written
//! as a whole, at checkpoints and when the key leaves the cache.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::codec::Data;
use crate::context::RuntimeContext;
use crate::error::Error;
use crate::state::{ValueState, ValueStateDescriptor};

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
pub(super) struct TimeBuffer<T>(ValueState<VecDeque<Waiting<T>>>);

impl<T> Default for TimeBuffer<T> {
    fn default() -> TimeBuffer<T> {
        TimeBuffer(ValueState::default())
    }
}

impl<T: Data> TimeBuffer<T> {
    pub(super) fn open(&mut self, ctx: &RuntimeContext, name: &str) -> Result<(), Error> {
        self.0 = ctx.value_state(ValueStateDescriptor::new(name))?;
        Ok(())
    }

    /// The smallest timestamp.
    #[inline]
    pub(super) fn first(&self) -> Option<i64> {
        self.0.with(|waiting| waiting?.front().map(|first| first.timestamp))
    }

    /// Visits the records from timestamp `low` to `high`, both included.
    pub(super) fn find(
        &self,
        low: i64,
        high: i64,
        mut visit: impl FnMut(i64, &T) -> Result<(), Error>,
    ) -> Result<Found, Error> {
        self.0.with(|waiting| {
            let mut found = Found { places: 0..0, has_unmatched: false };
            let Some(waiting) = waiting else { return Ok(found) };
            let start = waiting.partition_point(|record| record.timestamp < low);
            let mut end = start;
            for record in waiting.range(start..) {
                if record.timestamp > high {
                    break;
                }
                visit(record.timestamp, &record.value)?;
                found.has_unmatched |= !record.matched;
                end += 1;
            }
            found.places = start..end;
            Ok(found)
        })
    }

    /// Notes that these records have found a partner.
    pub(super) fn mark(&self, found: Found) {
        if found.has_unmatched {
            self.0.modify(|waiting| {
                let records =
                    waiting.iter_mut().flat_map(|waiting| waiting.range_mut(found.places.clone()));
                records.for_each(|record| record.matched = true);
            });
        }
    }

    /// Adds a record.
    pub(super) fn insert(&self, timestamp: i64, matched: bool, value: T) {
        self.0.modify(|waiting| {
            let waiting = waiting.get_or_insert_default();
            let record = Waiting { timestamp, matched, value };
            // Mostly the newest record comes last.
            if waiting.back().is_none_or(|last| last.timestamp <= timestamp) {
                waiting.push_back(record);
            } else {
                let place = waiting.partition_point(|earlier| earlier.timestamp <= timestamp);
                waiting.insert(place, record);
            }
        });
    }

    /// Takes out the records that are `expired` by their timestamps, a prefix; visits those of them
    /// that never found a partner.
    pub(super) fn expire(
        &self,
        expired: impl Fn(i64) -> bool,
        mut visit: impl FnMut(i64, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.first().is_some_and(&expired) {
            return Ok(());
        }
        self.0.modify(|cell| {
            let Some(waiting) = cell else { return Ok(()) };
            let count = waiting.partition_point(|record| expired(record.timestamp));
            let mut unmatched = waiting.drain(..count).filter(|record| !record.matched);
            let visited = unmatched.try_for_each(|it| visit(it.timestamp, &it.value));
            drop(unmatched);
            if waiting.is_empty() {
                *cell = None;
            }
            visited
        })
    }
}
