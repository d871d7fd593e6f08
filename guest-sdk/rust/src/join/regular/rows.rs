//! All rows of one side and key, in their order of arrival.
//!
//! The newest rows are one value; each time these are many they are sealed as an entry of a map, so
//! that a key with few rows costs one fetch a batch, and one with very many rows writes only those
//! that changed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::Data;
use crate::context::RuntimeContext;
use crate::error::Error;
use crate::state::{MapState, MapStateDescriptor, ValueState, ValueStateDescriptor};

/// Rows of a sealed entry.
const SEALED_ROWS: usize = 128;

/// A row, whether it has found a partner, and when it was last written by processing time (only
/// told apart where rows expire).
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row<T> {
    matched: bool,
    written: i64,
    value: T,
}

/// The newest rows, and which entries of the map are sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Newest<T> {
    first_sealed: u32,
    next_sealed: u32,
    rows: Vec<Row<T>>,
}

impl<T> Default for Newest<T> {
    fn default() -> Newest<T> {
        Newest { first_sealed: 0, next_sealed: 0, rows: Vec::new() }
    }
}

/// A place among the rows of a key: the sealed entry, none for the newest, and the place in it.
pub(super) type Place = (Option<u32>, u32);

/// Names of the two states of a side.
pub(super) type Names = (&'static str, &'static str);

/// The rows of one side.
pub(super) struct Rows<T> {
    newest: ValueState<Newest<T>>,
    sealed: MapState<u32, Vec<Row<T>>>,
    ttl: Option<i64>,
}

impl<T> Default for Rows<T> {
    fn default() -> Rows<T> {
        Rows { newest: ValueState::default(), sealed: MapState::default(), ttl: None }
    }
}

impl<T: Data> Rows<T> {
    pub(super) fn open(
        &mut self,
        ctx: &RuntimeContext,
        (newest, sealed): Names,
        ttl: Option<Duration>,
    ) -> Result<(), Error> {
        let (mut newest, mut sealed) =
            (ValueStateDescriptor::new(newest), MapStateDescriptor::new(sealed));
        if let Some(ttl) = ttl {
            (newest, sealed) = (newest.ttl(ttl), sealed.ttl(ttl));
        }
        self.ttl = ttl.map(|ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        self.newest = ctx.value_state(newest)?;
        self.sealed = ctx.map_state(sealed)?;
        Ok(())
    }

    /// Whether rows expire.
    pub(super) fn expires(&self) -> bool {
        self.ttl.is_some()
    }

    /// Whether a row has not expired. The host drops what expired as a whole; rows that are stored
    /// together expire one by one all the same.
    #[inline]
    fn is_alive(ttl: Option<i64>, row: &Row<T>, now: i64) -> bool {
        ttl.is_none_or(|ttl| now < row.written.saturating_add(ttl))
    }

    fn sealed_range(&self) -> std::ops::Range<u32> {
        self.newest.with(|newest| newest.map_or(0..0, |it| it.first_sealed..it.next_sealed))
    }

    /// Visits the rows that have not expired, with their places and whether they have found a
    /// partner.
    pub(super) fn visit(
        &self,
        now: i64,
        mut visit: impl FnMut(Place, bool, &T),
    ) -> Result<(), Error> {
        let mut visit_all = |entry: Option<u32>, rows: &[Row<T>]| {
            let alive = rows.iter().zip(0..).filter(|(row, _)| Self::is_alive(self.ttl, row, now));
            alive.for_each(|(row, place)| visit((entry, place), row.matched, &row.value));
        };
        for entry in self.sealed_range() {
            self.sealed
                .with(&entry, |rows| visit_all(Some(entry), rows.map_or(&[], Vec::as_slice)))?;
        }
        self.newest.with(|newest| visit_all(None, newest.map_or(&[], |newest| &newest.rows)));
        Ok(())
    }

    /// Notes that the rows at these places, in order, have found a partner. That writes them, so
    /// that they expire later. Source: Flink, `OuterJoinRecordStateView.updateNumOfAssociations`.
    pub(super) fn mark(&self, places: &[Place], now: i64) -> Result<(), Error> {
        let write = |rows: &mut [Row<T>], of_entry: &[Place]| {
            for (_, place) in of_entry {
                if let Some(row) = rows.get_mut(*place as usize) {
                    (row.matched, row.written) = (true, now);
                }
            }
        };
        for of_entry in places.chunk_by(|left, right| left.0 == right.0) {
            match of_entry[0].0 {
                Some(entry) => self.sealed.modify(&entry, |rows| {
                    write(rows.as_deref_mut().unwrap_or_default(), of_entry);
                })?,
                None => self.newest.modify(|newest| {
                    let rows = newest.as_mut().map(|newest| newest.rows.as_mut_slice());
                    write(rows.unwrap_or_default(), of_entry);
                }),
            }
        }
        if self.ttl.is_some() && !places.is_empty() {
            // Where the sealed rows are must not expire before them.
            self.newest.modify(|_| ());
        }
        Ok(())
    }

    /// Adds a row.
    pub(super) fn append(&self, value: T, matched: bool, now: i64) -> Result<(), Error> {
        let written = if self.ttl.is_some() { now } else { 0 };
        let full = self.newest.modify(|newest| {
            let newest = newest.get_or_insert_default();
            if self.ttl.is_some() {
                newest.rows.retain(|row| Self::is_alive(self.ttl, row, now));
            }
            newest.rows.push(Row { matched, written, value });
            (newest.rows.len() >= SEALED_ROWS).then(|| {
                newest.next_sealed += 1;
                (newest.next_sealed - 1, std::mem::take(&mut newest.rows))
            })
        });
        if let Some((entry, rows)) = full {
            self.sealed.put(&entry, rows)?;
        }
        self.forget_expired()
    }

    /// Moves the first sealed entry behind those that have expired.
    fn forget_expired(&self) -> Result<(), Error> {
        if self.ttl.is_none() {
            return Ok(());
        }
        let sealed = self.sealed_range();
        let mut first = sealed.start;
        while first < sealed.end && !self.sealed.contains(&first)? {
            first += 1;
        }
        if first > sealed.start {
            self.newest.modify(|newest| newest.get_or_insert_default().first_sealed = first);
        }
        Ok(())
    }
}
