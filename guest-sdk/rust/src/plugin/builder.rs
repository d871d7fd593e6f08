//! Registers operators by name. Formats are given after the function; an operator that lacks one
//! is refused when the plugin is described, which is when it is uploaded.

mod broadcast;
mod event_time;
mod local_aggregate;
mod selectors;

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use serde::de::DeserializeOwned;

use crate::chain::erased::CodecOf;
use crate::codec::{Decode, Encode, Key};
use crate::collector::{OutputTag, SideOutputSpec};
use crate::error::{Error, Result};
use crate::function::{
    FilterFunction, FlatMapFunction, KeyedProcessFunction, KeyedTwoInputProcessFunction,
    MapFunction, ProcessFunction, TwoInputProcessFunction,
};
use crate::operator::definition::{
    Build, Definition, InputPort, MAIN, OperatorKind, OutputPort, StateShape,
};
use crate::operator::{keyed, process, simple, two_input};

pub use selectors::{KeySelectorBuilder, PartitionerBuilder};

/// The operators of a plugin.
///
/// Each kind comes in two forms: `map(name, function)`, and `map_with(name, make)` where `make`
/// turns the operator's config into the function. Config is JSON that serde reads; a job that
/// gives none gives `{}`. With a `config_schema`, a config that does not fit is refused when the
/// job is loaded; without one, when `make` reads it.
#[derive(Default)]
pub struct PluginBuilder {
    pub(crate) operators: Vec<Definition>,
}

type Sides = Rc<RefCell<Vec<SideOutputSpec>>>;

impl PluginBuilder {
    /// Registers a map.
    pub fn map<In: 'static, Out: Clone + 'static>(
        &mut self,
        name: &str,
        function: impl MapFunction<In, Out>,
    ) -> OperatorBuilder<'_, In, Out> {
        self.map_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a map with a config.
    pub fn map_with<In: 'static, Out: Clone + 'static, C: DeserializeOwned, F>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> OperatorBuilder<'_, In, Out>
    where
        F: MapFunction<In, Out>,
    {
        self.one_input(name, OperatorKind::Process, |_| {
            Box::new(|wiring| simple::map(make(config(&wiring.config)?)?, wiring))
        })
    }

