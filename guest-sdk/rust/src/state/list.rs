//! A list per key, stored as one value.

mod elements;

use std::rc::Rc;

pub(crate) use elements::Elements;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use elements::cut_elements;

use super::{Column, bound};
use crate::codec::Data;

/// A list per key, obtained with [`crate::RuntimeContext::list_state`].
///
/// The host stores the list as one value, so each write of it costs its length: keep lists short,
/// or use a [`crate::MapState`].
///
/// # Panics
/// As [`crate::ValueState`].
pub struct ListState<T>(Option<ListColumn<T>>);

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

/// The cells of a list state.
pub(crate) enum ListColumn<T> {
    /// Lists that do not expire.
    Plain(Rc<Column<Vec<T>>>),
    /// Lists whose elements expire.
    Expiring(Rc<Column<Elements<T>>>),
}

impl<T> Clone for ListColumn<T> {
    fn clone(&self) -> ListColumn<T> {
        match self {
            ListColumn::Plain(column) => ListColumn::Plain(Rc::clone(column)),
            ListColumn::Expiring(column) => ListColumn::Expiring(Rc::clone(column)),
        }
    }
}

impl<T: Data> ListState<T> {
    pub(crate) fn new(column: ListColumn<T>) -> ListState<T> {
        ListState(Some(column))
    }

    pub(super) fn state(&self) -> u32 {
        match bound(&self.0) {
            ListColumn::Plain(column) => column.state(),
            ListColumn::Expiring(column) => column.state(),
        }
    }

    /// A copy of the list of the current key.
    pub fn get(&self) -> Vec<T> {
        self.with(<[T]>::to_vec)
    }

    /// Shows the list of the current key without copying it.
    #[inline]
    pub fn with<R>(&self, show: impl FnOnce(&[T]) -> R) -> R {
        match bound(&self.0) {
            ListColumn::Plain(column) => column.read(|list| show(list.map_or(&[], Vec::as_slice))),
            ListColumn::Expiring(column) => {
                column.read(|list| show(list.map_or(&[], Elements::values)))
            }
        }
    }

    /// Adds an element at the end.
    #[inline]
    pub fn add(&self, value: T) {
        match bound(&self.0) {
            ListColumn::Plain(column) => {
                column.write(|list| list.get_or_insert_default().push(value));
            }
            ListColumn::Expiring(column) => {
                column.write(|list| list.get_or_insert_default().extend([value]));
            }
        }
    }

    /// Adds many elements at the end.
    pub fn add_all(&self, values: impl IntoIterator<Item = T>) {
        match bound(&self.0) {
            ListColumn::Plain(column) => {
                column.write(|list| list.get_or_insert_default().extend(values));
            }
            ListColumn::Expiring(column) => {
                column.write(|list| list.get_or_insert_default().extend(values));
            }
        }
    }

    /// Replaces the list. All elements then live from here on, if they expire.
    pub fn update(&self, values: Vec<T>) {
        let values = (!values.is_empty()).then_some(values);
        match bound(&self.0) {
            ListColumn::Plain(column) => column.write(|list| *list = values),
            ListColumn::Expiring(column) => column.write(|list| *list = values.map(Elements::new)),
        }
    }

    /// Removes all elements.
    pub fn clear(&self) {
        match bound(&self.0) {
            ListColumn::Plain(column) => column.write(|list| *list = None),
            ListColumn::Expiring(column) => column.write(|list| *list = None),
        }
    }

    /// Takes all elements out.
    pub fn take(&self) -> Vec<T> {
        match bound(&self.0) {
            ListColumn::Plain(column) => column.write(|list| list.take().unwrap_or_default()),
            ListColumn::Expiring(column) => {
                column.write(|list| list.take().unwrap_or_default().into_values())
            }
        }
    }
}
