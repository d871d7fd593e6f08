//! One keyed state: its descriptor and a table for each key group of the subtask.

use super::ScanRange;
use super::descriptor::{StateDescriptor, StateKind};
use super::map_table::{self, MapTable};
use super::payload::PayloadFormat;
use super::sweep::TableSweep;
use super::value_table::{self, ValueTable};
use crate::key_groups::Place;
use crate::packed::{Packed, PackedMut};

#[derive(Debug)]
pub(super) struct State {
    pub(super) descriptor: StateDescriptor,
    pub(super) tables: Tables,
    /// What the tables hold.
    pub(super) usage: StateUsage,
}

/// How much state there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateUsage {
    /// Entries, with those that have expired and were not deleted yet.
    pub entries: u64,
    /// Bytes charged for them.
    pub bytes: u64,
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

impl<'a> Entries<'a> {
    /// Key and user key of an entry.
    fn get(&self, index: usize) -> (&'a [u8], &'a [u8]) {
        let user_keys = self.user_keys;
        let user_key = if user_keys.is_empty() { &[] } else { user_keys.get(index) };
        (self.keys.get(index), user_key)
    }
}

impl State {
    pub(super) fn new(descriptor: StateDescriptor, key_groups: usize) -> State {
        let tables = match descriptor.kind {
            StateKind::Map => Tables::Maps((0..key_groups).map(|_| MapTable::default()).collect()),
            StateKind::Value | StateKind::List | StateKind::Reducing | StateKind::Aggregating => {
                Tables::Values((0..key_groups).map(|_| ValueTable::default()).collect())
            }
        };
        State { descriptor, tables, usage: StateUsage::default() }
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.descriptor.operator, self.descriptor.name)
    }

    pub(super) fn format(&self, now_ms: i64) -> PayloadFormat {
        PayloadFormat::of(&self.descriptor, now_ms)
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.tables, Tables::Maps(_))
    }

    pub(super) fn len(&self) -> usize {
        self.usage.entries as usize
    }

    /// Applies a change of one table to the usage; returns the change of the charge.
    fn changed(&mut self, entries: i64, bytes: i64) -> i64 {
        self.usage.entries = self.usage.entries.saturating_add_signed(entries);
        self.usage.bytes = self.usage.bytes.saturating_add_signed(bytes);
        bytes
    }

    /// Hands out, entry by entry, the value if there is one that may be seen. Returns the positions
    /// of those that have expired.
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
            let (value, is_expired) =
                payload.map_or((None, false), |payload| format.visible(payload));
            if is_expired {
                expired.push(position);
            }
            position += 1;
            visit(value);
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
        let (mut charge, mut added) = (0, 0);
        let keys_values = entries.keys.iter().zip(values.iter());
        match &mut self.tables {
            Tables::Values(tables) => {
                for (place, (key, value)) in entries.places.iter().zip(keys_values) {
                    let table = &mut tables[place.table as usize];
                    added -= table.len() as i64;
                    charge += table.put(place.hash, key, value, format);
                    added += table.len() as i64;
                }
            }
            Tables::Maps(tables) => {
                let keys_values = keys_values.zip(entries.user_keys.iter());
                for (place, ((key, value), user_key)) in entries.places.iter().zip(keys_values) {
                    let table = &mut tables[place.table as usize];
                    added -= table.len() as i64;
                    charge += table.put(place.hash, (key, user_key), value, format);
                    added += table.len() as i64;
                }
            }
        }
        self.changed(added, charge)
    }

    /// Deletes all entries; returns their charge.
    pub(super) fn delete(&mut self, entries: Entries<'_>) -> usize {
        let delete = |(index, place): (usize, &Place)| {
            let (key, user_key) = entries.get(index);
            self.shrunk(place.table, |tables| match tables {
                Tables::Values(tables) => tables[place.table as usize].delete(place.hash, key),
                Tables::Maps(tables) => {
                    tables[place.table as usize].delete(place.hash, key, user_key)
                }
            })
        };
        entries.places.iter().enumerate().map(delete).sum()
    }

    /// Deletes what has expired of an entry; returns by how much the charge fell.
    pub(super) fn prune(
        &mut self,
        place: Place,
        (key, user_key): (&[u8], &[u8]),
        format: &PayloadFormat,
    ) -> usize {
        self.shrunk(place.table, |tables| match tables {
            Tables::Values(tables) => tables[place.table as usize].prune(place.hash, key, format),
            Tables::Maps(tables) => {
                tables[place.table as usize].prune(place.hash, (key, user_key), format)
            }
        })
    }

    /// Makes all entries that are alive written now.
    pub(super) fn renew(&mut self, entries: Entries<'_>, format: &PayloadFormat) {
        for (index, place) in entries.places.iter().enumerate() {
            let (key, user_key) = entries.get(index);
            match &mut self.tables {
                Tables::Values(tables) => {
                    tables[place.table as usize].renew(place.hash, key, format);
                }
                Tables::Maps(tables) => {
                    tables[place.table as usize].renew(place.hash, (key, user_key), format);
                }
            }
        }
    }

    /// Runs what shrinks a table, and counts it.
    fn shrunk(&mut self, table: u32, shrink: impl FnOnce(&mut Tables) -> usize) -> usize {
        let before = self.tables.len_of(table as usize);
        let freed = shrink(&mut self.tables);
        let deleted = before - self.tables.len_of(table as usize);
        self.changed(-(deleted as i64), -(freed as i64));
        freed
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
                let found = found.and_then(|payload| format.visible(payload).0);
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

    /// Goes on with the sweep of one key group.
    pub(super) fn sweep(&mut self, table: u32, sweep: &mut TableSweep, format: &PayloadFormat) {
        let before = sweep.freed;
        self.shrunk(table, |tables| {
            match tables {
                Tables::Values(tables) => tables[table as usize].sweep(sweep, format),
                Tables::Maps(tables) => tables[table as usize].sweep(sweep, format),
            }
            sweep.freed - before
        });
    }

    /// Rewrites all payloads in another format.
    pub(super) fn convert(&mut self, from: &PayloadFormat, to: &PayloadFormat) {
        match &mut self.tables {
            Tables::Values(tables) => tables.iter_mut().for_each(|table| table.convert(from, to)),
            Tables::Maps(tables) => tables.iter_mut().for_each(|table| table.convert(from, to)),
        }
        let stamps = |format: &PayloadFormat| (self.len() * format.stamp_bytes()) as i64;
        let grown = stamps(to) - stamps(from);
        self.changed(0, grown);
    }
}

impl Tables {
    fn len_of(&self, table: usize) -> usize {
        match self {
            Tables::Values(tables) => tables[table].len(),
            Tables::Maps(tables) => tables[table].len(),
        }
    }

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
