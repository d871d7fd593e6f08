//! Keyed state in memory: the entries of one subtask, by (state, key, user key), read and written
//! in batches.
//!
//! Invariant: every key is in a key group of the subtask. Tables are kept by key group, which is
//! the unit of snapshots and of redistribution.

use std::sync::Arc;

use sandbar_model::Clock;

use self::state::{Entries, State};
use crate::error::StateError;
use crate::key_groups::{KeyGroups, Place};
use crate::managed_memory::{Account, ManagedMemory};
use crate::packed::{Packed, PackedMut};

mod descriptor;
mod map_table;
mod payload;
mod snapshot;
mod state;
mod value_table;

pub use descriptor::{ScanRange, StateDescriptor, StateId, StateKind};

/// Most states of a subtask. Each costs a table for every key group even when it is empty.
pub const STATES_MAX: usize = 1024;
/// Largest entry: key, user key and value together. Keeps lengths in snapshots within 32 bits.
pub const ENTRY_BYTES_MAX: u64 = 1 << 30;
/// Most bytes of values in one answer, far below where its 32-bit ends would overflow.
pub const ANSWER_BYTES_MAX: usize = 1 << 30;

/// The keyed state of one subtask.
pub struct KeyedState {
    key_groups: KeyGroups,
    states: Vec<State>,
    account: Account,
    clock: Arc<dyn Clock>,
    /// The places of the keys of the call at hand.
    places: Vec<Place>,
    /// Where `delete_expired` goes on: a state and a table of it.
    sweep: (usize, usize),
}

impl KeyedState {
    /// Makes the empty state of a subtask. Entries are paid from `memory`; time to live follows
    /// `clock`.
    pub fn new(key_groups: KeyGroups, memory: ManagedMemory, clock: Arc<dyn Clock>) -> KeyedState {
        KeyedState {
            key_groups,
            states: Vec::new(),
            account: Account::new(memory),
            clock,
            places: Vec::new(),
            sweep: (0, 0),
        }
    }

    /// Declares a state, or finds the one of that operator and name; its time to live becomes the
    /// descriptor's. Entries of a restored state without time to live are taken as written just
    /// then if the descriptor has one.
    ///
    /// # Errors
    /// It exists with another kind; there are [`STATES_MAX`]; or time to live, which costs 8 bytes
    /// an entry, is over the budget.
    pub fn declare(&mut self, descriptor: StateDescriptor) -> Result<StateId, StateError> {
        let Some(index) = self.position(&descriptor.operator, &descriptor.name) else {
            return self.add_state(descriptor);
        };
        let existing = &mut self.states[index];
        if existing.descriptor.kind != descriptor.kind {
            return Err(StateError::KindMismatch {
                operator: descriptor.operator,
                name: descriptor.name,
                existing: existing.descriptor.kind.name(),
                asked: descriptor.kind.name(),
            });
        }
        let from = existing.format(self.clock.now_ms());
        let stamps = (existing.len() * payload::STAMP_BYTES) as u64;
        match (from.ttl_ms.is_some(), descriptor.ttl_ms.is_some()) {
            (false, true) => self.account.grow(stamps, || existing.path())?,
            (true, false) => self.account.shrink(stamps),
            (true, true) | (false, false) => {}
        }
        existing.descriptor = descriptor;
        let to = existing.format(from.now_ms);
        if from.ttl_ms.is_some() != to.ttl_ms.is_some() {
            existing.convert(&from, &to);
        }
        Ok(StateId(index as u32))
    }

    /// Reads many entries: appends to `present` 1 or 0 for each, and to `values` its value or an
    /// empty string. `user_keys` is empty for value-like states and as long as `keys` for a map.
    ///
    /// # Errors
    /// An unknown state, columns that do not fit, a key outside the subtask's key groups, or more
    /// than [`ANSWER_BYTES_MAX`]; what has been appended then means nothing.
    pub fn multi_get(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        present: &mut Vec<u8>,
        mut values: PackedMut<'_>,
    ) -> Result<(), StateError> {
        self.prepare(state, keys, user_keys)?;
        let target = &self.states[state.0 as usize];
        let entries = Entries { places: &self.places, keys, user_keys };
        let format = self.format(target);
        present.reserve(keys.len());
        values.ends.reserve(keys.len());
        let mut fits = true;
        let expired = target.for_each_value(entries, &format, |value| {
            let bytes = value.unwrap_or_default();
            fits &= values.bytes.len() + bytes.len() <= ANSWER_BYTES_MAX;
            if fits {
                present.push(u8::from(value.is_some()));
                values.push(bytes);
            }
        });
        if !fits {
            let path = target.path();
            return Err(StateError::AnswerTooLarge { state: path, max_bytes: ANSWER_BYTES_MAX });
        }
        self.delete_entries(state, &expired, keys, user_keys);
        Ok(())
    }

