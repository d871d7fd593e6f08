//! The entries of a value-like state in one key group: a hash table of keys. Key and payload share
//! one allocation, and a value of the length of the one before is written in place.

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;

use super::payload::{PayloadFormat, Pruned};
use super::sweep::{SPARSE, TableSweep};

/// Charged for an entry besides its bytes: its place in the table (24 bytes at a load of about
/// 60 %) and the allocator's header and rounding.
pub(super) const ENTRY_OVERHEAD_BYTES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct ValueTable {
    entries: HashTable<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// The key, then the payload.
    bytes: Box<[u8]>,
    key_len: u32,
    hash: u32,
}

impl Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        &self.bytes[..self.key_len as usize]
    }

    #[inline]
    fn payload(&self) -> &[u8] {
        &self.bytes[self.key_len as usize..]
    }

    #[inline]
    fn is_of(&self, hash: u32, key: &[u8]) -> bool {
        self.hash == hash && self.key() == key
    }
}

/// What an entry is charged.
#[inline]
pub(super) fn charge(key: &[u8], payload_len: usize) -> usize {
    ENTRY_OVERHEAD_BYTES + key.len() + payload_len
}

/// Spreads a 32-bit hash over the 64 bits that the table looks at.
#[inline]
pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl ValueTable {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn get(&self, hash: u32, key: &[u8]) -> Option<&[u8]> {
        self.entries.find(spread(hash), |entry| entry.is_of(hash, key)).map(Entry::payload)
    }

    /// The keys whose value may be seen, in no order.
    pub(super) fn keys<'a>(&'a self, format: &PayloadFormat) -> impl Iterator<Item = &'a [u8]> {
        let visible = |entry: &&Entry| format.visible(entry.payload()).0.is_some();
        self.entries.iter().filter(visible).map(Entry::key)
    }

    /// Writes an entry; returns by how much its charge changed.
    #[inline]
    pub(super) fn put(
        &mut self,
        hash: u32,
        key: &[u8],
        value: &[u8],
        format: &PayloadFormat,
    ) -> i64 {
        let payload_len = format.stamp_bytes() + value.len();
        let found = self.entries.find_mut(spread(hash), |entry| entry.is_of(hash, key));
        if let Some(entry) = found {
            let payload_len_before = entry.bytes.len() - key.len();
            if payload_len_before == payload_len {
                format.overwrite(value, &mut entry.bytes[key.len()..]);
            } else {
                entry.bytes = join(key, value, format);
            }
            return payload_len as i64 - payload_len_before as i64;
        }
        let entry = Entry { bytes: join(key, value, format), key_len: key.len() as u32, hash };
        self.entries.insert_unique(spread(hash), entry, |entry| spread(entry.hash));
        charge(key, payload_len) as i64
    }

    /// Deletes an entry if there is one; returns its charge.
    pub(super) fn delete(&mut self, hash: u32, key: &[u8]) -> usize {
        let found = self.entries.find_entry(spread(hash), |entry| entry.is_of(hash, key));
        let Ok(found) = found else {
            return 0;
        };
        let (entry, _) = found.remove();
        charge(entry.key(), entry.payload().len())
    }

    /// Deletes what has expired of an entry; returns by how much the charge fell.
    pub(super) fn prune(&mut self, hash: u32, key: &[u8], format: &PayloadFormat) -> usize {
        let found = self.entries.find_entry(spread(hash), |entry| entry.is_of(hash, key));
        found.map_or(0, |found| prune(found, format))
    }

    /// Makes what is alive of an entry written now.
    pub(super) fn renew(&mut self, hash: u32, key: &[u8], format: &PayloadFormat) {
        let found = self.entries.find_mut(spread(hash), |entry| entry.is_of(hash, key));
        if let Some(entry) = found {
            format.renew(&mut entry.bytes[key.len()..]);
        }
    }

    /// Goes on with a sweep: looks at the next places, deletes what has expired.
    pub(super) fn sweep(&mut self, sweep: &mut TableSweep, format: &PayloadFormat) {
        sweep.begin(self.entries.num_buckets());
        while sweep.goes_on() {
            let place = sweep.place;
            sweep.place += 1;
            // A place without an entry costs next to nothing, but not nothing.
            sweep.looked_at(1);
            let Ok(found) = self.entries.get_bucket_entry(place) else { continue };
            let (before, expires_at) = (sweep.freed, format.expires_at(found.get().payload()));
            sweep.freed += prune(found, format);
            if sweep.freed == before {
                sweep.saw(expires_at);
            } else if let Some(entry) = self.entries.get_bucket(place) {
                sweep.saw(format.expires_at(entry.payload()));
            }
        }
        if sweep.is_done() && self.entries.len() < self.entries.capacity() / SPARSE {
            self.entries.shrink_to_fit(|entry| spread(entry.hash));
        }
    }

    /// Rewrites all payloads in another format.
    pub(super) fn convert(&mut self, from: &PayloadFormat, to: &PayloadFormat) {
        for entry in &mut self.entries {
            let payload = to.convert_from(from, entry.payload());
            let mut bytes = Vec::with_capacity(entry.key().len() + payload.len());
            bytes.extend_from_slice(entry.key());
            bytes.extend_from_slice(&payload);
            entry.bytes = bytes.into_boxed_slice();
        }
    }

    /// All keys and payloads, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|entry| (entry.key(), entry.payload()))
    }
}

/// Deletes what has expired of an entry; returns by how much its charge fell.
fn prune(mut found: OccupiedEntry<'_, Entry>, format: &PayloadFormat) -> usize {
    let entry = found.get_mut();
    let payload_len = entry.payload().len();
    match format.prune(entry.payload()) {
        Pruned::Same => 0,
        Pruned::Shorter(payload) => {
            entry.bytes = [entry.key(), &payload].concat().into_boxed_slice();
            payload_len - payload.len()
        }
        Pruned::Gone => {
            let (gone, _) = found.remove();
            charge(gone.key(), payload_len)
        }
    }
}

fn join(key: &[u8], value: &[u8], format: &PayloadFormat) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(key.len() + format.stamp_bytes() + value.len());
    bytes.extend_from_slice(key);
    format.append(value, &mut bytes);
    bytes.into_boxed_slice()
}
