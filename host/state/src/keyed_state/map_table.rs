//! The entries of a map state in one key group: a hash table of keys, each with its user keys in
//! order.

use std::collections::BTreeMap;
use std::ops::Bound;

use hashbrown::HashTable;

use super::ScanRange;
use super::payload::{PayloadFormat, Pruned};
use super::sweep::{SPARSE, TableSweep};
use super::value_table::spread;

/// Charged for a key besides its bytes: its place in the table, and the first node of its map,
/// which has room for eleven entries whether they are there or not.
pub(super) const KEY_OVERHEAD_BYTES: usize = 464;
/// Charged for an entry besides its bytes: two fat pointers in a tree node that is half
/// full, as keys in order leave it, and the allocator's share of two boxes.
pub(super) const ENTRY_OVERHEAD_BYTES: usize = 104;

#[derive(Debug, Default)]
pub(super) struct MapTable {
    maps: HashTable<Map>,
    entries: usize,
}

#[derive(Debug)]
struct Map {
    key: Box<[u8]>,
    hash: u32,
    /// Payloads by user key. Invariant: not empty.
    entries: BTreeMap<Box<[u8]>, Box<[u8]>>,
}

impl Map {
    #[inline]
    fn is_of(&self, hash: u32, key: &[u8]) -> bool {
        self.hash == hash && &*self.key == key
    }
}

/// What an entry is charged.
#[inline]
pub(super) fn charge(user_key: &[u8], payload_len: usize) -> usize {
    ENTRY_OVERHEAD_BYTES + user_key.len() + payload_len
}

/// What a key is charged, once for all its entries.
#[inline]
pub(super) fn key_charge(key: &[u8]) -> usize {
    KEY_OVERHEAD_BYTES + key.len()
}

impl MapTable {
    pub(super) fn len(&self) -> usize {
        self.entries
    }

    #[inline]
    fn find(&self, hash: u32, key: &[u8]) -> Option<&Map> {
        self.maps.find(spread(hash), |map| map.is_of(hash, key))
    }

    pub(super) fn has_key(&self, hash: u32, key: &[u8]) -> bool {
        self.find(hash, key).is_some()
    }

    #[inline]
    pub(super) fn get(&self, hash: u32, key: &[u8], user_key: &[u8]) -> Option<&[u8]> {
        self.find(hash, key)?.entries.get(user_key).map(|payload| &**payload)
    }

