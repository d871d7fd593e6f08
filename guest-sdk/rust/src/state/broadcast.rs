//! A map that every subtask of the operator holds alike.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::rc::Rc;

use super::{OperatorStore, bound};
use crate::codec::{Compact, Data, Decode, Encode, Key, decode_key, encode_key};
use crate::error::Error;
use crate::host::Host;

/// A broadcast map, obtained with [`crate::RuntimeContext::broadcast_state`].
///
/// Every subtask must apply the same changes, so only change it for records of a broadcast input.
/// In a [`crate::KeyedBroadcastProcessFunction`] it cannot be changed elsewhere.
/// It lives in the guest and is handed to the host before each checkpoint.
///
/// # Panics
/// All methods panic before `open` has bound the handle.
pub struct BroadcastState<K, V> {
    map: Option<Rc<BroadcastMap<V>>>,
    marker: PhantomData<fn() -> K>,
}

pub(crate) struct BroadcastMap<V> {
    host: Rc<dyn Host>,
    operator: u32,
    name: String,
    is_read_only: Rc<Cell<bool>>,
    entries: RefCell<BTreeMap<Vec<u8>, V>>,
    changed: RefCell<BTreeSet<Vec<u8>>>,
}

impl<K, V> Default for BroadcastState<K, V> {
    /// Makes a handle that is not bound yet.
    fn default() -> BroadcastState<K, V> {
        BroadcastState { map: None, marker: PhantomData }
    }
}

impl<K, V> std::fmt::Debug for BroadcastState<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BroadcastState").field("bound", &self.map.is_some()).finish()
    }
}

impl<V: Data> BroadcastMap<V> {
    pub(crate) fn open(
        host: &Rc<dyn Host>,
        operator: u32,
        name: &str,
        is_read_only: &Rc<Cell<bool>>,
    ) -> Result<Rc<BroadcastMap<V>>, Error> {
        let entries = host
            .scan_broadcast(operator, name)
            .into_iter()
            .map(|(key, bytes)| Compact.decode(&bytes).map(|value| (key, value)))
            .collect::<Result<BTreeMap<_, V>, Error>>()
            .map_err(|error| {
                error.context(format!("broadcast state '{name}' holds another type")).into_fatal()
            })?;
        Ok(Rc::new(BroadcastMap {
            host: Rc::clone(host),
            operator,
            name: name.to_owned(),
            is_read_only: Rc::clone(is_read_only),
            entries: RefCell::new(entries),
            changed: RefCell::default(),
        }))
    }
}

impl<V: Data> OperatorStore for BroadcastMap<V> {
    fn flush(&self) -> Result<(), Error> {
        let failed = |error: Error| {
            error.context(format!("writing broadcast state '{}'", self.name)).into_fatal()
        };
        let entries = self.entries.borrow();
        let mut bytes = Vec::new();
        for key in std::mem::take(&mut *self.changed.borrow_mut()) {
            bytes.clear();
            let value = match entries.get(&key) {
                Some(value) => {
                    Compact.encode(value, &mut bytes).map_err(failed)?;
                    Some(bytes.as_slice())
                }
                None => None,
            };
            self.host
                .put_broadcast(self.operator, &self.name, &key, value)
                .map_err(|message| failed(Error::fatal(message)))?;
        }
        Ok(())
    }
}

impl<K: Key, V: Data> BroadcastState<K, V> {
    pub(crate) fn new(map: Rc<BroadcastMap<V>>) -> BroadcastState<K, V> {
        BroadcastState { map: Some(map), marker: PhantomData }
    }

    /// A copy of the value of an entry.
    ///
    /// # Errors
    /// The key does not encode.
    pub fn get(&self, key: &K) -> Result<Option<V>, Error> {
        Ok(bound(&self.map).entries.borrow().get(&key_bytes(key)?).cloned())
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// As [`BroadcastState::get`]; or it is read-only here: fatal.
    pub fn put(&self, key: &K, value: V) -> Result<(), Error> {
        let (map, bytes) = (self.writable()?, key_bytes(key)?);
        map.entries.borrow_mut().insert(bytes.clone(), value);
        map.changed.borrow_mut().insert(bytes);
        Ok(())
    }

    /// Removes an entry, if it is there.
    ///
    /// # Errors
    /// As [`BroadcastState::put`].
    pub fn remove(&self, key: &K) -> Result<(), Error> {
        let (map, bytes) = (self.writable()?, key_bytes(key)?);
        map.entries.borrow_mut().remove(&bytes);
        map.changed.borrow_mut().insert(bytes);
        Ok(())
    }

    fn writable(&self) -> Result<&BroadcastMap<V>, Error> {
        let map = bound(&self.map);
        if map.is_read_only.get() {
            return Err(Error::fatal(format!(
                "broadcast state '{}' is read-only here: change it in process_broadcast_element, \
                 so that all subtasks do",
                map.name
            )));
        }
        Ok(map)
    }

    /// All entries in the order of their key bytes.
    ///
    /// # Errors
    /// A stored key does not decode.
    pub fn entries(&self) -> Result<Vec<(K, V)>, Error> {
        let entries = bound(&self.map).entries.borrow();
        entries.iter().map(|(key, value)| Ok((decode_key(key)?, value.clone()))).collect()
    }
}

fn key_bytes<K: Key>(key: &K) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    encode_key(key, &mut bytes)?;
    Ok(bytes)
}
