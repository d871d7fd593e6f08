//! Timers, gathered while the host's call runs. At its end those that can wait with their keys in
//! the cache go there, and all others to the host: a timer that is registered by every record of a
//! batch crosses the boundary once, if at all.
//!
//! Law: of all changes to one timer in a call only the last counts, and the changes of a record
//! that turns out bad are undone.

mod cache;

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashSet;

use self::cache::TimerCache;
use crate::error::Error;
use crate::host::{Host, TimerBatch, cut};
use crate::memory;
use crate::state::slots::KeyContext;

/// Changes that are handed over at once even within a call, to bound the memory they take.
const PENDING_MAX: usize = 65_536;
/// Bytes of namespaces that are handed over at once even within a call.
const NAMESPACE_BYTES_MAX: usize = 4 << 20;

/// Which clock a timer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeDomain {
    /// Fires when the watermark reaches its timestamp.
    EventTime,
    /// Fires when the millisecond of its timestamp is over by the host's clock.
    ProcessingTime,
}

/// A timer that has come due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When it was due, in milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// The clock it followed.
    pub domain: TimeDomain,
    /// What it was registered with beside its timestamp; empty for plain timers.
    pub namespace: Vec<u8>,
}

/// The timers of an instance.
#[derive(Default)]
pub(crate) struct Timers {
    pending: RefCell<Pending>,
    cache: RefCell<TimerCache>,
    /// When the first cached timer is due, as the host knows it.
    told: Cell<Option<i64>>,
    /// The earliest timestamp registered since [`Timers::start_watching`].
    earliest: Cell<i64>,
}

/// Changes in their order. Where one undoes another is found out when they are handed over, and
/// only if there are deletions: the host keeps a timer once however often it is registered.
#[derive(Default)]
struct Pending {
    changes: Vec<Change>,
    /// The namespaces of changes, back to back.
    namespaces: Vec<u8>,
    has_deletions: bool,
    /// The last record that changed anything, and how long the columns were before.
    record: u32,
    before_record: (usize, usize),
}

#[derive(Clone, Copy)]
struct Change {
    domain: TimeDomain,
    action: Action,
    slot: u32,
    timestamp: i64,
    /// Where its namespace ends; it starts where that of the change before ends.
    namespace_end: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Register,
    Delete,
}

impl Timers {
    /// Notes a change by record number `record` under the key in `slot`.
    #[inline]
    pub(crate) fn change(&self, record: u32, slot: u32, timer: &Timer, action: Action) {
        let pending = &mut *self.pending.borrow_mut();
        if action == Action::Register {
            self.earliest.set(self.earliest.get().min(timer.timestamp));
        }
        if pending.record != record {
            pending.record = record;
            pending.before_record = (pending.changes.len(), pending.namespaces.len());
        }
        pending.has_deletions |= action == Action::Delete;
        pending.namespaces.extend_from_slice(&timer.namespace);
        pending.changes.push(Change {
            domain: timer.domain,
            action,
            slot,
            timestamp: timer.timestamp,
            namespace_end: pending.namespaces.len() as u32,
        });
    }

    /// Adds an event time timer of the key in `slot`, which stays even if the record turns out bad.
    #[inline]
    pub(crate) fn register_kept(&self, slot: u32, timestamp: i64) {
        self.earliest.set(self.earliest.get().min(timestamp));
        self.cache.borrow_mut().register(timestamp, slot);
    }

    /// Undoes what record number `record` changed.
    pub(crate) fn rollback(&self, record: u32) {
        let pending = &mut *self.pending.borrow_mut();
        if pending.record == record {
            let (changes, namespaces) = pending.before_record;
            pending.changes.truncate(changes);
            pending.namespaces.truncate(namespaces);
        }
    }

