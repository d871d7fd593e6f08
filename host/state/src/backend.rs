//! The role of a state backend: where the keyed state of one subtask lives. [`KeyedState`], in
//! memory, is the one there is; whoever serves guests is generic over the role, so that calls are
//! resolved when compiled.

use crate::error::StateError;
use crate::keyed_state::{KeyedState, KeysRange, ScanRange, StateDescriptor, StateId, StateUsage};
use crate::packed::{Packed, PackedMut};

/// Keyed state of one subtask, by (state, key, user key), partitioned by key group. What each
/// method promises is said where [`KeyedState`] has it.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of `KeyedState`")]
pub trait StateBackend: Send {
    /// See [`KeyedState::declare`].
    fn declare(&mut self, descriptor: StateDescriptor) -> Result<StateId, StateError>;

    /// See [`KeyedState::multi_get`].
    fn multi_get(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        present: &mut Vec<u8>,
        values: PackedMut<'_>,
    ) -> Result<(), StateError>;

    /// See [`KeyedState::multi_put`].
    fn multi_put(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        values: Packed<'_>,
    ) -> Result<(), StateError>;

    /// See [`KeyedState::multi_delete`].
    fn multi_delete(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) -> Result<(), StateError>;

    /// See [`KeyedState::touch`].
    fn touch(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) -> Result<(), StateError>;

    /// See [`KeyedState::scan`].
    fn scan(
        &mut self,
        state: StateId,
        key: &[u8],
        range: ScanRange<'_>,
        user_keys: PackedMut<'_>,
        values: PackedMut<'_>,
    ) -> Result<(), StateError>;

    /// See [`KeyedState::keys`].
    fn keys(
        &self,
        state: StateId,
        range: KeysRange<'_>,
        keys: PackedMut<'_>,
    ) -> Result<(), StateError>;

    /// See [`KeyedState::next_clean_up`].
    fn next_clean_up(&self) -> Option<i64>;

    /// See [`KeyedState::delete_expired`].
    fn delete_expired(&mut self);

    /// See [`KeyedState::usage`].
    fn usage(&self, operator: &str) -> StateUsage;

    /// See [`KeyedState::snapshot`].
    fn snapshot(&self, key_group: u32) -> Result<impl Iterator<Item = Vec<u8>>, StateError>;

    /// See [`KeyedState::restore`].
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), StateError>;
}

impl StateBackend for KeyedState {
    #[inline]
    fn declare(&mut self, descriptor: StateDescriptor) -> Result<StateId, StateError> {
        KeyedState::declare(self, descriptor)
    }

    #[inline]
    fn multi_get(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        present: &mut Vec<u8>,
        values: PackedMut<'_>,
    ) -> Result<(), StateError> {
        KeyedState::multi_get(self, state, keys, user_keys, present, values)
    }

    #[inline]
    fn multi_put(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
        values: Packed<'_>,
    ) -> Result<(), StateError> {
        KeyedState::multi_put(self, state, keys, user_keys, values)
    }

    #[inline]
    fn multi_delete(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) -> Result<(), StateError> {
        KeyedState::multi_delete(self, state, keys, user_keys)
    }

    #[inline]
    fn touch(
        &mut self,
        state: StateId,
        keys: Packed<'_>,
        user_keys: Packed<'_>,
    ) -> Result<(), StateError> {
        KeyedState::touch(self, state, keys, user_keys)
    }

    #[inline]
    fn scan(
        &mut self,
        state: StateId,
        key: &[u8],
        range: ScanRange<'_>,
        user_keys: PackedMut<'_>,
        values: PackedMut<'_>,
    ) -> Result<(), StateError> {
        KeyedState::scan(self, state, key, range, user_keys, values)
    }

    fn keys(
        &self,
        state: StateId,
        range: KeysRange<'_>,
        keys: PackedMut<'_>,
    ) -> Result<(), StateError> {
        KeyedState::keys(self, state, range, keys)
    }

    fn next_clean_up(&self) -> Option<i64> {
        KeyedState::next_clean_up(self)
    }

    fn delete_expired(&mut self) {
        KeyedState::delete_expired(self);
    }

    fn usage(&self, operator: &str) -> StateUsage {
        KeyedState::usage(self, operator)
    }

    fn snapshot(&self, key_group: u32) -> Result<impl Iterator<Item = Vec<u8>>, StateError> {
        KeyedState::snapshot(self, key_group)
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), StateError> {
        KeyedState::restore(self, snapshot)
    }
}
