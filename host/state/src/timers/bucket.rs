//! The timers of one timestamp, in the order of their registration, back to back in one buffer.
//!
//! Most are registered once, taken once and never looked for, so nothing is indexed: a timer that
//! is registered again is appended again, and repetitions are dropped before any is taken, and
//! whenever they may have doubled the bucket. Only a deletion makes an index, which then stays.
//!
//! Law: what is taken holds no timer twice.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::hash_of;

/// A bucket of at most this many timers is searched from end to end, so that it never repeats one.
const SEARCHED_MAX: usize = 8;
/// Timers that are looked through for repetitions together: their table stays in the processor's
/// fastest memory.
const GROUP_TIMERS: usize = 2048;
/// Bytes of timers that are gone are left where they are, if they are no more than those in use and
/// this.
const BYTES_MIN: usize = 1024;
/// Hashes are divided by their upper bits into at most this many groups, as a power of two.
const GROUP_BITS_MAX: u32 = 12;

#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Those before `head` have been taken.
    timers: Vec<Timer>,
    /// Keys, each with its namespace behind it; and those of timers that are gone.
    bytes: Vec<u8>,
    /// Of timers that are not taken.
    used_bytes: usize,
    head: usize,
    /// As many timers from the start are known to be different.
    distinct: usize,
    /// Positions in `timers` of all that are not taken, once one was looked for in a large bucket.
    index: Option<HashTable<u32>>,
}

/// Where the bytes of a timer are.
#[derive(Clone, Copy, Debug)]
struct Timer {
    hash: u32,
    start: usize,
    key_len: u32,
    namespace_len: u32,
}

impl Bucket {
    /// Timers that are not taken; one that was registered again may count again.
    pub(super) fn len(&self) -> usize {
        self.timers.len() - self.head
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the keys and namespaces of timers that are not taken.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Number of different timers that are not taken.
    pub(super) fn distinct_len(&self) -> usize {
        if self.distinct == self.timers.len() {
            return self.len();
        }
        self.repeated().iter().filter(|repeated| !**repeated).count()
    }

    /// Adds a timer unless it is seen to be there.
    pub(super) fn insert(&mut self, key: &[u8], namespace: &[u8]) {
        let hash = hash_of(key, namespace);
        if (self.index.is_some() || self.len() <= SEARCHED_MAX)
            && self.find(hash, key, namespace).is_some()
        {
            return;
        }
        let start = self.bytes.len();
        self.used_bytes += key.len() + namespace.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(namespace);
        let (key_len, namespace_len) = (key.len() as u32, namespace.len() as u32);
        self.timers.push(Timer { hash, start, key_len, namespace_len });
        if let Some(index) = &mut self.index {
            let timers = &self.timers;
            let rehash = |at: &u32| spread(timers[*at as usize].hash);
            index.insert_unique(spread(hash), timers.len() as u32 - 1, rehash);
            self.distinct = self.timers.len();
        } else if self.len() <= SEARCHED_MAX {
            self.distinct = self.timers.len();
        } else if self.timers.len() >= 2 * self.distinct {
            self.drop_repeated();
        }
    }

    /// Removes a timer if it is there.
    pub(super) fn remove(&mut self, key: &[u8], namespace: &[u8]) {
        let Some(position) = self.look_up(key, namespace) else {
            return;
        };
        let last = self.timers.len() - 1;
        self.move_in_index(position, None);
        if last != position {
            self.move_in_index(last, Some(position));
        }
        self.timers.swap_remove(position);
        self.distinct = self.distinct.min(self.timers.len());
        self.used_bytes -= key.len() + namespace.len();
        if self.bytes.len() > 2 * self.used_bytes + BYTES_MIN {
            self.rewrite();
        }
    }

    /// Where a timer is. If there are many, they are indexed from then on.
    pub(super) fn look_up(&mut self, key: &[u8], namespace: &[u8]) -> Option<usize> {
        if self.len() > SEARCHED_MAX && self.index.is_none() {
            self.make_index();
        }
        self.find(hash_of(key, namespace), key, namespace)
    }

    /// Takes at most `max` timers, first come first, and shows them.
    pub(super) fn take(&mut self, max: usize, mut show: impl FnMut(&[u8], &[u8])) -> usize {
        self.drop_repeated();
        let end = self.timers.len().min(self.head.saturating_add(max));
        for position in self.head..end {
            self.move_in_index(position, None);
            let (key, namespace) = self.parts(self.timers[position]);
            show(key, namespace);
            self.used_bytes -= key.len() + namespace.len();
        }
        let taken = end - self.head;
        self.head = end;
        taken
    }

    /// Keys and namespaces, some perhaps more than once.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.timers[self.head..].iter().map(|timer| self.parts(*timer))
    }

