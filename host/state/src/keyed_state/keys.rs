//! Lists the keys that have entries of a state, a page at a time: by key group, then by bytes.
//!
//! Law: a page costs a look at the keys of the groups it is of, not at all keys, so that listing
//! all of them costs little more than their number.

use super::state::Tables;
use super::{ANSWER_BYTES_MAX, KeyedState, StateId};
use crate::error::StateError;
use crate::packed::PackedMut;

/// Which keys to list.
#[derive(Clone, Copy, Debug)]
pub struct KeysRange<'a> {
    /// Only keys behind this one: the last of the page before.
    pub after: Option<&'a [u8]>,
    /// At most this many, and at least one.
    pub limit: u32,
    /// At most this many bytes, unless one key alone is larger.
    pub page_bytes: usize,
}

impl KeyedState {
    /// Appends a page of the keys that have entries of a state, ordered by key group and, within
    /// one, by their bytes. No keys are the end. A key of a list whose elements have all expired
    /// may be among them.
    ///
    /// # Errors
    /// An unknown state, or an `after` outside the subtask's key groups.
    pub fn keys(
        &self,
        state: StateId,
        range: KeysRange<'_>,
        mut keys: PackedMut<'_>,
    ) -> Result<(), StateError> {
        let target = self.state(state)?;
        let format = self.format(target);
        let mut after = range.after;
        let first = match after {
            Some(key) => self.key_groups.place(key, || target.path())?.table as usize,
            None => 0,
        };
        let limit = range.limit.max(1) as usize;
        let bytes_max = range.page_bytes.min(ANSWER_BYTES_MAX);
        let (mut listed, mut bytes) = (0, 0);
        for table in first..self.key_groups.len() {
            let mut found: Vec<&[u8]> = match &target.tables {
                Tables::Values(tables) => tables[table].keys(&format).collect(),
                Tables::Maps(tables) => tables[table].keys(&format).collect(),
            };
            // Only the group of `after` has keys before it.
            if let Some(after) = after.take() {
                found.retain(|key| *key > after);
            }
            let room = limit - listed;
            if found.len() > room {
                found.select_nth_unstable(room);
                found.truncate(room);
            }
            found.sort_unstable();
            for key in found {
                if listed > 0 && bytes + key.len() > bytes_max {
                    return Ok(());
                }
                keys.push(key);
                listed += 1;
                bytes += key.len();
            }
            if listed == limit {
                return Ok(());
            }
        }
        Ok(())
    }
}
