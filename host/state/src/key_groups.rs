//! The key groups of one subtask: which keys it owns, and where in its tables they live.

use std::ops::RangeInclusive;

use sandbar_model::key_group::{hash32, key_group_of_hash, range_of};

use crate::error::{ShownKey, StateError};
use crate::snapshot::SnapshotError;

/// The key groups of a subtask, and of how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGroups {
    start: u32,
    end: u32,
    max_parallelism: u32,
}

/// Where a key lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Position of its key group among those of the subtask.
    pub(crate) table: u32,
    /// `hash32` of the key.
    pub(crate) hash: u32,
}

impl KeyGroups {
    /// The key groups of a subtask of a vertex.
    pub fn of_subtask(subtask: u32, parallelism: u32, max_parallelism: u32) -> KeyGroups {
        let range = range_of(subtask, parallelism, max_parallelism);
        KeyGroups { start: *range.start(), end: *range.end(), max_parallelism }
    }

    /// The key groups.
    pub fn range(&self) -> RangeInclusive<u32> {
        self.start..=self.end
    }

    /// Number of key groups of the vertex.
    pub fn max_parallelism(&self) -> u32 {
        self.max_parallelism
    }

    /// Number of key groups of the subtask; a subtask has at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize + 1
    }

    /// Finds the place of a key of the state called `state`.
    #[inline]
    pub(crate) fn place(
        &self,
        key: &[u8],
        state: impl FnOnce() -> String,
    ) -> Result<Place, StateError> {
        let hash = hash32(key);
        let key_group = key_group_of_hash(hash, self.max_parallelism);
        if key_group < self.start || key_group > self.end {
            return Err(StateError::KeyOutsideRange {
                state: state(),
                key: ShownKey::new(key),
                key_group,
                start: self.start,
                end: self.end,
            });
        }
        Ok(Place { table: key_group - self.start, hash })
    }

    /// Finds the position of a key group that a snapshot is of.
    pub(crate) fn table_of(&self, key_group: u32) -> Result<u32, SnapshotError> {
        if key_group < self.start || key_group > self.end {
            let (start, end) = (self.start, self.end);
            return Err(SnapshotError::KeyGroup { found: key_group, start, end });
        }
        Ok(key_group - self.start)
    }

    /// Checks what a snapshot says about itself; returns the position of its key group.
    pub(crate) fn check_snapshot(
        &self,
        max_parallelism: u32,
        key_group: u32,
    ) -> Result<u32, SnapshotError> {
        if max_parallelism != self.max_parallelism {
            let (found, expected) = (max_parallelism, self.max_parallelism);
            return Err(SnapshotError::MaxParallelism { found, expected });
        }
        self.table_of(key_group)
    }
}
