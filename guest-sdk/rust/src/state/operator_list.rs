//! A list that belongs to the subtask, split or united when the job is rescaled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{OperatorStore, Redistribution, bound};
use crate::codec::{Compact, Data, Decode, Encode};
use crate::error::Error;
use crate::host::Host;

/// A list of the subtask, obtained with [`crate::RuntimeContext::operator_list_state`]. It lives
/// in the guest and is handed to the host before each checkpoint.
///
/// # Panics
/// All methods panic before `open` has bound the handle.
pub struct OperatorListState<T>(Option<Rc<OperatorList<T>>>);

pub(crate) struct OperatorList<T> {
    host: Rc<dyn Host>,
    operator: u32,
    name: String,
    redistribution: Redistribution,
    elements: RefCell<Vec<T>>,
    changed: Cell<bool>,
}

impl<T> Default for OperatorListState<T> {
    /// Makes a handle that is not bound yet.
    fn default() -> OperatorListState<T> {
        OperatorListState(None)
    }
}

impl<T> std::fmt::Debug for OperatorListState<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperatorListState").field("bound", &self.0.is_some()).finish()
    }
}

impl<T: Data> OperatorList<T> {
    pub(crate) fn open(
        host: &Rc<dyn Host>,
        operator: u32,
        name: &str,
        redistribution: Redistribution,
    ) -> Result<Rc<OperatorList<T>>, Error> {
        let elements = host
            .get_list(operator, name)
            .iter()
            .map(|bytes| Compact.decode(bytes))
            .collect::<Result<Vec<T>, Error>>()
            .map_err(|error| {
                error.context(format!("operator list '{name}' holds another type")).into_fatal()
            })?;
        Ok(Rc::new(OperatorList {
            host: Rc::clone(host),
            operator,
            name: name.to_owned(),
            redistribution,
            elements: RefCell::new(elements),
            changed: Cell::new(false),
        }))
    }
}

impl<T: Data> OperatorStore for OperatorList<T> {
    fn flush(&self) -> Result<(), Error> {
        if !self.changed.take() {
            return Ok(());
        }
        let failed = |error: Error| {
            error.context(format!("writing operator list '{}'", self.name)).into_fatal()
        };
        let elements = self
            .elements
            .borrow()
            .iter()
            .map(|element| {
                let mut bytes = Vec::new();
                Compact.encode(element, &mut bytes).map(|()| bytes)
            })
            .collect::<Result<Vec<_>, Error>>()
            .map_err(failed)?;
        self.host
            .set_list(self.operator, &self.name, self.redistribution, &elements)
            .map_err(|message| failed(Error::fatal(message)))
    }
}

impl<T: Data> OperatorListState<T> {
    pub(crate) fn new(list: Rc<OperatorList<T>>) -> OperatorListState<T> {
        OperatorListState(Some(list))
    }

    /// A copy of the elements: after a restore, what redistribution gave this subtask.
    pub fn get(&self) -> Vec<T> {
        bound(&self.0).elements.borrow().clone()
    }

    /// Adds an element at the end.
    pub fn add(&self, element: T) {
        let list = bound(&self.0);
        list.elements.borrow_mut().push(element);
        list.changed.set(true);
    }

    /// Replaces all elements.
    pub fn update(&self, elements: Vec<T>) {
        let list = bound(&self.0);
        *list.elements.borrow_mut() = elements;
        list.changed.set(true);
    }

    /// Removes all elements.
    pub fn clear(&self) {
        self.update(Vec::new());
    }
}
