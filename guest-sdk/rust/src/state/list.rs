//! A list per key, stored as one value.

use std::rc::Rc;

use super::{Column, bound};
use crate::codec::Data;

/// A list per key, obtained with [`crate::RuntimeContext::list_state`].
///
/// The host stores the list as one value, so each write of it costs its length: keep lists short,
/// or use a [`crate::MapState`].
///
/// # Panics
/// As [`crate::ValueState`].
pub struct ListState<T>(Option<Rc<Column<Vec<T>>>>);

impl<T> Default for ListState<T> {
    /// Makes a handle that is not bound yet.
    fn default() -> ListState<T> {
        ListState(None)
    }
}

impl<T> Clone for ListState<T> {
    fn clone(&self) -> ListState<T> {
        ListState(self.0.clone())
    }
}

impl<T> std::fmt::Debug for ListState<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListState").field("bound", &self.0.is_some()).finish()
    }
}

impl<T: Data> ListState<T> {
    pub(crate) fn new(column: Rc<Column<Vec<T>>>) -> ListState<T> {
        ListState(Some(column))
    }

    pub(super) fn state(&self) -> u32 {
        bound(&self.0).state()
    }

    /// A copy of the list of the current key.
    pub fn get(&self) -> Vec<T> {
        self.with(<[T]>::to_vec)
    }

    /// Shows the list of the current key without copying it.
    #[inline]
    pub fn with<R>(&self, show: impl FnOnce(&[T]) -> R) -> R {
        bound(&self.0).read(|list| show(list.map_or(&[], Vec::as_slice)))
    }

    /// Adds an element at the end.
    #[inline]
    pub fn add(&self, value: T) {
        bound(&self.0).write(|list| list.get_or_insert_default().push(value));
    }

    /// Adds many elements at the end.
    pub fn add_all(&self, values: impl IntoIterator<Item = T>) {
        bound(&self.0).write(|list| list.get_or_insert_default().extend(values));
    }

    /// Replaces the list.
    pub fn update(&self, values: Vec<T>) {
        bound(&self.0).write(|list| *list = (!values.is_empty()).then_some(values));
    }

    /// Removes all elements.
    pub fn clear(&self) {
        bound(&self.0).write(|list| *list = None);
    }

    /// Takes all elements out.
    pub fn take(&self) -> Vec<T> {
        bound(&self.0).write(|list| list.take().unwrap_or_default())
    }
}
