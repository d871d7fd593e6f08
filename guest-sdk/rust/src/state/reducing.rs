//! A value per key that added values are folded into.

use std::rc::Rc;

use super::descriptor::Reduce;
use super::{Column, bound};
use crate::codec::Data;

/// A folded value per key, obtained with [`crate::RuntimeContext::reducing_state`].
///
/// # Panics
/// As [`crate::ValueState`].
pub struct ReducingState<T>(Option<Bound<T>>);

struct Bound<T> {
    column: Rc<Column<T>>,
    reduce: Reduce<T>,
}

impl<T> Default for ReducingState<T> {
    /// Makes a handle that is not bound yet.
    fn default() -> ReducingState<T> {
        ReducingState(None)
    }
}

impl<T> std::fmt::Debug for ReducingState<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReducingState").field("bound", &self.0.is_some()).finish()
    }
}

impl<T: Data> ReducingState<T> {
    pub(crate) fn new(column: Rc<Column<T>>, reduce: Reduce<T>) -> ReducingState<T> {
        ReducingState(Some(Bound { column, reduce }))
    }

    pub(super) fn state(&self) -> u32 {
        bound(&self.0).column.state()
    }

    /// A copy of the folded value of the current key.
    #[inline]
    pub fn get(&self) -> Option<T> {
        bound(&self.0).column.read(|value| value.cloned())
    }

    /// Folds a value in.
    #[inline]
    pub fn add(&self, value: T) {
        let target = bound(&self.0);
        target.column.write(|cell| {
            *cell = Some(match cell.take() {
                Some(folded) => (target.reduce)(folded, value),
                None => value,
            });
        });
    }

    /// Removes the value.
    #[inline]
    pub fn clear(&self) {
        bound(&self.0).column.write(|cell| *cell = None);
    }
}