    /// Writes many entries; of two writes to one entry the later wins. `user_keys` as in
    /// `multi_get`.
    ///
    /// # Errors
    /// As `multi_get`; an entry over [`ENTRY_BYTES_MAX`]; or managed memory is used up. Nothing
    /// has been written then.
    pub fn multi_put(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        values: Packed<'_>,
    ) -> Result<(), StateError> {
        self.prepare(state, keys, user_keys)?;
        values.check_len("values", keys.len())?;
        self.check_entry_sizes(state, keys, user_keys, values)?;
        let reserved = self.reserve(state, keys, user_keys, values)?;
        let format = self.format(&self.states[state.0 as usize]);
        let entries = Entries { places: &self.places, keys, user_keys };
        let charge = self.states[state.0 as usize].put(entries, values, &format);
        // The charge is at most what was reserved, and may be negative.
        self.account.shrink((reserved as i64 - charge) as u64);
        Ok(())
    }

    /// Deletes many entries; those that do not exist are skipped. `user_keys` as in `multi_get`.
    ///
    /// # Errors
    /// As `multi_get`; nothing has been deleted then.
    pub fn multi_delete(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) -> Result<(), StateError> {
        self.prepare(state, keys, user_keys)?;
        let entries = Entries { places: &self.places, keys, user_keys };
        let freed = self.states[state.0 as usize].delete(entries);
        self.account.shrink(freed as u64);
        Ok(())
    }

    /// Appends a page of the entries of one key, in the order of their user keys. The entry of a
    /// value-like state has the empty user key. An empty page is the end.
    ///
    /// # Errors
    /// An unknown state, or a key outside the subtask's key groups.
    pub fn scan(
        &self,
        state: StateId,
        key: &[u8],
        range: ScanRange<'_>,
        mut user_keys: PackedMut<'_>,
        mut values: PackedMut<'_>,
    ) -> Result<(), StateError> {
        let target = self.state(state)?;
        let place = self.key_groups.place(key, || target.path())?;
        let page_bytes = range.page_bytes.min(ANSWER_BYTES_MAX);
        let range = ScanRange { page_bytes, ..range };
        target.scan((place, key), range, self.format(target), (&mut user_keys, &mut values));
        Ok(())
    }

    /// Deletes what has expired in the next key group of the next state with time to live. Cheap
    /// enough to be called between batches; calling it for ever frees all that is never read.
    pub fn delete_expired(&mut self) {
        let key_groups = self.key_groups.len();
        for _ in 0..self.states.len() {
            let (state, table) = self.sweep;
            let index = state % self.states.len();
            if table >= key_groups || self.states[index].descriptor.ttl_ms.is_none() {
                self.sweep = (index + 1, 0);
                continue;
            }
            self.sweep = (index, table + 1);
            let format = self.format(&self.states[index]);
            let freed = self.states[index].delete_expired(table, &format);
            return self.account.shrink(freed as u64);
        }
    }

    /// The descriptor of a state: whose it is, and what.
    ///
    /// # Errors
    /// An unknown state.
    pub fn descriptor(&self, state: StateId) -> Result<&StateDescriptor, StateError> {
        self.state(state).map(|state| &state.descriptor)
    }

    /// Number of entries of a state, with those that have expired and were not deleted yet.
    ///
    /// # Errors
    /// An unknown state.
    pub fn entries(&self, state: StateId) -> Result<usize, StateError> {
        self.state(state).map(State::len)
    }

    /// Bytes charged for all entries.
    pub fn used_bytes(&self) -> u64 {
        self.account.used()
    }

    /// The key groups of the subtask.
    pub fn key_groups(&self) -> &KeyGroups {
        &self.key_groups
    }

