//! Timers, gathered while the host's call runs and handed over at its end: a timer that is
//! registered by every record of a batch crosses the boundary once.
//!
//! Law: of all changes to one timer in a call only the last reaches the host, and the changes of a
//! record that turns out bad are undone.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::host::{Host, TimerBatch, cut};
use crate::state::slots::KeyContext;

/// Changes that are handed over at once even within a call, to bound the memory they take.
const PENDING_MAX: usize = 65_536;

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

/// The pending changes of an instance.
#[derive(Default)]
pub(crate) struct Timers(RefCell<Pending>);

#[derive(Default)]
struct Pending {
    changes: FxHashMap<Change, Action>,
    /// What the current record changed, with what was there before.
    journal: Vec<(Change, Option<Action>)>,
    journal_record: u32,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Change {
    domain: TimeDomain,
    slot: u32,
    timestamp: i64,
    namespace: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Register,
    Delete,
}

impl Timers {
    /// Notes a change by record number `record` under the key in `slot`.
    pub(crate) fn change(&self, record: u32, slot: u32, timer: &Timer, action: Action) {
        let mut pending = self.0.borrow_mut();
        if pending.journal_record != record {
            pending.journal_record = record;
            pending.journal.clear();
        }
        let namespace = timer.namespace.as_slice().into();
        let change = Change { domain: timer.domain, slot, timestamp: timer.timestamp, namespace };
        let before = pending.changes.insert(change.clone(), action);
        pending.journal.push((change, before));
    }

    /// Undoes what record number `record` changed.
    pub(crate) fn rollback(&self, record: u32) {
        let pending = &mut *self.0.borrow_mut();
        if pending.journal_record != record {
            return;
        }
        for (change, before) in pending.journal.drain(..).rev() {
            match before {
                Some(action) => pending.changes.insert(change, action),
                None => pending.changes.remove(&change),
            };
        }
    }

    /// Whether so many changes wait that they should be handed over now.
    pub(crate) fn is_full(&self) -> bool {
        self.0.borrow().changes.len() >= PENDING_MAX
    }

    /// Hands all changes to the host. Registrations of one call cannot meet deletions of the same
    /// timer, so their order does not matter.
    pub(crate) fn flush(&self, host: &dyn Host, keys: &KeyContext) -> Result<(), Error> {
        let pending = &mut *self.0.borrow_mut();
        if pending.changes.is_empty() {
            return Ok(());
        }
        pending.journal.clear();
        let mut batches = [empty(), empty(), empty(), empty()];
        for (change, action) in pending.changes.drain() {
            let batch = &mut batches[batch_of(change.domain, action)];
            batch.timestamps.push(change.timestamp);
            keys.with_key(change.slot, |key| batch.keys.extend_from_slice(key));
            batch.key_ends.push(batch.keys.len() as u32);
            batch.namespaces.extend_from_slice(&change.namespace);
            batch.namespace_ends.push(batch.namespaces.len() as u32);
        }
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
}

/// Only the head of an instance is keyed, and only keyed operators have timers.
const HEAD: u32 = 0;

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
