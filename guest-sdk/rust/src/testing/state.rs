//! What tests may see of the keyed state of an operator in a harness.

use super::harness::{OperatorHarness, outcome};
use crate::codec::{Compact, Data, Decode, Key, decode_key, encode_key};
use crate::error::{Error, Result};
use crate::host::{self, Host, cut};
use crate::state::cut_elements;

impl<In, Out, Second> OperatorHarness<In, Out, Second> {
    /// The value of a value-like state of a key: of a list state a `Vec`, of an aggregating state
    /// the accumulator.
    ///
    /// # Errors
    /// Writing the cache fails, there is no such state, or it holds another type.
    pub fn state<K: Key, T: Data>(&mut self, name: &str, key: &K) -> Result<Option<T>> {
        let (state, mut keys) = (self.declared(name)?, host::packed());
        encode_key(key, &mut keys.bytes)?;
        keys.ends.push(keys.bytes.len() as u32);
        let found = self.host.multi_get(state, &keys, &host::packed());
        match found.present[0] {
            1 => Ok(Some(Compact.decode(&found.values.bytes)?)),
            _ => Ok(None),
        }
    }

    /// The elements of a list state of a key whose elements expire; those of another list state are
    /// the [value](OperatorHarness::state) of the key.
    ///
    /// # Errors
    /// As [`OperatorHarness::state`].
    pub fn expiring_list_state<K: Key, T: Data>(&mut self, name: &str, key: &K) -> Result<Vec<T>> {
        let (state, mut keys) = (self.declared(name)?, host::packed());
        encode_key(key, &mut keys.bytes)?;
        keys.ends.push(keys.bytes.len() as u32);
        let found = self.host.multi_get(state, &keys, &host::packed());
        let elements = cut_elements(&found.values.bytes);
        elements.map(|(_, element)| Compact.decode(element)).collect()
    }

    /// The entries of a map state of a key.
    ///
    /// # Errors
    /// As [`OperatorHarness::state`].
    pub fn map_state<K: Key, U: Key, V: Data>(
        &mut self,
        name: &str,
        key: &K,
    ) -> Result<Vec<(U, V)>> {
        let (state, mut bytes) = (self.declared(name)?, Vec::new());
        encode_key(key, &mut bytes)?;
        let page = self.host.scan(state, &bytes, None, u32::MAX);
        let entry = |index| {
            let user_key = cut(&page.user_keys.ends, &page.user_keys.bytes, index);
            let value = cut(&page.values.ends, &page.values.bytes, index);
            Ok((decode_key(user_key)?, Compact.decode(value)?))
        };
        (0..page.values.ends.len()).map(entry).collect()
    }

    /// What the host has of a key of a state, by user key, once the operator has heard of a query.
    #[cfg(test)]
    pub(crate) fn queried<K: Key>(
        &mut self,
        name: &str,
        key: &K,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let state = self.host.state(name).unwrap_or(u32::MAX);
        let mut bytes = Vec::new();
        encode_key(key, &mut bytes)?;
        outcome(self.instance.before_query(state, &bytes))?;
        let page = self.host.scan(state, &bytes, None, u32::MAX);
        let entry = |index| {
            let user_key = cut(&page.user_keys.ends, &page.user_keys.bytes, index);
            (user_key.to_vec(), cut(&page.values.ends, &page.values.bytes, index).to_vec())
        };
        Ok((0..page.values.ends.len()).map(entry).collect())
    }

    fn declared(&mut self, name: &str) -> Result<u32> {
        outcome(self.instance.before_checkpoint())?;
        self.host.state(name).ok_or_else(|| Error::fatal(format!("there is no state '{name}'")))
    }
}
