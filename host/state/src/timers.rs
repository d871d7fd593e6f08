//! Timers of one subtask, in event time and in processing time: at most one per (operator,
//! domain, key, namespace, timestamp), kept in the order of their timestamps.
//!
//! Invariant: every key is in a key group of the subtask.

use sandbar_model::key_group::hash32;

use self::timer_set::TimerSet;
use crate::error::{ColumnProblem, StateError};
use crate::key_groups::KeyGroups;
use crate::managed_memory::{Account, ManagedMemory};
use crate::packed::{Packed, PackedBuffer};

mod bucket;
mod snapshot;
mod timer_set;

/// Most operators with timers in one subtask.
pub const OWNERS_MAX: usize = 1024;

/// Which clock a timer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeDomain {
    /// The watermark.
    EventTime,
    /// The host's clock.
    ProcessingTime,
}

/// Names an operator that has timers; in the order in which they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerOwner(pub u32);

/// Timers in borrowed columns.
#[derive(Clone, Copy, Debug)]
pub struct TimerView<'a> {
    /// When each is due.
    pub timestamps: &'a [i64],
    /// Their keys.
    pub keys: Packed<'a>,
    /// Their namespaces; `ends` is empty when all are empty.
    pub namespaces: Packed<'a>,
}

/// Timers in columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimerColumns {
    /// When each is due.
    pub timestamps: Vec<i64>,
    /// Their keys.
    pub keys: PackedBuffer,
    /// Their namespaces; `ends` is empty when all are empty.
    pub namespaces: PackedBuffer,
}

/// Timers of one operator that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTimers {
    /// The operator.
    pub owner: TimerOwner,
    /// In the order of their timestamps; at least one.
    pub timers: TimerColumns,
}

/// The timers of one subtask.
#[derive(Debug)]
pub struct Timers {
    key_groups: KeyGroups,
    operators: Vec<OperatorTimers>,
    account: Account,
}

#[derive(Debug)]
struct OperatorTimers {
    uid: String,
    event_time: TimerSet,
    processing_time: TimerSet,
}

impl Timers {
    /// Makes the timers of a subtask, none yet. They are paid from `memory`.
    pub fn new(key_groups: KeyGroups, memory: ManagedMemory) -> Timers {
        Timers { key_groups, operators: Vec::new(), account: Account::new(memory) }
    }

    /// Names an operator by its uid, which timers are restored by. Ask in the order of the chain:
    /// `pop_due` serves operators in the order in which they were asked for.
    ///
    /// # Errors
    /// There are [`OWNERS_MAX`] operators.
    pub fn owner(&mut self, uid: &str) -> Result<TimerOwner, StateError> {
        let found = self.operators.iter().position(|operator| operator.uid == uid);
        if let Some(index) = found {
            return Ok(TimerOwner(index as u32));
        }
        if self.operators.len() == OWNERS_MAX {
            let (operator, name) = (uid.to_string(), "timers".to_string());
            return Err(StateError::TooManyStates { operator, name, max: OWNERS_MAX });
        }
        self.operators.push(OperatorTimers {
            uid: uid.to_string(),
            event_time: TimerSet::default(),
            processing_time: TimerSet::default(),
        });
        Ok(TimerOwner(self.operators.len() as u32 - 1))
    }

    /// Registers many timers; one that exists is kept.
    ///
    /// # Errors
    /// An unknown operator, columns that do not fit, a key outside the subtask's key groups, or
    /// managed memory is used up. Nothing has been registered then.
    pub fn register(
        &mut self,
        owner: TimerOwner,
        domain: TimeDomain,
        timers: TimerView<'_>,
    ) -> Result<(), StateError> {
        self.check(owner, timers)?;
        let reserved = self.reserve(owner, domain, timers)?;
        let set = self.operators[owner.0 as usize].set_mut(domain);
        let before = set.charged() as u64;
        set.insert_all(timers);
        // Timers registered again may have been found out, so that less is charged than before.
        self.account.shrink(before + reserved - set.charged() as u64);
        Ok(())
    }

    /// Deletes many timers; those that do not exist are skipped.
    ///
    /// # Errors
    /// As `register`, except for memory. Nothing has been deleted then.
    pub fn delete(
        &mut self,
        owner: TimerOwner,
        domain: TimeDomain,
        timers: TimerView<'_>,
    ) -> Result<(), StateError> {
        self.check(owner, timers)?;
        let set = self.operators[owner.0 as usize].set_mut(domain);
        let before = set.charged();
        timers.iter().for_each(|(timestamp, key, namespace)| set.remove(timestamp, key, namespace));
        self.account.shrink((before - set.charged()) as u64);
        Ok(())
    }

    /// Takes at most `max` timers that are due at or before `up_to`: those of the first operator
    /// that has any. To be called until there are none, since firing may register more.
    ///
    /// A timer that a callback deletes while its batch is being fired has been taken already: who
    /// fires the batch has to skip it.
    pub fn pop_due(&mut self, domain: TimeDomain, up_to: i64, max: usize) -> Option<DueTimers> {
        let is_due = |operator: &OperatorTimers| {
            operator.set(domain).next_due().is_some_and(|timestamp| timestamp <= up_to)
        };
        let owner = TimerOwner(self.operators.iter().position(is_due)? as u32);
        let timers = self.pop_due_of(owner, domain, up_to, max);
        (!timers.timestamps.is_empty()).then_some(DueTimers { owner, timers })
    }

