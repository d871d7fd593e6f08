//! What is held of each key and slice of time, in the order in which it came, found by the bytes of
//! its key.

use super::slices::Slice;
use crate::chain::pipe::Chunk;
use crate::function::accumulate::Partial;
use crate::state::slots::digest::Digest;
use crate::state::slots::index::HashIndex;

/// The bytes of a key, and what stands for them.
#[derive(Clone, Copy)]
pub(super) struct KeyBytes<'a> {
    digest: Digest,
    bytes: &'a [u8],
}

impl<'a> KeyBytes<'a> {
    /// What is best put behind the last key of a column: as many bytes as are read at once.
    pub(super) const PADDING: [u8; 16] = [0; 16];

    /// A key that is a number, in a table of numbers only.
    #[inline(always)]
    pub(super) fn of_number(number: u64) -> KeyBytes<'static> {
        KeyBytes { digest: Digest::of_number(number), bytes: &[] }
    }

    /// The key that is somewhere in a column of keys.
    #[inline(always)]
    pub(super) fn in_column(column: &'a [u8], range: std::ops::Range<usize>) -> KeyBytes<'a> {
        let digest = Digest::in_column(column, range.start, range.end);
        KeyBytes { digest, bytes: &column[range] }
    }
}

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
    /// The entry that was changed last: that of a hot key most of the time.
    last: usize,
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
        bytes: KeyBytes<'_>,
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
            last: 0,
        }
    }

    /// The entry of a key, and whether it was added.
    #[inline]
    fn entry(
        &mut self,
        timestamp: i64,
        key: K,
        KeyBytes { digest, bytes }: KeyBytes<'_>,
    ) -> (&mut Entry<K, S>, bool) {
        self.earliest = self.earliest.min(timestamp);
        if let Some(last) = self.entries.get_mut(self.last)
            && last.digest == digest
            && digest.is_exact()
        {
            last.latest = last.latest.max(timestamp);
            return (&mut self.entries[self.last], false);
        }
        self.find_or_add(timestamp, key, KeyBytes { digest, bytes })
    }

    #[inline(never)]
    fn find_or_add(
        &mut self,
        timestamp: i64,
        key: K,
        KeyBytes { digest, bytes }: KeyBytes<'_>,
    ) -> (&mut Entry<K, S>, bool) {
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
        self.last = position;
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
