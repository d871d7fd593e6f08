//! Registers key selectors and partitioners, which stand in an input of a job file: they read a
//! record to say where it goes and leave it as it is.
//!
//! Law: a record leaves as the bytes it came as, so that a selector may read a few members of it
//! and the operator behind it gets all of them.

use std::marker::PhantomData;
use std::rc::Rc;

use super::{Entry, NO_CONFIG, PluginBuilder};
use crate::chain::erased::{CodecOf, KeyedCodecOf};
use crate::chain::external::{HashKey, KeyBytes, Subtask};
use crate::codec::{Decode, Encode, Format, Key};
use crate::error::Error;
use crate::operator::definition::{MAIN, OperatorKind};
use crate::operator::partition;

impl PluginBuilder {
    /// Registers a key selector: a job file puts it in front of a keyed operator of any plugin.
    ///
    /// ```toml
    /// inputs = [{ from = "orders", key = { selector = "customer", plugin = "shop" } }]
    /// ```
    ///
    /// The operator behind it reads keys of the same type; most operators for job files are keyed
    /// by `String`. The closure must choose the same key for equal records, wherever it runs.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// /// The part of an order that the key is made of.
    /// #[derive(Clone, serde::Deserialize)]
    /// struct Order {
    ///     customer: String,
    /// }
    ///
    /// sandbar_sdk::plugin! {
    ///     name: "shop",
    ///     version: "1.0.0",
    ///     operators: |plugin| {
    ///         plugin
    ///             .key_selector("customer", |order: &Order| order.customer.to_lowercase())
    ///             .input(Json)
    ///             .doc("Keys orders by customer, in small letters.");
    ///     },
    /// }
    /// # fn main() {}
    /// ```
    pub fn key_selector<T: Clone + 'static, K: Key>(
        &mut self,
        name: &str,
        mut select: impl FnMut(&T) -> K + 'static,
    ) -> KeySelectorBuilder<'_, T, K> {
        let entry = self.add(name, OperatorKind::KeySelector, &[MAIN], |_| {
            let select = move |record: &Whole<T>| select(&record.value);
            Box::new(move |wiring| partition::key_selector(select, wiring))
        });
        KeySelectorBuilder { entry: without_config(entry), marker: PhantomData }
    }

    /// Registers a partitioner: from a record and the number of subtasks it chooses the index of
    /// one. A choice that is too large makes the record bad.
    ///
    /// ```toml
    /// [[operators.inputs]]
    /// from = "orders"
    /// partitioner = "custom"
    /// key = { selector = "by-weight", plugin = "shop" }
    /// ```
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// #[derive(Clone, serde::Deserialize)]
    /// struct Order {
    ///     grams: u32,
    /// }
    ///
    /// sandbar_sdk::plugin! {
    ///     name: "shop",
    ///     version: "1.0.0",
    ///     operators: |plugin| {
    ///         plugin
    ///             .partitioner("by-weight", |order: &Order, subtasks| {
    ///                 (order.grams / 1000).min(subtasks - 1)
    ///             })
    ///             .input(Json)
    ///             .doc("A subtask for each kilogram, the last for all that is heavier.");
    ///     },
    /// }
    /// # fn main() {}
    /// ```
    pub fn partitioner<T: Clone + 'static>(
        &mut self,
        name: &str,
        mut partition: impl FnMut(&T, u32) -> u32 + 'static,
    ) -> PartitionerBuilder<'_, T> {
        let entry = self.add(name, OperatorKind::Partitioner, &[MAIN], |_| {
            let choose = move |record: &Whole<T>, subtasks| partition(&record.value, subtasks);
            Box::new(move |wiring| partition::partitioner(choose, wiring))
        });
        PartitionerBuilder { entry: without_config(entry), marker: PhantomData }
    }
}

/// An input of a job file has no place for a config.
fn without_config(entry: Entry<'_>) -> Entry<'_> {
    NO_CONFIG.clone_into(&mut entry.definition.config_schema);
    entry
}

/// Says more about a key selector that was just registered.
pub struct KeySelectorBuilder<'a, T, K> {
    entry: Entry<'a>,
    marker: PhantomData<fn(T) -> K>,
}

/// Says more about a partitioner that was just registered.
pub struct PartitionerBuilder<'a, T> {
    entry: Entry<'a>,
    marker: PhantomData<fn(T)>,
}

impl<T: Clone + 'static, K: Key> KeySelectorBuilder<'_, T, K> {
    /// Sets the format of the records.
    pub fn input(mut self, codec: impl Decode<T>) -> Self {
        pass_through::<HashKey<K>, T>(&mut self.entry, codec);
        self
    }

    /// Says what the key is, in one sentence.
    pub fn doc(self, doc: &str) -> Self {
        doc.clone_into(&mut self.entry.definition.doc);
        self
    }
}

impl<T: Clone + 'static> PartitionerBuilder<'_, T> {
    /// Sets the format of the records.
    pub fn input(mut self, codec: impl Decode<T>) -> Self {
        pass_through::<Subtask, T>(&mut self.entry, codec);
        self
    }

    /// Says how records are dealt out, in one sentence.
    pub fn doc(self, doc: &str) -> Self {
        doc.clone_into(&mut self.entry.definition.doc);
        self
    }
}

/// Lets records in and, with keys of type `B`, out again as they came.
fn pass_through<B: KeyBytes, T: 'static>(entry: &mut Entry<'_>, codec: impl Decode<T>) {
    let codec = Rc::new(codec);
    let format = codec.format();
    let keeping = || Keeping(Rc::clone(&codec));
    let input = CodecOf::<Whole<T>, _>::new(keeping());
    entry.definition.inputs[0].decoder = Some((format.clone(), Rc::new(input)));
    let output = &mut entry.definition.outputs[0];
    output.format = Some(format);
    output.encoder = Some(Rc::new(KeyedCodecOf::<B, Whole<T>, _>::new(keeping())));
}

/// A record beside the bytes that it was read from.
#[derive(Clone)]
struct Whole<T> {
    value: T,
    bytes: Vec<u8>,
}

/// Reads records with a codec and writes them back as they were.
struct Keeping<C>(Rc<C>);

impl<T: 'static, C: Format<T>> Format<Whole<T>> for Keeping<C> {
    fn format(&self) -> String {
        self.0.format()
    }
}

impl<T: 'static, C: Decode<T>> Decode<Whole<T>> for Keeping<C> {
    fn decode(&self, bytes: &[u8]) -> Result<Whole<T>, Error> {
        Ok(Whole { value: self.0.decode(bytes)?, bytes: bytes.to_vec() })
    }
}

impl<T: 'static, C: Format<T>> Encode<Whole<T>> for Keeping<C> {
    fn encode(&self, record: &Whole<T>, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.extend_from_slice(&record.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
