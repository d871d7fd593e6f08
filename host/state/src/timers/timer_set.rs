//! The timers of one operator in one domain: a bucket for each timestamp, in order. Timers of
//! windows share few timestamps, so that registering one is little more than a copy of its key.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use super::{TimerColumns, TimerView};

/// Charged for a timer besides its bytes: its place in the bucket, its share of the tree, and the
/// allocator's header and rounding.
const TIMER_OVERHEAD_BYTES: usize = 96;

#[derive(Debug, Default)]
pub(super) struct TimerSet {
    /// Invariant: no bucket is empty.
    buckets: BTreeMap<i64, Bucket>,
    charged: usize,
}

/// What a timer is charged.
pub(super) fn charge(key: &[u8], namespace: &[u8]) -> usize {
    TIMER_OVERHEAD_BYTES + key.len() + namespace.len()
}

/// What the timers of a bucket are charged.
fn charge_of(bucket: &Bucket) -> usize {
    TIMER_OVERHEAD_BYTES * bucket.len() + bucket.used_bytes()
}

impl TimerSet {
    /// Number of timers. Takes time where some were registered again.
    pub(super) fn len(&self) -> usize {
        self.buckets.values().map(Bucket::distinct_len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// What all timers are charged; one that was registered again may be charged again until it is
    /// looked at.
    pub(super) fn charged(&self) -> usize {
        self.charged
    }

    pub(super) fn next_due(&self) -> Option<i64> {
        self.buckets.first_key_value().map(|(timestamp, _)| *timestamp)
    }

    pub(super) fn contains(&mut self, timestamp: i64, key: &[u8], namespace: &[u8]) -> bool {
        let bucket = self.buckets.get_mut(&timestamp);
        bucket.is_some_and(|bucket| bucket.look_up(key, namespace).is_some())
    }

    /// Forgets what was registered again.
    pub(super) fn drop_repeated(&mut self) {
        self.buckets.values_mut().for_each(Bucket::drop_repeated);
        self.charged = self.buckets.values().map(charge_of).sum();
    }

    /// Adds the timers that are not there. Those of one timestamp mostly come together.
    pub(super) fn insert_all(&mut self, timers: TimerView<'_>) {
        let mut timers = timers.iter().peekable();
        while let Some(&(timestamp, ..)) = timers.peek() {
            let bucket = self.buckets.entry(timestamp).or_default();
            let before = charge_of(bucket);
            while let Some((_, key, namespace)) = timers.next_if(|timer| timer.0 == timestamp) {
                bucket.insert(key, namespace);
            }
            self.charged = self.charged + charge_of(bucket) - before;
        }
    }

    /// Removes a timer if it is there.
    pub(super) fn remove(&mut self, timestamp: i64, key: &[u8], namespace: &[u8]) {
        let Some(bucket) = self.buckets.get_mut(&timestamp) else {
            return;
        };
        let before = charge_of(bucket);
        bucket.remove(key, namespace);
        self.charged = self.charged + charge_of(bucket) - before;
        if bucket.is_empty() {
            self.buckets.remove(&timestamp);
        }
    }

    /// Moves at most `max` timers that are due to `due`.
    pub(super) fn pop_due(&mut self, up_to: i64, max: usize, due: &mut TimerColumns) {
        let mut left = max;
        while let Some(mut first) = self.buckets.first_entry() {
            let timestamp = *first.key();
            if timestamp > up_to || left == 0 {
                break;
            }
            let bucket = first.get_mut();
            let before = charge_of(bucket);
            left -= bucket.take(left, |key, namespace| {
                due.timestamps.push(timestamp);
                due.keys.push(key);
                due.namespaces.push(namespace);
            });
            self.charged = self.charged + charge_of(bucket) - before;
            if bucket.is_empty() {
                first.remove();
            }
        }
    }

    /// Timestamps, keys and namespaces of all timers, in the order in which they are due; one that
    /// was registered again perhaps more than once.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &[u8], &[u8])> {
        self.buckets.iter().flat_map(|(timestamp, bucket)| {
            bucket.iter().map(move |(key, namespace)| (*timestamp, key, namespace))
        })
    }
}