    /// Whether so many changes wait that they should be handed over now.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        let pending = self.pending.borrow();
        pending.changes.len() >= PENDING_MAX || pending.namespaces.len() >= NAMESPACE_BYTES_MAX
    }

    /// Hands all changes to the cache or to the host.
    pub(crate) fn flush(&self, host: &dyn Host, keys: &KeyContext) -> Result<(), Error> {
        let pending = &mut *self.pending.borrow_mut();
        if pending.changes.is_empty() {
            return Ok(());
        }
        let cache = &mut *self.cache.borrow_mut();
        let undone = if pending.has_deletions { pending.undone() } else { Vec::new() };
        let mut batches = [empty(), empty(), empty(), empty()];
        let mut start = 0;
        for (position, change) in pending.changes.iter().enumerate() {
            let namespace = start..change.namespace_end as usize;
            start = namespace.end;
            if undone.get(position) == Some(&true) {
                continue;
            }
            if change.domain == TimeDomain::EventTime && namespace.is_empty() {
                match change.action {
                    Action::Register => {
                        cache.register(change.timestamp, change.slot);
                        continue;
                    }
                    // The host may have it, too, from before the key was in the cache.
                    Action::Delete => cache.delete(change.timestamp, change.slot),
                }
            }
            let batch = &mut batches[batch_of(change.domain, change.action)];
            let namespace = &pending.namespaces[namespace];
            keys.with_key(change.slot, |key| push(batch, change.timestamp, key, namespace));
        }
        *pending = Pending {
            changes: std::mem::take(&mut pending.changes),
            namespaces: std::mem::take(&mut pending.namespaces),
            record: pending.record,
            ..Pending::default()
        };
        pending.changes.clear();
        pending.namespaces.clear();
        for domain in [TimeDomain::EventTime, TimeDomain::ProcessingTime] {
            let delete = trim(&mut batches[batch_of(domain, Action::Delete)]);
            if !delete.timestamps.is_empty() {
                host.delete_timers(HEAD, domain, delete);
            }
            let register = trim(&mut batches[batch_of(domain, Action::Register)]);
            if !register.timestamps.is_empty() {
                host.register_timers(HEAD, domain, register).map_err(Error::fatal)?;
            }
        }
        Ok(())
    }

    /// Ends a call: hands all changes on, and tells the host when to call for cached timers. Where
    /// memory is full none are cached, so that they are paid for, and bounded, as state.
    pub(crate) fn end_call(&self, host: &dyn Host, keys: &KeyContext) -> Result<(), Error> {
        self.flush(host, keys)?;
        if !self.cache.borrow().is_empty() && keys.is_memory_full() {
            self.hand_over(host, keys)?;
        }
        let first = self.cache.borrow().first();
        if self.told.replace(first) != first {
            host.cached_timers(first);
        }
        Ok(())
    }

    /// Timestamps and keys of the cached timers.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn cached(&self, keys: &KeyContext) -> Vec<(i64, Vec<u8>)> {
        let cached = self.cache.borrow().all().into_iter();
        cached.map(|(at, slot)| (at, keys.with_key(slot, <[u8]>::to_vec))).collect()
    }

    /// Whether timers are in the cache, so that their keys must be, too.
    pub(crate) fn has_cached(&self) -> bool {
        !self.cache.borrow().is_empty()
    }

    /// Registers all cached timers at the host.
    pub(crate) fn hand_over(&self, host: &dyn Host, keys: &KeyContext) -> Result<(), Error> {
        let mut batch = empty();
        let register = |full: &mut TimerBatch| {
            let registered = host.register_timers(HEAD, TimeDomain::EventTime, trim(full));
            *full = empty();
            registered.map_err(Error::fatal)
        };
        self.cache.borrow_mut().drain(keys.slots(), |timestamp, slots| {
            for part in slots.chunks(PENDING_MAX) {
                let add = |slot| keys.with_key(slot, |key| push(&mut batch, timestamp, key, &[]));
                part.iter().copied().for_each(add);
                if batch.timestamps.len() >= PENDING_MAX {
                    register(&mut batch)?;
                }
            }
            Ok::<(), Error>(())
        })?;
        if batch.timestamps.is_empty() { Ok(()) } else { register(&mut batch) }
    }

    /// Takes some of the cached timers of the first timestamp that is due at or before `up_to`.
    pub(crate) fn take_due(
        &self,
        up_to: i64,
        max: usize,
        keys: &KeyContext,
        due: &mut Vec<u32>,
    ) -> Option<i64> {
        self.cache.borrow_mut().take_due(up_to, max, keys.slots(), due)
    }

    /// Forgets cached timers that are about to fire as timers of the host, which has them, too, if
    /// it had them before their keys were in the cache.
    pub(crate) fn forget_cached(&self, timestamps: &[i64], slots: &[u32]) {
        let cache = &mut *self.cache.borrow_mut();
        if cache.first().is_some_and(|first| timestamps.last().is_some_and(|last| first <= *last)) {
            timestamps.iter().zip(slots).for_each(|(at, slot)| cache.delete(*at, *slot));
        }
    }

    /// Starts to watch for timers that are registered.
    pub(crate) fn start_watching(&self) {
        self.earliest.set(i64::MAX);
    }

    /// The earliest timestamp that was registered since.
    pub(crate) fn earliest_registered(&self) -> i64 {
        self.earliest.get()
    }
}