    /// Registers a filter.
    pub fn filter<T: Clone + 'static>(
        &mut self,
        name: &str,
        function: impl FilterFunction<T>,
    ) -> OperatorBuilder<'_, T, T> {
        self.filter_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a filter with a config.
    pub fn filter_with<T: Clone + 'static, C: DeserializeOwned, F: FilterFunction<T>>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> OperatorBuilder<'_, T, T> {
        self.one_input(name, OperatorKind::Process, |_| {
            Box::new(|wiring| simple::filter(make(config(&wiring.config)?)?, wiring))
        })
    }

    /// Registers a flat map.
    pub fn flat_map<In: 'static, Out: Clone + 'static>(
        &mut self,
        name: &str,
        function: impl FlatMapFunction<In, Out>,
    ) -> OperatorBuilder<'_, In, Out> {
        self.flat_map_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a flat map with a config.
    pub fn flat_map_with<In: 'static, Out: Clone + 'static, C: DeserializeOwned, F>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> OperatorBuilder<'_, In, Out>
    where
        F: FlatMapFunction<In, Out>,
    {
        self.one_input(name, OperatorKind::Process, |_| {
            Box::new(|wiring| simple::flat_map(make(config(&wiring.config)?)?, wiring))
        })
    }

    /// Registers a process function.
    pub fn process<In: 'static, Out: Clone + 'static>(
        &mut self,
        name: &str,
        function: impl ProcessFunction<In, Out>,
    ) -> OperatorBuilder<'_, In, Out> {
        self.process_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a process function with a config.
    pub fn process_with<In: 'static, Out: Clone + 'static, C: DeserializeOwned, F>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> OperatorBuilder<'_, In, Out>
    where
        F: ProcessFunction<In, Out>,
    {
        self.one_input(name, OperatorKind::Process, |sides| {
            Box::new(move |wiring| {
                process::process(make(config(&wiring.config)?)?, &sides.borrow(), wiring)
            })
        })
    }

    /// Registers a keyed process function. Its key type reads the bytes that the job's key rule or
    /// selector makes; for keys that the host cuts from records that is `String`.
    pub fn keyed_process<K: Key, In: 'static, Out: Clone + 'static>(
        &mut self,
        name: &str,
        function: impl KeyedProcessFunction<K, In, Out>,
    ) -> OperatorBuilder<'_, In, Out> {
        self.keyed_process_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a keyed process function with a config.
    pub fn keyed_process_with<K: Key, In: 'static, Out: Clone + 'static, C, F>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> OperatorBuilder<'_, In, Out>
    where
        C: DeserializeOwned,
        F: KeyedProcessFunction<K, In, Out>,
    {
        self.one_input(name, OperatorKind::KeyedProcess, |sides| {
            Box::new(move |wiring| {
                keyed::keyed_process(make(config(&wiring.config)?)?, &sides.borrow(), wiring)
            })
        })
    }

    /// Registers a process function over two inputs.
    pub fn two_input_process<First: 'static, Second: 'static, Out: Clone + 'static>(
        &mut self,
        name: &str,
        function: impl TwoInputProcessFunction<First, Second, Out>,
    ) -> TwoInputBuilder<'_, First, Second, Out> {
        self.two_input_process_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a process function over two inputs with a config.
    pub fn two_input_process_with<First: 'static, Second: 'static, Out, C, F>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> TwoInputBuilder<'_, First, Second, Out>
    where
        Out: Clone + 'static,
        C: DeserializeOwned,
        F: TwoInputProcessFunction<First, Second, Out>,
    {
        self.two_inputs(name, OperatorKind::TwoInputProcess, |sides| {
            Box::new(move |wiring| {
                two_input::two_input(make(config(&wiring.config)?)?, &sides.borrow(), wiring)
            })
        })
    }

    /// Registers a keyed process function over two inputs.
    pub fn keyed_two_input_process<K: Key, First: 'static, Second: 'static, Out>(
        &mut self,
        name: &str,
        function: impl KeyedTwoInputProcessFunction<K, First, Second, Out>,
    ) -> TwoInputBuilder<'_, First, Second, Out>
    where
        Out: Clone + 'static,
    {
        self.keyed_two_input_process_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a keyed process function over two inputs with a config.
    pub fn keyed_two_input_process_with<K: Key, First: 'static, Second: 'static, Out, C, F>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> TwoInputBuilder<'_, First, Second, Out>
    where
        Out: Clone + 'static,
        C: DeserializeOwned,
        F: KeyedTwoInputProcessFunction<K, First, Second, Out>,
    {
        self.two_inputs(name, OperatorKind::KeyedTwoInputProcess, |sides| {
            Box::new(move |wiring| {
                let function = make(config(&wiring.config)?)?;
                two_input::keyed_two_input(function, &sides.borrow(), wiring)
            })
        })
    }

    fn one_input<In, Out>(
        &mut self,
        name: &str,
        kind: OperatorKind,
        build: impl FnOnce(Sides) -> Build,
    ) -> OperatorBuilder<'_, In, Out> {
        let entry = self.add(name, kind, &[MAIN], build);
        OperatorBuilder { entry, marker: PhantomData }
    }

    fn two_inputs<First, Second, Out>(
        &mut self,
        name: &str,
        kind: OperatorKind,
        build: impl FnOnce(Sides) -> Build,
    ) -> TwoInputBuilder<'_, First, Second, Out> {
        let entry = self.add(name, kind, &["first", "second"], build);
        TwoInputBuilder { entry, marker: PhantomData }
    }

    fn add(
        &mut self,
        name: &str,
        kind: OperatorKind,
        inputs: &[&'static str],
        build: impl FnOnce(Sides) -> Build,
    ) -> Entry<'_> {
        let sides = Sides::default();
        let main = OutputPort { name: MAIN.to_owned(), output: 0, format: None, encoder: None };
        let input = |input: &&'static str| InputPort { name: input, decoder: None };
        self.operators.push(Definition {
            name: name.to_owned(),
            doc: String::new(),
            kind,
            inputs: inputs.iter().map(input).collect(),
            outputs: vec![main],
            states: Vec::new(),
            config_schema: ANY_CONFIG.to_owned(),
            build: build(Rc::clone(&sides)),
        });
        let definition = self.operators.last_mut().expect("it was pushed above");
        Entry { definition, sides }
    }
}

