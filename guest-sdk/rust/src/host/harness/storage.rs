//! What a checkpoint of the in-memory host holds: keyed state, operator state, timers.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::host::{TimeToLive, TimerBatch, TtlVisibility, cut};
use crate::state::cut_elements;
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

/// What a state's time to live means for the call at hand. Source: Flink, State TTL.
#[derive(Clone, Copy)]
pub(super) struct Expiry {
    pub(super) ttl: Option<TimeToLive>,
    pub(super) is_list: bool,
    pub(super) now: i64,
}

impl Expiry {
    fn is_alive(&self, written_at: i64) -> bool {
        self.ttl.is_none_or(|ttl| self.now < written_at.saturating_add_unsigned(ttl.milliseconds))
    }

    /// The elements of a list whose elements expire.
    fn elements<'a>(&self, value: &'a [u8]) -> Option<impl Iterator<Item = (i64, &'a [u8])>> {
        (self.is_list && self.ttl.is_some()).then(|| cut_elements(value))
    }

    /// What is to be seen of an entry, and whether that has expired.
    fn visible<'a>(&self, entry: &'a Entry) -> (Option<Cow<'a, [u8]>>, bool) {
        let shows_expired = self
            .ttl
            .is_some_and(|ttl| ttl.visibility == TtlVisibility::ReturnExpiredIfNotCleanedUp);
        let Some(elements) = self.elements(&entry.value) else {
            let is_alive = self.is_alive(entry.written_at);
            let value = Cow::Borrowed(entry.value.as_slice());
            return ((is_alive || shows_expired).then_some(value), !is_alive);
        };
        let all: Vec<_> = elements.collect();
        let has_expired = !all.iter().all(|(at, _)| self.is_alive(*at));
        let shown: Vec<u8> = all
            .into_iter()
            .filter(|(at, _)| shows_expired || self.is_alive(*at))
            .flat_map(|(at, element)| with_header(at, element))
            .collect();
        ((!shown.is_empty()).then_some(Cow::Owned(shown)), has_expired)
    }
}

/// An element with its time and length.
fn with_header(at: i64, element: &[u8]) -> Vec<u8> {
    [&at.to_le_bytes()[..], &(element.len() as u32).to_le_bytes(), element].concat()
}

impl Storage {
    fn map(&self, name: &str, key: &[u8]) -> Option<&BTreeMap<Vec<u8>, Entry>> {
        self.entries.get(&(name.to_owned(), key.to_vec()))
    }

    /// The visible value of an entry. One that has expired is gone afterwards.
    pub(super) fn get(
        &mut self,
        name: &str,
        key: &[u8],
        user_key: &[u8],
        expiry: Expiry,
    ) -> Option<Vec<u8>> {
        let entry = self.map(name, key)?.get(user_key)?;
        let (value, has_expired) = expiry.visible(entry);
        let value = value.map(Cow::into_owned);
        if has_expired && !expiry.is_list {
            self.delete(name, key, user_key);
        }
        value
    }

    /// Writes an entry; elements that have no time get this one.
    pub(super) fn put(
        &mut self,
        name: &str,
        key: &[u8],
        user_key: &[u8],
        value: &[u8],
        expiry: Expiry,
    ) {
        let now = expiry.now;
        let value = match expiry.elements(value) {
            None => value.to_vec(),
            Some(elements) => elements
                .flat_map(|(at, element)| {
                    with_header(if at == i64::MIN { now } else { at }, element)
                })
                .collect(),
        };
        let map = self.entries.entry((name.to_owned(), key.to_vec())).or_default();
        map.insert(user_key.to_vec(), Entry { value, written_at: now });
    }

    /// Makes an entry one that is written now.
    pub(super) fn touch(&mut self, name: &str, key: &[u8], user_key: &[u8], expiry: Expiry) {
        let now = expiry.now;
        let renewed = self.map(name, key).and_then(|map| map.get(user_key)).and_then(|entry| {
            match expiry.elements(&entry.value) {
                None => expiry.is_alive(entry.written_at).then(|| entry.value.clone()),
                Some(elements) => Some(
                    elements
                        .filter(|(at, _)| expiry.is_alive(*at))
                        .flat_map(|(_, element)| with_header(now, element))
                        .collect(),
                ),
            }
        });
        if let Some(value) = renewed {
            self.put(name, key, user_key, &value, expiry);
        }
    }

    pub(crate) fn delete(&mut self, name: &str, key: &[u8], user_key: &[u8]) {
        if let Some(map) = self.entries.get_mut(&(name.to_owned(), key.to_vec())) {
            map.remove(user_key);
        }
    }

    /// The visible entries of a key behind a user key, in order.
    pub(super) fn scan<'a>(
        &'a self,
        name: &str,
        key: &[u8],
        after: Option<&[u8]>,
        expiry: Expiry,
    ) -> impl Iterator<Item = (&'a [u8], Cow<'a, [u8]>)> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.map(name, key)
            .into_iter()
            .flat_map(move |map| map.range::<[u8], _>((after, Bound::Unbounded)))
            .filter_map(move |(user_key, entry)| {
                Some((user_key.as_slice(), expiry.visible(entry).0?))
            })
    }

    /// The keys that have live entries of a state, behind a key, in order.
    pub(super) fn keys<'a>(
        &'a self,
        name: &str,
        after: Option<&[u8]>,
        expiry: Expiry,
    ) -> impl Iterator<Item = &'a [u8]> {
        let start = match after {
            Some(key) => Bound::Excluded((name.to_owned(), key.to_vec())),
            None => Bound::Included((name.to_owned(), Vec::new())),
        };
        let state = name.to_owned();
        self.entries
            .range((start, Bound::Unbounded))
            .take_while(move |((of, _), _)| *of == state)
            .filter(move |(_, map)| map.values().any(|entry| expiry.visible(entry).0.is_some()))
            .map(|((_, key), _)| key.as_slice())
    }

    /// The live entries of a state, under all keys.
    pub(super) fn count(&self, name: &str, expiry: Expiry) -> usize {
        let of_state = self.entries.iter().filter(|((state, _), _)| state == name);
        let is_alive = |entry: &&Entry| expiry.visible(entry).0.is_some();
        of_state.map(|(_, map)| map.values().filter(is_alive).count()).sum()
    }

    /// When the first timer of a clock is due.
    pub(crate) fn next_due(&self, domain: TimeDomain) -> Option<i64> {
        self.timers.iter().filter(|timer| timer.0 == domain).map(|timer| timer.1).min()
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