    fn state(&self, state: StateId) -> Result<&State, StateError> {
        let declared = self.states.len();
        let found = self.states.get(state.0 as usize);
        found.ok_or(StateError::UnknownState { id: state.0, declared })
    }

    fn position(&self, operator: &str, name: &str) -> Option<usize> {
        self.states.iter().position(|state| {
            state.descriptor.operator == operator && state.descriptor.name == name
        })
    }

    fn add_state(&mut self, descriptor: StateDescriptor) -> Result<StateId, StateError> {
        if self.states.len() == STATES_MAX {
            let StateDescriptor { operator, name, .. } = descriptor;
            return Err(StateError::TooManyStates { operator, name, max: STATES_MAX });
        }
        self.states.push(State::new(descriptor, self.key_groups.len()));
        Ok(StateId(self.states.len() as u32 - 1))
    }

    fn format(&self, state: &State) -> payload::PayloadFormat {
        // Without time to live the clock does not matter, and reading it is not free.
        let now_ms = if state.descriptor.ttl_ms.is_some() { self.clock.now_ms() } else { 0 };
        state.format(now_ms)
    }

    /// Checks state and columns, and finds the places of all keys.
    fn prepare(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) -> Result<(), StateError> {
        keys.check("keys")?;
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        let target = self.state(state)?;
        if target.is_map() {
            user_keys.check_len("user-keys", keys.len())?;
        } else if !user_keys.is_empty() {
            let kind = target.descriptor.kind;
            return Err(StateError::UserKeysOfValueState { state: target.path(), kind });
        } else {
            user_keys.check("user-keys")?;
        }
        places.reserve(keys.len());
        for key in keys.iter() {
            places.push(self.key_groups.place(key, || target.path())?);
        }
        self.places = places;
        Ok(())
    }

    /// Deletes those of the prepared entries that are at `positions`.
    fn delete_entries(
        &mut self,
        state: StateId,
        positions: &[u32],
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) {
        for position in positions {
            let index = *position as usize;
            let user_key = if user_keys.is_empty() { &[] } else { user_keys.get(index) };
            let place = self.places[index];
            let target = &mut self.states[state.0 as usize];
            self.account.shrink(target.delete_one(place, keys.get(index), user_key) as u64);
        }
    }

    fn check_entry_sizes(
        &self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        values: Packed<'_>,
    ) -> Result<(), StateError> {
        let all = (keys.bytes.len() + user_keys.bytes.len() + values.bytes.len()) as u64;
        if all <= ENTRY_BYTES_MAX {
            return Ok(());
        }
        for index in 0..keys.len() {
            let user_key = if user_keys.is_empty() { &[] } else { user_keys.get(index) };
            let strings = [keys.get(index), user_key, values.get(index)];
            let bytes = strings.iter().map(|string| string.len() as u64).sum();
            if bytes > ENTRY_BYTES_MAX {
                let state = self.state(state)?.path();
                return Err(StateError::EntryTooLarge { state, bytes, max_bytes: ENTRY_BYTES_MAX });
            }
        }
        Ok(())
    }

    /// Takes the memory that a write can need: the most it can be if that is there, else what it
    /// really is, else that after everything expired is gone.
    fn reserve(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        values: Packed<'_>,
    ) -> Result<u64, StateError> {
        let target = &self.states[state.0 as usize];
        let format = self.format(target);
        let entries = Entries { places: &self.places, keys, user_keys };
        let most = target.growth_max(entries, values, &format) as u64;
        if self.account.try_grow(most) {
            return Ok(most);
        }
        let growth = target.growth(entries, values, &format) as u64;
        if self.account.try_grow(growth) {
            return Ok(growth);
        }
        self.delete_all_expired();
        let swept = &self.states[state.0 as usize];
        let still_there = Entries { places: &self.places, keys, user_keys };
        let growth_left = swept.growth(still_there, values, &format) as u64;
        self.account.grow(growth_left, || swept.path())?;
        Ok(growth_left)
    }

    fn delete_all_expired(&mut self) {
        for index in 0..self.states.len() {
            if self.states[index].descriptor.ttl_ms.is_none() {
                continue;
            }
            let format = self.format(&self.states[index]);
            for table in 0..self.key_groups.len() {
                let freed = self.states[index].delete_expired(table, &format);
                self.account.shrink(freed as u64);
            }
        }
    }
}

#[cfg(test)]
mod tests;