    /// Takes at most `max` timers of one operator that are due at or before `up_to`, in the order
    /// of their timestamps; those of one timestamp in the order of registration unless some were
    /// deleted. None if the operator is unknown.
    pub fn pop_due_of(
        &mut self,
        owner: TimerOwner,
        domain: TimeDomain,
        up_to: i64,
        max: usize,
    ) -> TimerColumns {
        let mut due = TimerColumns::default();
        if let Some(operator) = self.operators.get_mut(owner.0 as usize) {
            let set = operator.set_mut(domain);
            let before = set.charged();
            set.pop_due(up_to, max, &mut due);
            self.account.shrink((before - set.charged()) as u64);
        }
        if due.namespaces.bytes.is_empty() {
            due.namespaces.ends.clear();
        }
        due
    }

    /// When the next timer of any operator is due.
    pub fn next_due(&self, domain: TimeDomain) -> Option<i64> {
        self.operators.iter().filter_map(|operator| operator.set(domain).next_due()).min()
    }

    /// When the next timer of one operator is due.
    pub fn next_due_of(&self, owner: TimerOwner, domain: TimeDomain) -> Option<i64> {
        self.operators.get(owner.0 as usize)?.set(domain).next_due()
    }

    /// Number of timers of all operators. Takes time where some were registered again.
    pub fn len(&self, domain: TimeDomain) -> usize {
        self.operators.iter().map(|operator| operator.set(domain).len()).sum()
    }

    /// Whether no operator has a timer.
    pub fn is_empty(&self, domain: TimeDomain) -> bool {
        self.operators.iter().all(|operator| operator.set(domain).is_empty())
    }

    /// Bytes charged for all timers.
    pub fn used_bytes(&self) -> u64 {
        self.account.used()
    }

    fn check(&self, owner: TimerOwner, timers: TimerView<'_>) -> Result<(), StateError> {
        let known = self.operators.len();
        let Some(operator) = self.operators.get(owner.0 as usize) else {
            return Err(StateError::UnknownState { id: owner.0, declared: known });
        };
        let count = timers.timestamps.len();
        timers.keys.check_len("keys", count)?;
        timers.namespaces.check("namespaces")?;
        if !timers.namespaces.is_empty() && timers.namespaces.len() != count {
            let problem = ColumnProblem::Length { expected: count, found: timers.namespaces.len() };
            return Err(StateError::Column { column: "namespaces", problem });
        }
        for key in timers.keys.iter() {
            self.key_groups.place(key, || operator.path())?;
        }
        Ok(())
    }

    /// Takes the memory of all timers if it is there, else that of those that do not exist.
    fn reserve(
        &mut self,
        owner: TimerOwner,
        domain: TimeDomain,
        timers: TimerView<'_>,
    ) -> Result<u64, StateError> {
        let charges = timers.iter().map(|(_, key, namespace)| timer_set::charge(key, namespace));
        let most = charges.sum::<usize>() as u64;
        if self.account.try_grow(most) {
            return Ok(most);
        }
        let set = self.operators[owner.0 as usize].set_mut(domain);
        let before = set.charged();
        set.drop_repeated();
        self.account.shrink((before - set.charged()) as u64);
        let growth: usize = timers
            .iter()
            .filter(|(timestamp, key, namespace)| !set.contains(*timestamp, key, namespace))
            .map(|(_, key, namespace)| timer_set::charge(key, namespace))
            .sum();
        let operator = &self.operators[owner.0 as usize];
        self.account.grow(growth as u64, || operator.path())?;
        Ok(growth as u64)
    }
}

impl OperatorTimers {
    fn set(&self, domain: TimeDomain) -> &TimerSet {
        match domain {
            TimeDomain::EventTime => &self.event_time,
            TimeDomain::ProcessingTime => &self.processing_time,
        }
    }

    fn set_mut(&mut self, domain: TimeDomain) -> &mut TimerSet {
        match domain {
            TimeDomain::EventTime => &mut self.event_time,
            TimeDomain::ProcessingTime => &mut self.processing_time,
        }
    }

    fn path(&self) -> String {
        format!("timers of {}", self.uid)
    }
}

impl TimerColumns {
    /// Borrows all columns.
    pub fn view(&self) -> TimerView<'_> {
        TimerView {
            timestamps: &self.timestamps,
            keys: self.keys.view(),
            namespaces: self.namespaces.view(),
        }
    }
}

impl<'a> TimerView<'a> {
    /// Timestamps, keys and namespaces of all timers; the columns must be valid.
    pub fn iter(self) -> impl Iterator<Item = (i64, &'a [u8], &'a [u8])> {
        self.timestamps.iter().enumerate().map(move |(index, timestamp)| {
            let namespace: &[u8] =
                if self.namespaces.is_empty() { &[] } else { self.namespaces.get(index) };
            (*timestamp, self.keys.get(index), namespace)
        })
    }
}

/// One hash of key and namespace; turned, so that equal ones do not cancel out.
fn hash_of(key: &[u8], namespace: &[u8]) -> u32 {
    hash32(key).rotate_left(7) ^ hash32(namespace)
}

#[cfg(test)]
mod tests;
