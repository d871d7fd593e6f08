//! State of a subtask rather than of a key: lists that are split or united when a job is
//! rescaled, and broadcast maps that every subtask holds alike.

use std::collections::BTreeMap;

use crate::error::StateError;
use crate::managed_memory::{Account, ManagedMemory};

mod redistribution;
mod snapshot;

pub use redistribution::redistribute;

/// Most lists, and most broadcast maps, of a subtask.
pub const STATES_MAX: usize = 1024;
/// Charged for an element or entry besides its bytes: its vectors and its share of a tree node.
const ELEMENT_OVERHEAD_BYTES: usize = 64;

/// How the elements of a list reach the subtasks of a restored job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redistribution {
    /// Dealt out: each element goes to exactly one subtask.
    Split,
    /// Every subtask gets all elements.
    Union,
}

/// Whose state it is, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateName {
    /// Uid of the operator.
    pub operator: String,
    /// Unique within its operator among the lists, or among the broadcast maps.
    pub name: String,
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListState {
    /// How it is redistributed.
    pub redistribution: Redistribution,
    /// Its elements.
    pub elements: Vec<Vec<u8>>,
}

/// A broadcast map.
pub type BroadcastMap = BTreeMap<Vec<u8>, Vec<u8>>;

/// All operator state of one subtask, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorStateSnapshot {
    /// The lists.
    pub lists: BTreeMap<StateName, ListState>,
    /// The broadcast maps.
    pub broadcasts: BTreeMap<StateName, BroadcastMap>,
}

/// The operator state of one subtask.
#[derive(Debug)]
pub struct OperatorState {
    states: OperatorStateSnapshot,
    account: Account,
}

impl OperatorState {
    /// Makes the empty state of a subtask, paid from `memory`.
    pub fn new(memory: ManagedMemory) -> OperatorState {
        let states = OperatorStateSnapshot::default();
        OperatorState { states, account: Account::new(memory) }
    }

    /// Makes the state that a snapshot holds.
    ///
    /// # Errors
    /// Managed memory is used up.
    pub fn restore(
        snapshot: OperatorStateSnapshot,
        memory: ManagedMemory,
    ) -> Result<OperatorState, StateError> {
        let mut account = Account::new(memory);
        for (name, list) in &snapshot.lists {
            account.grow(list.charge(), || name.path())?;
        }
        for (name, map) in &snapshot.broadcasts {
            let charge = map.iter().map(|(key, value)| entry_charge(key, value)).sum();
            account.grow(charge, || name.path())?;
        }
        Ok(OperatorState { states: snapshot, account })
    }

    /// Copies everything.
    pub fn snapshot(&self) -> OperatorStateSnapshot {
        self.states.clone()
    }

    /// Replaces a list.
    ///
    /// # Errors
    /// It exists with another redistribution; there are [`STATES_MAX`]; or managed memory is used
    /// up. The list is as before then.
    pub fn set_list(
        &mut self,
        operator: &str,
        name: &str,
        redistribution: Redistribution,
        elements: Vec<Vec<u8>>,
    ) -> Result<(), StateError> {
        let name = StateName::new(operator, name);
        let list = ListState { redistribution, elements };
        let charge = list.charge();
        let charge_before = match self.states.lists.get(&name) {
            Some(existing) if existing.redistribution != redistribution => {
                return Err(StateError::KindMismatch {
                    operator: name.operator,
                    name: name.name,
                    existing: existing.redistribution.name(),
                    asked: redistribution.name(),
                });
            }
            Some(existing) => existing.charge(),
            None => {
                check_count(self.states.lists.len(), &name)?;
                0
            }
        };
        self.account.grow(charge.saturating_sub(charge_before), || name.path())?;
        self.account.shrink(charge_before.saturating_sub(charge));
        self.states.lists.insert(name, list);
        Ok(())
    }

    /// The elements of a list; none when it was never set. After a restore, what redistribution
    /// gave this subtask.
    pub fn get_list(&self, operator: &str, name: &str) -> &[Vec<u8>] {
        let list = self.states.lists.get(&StateName::new(operator, name));
        list.map_or(&[], |list| &list.elements)
    }

    /// Writes an entry of a broadcast map; without a value, deletes it.
    ///
    /// # Errors
    /// There are [`STATES_MAX`] maps, or managed memory is used up. The map is as before then.
    pub fn put_broadcast(
        &mut self,
        operator: &str,
        name: &str,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<(), StateError> {
        let name = StateName::new(operator, name);
        if !self.states.broadcasts.contains_key(&name) {
            check_count(self.states.broadcasts.len(), &name)?;
        }
        let path = name.path();
        let map = self.states.broadcasts.entry(name).or_default();
        let charge_before = map.get(&key).map_or(0, |existing| entry_charge(&key, existing));
        let charge = value.as_ref().map_or(0, |written| entry_charge(&key, written));
        self.account.grow(charge.saturating_sub(charge_before), || path)?;
        self.account.shrink(charge_before.saturating_sub(charge));
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
        Ok(())
    }

    /// An entry of a broadcast map.
    pub fn get_broadcast(&self, operator: &str, name: &str, key: &[u8]) -> Option<&[u8]> {
        let map = self.states.broadcasts.get(&StateName::new(operator, name))?;
        map.get(key).map(Vec::as_slice)
    }

    /// All entries of a broadcast map, in the order of their keys.
    pub fn scan_broadcast(
        &self,
        operator: &str,
        name: &str,
    ) -> impl Iterator<Item = (&[u8], &[u8])> {
        let map = self.states.broadcasts.get(&StateName::new(operator, name));
        map.into_iter().flatten().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// Bytes charged for all of it.
    pub fn used_bytes(&self) -> u64 {
        self.account.used()
    }
}

impl StateName {
    /// Names a state.
    pub fn new(operator: &str, name: &str) -> StateName {
        StateName { operator: operator.to_string(), name: name.to_string() }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.operator, self.name)
    }
}

impl ListState {
    fn charge(&self) -> u64 {
        self.elements.iter().map(|element| entry_charge(element, &[])).sum()
    }
}

impl Redistribution {
    fn name(self) -> &'static str {
        match self {
            Redistribution::Split => "split list",
            Redistribution::Union => "union list",
        }
    }
}

fn entry_charge(key: &[u8], value: &[u8]) -> u64 {
    (ELEMENT_OVERHEAD_BYTES + key.len() + value.len()) as u64
}

fn check_count(count: usize, name: &StateName) -> Result<(), StateError> {
    if count < STATES_MAX {
        return Ok(());
    }
    let StateName { operator, name } = name.clone();
    Err(StateError::TooManyStates { operator, name, max: STATES_MAX })
}

#[cfg(test)]
mod tests;
