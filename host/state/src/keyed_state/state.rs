//! One keyed state: its descriptor and a table for each key group of the subtask.

use super::ScanRange;
use super::descriptor::{StateDescriptor, StateKind};
use super::map_table::{self, MapTable};
use super::payload::PayloadFormat;
use super::value_table::{self, ValueTable};
use crate::key_groups::Place;
use crate::packed::{Packed, PackedMut};

#[derive(Debug)]
pub(super) struct State {
    pub(super) descriptor: StateDescriptor,
    pub(super) tables: Tables,
}

/// One table a key group, in the order of the groups.
#[derive(Debug)]
pub(super) enum Tables {
    Values(Vec<ValueTable>),
    Maps(Vec<MapTable>),
}

/// Keys with their places, and their user keys where the state is a map.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a> {
    pub(super) places: &'a [Place],
    pub(super) keys: Packed<'a>,
    pub(super) user_keys: Packed<'a>,
}

impl State {
    pub(super) fn new(descriptor: StateDescriptor, key_groups: usize) -> State {
        let tables = match descriptor.kind {
            StateKind::Map => Tables::Maps((0..key_groups).map(|_| MapTable::default()).collect()),
            StateKind::Value | StateKind::List | StateKind::Reducing | StateKind::Aggregating => {
                Tables::Values((0..key_groups).map(|_| ValueTable::default()).collect())
            }
        };
        State { descriptor, tables }
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.descriptor.operator, self.descriptor.name)
    }

    pub(super) fn format(&self, now_ms: i64) -> PayloadFormat {
        let ttl_ms = self.descriptor.ttl_ms.map(|ttl| i64::try_from(ttl).unwrap_or(i64::MAX));
        PayloadFormat { ttl_ms, now_ms }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.tables, Tables::Maps(_))
    }

    pub(super) fn len(&self) -> usize {
        match &self.tables {
            Tables::Values(tables) => tables.iter().map(ValueTable::len).sum(),
            Tables::Maps(tables) => tables.iter().map(MapTable::len).sum(),
        }
    }

    /// Hands out, entry by entry, the value if there is one that has not expired. Returns the
    /// positions of those that have.
    #[inline]
    pub(super) fn for_each_value<'a>(
        &'a self,
        entries: Entries<'_>,
        format: &PayloadFormat,
        mut visit: impl FnMut(Option<&'a [u8]>),
    ) -> Vec<u32> {
        let mut expired = Vec::new();
        let mut position = 0;
        let mut visit_payload = |payload: Option<&'a [u8]>| {
            let live = payload.and_then(|payload| format.live(payload));
            if payload.is_some() && live.is_none() {
                expired.push(position);
            }
            position += 1;
            visit(live);
        };
        match &self.tables {
            Tables::Values(tables) => {
                for (place, key) in entries.places.iter().zip(entries.keys.iter()) {
                    visit_payload(tables[place.table as usize].get(place.hash, key));
                }
            }
            Tables::Maps(tables) => {
                let keys = entries.keys.iter().zip(entries.user_keys.iter());
                for (place, (key, user_key)) in entries.places.iter().zip(keys) {
                    visit_payload(tables[place.table as usize].get(place.hash, key, user_key));
                }
            }
        }
        expired
    }

    /// Writes all entries; returns by how much the charge changed.
    pub(super) fn put(
        &mut self,
        entries: Entries<'_>,
        values: Packed<'_>,
        format: &PayloadFormat,
    ) -> i64 {
        let mut charge = 0;
        let keys_values = entries.keys.iter().zip(values.iter());
        match &mut self.tables {
            Tables::Values(tables) => {
                for (place, (key, value)) in entries.places.iter().zip(keys_values) {
                    charge += tables[place.table as usize].put(place.hash, key, value, format);
                }
            }
            Tables::Maps(tables) => {
                let keys_values = keys_values.zip(entries.user_keys.iter());
                for (place, ((key, value), user_key)) in entries.places.iter().zip(keys_values) {
                    let table = &mut tables[place.table as usize];
                    charge += table.put(place.hash, (key, user_key), value, format);
                }
            }
        }
        charge
    }

    /// Deletes all entries; returns their charge.
    pub(super) fn delete(&mut self, entries: Entries<'_>) -> usize {
        let places = entries.places.iter().enumerate();
        let user_keys = entries.user_keys;
        places
            .map(|(index, place)| {
                let user_key = if user_keys.is_empty() { &[] } else { user_keys.get(index) };
                self.delete_one(*place, entries.keys.get(index), user_key)
            })
            .sum()
    }

    /// Deletes an entry if there is one; returns its charge.
    pub(super) fn delete_one(&mut self, place: Place, key: &[u8], user_key: &[u8]) -> usize {
        match &mut self.tables {
            Tables::Values(tables) => tables[place.table as usize].delete(place.hash, key),
            Tables::Maps(tables) => tables[place.table as usize].delete(place.hash, key, user_key),
        }
    }

    /// The most that a write can add to the charge.
    pub(super) fn growth_max(
        &self,
        entries: Entries<'_>,
        values: Packed<'_>,
        format: &PayloadFormat,
    ) -> usize {
        let per_entry = format.stamp_bytes()
            + match &self.tables {
                Tables::Values(_) => value_table::ENTRY_OVERHEAD_BYTES,
                Tables::Maps(_) => map_table::ENTRY_OVERHEAD_BYTES + map_table::KEY_OVERHEAD_BYTES,
            };
        let bytes = entries.keys.bytes.len() + entries.user_keys.bytes.len() + values.bytes.len();
        entries.places.len() * per_entry + bytes
    }

    /// What a write adds to the charge, counting every entry against what is there; more than the
    /// truth only if the write names an entry or a key twice.
    pub(super) fn growth(
        &self,
        entries: Entries<'_>,
        values: Packed<'_>,
        format: &PayloadFormat,
    ) -> usize {
        let mut growth = 0;
        let keys_values = entries.keys.iter().zip(values.iter());
        match &self.tables {
            Tables::Values(tables) => {
                for (place, (key, value)) in entries.places.iter().zip(keys_values) {
                    let payload_len = format.stamp_bytes() + value.len();
                    let found = tables[place.table as usize].get(place.hash, key);
                    growth += found.map_or_else(
                        || value_table::charge(key, payload_len),
                        |payload| payload_len.saturating_sub(payload.len()),
                    );
                }
            }
            Tables::Maps(tables) => {
                let keys_values = keys_values.zip(entries.user_keys.iter());
                for (place, ((key, value), user_key)) in entries.places.iter().zip(keys_values) {
                    let payload_len = format.stamp_bytes() + value.len();
                    let table = &tables[place.table as usize];
                    if !table.has_key(place.hash, key) {
                        growth += map_table::key_charge(key);
                    }
                    growth += table.get(place.hash, key, user_key).map_or_else(
                        || map_table::charge(user_key, payload_len),
                        |payload| payload_len.saturating_sub(payload.len()),
                    );
                }
            }
        }
        growth
    }

    /// Appends a page of one key's entries.
    pub(super) fn scan(
        &self,
        (place, key): (Place, &[u8]),
        range: ScanRange<'_>,
        format: PayloadFormat,
        (user_keys, values): (&mut PackedMut<'_>, &mut PackedMut<'_>),
    ) {
        let mut page = Page { left: range.limit.max(1), bytes_left: range.page_bytes, empty: true };
        match &self.tables {
            Tables::Values(tables) => {
                let found = tables[place.table as usize].get(place.hash, key);
                let found = found.and_then(|payload| format.live(payload));
                if let Some(value) = found.filter(|_| range.holds_the_empty_user_key()) {
                    user_keys.push(&[]);
                    values.push(value);
                }
            }
            Tables::Maps(tables) => {
                let entries = tables[place.table as usize].scan((place.hash, key), range, format);
                for (user_key, value) in entries {
                    if !page.takes(user_key.len() + value.len()) {
                        break;
                    }
                    user_keys.push(user_key);
                    values.push(value);
                }
            }
        }
    }

    /// Deletes what has expired in one key group; returns the charge.
    pub(super) fn delete_expired(&mut self, table: usize, format: &PayloadFormat) -> usize {
        match &mut self.tables {
            Tables::Values(tables) => tables[table].delete_expired(format),
            Tables::Maps(tables) => tables[table].delete_expired(format),
        }
    }

    /// Rewrites all payloads in another format.
    pub(super) fn convert(&mut self, from: &PayloadFormat, to: &PayloadFormat) {
        match &mut self.tables {
            Tables::Values(tables) => tables.iter_mut().for_each(|table| table.convert(from, to)),
            Tables::Maps(tables) => tables.iter_mut().for_each(|table| table.convert(from, to)),
        }
    }
}

impl Tables {
    pub(super) fn value_table(&self, table: usize) -> Option<&ValueTable> {
        match self {
            Tables::Values(tables) => tables.get(table),
            Tables::Maps(_) => None,
        }
    }

    pub(super) fn map_table(&self, table: usize) -> Option<&MapTable> {
        match self {
            Tables::Values(_) => None,
            Tables::Maps(tables) => tables.get(table),
        }
    }
}

impl ScanRange<'_> {
    fn holds_the_empty_user_key(&self) -> bool {
        self.prefix.is_empty() && self.after.is_none()
    }
}

/// The room of a page.
struct Page {
    left: u32,
    bytes_left: usize,
    empty: bool,
}

impl Page {
    fn takes(&mut self, bytes: usize) -> bool {
        let fits = self.left > 0 && (self.empty || bytes <= self.bytes_left);
        if fits {
            self.left -= 1;
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
            self.empty = false;
        }
        fits
    }
}