/// The schema of a config that only its operator knows.
const ANY_CONFIG: &str = r#"{"type":"object"}"#;

/// The schema of an operator that takes no config.
const NO_CONFIG: &str = "";

/// The config of an operator that takes none.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoConfig {}

/// Reads the JSON of a config.
fn config<C: DeserializeOwned>(json: &str) -> Result<C> {
    serde_json::from_str(if json.is_empty() { "{}" } else { json })
        .map_err(|error| Error::from(error).context("reading its config").into_fatal())
}

/// An operator that was just registered, without its types.
pub(crate) struct Entry<'a> {
    definition: &'a mut Definition,
    sides: Sides,
}

impl Entry<'_> {
    pub(crate) fn input<T: 'static>(&mut self, index: usize, codec: impl Decode<T>) {
        let format = codec.format();
        self.definition.inputs[index].decoder = Some((format, Rc::new(CodecOf::new(codec))));
    }

    pub(crate) fn output<T: 'static>(&mut self, codec: impl Encode<T>) {
        let main = &mut self.definition.outputs[0];
        main.format = Some(codec.format());
        main.encoder = Some(Rc::new(CodecOf::new(codec)));
    }

    pub(crate) fn side_output<T: Clone + 'static>(
        &mut self,
        tag: &OutputTag<T>,
        codec: impl Encode<T>,
    ) {
        self.sides.borrow_mut().push(SideOutputSpec::of(tag));
        self.definition.outputs.push(OutputPort {
            name: tag.name().to_owned(),
            output: self.definition.outputs.len(),
            format: Some(codec.format()),
            encoder: Some(Rc::new(CodecOf::new(codec))),
        });
    }
}

macro_rules! common_methods {
    () => {
        /// Sets the format of the main output.
        pub fn output(mut self, codec: impl Encode<Out>) -> Self {
            self.entry.output(codec);
            self
        }

        /// Adds a side output and sets its format.
        pub fn side_output<T: Clone + 'static>(
            mut self,
            tag: &OutputTag<T>,
            codec: impl Encode<T>,
        ) -> Self {
            self.entry.side_output(tag, codec);
            self
        }

        /// Says what the operator does, in one sentence.
        pub fn doc(self, doc: &str) -> Self {
            doc.clone_into(&mut self.entry.definition.doc);
            self
        }

        /// Gives the JSON Schema of the config; any object will do unless given.
        pub fn config_schema(self, schema: &str) -> Self {
            schema.clone_into(&mut self.entry.definition.config_schema);
            self
        }

        /// Tells of a keyed state: its name, its kind (value, list, map, reducing, aggregating)
        /// and the type of its values.
        pub fn state(self, name: &str, kind: &str, schema: &str) -> Self {
            let (name, kind, schema) = (name.to_owned(), kind.to_owned(), schema.to_owned());
            self.entry.definition.states.push(StateShape { name, kind, schema });
            self
        }
    };
}

/// Says more about an operator that was just registered.
pub struct OperatorBuilder<'a, In, Out> {
    pub(crate) entry: Entry<'a>,
    marker: PhantomData<fn(In) -> Out>,
}

impl<In: 'static, Out: Clone + 'static> OperatorBuilder<'_, In, Out> {
    /// Sets the format of the input.
    pub fn input(mut self, codec: impl Decode<In>) -> Self {
        self.entry.input(0, codec);
        self
    }

    common_methods!();
}

/// Says more about a two-input operator that was just registered.
pub struct TwoInputBuilder<'a, First, Second, Out> {
    pub(crate) entry: Entry<'a>,
    marker: PhantomData<fn(First, Second) -> Out>,
}

impl<First: 'static, Second: 'static, Out: Clone + 'static>
    TwoInputBuilder<'_, First, Second, Out>
{
    /// Sets the format of the first input.
    pub fn first_input(mut self, codec: impl Decode<First>) -> Self {
        self.entry.input(0, codec);
        self
    }

    /// Sets the format of the second input.
    pub fn second_input(mut self, codec: impl Decode<Second>) -> Self {
        self.entry.input(1, codec);
        self
    }

    common_methods!();
}

#[cfg(test)]
mod tests;
