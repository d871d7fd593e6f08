//! The timers of one operator in one domain: a bucket for each timestamp, in order. Timers of
//! windows share few timestamps, so registering one is a hash lookup, not a walk down a tree of
//! keys; timers with timestamps of their own make buckets of one that allocate nothing extra.

use std::collections::BTreeMap;

use hashbrown::HashTable;

use super::{TimerColumns, hash_of};

/// Charged for a timer besides its bytes: its place in bucket and index, its share of the tree,
/// and the allocator's header and rounding.
const TIMER_OVERHEAD_BYTES: usize = 96;
/// A bucket of at most this many timers is searched from end to end instead of indexed.
const UNINDEXED_MAX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct TimerSet {
    /// Invariant: no bucket is empty.
    buckets: BTreeMap<i64, Bucket>,
    len: usize,
}

/// The timers of one timestamp.
#[derive(Debug, Default)]
struct Bucket {
    /// Those before `head` have been taken.
    timers: Vec<Timer>,
    head: usize,
    /// Positions in `timers`, once there are more than [`UNINDEXED_MAX`]; else empty.
    index: HashTable<u32>,
}

#[derive(Debug)]
struct Timer {
    /// The key, then the namespace.
    bytes: Box<[u8]>,
    key_len: u32,
    hash: u32,
}

/// What a timer is charged.
pub(super) fn charge(key: &[u8], namespace: &[u8]) -> usize {
    TIMER_OVERHEAD_BYTES + key.len() + namespace.len()
}

impl TimerSet {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn next_due(&self) -> Option<i64> {
        self.buckets.first_key_value().map(|(timestamp, _)| *timestamp)
    }

    pub(super) fn contains(&self, timestamp: i64, key: &[u8], namespace: &[u8]) -> bool {
        let hash = hash_of(key, namespace);
        let bucket = self.buckets.get(&timestamp);
        bucket.is_some_and(|bucket| bucket.find(hash, key, namespace).is_some())
    }

    /// Adds a timer unless it is there; returns its charge if it was added.
    pub(super) fn insert(&mut self, timestamp: i64, key: &[u8], namespace: &[u8]) -> usize {
        let hash = hash_of(key, namespace);
        let bucket = self.buckets.entry(timestamp).or_default();
        if bucket.find(hash, key, namespace).is_some() {
            return 0;
        }
        bucket.push(Timer::new(hash, key, namespace));
        self.len += 1;
        charge(key, namespace)
    }

    /// Removes a timer if it is there; returns its charge.
    pub(super) fn remove(&mut self, timestamp: i64, key: &[u8], namespace: &[u8]) -> usize {
        let hash = hash_of(key, namespace);
        let Some(bucket) = self.buckets.get_mut(&timestamp) else {
            return 0;
        };
        let Some(position) = bucket.find(hash, key, namespace) else {
            return 0;
        };
        bucket.swap_remove(position);
        if bucket.is_empty() {
            self.buckets.remove(&timestamp);
        }
        self.len -= 1;
        charge(key, namespace)
    }

    /// Moves at most `max` timers that are due to `due`; returns their charge.
    pub(super) fn pop_due(&mut self, up_to: i64, max: usize, due: &mut TimerColumns) -> usize {
        let mut charged = 0;
        let mut left = max;
        while let Some(mut first) = self.buckets.first_entry() {
            let timestamp = *first.key();
            if timestamp > up_to || left == 0 {
                break;
            }
            let bucket = first.get_mut();
            while left > 0
                && let Some(timer) = bucket.pop_front()
            {
                charged += charge(timer.key(), timer.namespace());
                due.timestamps.push(timestamp);
                due.keys.push(timer.key());
                due.namespaces.push(timer.namespace());
                left -= 1;
                self.len -= 1;
            }
            if bucket.is_empty() {
                first.remove();
            }
        }
        charged
    }

    /// Timestamps, keys and namespaces of all timers, in the order in which they are due.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &[u8], &[u8])> {
        self.buckets.iter().flat_map(|(timestamp, bucket)| {
            let timers = bucket.timers[bucket.head..].iter();
            timers.map(move |timer| (*timestamp, timer.key(), timer.namespace()))
        })
    }
}

impl Bucket {
    fn is_empty(&self) -> bool {
        self.head == self.timers.len()
    }

    fn is_indexed(&self) -> bool {
        !self.index.is_empty()
    }

    fn find(&self, hash: u32, key: &[u8], namespace: &[u8]) -> Option<usize> {
        let is_it = |timer: &Timer| {
            timer.hash == hash && timer.key() == key && timer.namespace() == namespace
        };
        if self.is_indexed() {
            let found = self.index.find(spread(hash), |at| is_it(&self.timers[*at as usize]));
            return found.map(|at| *at as usize);
        }
        let found = self.timers[self.head..].iter().position(is_it);
        found.map(|offset| self.head + offset)
    }

    fn push(&mut self, timer: Timer) {
        let hash = timer.hash;
        self.timers.push(timer);
        if self.is_indexed() {
            self.add_to_index(self.timers.len() - 1, hash);
        } else if self.timers.len() - self.head > UNINDEXED_MAX {
            for position in self.head..self.timers.len() {
                self.add_to_index(position, self.timers[position].hash);
            }
        }
    }

    fn add_to_index(&mut self, position: usize, hash: u32) {
        let timers = &self.timers;
        let rehash = |at: &u32| spread(timers[*at as usize].hash);
        self.index.insert_unique(spread(hash), position as u32, rehash);
    }

    fn remove_from_index(&mut self, position: usize, hash: u32) {
        let found = self.index.find_entry(spread(hash), |at| *at as usize == position);
        if let Ok(found) = found {
            found.remove();
        }
    }

    fn swap_remove(&mut self, position: usize) {
        let last = self.timers.len() - 1;
        let indexed = self.is_indexed();
        if indexed {
            self.remove_from_index(position, self.timers[position].hash);
            if last != position {
                self.remove_from_index(last, self.timers[last].hash);
            }
        }
        self.timers.swap_remove(position);
        if indexed && last != position {
            self.add_to_index(position, self.timers[position].hash);
        }
    }

    fn pop_front(&mut self) -> Option<Timer> {
        let front = self.timers.get_mut(self.head)?;
        let timer = std::mem::replace(front, Timer { bytes: Box::default(), ..*front });
        if self.is_indexed() {
            self.remove_from_index(self.head, timer.hash);
        }
        self.head += 1;
        Some(timer)
    }
}

impl Timer {
    fn new(hash: u32, key: &[u8], namespace: &[u8]) -> Timer {
        let bytes = [key, namespace].concat().into_boxed_slice();
        Timer { bytes, key_len: key.len() as u32, hash }
    }

    fn key(&self) -> &[u8] {
        &self.bytes[..self.key_len as usize]
    }

    fn namespace(&self) -> &[u8] {
        &self.bytes[self.key_len as usize..]
    }
}

/// Spreads a 32-bit hash over the 64 bits that the index looks at.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