    /// The keys that have an entry that may be seen, in no order.
    pub(super) fn keys<'a>(&'a self, format: &PayloadFormat) -> impl Iterator<Item = &'a [u8]> {
        let is_visible = |payload: &[u8]| format.visible(payload).0.is_some();
        let visible = move |map: &&Map| map.entries.values().any(|payload| is_visible(payload));
        self.maps.iter().filter(visible).map(|map| &*map.key)
    }

    /// Writes an entry; returns by how much the charge changed.
    pub(super) fn put(
        &mut self,
        hash: u32,
        (key, user_key): (&[u8], &[u8]),
        value: &[u8],
        format: &PayloadFormat,
    ) -> i64 {
        let payload_len = format.stamp_bytes() + value.len();
        let added = charge(user_key, payload_len) as i64;
        let Some(map) = self.maps.find_mut(spread(hash), |map| map.is_of(hash, key)) else {
            let entries = BTreeMap::from([(user_key.into(), format.to_box(value))]);
            let map = Map { key: key.into(), hash, entries };
            self.maps.insert_unique(spread(hash), map, |map| spread(map.hash));
            self.entries += 1;
            return added + key_charge(key) as i64;
        };
        let Some(payload) = map.entries.get_mut(user_key) else {
            map.entries.insert(user_key.into(), format.to_box(value));
            self.entries += 1;
            return added;
        };
        let payload_len_before = payload.len();
        if payload_len_before == payload_len {
            format.overwrite(value, payload);
        } else {
            *payload = format.to_box(value);
        }
        payload_len as i64 - payload_len_before as i64
    }

    /// Deletes an entry if there is one; returns its charge, with that of the key if it was the
    /// key's last.
    pub(super) fn delete(&mut self, hash: u32, key: &[u8], user_key: &[u8]) -> usize {
        let Ok(mut found) = self.maps.find_entry(spread(hash), |map| map.is_of(hash, key)) else {
            return 0;
        };
        let Some(payload) = found.get_mut().entries.remove(user_key) else {
            return 0;
        };
        self.entries -= 1;
        let freed = charge(user_key, payload.len());
        if !found.get().entries.is_empty() {
            return freed;
        }
        found.remove();
        freed + key_charge(key)
    }

    /// Deletes what has expired of an entry; returns by how much the charge fell.
    pub(super) fn prune(
        &mut self,
        hash: u32,
        (key, user_key): (&[u8], &[u8]),
        format: &PayloadFormat,
    ) -> usize {
        match self.get(hash, key, user_key).map(|payload| format.prune(payload)) {
            Some(Pruned::Gone) => self.delete(hash, key, user_key),
            // Maps have no elements: an entry is whole or gone.
            Some(Pruned::Same | Pruned::Shorter(_)) | None => 0,
        }
    }

    /// Makes an entry that is alive written now.
    pub(super) fn renew(
        &mut self,
        hash: u32,
        (key, user_key): (&[u8], &[u8]),
        format: &PayloadFormat,
    ) {
        let found = self.maps.find_mut(spread(hash), |map| map.is_of(hash, key));
        if let Some(payload) = found.and_then(|map| map.entries.get_mut(user_key)) {
            format.renew(payload);
        }
    }

    /// The visible entries of a key in a range, in the order of their user keys.
    pub(super) fn scan<'a>(
        &'a self,
        (hash, key): (u32, &[u8]),
        range: ScanRange<'a>,
        format: PayloadFormat,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let start = match range.after {
            Some(after) if after >= range.prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(range.prefix),
        };
        self.find(hash, key)
            .into_iter()
            .flat_map(move |map| map.entries.range::<[u8], _>((start, Bound::Unbounded)))
            .take_while(move |(user_key, _)| user_key.starts_with(range.prefix))
            .filter_map(move |(user_key, payload)| Some((&**user_key, format.visible(payload).0?)))
    }

    /// Goes on with a sweep: looks at the next entries, deletes what has expired.
    pub(super) fn sweep(&mut self, sweep: &mut TableSweep, format: &PayloadFormat) {
        sweep.begin(self.maps.num_buckets());
        while sweep.goes_on() {
            let Ok(mut found) = self.maps.get_bucket_entry(sweep.place) else {
                sweep.looked_at(1);
                sweep.place += 1;
                continue;
            };
            let entries = &mut found.get_mut().entries;
            let (freed, deleted) = sweep_map(entries, sweep, format);
            sweep.freed += freed;
            self.entries -= deleted;
            if entries.is_empty() {
                sweep.freed += key_charge(&found.get().key);
                found.remove();
            }
        }
        if sweep.is_done() && self.maps.len() < self.maps.capacity() / SPARSE {
            self.maps.shrink_to_fit(|map| spread(map.hash));
        }
    }

    /// Rewrites all payloads in another format.
    pub(super) fn convert(&mut self, from: &PayloadFormat, to: &PayloadFormat) {
        for payload in self.maps.iter_mut().flat_map(|map| map.entries.values_mut()) {
            *payload = to.convert_from(from, payload);
        }
    }

    /// All keys, user keys and payloads; those of one key together and in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], &[u8])> {
        self.maps.iter().flat_map(|map| {
            map.entries.iter().map(|(user_key, payload)| (&*map.key, &**user_key, &**payload))
        })
    }
}

/// Goes on with one key's entries. Returns what was freed, and how many were deleted.
fn sweep_map(
    entries: &mut BTreeMap<Box<[u8]>, Box<[u8]>>,
    sweep: &mut TableSweep,
    format: &PayloadFormat,
) -> (usize, usize) {
    let start = sweep.after.take();
    let start = start.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut expired = Vec::new();
    let mut last = None;
    let mut is_whole = true;
    for (user_key, payload) in entries.range::<[u8], _>((start, Bound::Unbounded)) {
        if !sweep.goes_on() {
            is_whole = false;
            break;
        }
        sweep.looked_at(1);
        last = Some(user_key);
        match format.prune(payload) {
            Pruned::Gone => expired.push(user_key.clone()),
            Pruned::Same | Pruned::Shorter(_) => sweep.saw(format.expires_at(payload)),
        }
    }
    if is_whole {
        sweep.place += 1;
    } else {
        sweep.after = last.cloned();
    }
    let gone = expired.iter().filter_map(|user_key| entries.remove_entry(user_key));
    let freed = gone.map(|(user_key, payload)| charge(&user_key, payload.len())).sum();
    (freed, expired.len())
}
