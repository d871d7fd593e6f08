//! What is held of each key and slice of time, in the order in which it came, found by the bytes of
//! its key.

use super::slices::Slice;
use crate::chain::pipe::Chunk;
use crate::function::accumulate::Partial;
use crate::state::slots::digest::Digest;
use crate::state::slots::index::HashIndex;

/// All that is held.
pub(super) struct Held<K, S> {
    /// By their starts; few, as slices are handed on when the watermark has passed them.
    slices: Vec<(Slice, Entries<K, S>)>,
    len: usize,
}

/// What is held of one slice.
struct Entries<K, S> {
    entries: Vec<Entry<K, S>>,
    index: HashIndex,
    /// The bytes of all keys.
    keys: Vec<u8>,
    /// The earliest timestamp of all values.
    earliest: i64,
}

struct Entry<K, S> {
    digest: Digest,
    key: K,
    bytes: std::ops::Range<usize>,
    /// The latest timestamp of its values.
    latest: i64,
    stored: Option<S>,
}

impl<K, S> Held<K, S> {
    pub(super) fn new() -> Held<K, S> {
        Held { slices: Vec::new(), len: 0 }
    }

    /// Keys held, counted once a slice.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Changes what is held of a key.
    #[inline]
    pub(super) fn update(
        &mut self,
        slice: Slice,
        timestamp: i64,
        key: K,
        bytes: &[u8],
        change: impl FnOnce(&mut Option<S>),
    ) {
        let position = match self.slices.last() {
            Some((last, _)) if *last == slice => self.slices.len() - 1,
            Some(_) | None => self.find_or_add(slice),
        };
        let (entry, is_added) = self.slices[position].1.entry(timestamp, key, bytes);
        change(&mut entry.stored);
        self.len += usize::from(is_added);
    }

    #[cold]
    fn find_or_add(&mut self, slice: Slice) -> usize {
        match self.slices.binary_search_by_key(&slice.start, |(known, _)| known.start) {
            Ok(position) => position,
            Err(position) => {
                self.slices.insert(position, (slice, Entries::new()));
                position
            }
        }
    }

    /// Takes the slices that a watermark has passed, the earliest first, or where there is only one
    /// for all time, that if any of its values is behind the watermark. Of a slice of time the
    /// partial results have its last timestamp, so that none is behind a watermark already sent.
    pub(super) fn take_to(
        &mut self,
        watermark: i64,
        is_sliced: bool,
        taken: &mut Chunk<Partial<K, S>>,
    ) {
        let passed = |(slice, entries): &(Slice, Entries<K, S>)| match is_sliced {
            true => slice.last <= watermark,
            false => entries.earliest <= watermark,
        };
        let count = self.slices.partition_point(passed);
        for (slice, slice_entries) in self.slices.drain(..count) {
            self.len -= slice_entries.entries.len();
            taken.extend(slice_entries.entries.into_iter().filter_map(|entry| {
                let timestamp = if is_sliced { slice.last } else { entry.latest };
                Some((timestamp, (entry.key, entry.stored?)))
            }));
        }
    }
}

impl<K, S> Entries<K, S> {
    fn new() -> Entries<K, S> {
        Entries {
            entries: Vec::new(),
            index: HashIndex::new(),
            keys: Vec::new(),
            earliest: i64::MAX,
        }
    }

    /// The entry of a key, and whether it was added.
    #[inline]
    fn entry(&mut self, timestamp: i64, key: K, bytes: &[u8]) -> (&mut Entry<K, S>, bool) {
        self.earliest = self.earliest.min(timestamp);
        let digest = Digest::of(bytes);
        let (entries, keys) = (&self.entries, &self.keys);
        let found = self.index.find(digest.hash(), |position| {
            let entry = &entries[position as usize];
            entry.digest == digest && (digest.is_exact() || keys[entry.bytes.clone()] == *bytes)
        });
        let position = match found {
            Some(position) => position as usize,
            None => self.add(digest, key, bytes),
        };
        let is_added = found.is_none();
        let entry = &mut self.entries[position];
        entry.latest = entry.latest.max(timestamp);
        (entry, is_added)
    }

    #[cold]
    fn add(&mut self, digest: Digest, key: K, bytes: &[u8]) -> usize {
        let position = self.entries.len();
        let start = self.keys.len();
        if !digest.is_exact() {
            self.keys.extend_from_slice(bytes);
        }
        let held = start..self.keys.len();
        self.entries.push(Entry { digest, key, bytes: held, latest: i64::MIN, stored: None });
        self.index.insert(digest.hash(), position as u32);
        position
    }
}
