//! Room for what is to be written: the size of entries, and their share of managed memory.

use super::state::Entries;
use super::{ENTRY_BYTES_MAX, KeyedState, StateId};
use crate::error::StateError;
use crate::packed::Packed;

impl KeyedState {
    pub(super) fn check_entry_sizes(
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
    pub(super) fn reserve(
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
}
