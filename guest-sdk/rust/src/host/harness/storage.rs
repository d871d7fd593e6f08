//! What a checkpoint of the in-memory host holds: keyed state, operator state, timers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::host::{TimerBatch, cut};
use crate::timers::TimeDomain;

/// A timer: domain, timestamp, key, namespace.
pub(crate) type StoredTimer = (TimeDomain, i64, Vec<u8>, Vec<u8>);

/// The stored state of one operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) timers: BTreeSet<StoredTimer>,
    pub(crate) lists: BTreeMap<String, Vec<Vec<u8>>>,
    pub(crate) broadcasts: BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// By state and key, then by user key.
    entries: BTreeMap<(String, Vec<u8>), BTreeMap<Vec<u8>, Entry>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    value: Vec<u8>,
    written_at: i64,
}

impl Entry {
    /// Whether it has not expired. Source: Flink, state TTL: by processing time since the write.
    fn is_alive(&self, ttl: Option<u64>, now: i64) -> bool {
        ttl.is_none_or(|ttl| now < self.written_at.saturating_add_unsigned(ttl))
    }
}

impl Storage {
    fn map(&self, name: &str, key: &[u8]) -> Option<&BTreeMap<Vec<u8>, Entry>> {
        self.entries.get(&(name.to_owned(), key.to_vec()))
    }

    pub(crate) fn get(
        &self,
        name: &str,
        key: &[u8],
        user_key: &[u8],
        ttl: Option<u64>,
        now: i64,
    ) -> Option<&[u8]> {
        let entry = self.map(name, key)?.get(user_key)?;
        entry.is_alive(ttl, now).then_some(entry.value.as_slice())
    }

    pub(crate) fn put(&mut self, name: &str, key: &[u8], user_key: &[u8], value: &[u8], now: i64) {
        let map = self.entries.entry((name.to_owned(), key.to_vec())).or_default();
        map.insert(user_key.to_vec(), Entry { value: value.to_vec(), written_at: now });
    }

    pub(crate) fn delete(&mut self, name: &str, key: &[u8], user_key: &[u8]) {
        if let Some(map) = self.entries.get_mut(&(name.to_owned(), key.to_vec())) {
            map.remove(user_key);
        }
    }

    /// The live entries of a key behind a user key, in order.
    pub(crate) fn scan<'a>(
        &'a self,
        name: &str,
        key: &[u8],
        after: Option<&[u8]>,
        ttl: Option<u64>,
        now: i64,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.map(name, key)
            .into_iter()
            .flat_map(move |map| map.range::<[u8], _>((after, Bound::Unbounded)))
            .filter(move |(_, entry)| entry.is_alive(ttl, now))
            .map(|(user_key, entry)| (user_key.as_slice(), entry.value.as_slice()))
    }

    /// The keys that have live entries of a state, behind a key, in order.
    pub(crate) fn keys<'a>(
        &'a self,
        name: &str,
        after: Option<&[u8]>,
        ttl: Option<u64>,
        now: i64,
    ) -> impl Iterator<Item = &'a [u8]> {
        let start = match after {
            Some(key) => Bound::Excluded((name.to_owned(), key.to_vec())),
            None => Bound::Included((name.to_owned(), Vec::new())),
        };
        let state = name.to_owned();
        self.entries
            .range((start, Bound::Unbounded))
            .take_while(move |((of, _), _)| *of == state)
            .filter(move |(_, map)| map.values().any(|entry| entry.is_alive(ttl, now)))
            .map(|((_, key), _)| key.as_slice())
    }

    /// The live entries of a state, under all keys.
    pub(crate) fn count(&self, name: &str, ttl: Option<u64>, now: i64) -> usize {
        let of_state = self.entries.iter().filter(|((state, _), _)| state == name);
        let is_alive = |entry: &&Entry| entry.is_alive(ttl, now);
        of_state.map(|(_, map)| map.values().filter(is_alive).count()).sum()
    }

    /// Takes the timers that are due.
    pub(crate) fn take_due(&mut self, domain: TimeDomain, until: i64) -> Vec<StoredTimer> {
        let is_due = |timer: &&StoredTimer| timer.0 == domain && timer.1 <= until;
        let due: Vec<StoredTimer> = self.timers.iter().filter(is_due).cloned().collect();
        due.iter().for_each(|timer| {
            self.timers.remove(timer);
        });
        due
    }
}

/// The timers of a batch.
pub(crate) fn timers_of(
    domain: TimeDomain,
    batch: &TimerBatch,
) -> impl Iterator<Item = StoredTimer> + '_ {
    batch.timestamps.iter().enumerate().map(move |(index, timestamp)| {
        let key = cut(&batch.key_ends, &batch.keys, index).to_vec();
        let namespace = match batch.namespace_ends.as_slice() {
            [] => Vec::new(),
            ends => cut(ends, &batch.namespaces, index).to_vec(),
        };
        (domain, *timestamp, key, namespace)
    })
}
