//! Keyed state in memory: the entries of one subtask, by (state, key, user key), read and written
//! in batches.
//!
//! Invariant: every key is in a key group of the subtask. Tables are kept by key group, which is
//! the unit of snapshots and of redistribution.

use std::sync::Arc;

use sandbar_model::Clock;

use self::payload::{Layout, PayloadFormat};
use self::state::{Entries, State};
use self::sweep::Sweep;
use crate::error::StateError;
use crate::key_groups::{KeyGroups, Place};
use crate::managed_memory::{Account, ManagedMemory};
use crate::packed::{Packed, PackedMut};

mod descriptor;
mod elements;
mod keys;
mod map_table;
mod payload;
mod room;
mod snapshot;
mod state;
mod sweep;
mod value_table;

pub use descriptor::{
    ScanRange, StateDescriptor, StateFormats, StateId, StateKind, StateTtl, TtlUpdateType,
    TtlVisibility,
};
pub use elements::{UNSTAMPED, elements};
pub use keys::KeysRange;
pub use state::StateUsage;
pub use sweep::{SWEEP_INTERVAL_MS, SWEEP_PAUSE_MS, SWEEP_PLACES_MAX};

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
    /// Where `delete_expired` goes on.
    sweep: Sweep,
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
            sweep: Sweep::default(),
        }
    }

    /// Declares a state, or finds the one of that operator and name; its time to live becomes the
    /// descriptor's. Entries of a restored state without time to live are taken as written just
    /// then if the descriptor has one.
    ///
    /// # Errors
    /// It exists with another kind; there are [`STATES_MAX`]; time to live, which costs 8 bytes an
    /// entry, is over the budget; or it is a list with entries, and only one of the two
    /// descriptors has a time to live: elements are kept in another form then.
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
        let to = PayloadFormat::of(&descriptor, from.now_ms);
        if from.layout != to.layout {
            if descriptor.kind == StateKind::List && existing.len() > 0 {
                return Err(StateError::ListTtlChanged { state: existing.path() });
            }
            let stamps = (existing.len() * payload::STAMP_BYTES) as u64;
            match to.layout {
                Layout::Plain | Layout::Elements => {}
                Layout::Stamped => self.account.grow(stamps, || existing.path())?,
            }
            existing.convert(&from, &to);
            if from.layout == Layout::Stamped {
                self.account.shrink(stamps);
            }
        }
        existing.descriptor = descriptor;
        self.sweep_soon();
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
        let format = self.format(&self.states[state.0 as usize]);
        if format.prunes_before_reads() {
            (0..keys.len()).for_each(|index| self.prune(state, index, keys, user_keys, &format));
        }
        let target = &self.states[state.0 as usize];
        let entries = Entries { places: &self.places, keys, user_keys };
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
        for index in expired {
            self.prune(state, index as usize, keys, user_keys, &format);
        }
        Ok(())
    }

    /// Says that entries were read: starts their time to live again where the state's
    /// [update type](TtlUpdateType) is that, and else does nothing. Entries that are not there or
    /// have expired are skipped. `user_keys` as in `multi_get`.
    ///
    /// # Errors
    /// As `multi_get`.
    pub fn touch(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) -> Result<(), StateError> {
        self.prepare(state, keys, user_keys)?;
        let target = &self.states[state.0 as usize];
        let update = target.descriptor.ttl.map(|ttl| ttl.update);
        if update == Some(TtlUpdateType::OnReadAndWrite) {
            let format = self.format(target);
            let entries = Entries { places: &self.places, keys, user_keys };
            self.states[state.0 as usize].renew(entries, &format);
        }
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
        let format = self.format(&self.states[state.0 as usize]);
        if format.layout == Layout::Elements {
            let checked = values.iter().try_for_each(|value| format.check(value));
            let path = || self.states[state.0 as usize].path();
            checked.map_err(|source| StateError::Elements { state: path(), source })?;
        }
        let reserved = self.reserve(state, keys, user_keys, values)?;
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
        &mut self,
        state: StateId,
        key: &[u8],
        range: ScanRange<'_>,
        mut user_keys: PackedMut<'_>,
        mut values: PackedMut<'_>,
    ) -> Result<(), StateError> {
        let target = self.state(state)?;
        let place = self.key_groups.place(key, || target.path())?;
        let format = self.format(target);
        if format.prunes_before_reads() {
            let freed = self.states[state.0 as usize].prune(place, (key, &[]), &format);
            self.account.shrink(freed as u64);
        }
        let pruned = &self.states[state.0 as usize];
        let page_bytes = range.page_bytes.min(ANSWER_BYTES_MAX);
        let range = ScanRange { page_bytes, ..range };
        pruned.scan((place, key), range, format, (&mut user_keys, &mut values));
        Ok(())
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

    /// What all states of an operator hold.
    pub fn usage(&self, operator: &str) -> StateUsage {
        let of_operator = self.states.iter().filter(|state| state.descriptor.operator == operator);
        of_operator.fold(StateUsage::default(), |sum, state| StateUsage {
            entries: sum.entries + state.usage.entries,
            bytes: sum.bytes + state.usage.bytes,
        })
    }

    /// The descriptors of all states, in the order of their ids.
    pub fn descriptors(&self) -> impl Iterator<Item = &StateDescriptor> {
        self.states.iter().map(|state| &state.descriptor)
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

    fn format(&self, state: &State) -> PayloadFormat {
        // Without time to live the clock does not matter, and reading it is not free.
        let now_ms = if state.descriptor.ttl.is_some() { self.clock.now_ms() } else { 0 };
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

    /// Deletes what has expired of one of the prepared entries.
    fn prune(
        &mut self,
        state: StateId,
        index: usize,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        format: &PayloadFormat,
    ) {
        let user_key = if user_keys.is_empty() { &[] } else { user_keys.get(index) };
        let target = &mut self.states[state.0 as usize];
        let freed = target.prune(self.places[index], (keys.get(index), user_key), format);
        self.account.shrink(freed as u64);
    }
}

#[cfg(test)]
mod tests;
