//! Timers, gathered while the host's call runs and handed over at its end: a timer that is
//! registered by every record of a batch crosses the boundary once.
//!
//! Law: of all changes to one timer in a call only the last reaches the host, and the changes of a
//! record that turns out bad are undone.

use std::cell::RefCell;

use rustc_hash::FxHashSet;

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

/// The pending changes of an instance.
#[derive(Default)]
pub(crate) struct Timers(RefCell<Pending>);

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
        let pending = &mut *self.0.borrow_mut();
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

    /// Undoes what record number `record` changed.
    pub(crate) fn rollback(&self, record: u32) {
        let pending = &mut *self.0.borrow_mut();
        if pending.record == record {
            let (changes, namespaces) = pending.before_record;
            pending.changes.truncate(changes);
            pending.namespaces.truncate(namespaces);
        }
    }

    /// Whether so many changes wait that they should be handed over now.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        let pending = self.0.borrow();
        pending.changes.len() >= PENDING_MAX || pending.namespaces.len() >= NAMESPACE_BYTES_MAX
    }

    /// Hands all changes to the host.
    pub(crate) fn flush(&self, host: &dyn Host, keys: &KeyContext) -> Result<(), Error> {
        let pending = &mut *self.0.borrow_mut();
        if pending.changes.is_empty() {
            return Ok(());
        }
        let undone = if pending.has_deletions { pending.undone() } else { Vec::new() };
        let mut batches = [empty(), empty(), empty(), empty()];
        let mut start = 0;
        for (position, change) in pending.changes.iter().enumerate() {
            let namespace = start..change.namespace_end as usize;
            start = namespace.end;
            if undone.get(position) == Some(&true) {
                continue;
            }
            let batch = &mut batches[batch_of(change.domain, change.action)];
            batch.timestamps.push(change.timestamp);
            keys.with_key(change.slot, |key| memory::append(&mut batch.keys, key));
            batch.key_ends.push(batch.keys.len() as u32);
            batch.namespaces.extend_from_slice(&pending.namespaces[namespace]);
            batch.namespace_ends.push(batch.namespaces.len() as u32);
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
