//! Numbers under the distinct keys of one batch: read in one call of the backend, changed, and
//! written in another.

use std::hash::Hash;

use rustc_hash::FxHashMap;
use sandbar_state::{KeyedState, PackedBuffer, StateError, StateId};

use super::number;

/// The numbers, by a `K` that stands for key and user key.
#[derive(Default)]
pub(super) struct Cells<K> {
    index: FxHashMap<K, u32>,
    /// The cell of each record of the batch.
    of_records: Vec<u32>,
    keys: PackedBuffer,
    user_keys: PackedBuffer,
    present: Vec<u8>,
    values: PackedBuffer,
    numbers: Vec<u64>,
}

impl<K: Hash + Eq + Copy> Cells<K> {
    /// Adds the cell of the next record.
    #[inline]
    pub(super) fn add(&mut self, of: K, key: &[u8], user_key: Option<&[u8]>) {
        let next = self.index.len() as u32;
        let cell = *self.index.entry(of).or_insert(next);
        if cell == next {
            self.keys.push(key);
            if let Some(user_key) = user_key {
                self.user_keys.push(user_key);
            }
        }
        self.of_records.push(cell);
    }

    /// Reads all cells; those that are not there become 0.
    pub(super) fn load(&mut self, state: &mut KeyedState, id: StateId) -> Result<(), StateError> {
        self.present.clear();
        self.values.clear();
        let (keys, user_keys) = (self.keys.view(), self.user_keys.view());
        state.multi_get(id, keys, user_keys, &mut self.present, self.values.view_mut())?;
        self.numbers.clear();
        self.numbers.extend(self.values.view().iter().map(number));
        Ok(())
    }

    /// The number in the cell of a record.
    #[inline]
    pub(super) fn of_record(&mut self, index: usize) -> &mut u64 {
        &mut self.numbers[self.of_records[index] as usize]
    }

    /// Keys and user keys of the cells that had no number.
    pub(super) fn absent(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (keys, user_keys) = (self.keys.view(), self.user_keys.view());
        let of = move |index| {
            let user_key: &[u8] = if user_keys.is_empty() { &[] } else { user_keys.get(index) };
            (keys.get(index), user_key)
        };
        let absent = |present: &u8| *present == 0;
        let indices = self.present.iter().enumerate().filter(move |(_, present)| absent(present));
        indices.map(move |(index, _)| of(index))
    }

    /// Writes all cells and forgets them.
    pub(super) fn store(&mut self, state: &mut KeyedState, id: StateId) -> Result<(), StateError> {
        self.values.clear();
        self.numbers.iter().for_each(|number| self.values.push(&number.to_le_bytes()));
        state.multi_put(id, self.keys.view(), self.user_keys.view(), self.values.view())?;
        self.index.clear();
        self.of_records.clear();
        self.keys.clear();
        self.user_keys.clear();
        Ok(())
    }
}