    fn parts(&self, timer: Timer) -> (&[u8], &[u8]) {
        let key = timer.start;
        let namespace = key + timer.key_len as usize;
        let end = namespace + timer.namespace_len as usize;
        (&self.bytes[key..namespace], &self.bytes[namespace..end])
    }

    fn find(&self, hash: u32, key: &[u8], namespace: &[u8]) -> Option<usize> {
        let is_it = |timer: Timer| timer.hash == hash && self.parts(timer) == (key, namespace);
        match &self.index {
            Some(index) => {
                let found = index.find(spread(hash), |at| is_it(self.timers[*at as usize]));
                found.map(|at| *at as usize)
            }
            None => {
                let found = self.timers[self.head..].iter().position(|timer| is_it(*timer));
                found.map(|offset| self.head + offset)
            }
        }
    }

    fn make_index(&mut self) {
        self.drop_repeated();
        let timers = &self.timers;
        let mut index = HashTable::with_capacity(self.len());
        for position in self.head..timers.len() {
            let rehash = |at: &u32| spread(timers[*at as usize].hash);
            index.insert_unique(spread(timers[position].hash), position as u32, rehash);
        }
        self.index = Some(index);
    }

    /// Takes a position out of the index, or has it stand for another place.
    fn move_in_index(&mut self, position: usize, to: Option<usize>) {
        let Some(index) = &mut self.index else { return };
        let hash = spread(self.timers[position].hash);
        let Ok(mut found) = index.find_entry(hash, |at| *at as usize == position) else { return };
        match to {
            Some(to) => *found.get_mut() = to as u32,
            None => {
                found.remove();
            }
        }
    }

    /// Leaves the first of equal timers.
    pub(super) fn drop_repeated(&mut self) {
        if self.distinct == self.timers.len() {
            return;
        }
        let repeated = self.repeated();
        if repeated.contains(&true) {
            let mut repeated = repeated.into_iter();
            let head = self.head;
            let mut position = 0;
            self.timers.retain(|_| {
                position += 1;
                position <= head || !repeated.next().unwrap_or(false)
            });
            self.rewrite();
        }
        self.distinct = self.timers.len();
    }

    /// Forgets the bytes of timers that are gone.
    fn rewrite(&mut self) {
        let old = std::mem::take(self);
        let count = old.len();
        self.timers.reserve_exact(count);
        for timer in &old.timers[old.head..] {
            let (key, namespace) = old.parts(*timer);
            let start = self.bytes.len();
            self.bytes.extend_from_slice(key);
            self.bytes.extend_from_slice(namespace);
            self.timers.push(Timer { start, ..*timer });
        }
        self.used_bytes = self.bytes.len();
        self.distinct = old.distinct.saturating_sub(old.head).min(count);
        if old.index.is_some() {
            self.make_index();
        }
    }

    /// For each timer that is not taken, whether an equal one is before it.
    fn repeated(&self) -> Vec<bool> {
        let timers = &self.timers[self.head..];
        let groups = timers.len().div_ceil(GROUP_TIMERS).next_power_of_two();
        let bits = groups.trailing_zeros().min(GROUP_BITS_MAX);
        // A shift by all 32 bits is one of a widened hash.
        let group = |hash: u32| (u64::from(hash) >> (32 - bits)) as usize;
        let mut ends = vec![0_u32; (1 << bits) + 1];
        timers.iter().for_each(|timer| ends[group(timer.hash) + 1] += 1);
        for at in 1..ends.len() {
            ends[at] += ends[at - 1];
        }
        let starts = ends.clone();
        // Hashes with positions, so that a timer is only looked at where hashes are equal.
        let mut order = vec![(0_u32, 0_u32); timers.len()];
        for (position, timer) in timers.iter().enumerate() {
            let end = &mut ends[group(timer.hash)];
            order[*end as usize] = (timer.hash, position as u32);
            *end += 1;
        }
        let mut repeated = vec![false; timers.len()];
        let mut seen: HashTable<(u32, u32)> = HashTable::with_capacity(2 * GROUP_TIMERS);
        for (start, end) in starts.iter().zip(&ends).take(1 << bits) {
            seen.clear();
            for &(hash, position) in &order[*start as usize..*end as usize] {
                let is_it = |(other_hash, other): &(u32, u32)| {
                    *other_hash == hash
                        && self.parts(timers[*other as usize])
                            == self.parts(timers[position as usize])
                };
                let rehash = |other: &(u32, u32)| spread(other.0);
                match seen.entry(spread(hash), is_it, rehash) {
                    Entry::Occupied(_) => repeated[position as usize] = true,
                    Entry::Vacant(free) => {
                        free.insert((hash, position));
                    }
                }
            }
        }
        repeated
    }
}

/// Spreads a 32-bit hash over the 64 bits that an index looks at.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