impl Pending {
    /// For each change, whether a later one is about the same timer: registrations and deletions
    /// that are left cannot meet, so their order does not matter.
    fn undone(&self) -> Vec<bool> {
        let mut undone = vec![false; self.changes.len()];
        let mut later = FxHashSet::default();
        for (position, change) in self.changes.iter().enumerate().rev() {
            let start = match position {
                0 => 0,
                _ => self.changes[position - 1].namespace_end as usize,
            };
            let namespace = &self.namespaces[start..change.namespace_end as usize];
            undone[position] =
                !later.insert((change.domain, change.slot, change.timestamp, namespace));
        }
        undone
    }
}

/// Only the head of an instance is keyed, and only keyed operators have timers.
pub(crate) const HEAD: u32 = 0;

fn batch_of(domain: TimeDomain, action: Action) -> usize {
    let domain = match domain {
        TimeDomain::EventTime => 0,
        TimeDomain::ProcessingTime => 1,
    };
    let action = match action {
        Action::Register => 0,
        Action::Delete => 1,
    };
    domain * 2 + action
}

fn trim(batch: &mut TimerBatch) -> &TimerBatch {
    if batch.namespaces.is_empty() {
        batch.namespace_ends.clear();
    }
    batch
}

fn push(batch: &mut TimerBatch, timestamp: i64, key: &[u8], namespace: &[u8]) {
    batch.timestamps.push(timestamp);
    memory::append(&mut batch.keys, key);
    batch.key_ends.push(batch.keys.len() as u32);
    batch.namespaces.extend_from_slice(namespace);
    batch.namespace_ends.push(batch.namespaces.len() as u32);
}

/// The timers of a batch from a position on.
pub(crate) fn rest_of(batch: &TimerBatch, from: usize) -> TimerBatch {
    let mut rest = empty();
    for index in from..batch.timestamps.len() {
        let namespace = match batch.namespace_ends.is_empty() {
            true => &[],
            false => cut(&batch.namespace_ends, &batch.namespaces, index),
        };
        push(
            &mut rest,
            batch.timestamps[index],
            cut(&batch.key_ends, &batch.keys, index),
            namespace,
        );
    }
    trim(&mut rest);
    rest
}

pub(crate) fn empty() -> TimerBatch {
    TimerBatch {
        timestamps: Vec::new(),
        key_ends: Vec::new(),
        keys: Vec::new(),
        namespace_ends: Vec::new(),
        namespaces: Vec::new(),
    }
}

/// Timer `index` of a batch that the host fires.
pub(crate) fn timer_of(batch: &TimerBatch, domain: TimeDomain, index: usize) -> Timer {
    let namespace = if batch.namespace_ends.is_empty() {
        Vec::new()
    } else {
        cut(&batch.namespace_ends, &batch.namespaces, index).to_vec()
    };
    Timer { timestamp: batch.timestamps[index], domain, namespace }
}

#[cfg(test)]
mod tests;
