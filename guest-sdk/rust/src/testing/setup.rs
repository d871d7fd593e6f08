//! Sets a harness up: side outputs, configuration, time, restored state; then the function.

use std::rc::Rc;

use super::harness::{HarnessSnapshot, OneInput, OperatorHarness};
use crate::chain::wiring::{ChainedOperator, Target, open};
use crate::codec::{Compact, Data, Key, encode_key};
use crate::collector::OutputTag;
use crate::error::{Error, Result};
use crate::function::{
    FilterFunction, FlatMapFunction, KeyedBroadcastProcessFunction, KeyedProcessFunction,
    KeyedTwoInputProcessFunction, MapFunction, ProcessFunction, TwoInputProcessFunction,
};
use crate::host::Host;
use crate::host::harness::HarnessHost;
use crate::operator::definition::MAIN;
use crate::plugin::{Entry, PluginBuilder};
use crate::window::LocalAggregate;

/// What a harness is made with; see [`OperatorHarness::setup`].
#[derive(Default)]
pub struct HarnessSetup {
    host: HarnessHost,
    sides: Vec<AddSide>,
}

type AddSide = Box<dyn Fn(&mut Entry<'_>)>;
type KeyOf<In> = Box<dyn FnMut(&In) -> Result<Vec<u8>>>;

/// Writes the key of each record with a user's key function.
pub(super) fn key_of<K: Key, In>(mut key: impl FnMut(&In) -> K + 'static) -> KeyOf<In> {
    Box::new(move |value| {
        let mut bytes = Vec::new();
        encode_key(&key(value), &mut bytes)?;
        Ok(bytes)
    })
}

impl HarnessSetup {
    /// Collects a side output.
    #[must_use]
    pub fn side_output<T: Data>(mut self, tag: &OutputTag<T>) -> HarnessSetup {
        let tag = tag.clone();
        self.sides.push(Box::new(move |entry| entry.side_output(&tag, Compact)));
        self
    }

    /// Sets a key of the job's configuration.
    #[must_use]
    pub fn config(self, key: &str, value: &str) -> HarnessSetup {
        self.host.config.borrow_mut().insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets which subtask of how many the operator is; 0 of 1 unless given.
    #[must_use]
    pub fn subtask(self, index: u32, parallelism: u32) -> HarnessSetup {
        self.host.subtask.set((index, parallelism));
        self
    }

    /// Sets the clock, in milliseconds since the Unix epoch; 0 unless given.
    #[must_use]
    pub fn processing_time(self, now: i64) -> HarnessSetup {
        self.host.processing_time.set(now);
        self
    }

    /// Starts from the state of another harness.
    #[must_use]
    pub fn restore(self, snapshot: &HarnessSnapshot) -> HarnessSetup {
        *self.host.storage.borrow_mut() = snapshot.storage.clone();
        self
    }

    /// Makes a harness for a map.
    ///
    /// # Errors
    /// The function fails to open; so for all others.
    pub fn map<In: Data, Out: Data>(
        self,
        function: impl MapFunction<In, Out>,
    ) -> Result<OperatorHarness<In, Out>> {
        self.one_input(None, |plugin| plugin.map(OPERATOR, function).entry)
    }

    /// Makes a harness for a filter.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn filter<T: Data>(
        self,
        function: impl FilterFunction<T>,
    ) -> Result<OperatorHarness<T, T>> {
        self.one_input(None, |plugin| plugin.filter(OPERATOR, function).entry)
    }

    /// Makes a harness for a flat map.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn flat_map<In: Data, Out: Data>(
        self,
        function: impl FlatMapFunction<In, Out>,
    ) -> Result<OperatorHarness<In, Out>> {
        self.one_input(None, |plugin| plugin.flat_map(OPERATOR, function).entry)
    }

    /// Makes a harness for a process function.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn process<In: Data, Out: Data>(
        self,
        function: impl ProcessFunction<In, Out>,
    ) -> Result<OperatorHarness<In, Out>> {
        self.one_input(None, |plugin| plugin.process(OPERATOR, function).entry)
    }

    /// Makes a harness for a keyed process function and the key of its records.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn keyed_process<K: Key, In: Data, Out: Data>(
        self,
        function: impl KeyedProcessFunction<K, In, Out>,
        key: impl FnMut(&In) -> K + 'static,
    ) -> Result<OperatorHarness<In, Out>> {
        let key = Some(key_of(key));
        self.one_input(key, |plugin| plugin.keyed_process(OPERATOR, function).entry)
    }

    /// Makes a harness for the first phase of an aggregation in two.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn local_aggregate<K: Key, In: Data, S: Data>(
        self,
        local: LocalAggregate<In, K, S>,
    ) -> Result<OperatorHarness<In, (K, S)>> {
        self.one_input(None, |plugin| {
            plugin.local_aggregate_with(OPERATOR, |AnyConfig {}| Ok(local)).entry
        })
    }

    /// Makes a harness for a process function with two inputs.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn two_input_process<First: Data, Second: Data, Out: Data>(
        self,
        function: impl TwoInputProcessFunction<First, Second, Out>,
    ) -> Result<OperatorHarness<First, Out, Second>> {
        self.two_inputs(None, None, |plugin| plugin.two_input_process(OPERATOR, function).entry)
    }

    /// Makes a harness for a keyed process function with two inputs, and their keys.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn keyed_two_input_process<K: Key, First: Data, Second: Data, Out: Data>(
        self,
        function: impl KeyedTwoInputProcessFunction<K, First, Second, Out>,
        first: impl FnMut(&First) -> K + 'static,
        second: impl FnMut(&Second) -> K + 'static,
    ) -> Result<OperatorHarness<First, Out, Second>> {
        self.two_inputs(Some(key_of(first)), Some(key_of(second)), |plugin| {
            plugin.keyed_two_input_process(OPERATOR, function).entry
        })
    }

    /// Makes a harness for a keyed process function with a broadcast input, the second, and the key
    /// of its first input.
    ///
    /// # Errors
    /// As [`HarnessSetup::map`].
    pub fn keyed_broadcast_process<K: Key, In: Data, Broadcast: Data, Out: Data>(
        self,
        function: impl KeyedBroadcastProcessFunction<K, In, Broadcast, Out>,
        key: impl FnMut(&In) -> K + 'static,
    ) -> Result<OperatorHarness<In, Out, Broadcast>> {
        self.two_inputs(Some(key_of(key)), None, |plugin| {
            plugin.keyed_broadcast_process(OPERATOR, function).entry
        })
    }

    pub(super) fn one_input<In: Data, Out: Data>(
        self,
        key: Option<KeyOf<In>>,
        register: impl for<'a> FnOnce(&'a mut PluginBuilder) -> Entry<'a>,
    ) -> Result<OperatorHarness<In, Out>> {
        self.build::<In, Out, OneInput>(key, None, |plugin| {
            let mut entry = register(plugin);
            entry.input::<In>(0, Compact);
            entry
        })
    }

    fn two_inputs<First: Data, Second: Data, Out: Data>(
        self,
        first: Option<KeyOf<First>>,
        second: Option<KeyOf<Second>>,
        register: impl for<'a> FnOnce(&'a mut PluginBuilder) -> Entry<'a>,
    ) -> Result<OperatorHarness<First, Out, Second>> {
        self.build::<First, Out, Second>(first, second, |plugin| {
            let mut entry = register(plugin);
            entry.input::<First>(0, Compact);
            entry.input::<Second>(1, Compact);
            entry
        })
    }

    fn build<In, Out: Data, Second>(
        self,
        first: Option<KeyOf<In>>,
        second: Option<KeyOf<Second>>,
        register: impl for<'a> FnOnce(&'a mut PluginBuilder) -> Entry<'a>,
    ) -> Result<OperatorHarness<In, Out, Second>> {
        let mut plugin = PluginBuilder::default();
        let mut entry = register(&mut plugin);
        entry.output::<Out>(Compact);
        self.sides.iter().for_each(|add| add(&mut entry));
        let definition = plugin.operators.pop().expect("one operator was registered");
        let outputs: Vec<String> =
            definition.outputs.iter().map(|port| port.name.clone()).collect();
        debug_assert_eq!(outputs[0], MAIN);
        let chained = ChainedOperator {
            operator: OPERATOR.to_owned(),
            uid: OPERATOR.to_owned(),
            name: OPERATOR.to_owned(),
            outputs: (0..outputs.len() as u32)
                .map(|number| vec![Target::External(number)])
                .collect(),
            ..ChainedOperator::default()
        };
        self.host.watermark.set(i64::MIN);
        let host = Rc::new(self.host);
        let mut definition = Some(definition);
        let instance = open(Rc::clone(&host) as Rc<dyn Host>, &[chained], |_| {
            definition.take().ok_or_else(|| Error::fatal("the operator was taken twice"))
        })?;
        Ok(OperatorHarness::new(host, instance, outputs, first, second))
    }
}

/// The config of an operator that takes none.
#[derive(serde::Deserialize)]
struct AnyConfig {}

/// Name of the operator under test in messages.
const OPERATOR: &str = "operator";

impl std::fmt::Debug for HarnessSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HarnessSetup").finish_non_exhaustive()
    }
}
