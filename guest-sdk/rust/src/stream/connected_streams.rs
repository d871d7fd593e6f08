//! Two streams of different types, for operators with two inputs.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use super::data_stream::{Consumed, DataStream, OperatorSpec};
use super::graph::Graph;
use super::keyed_stream::KeyedStream;
use crate::codec::{Data, Key};
use crate::collector::Collector;
use crate::context::{Context, Unkeyed};
use crate::error::Error;
use crate::function::{KeyedTwoInputProcessFunction, TwoInputProcessFunction};
use crate::operator::definition::OperatorKind;
use crate::operator::two_input;

/// Two streams without keys.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// fn one_log(logins: &DataStream<String>, amounts: &DataStream<u64>) -> DataStream<String> {
///     logins.connect(amounts).map(|user| format!("{user} came"), |sum| format!("{sum} paid"))
/// }
/// ```
pub struct ConnectedStreams<First, Second> {
    first: DataStream<First>,
    second: DataStream<Second>,
}

impl<First: Data, Second: Data> ConnectedStreams<First, Second> {
    pub(crate) fn new(
        first: &DataStream<First>,
        second: &DataStream<Second>,
    ) -> ConnectedStreams<First, Second> {
        ConnectedStreams { first: first.clone(), second: second.clone() }
    }

    /// Turns each record of either stream into one of a common type.
    pub fn map<Out: Clone + 'static>(
        &self,
        mut first: impl FnMut(First) -> Out + 'static,
        mut second: impl FnMut(Second) -> Out + 'static,
    ) -> DataStream<Out> {
        let first = move |value, out: &mut Collector<Out>| out.collect(first(value));
        let second = move |value, out: &mut Collector<Out>| out.collect(second(value));
        self.add("Co-Map", CoFlatMap { first, second })
    }

    /// Turns each record of either stream into any number of a common type.
    pub fn flat_map<Out: Clone + 'static>(
        &self,
        first: impl FnMut(First, &mut Collector<Out>) + 'static,
        second: impl FnMut(Second, &mut Collector<Out>) + 'static,
    ) -> DataStream<Out> {
        self.add("Co-Flat Map", CoFlatMap { first, second })
    }

    /// Applies a process function with two inputs.
    pub fn process<Out: Clone + 'static>(
        &self,
        function: impl TwoInputProcessFunction<First, Second, Out>,
    ) -> DataStream<Out> {
        self.add("Co-Process", function)
    }

    fn add<Out: Clone + 'static>(
        &self,
        kind_name: &'static str,
        function: impl TwoInputProcessFunction<First, Second, Out>,
    ) -> DataStream<Out> {
        let kind = OperatorKind::TwoInputProcess;
        let inputs = vec![self.first.consume(), self.second.consume()];
        let spec = OperatorSpec { kind_name, kind, inputs, states: &[] };
        DataStream::add(&self.first.graph, spec, |sides| {
            Box::new(move |wiring| two_input::two_input(function, &sides.borrow(), wiring))
        })
    }

    /// Keys both streams by one type of key, so that equal keys meet in one subtask.
    pub fn key_by<K: Key>(
        &self,
        first: impl FnMut(&First) -> K + 'static,
        second: impl FnMut(&Second) -> K + 'static,
    ) -> KeyedConnectedStreams<K, First, Second> {
        KeyedConnectedStreams::new(&self.first.key_by(first), &self.second.key_by(second))
    }
}

impl<First, Second> std::fmt::Debug for ConnectedStreams<First, Second> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectedStreams")
            .field("first", &self.first)
            .field("second", &self.second)
            .finish()
    }
}

/// Types that a stream only speaks of.
type Marker<T> = PhantomData<fn() -> T>;

/// Two streams keyed alike.
pub struct KeyedConnectedStreams<K, First, Second> {
    graph: Rc<RefCell<Graph>>,
    first: Consumed,
    second: Consumed,
    marker: Marker<(K, First, Second)>,
}

impl<K, First, Second> KeyedConnectedStreams<K, First, Second> {
    /// Notes what the builder was asked for and cannot do.
    pub(crate) fn refuse(&self, problem: Option<String>) {
        self.graph.borrow_mut().errors.extend(problem);
    }
}

impl<K: Key, First: Data, Second: Data> KeyedConnectedStreams<K, First, Second> {
    pub(crate) fn new(
        first: &KeyedStream<K, First>,
        second: &KeyedStream<K, Second>,
    ) -> KeyedConnectedStreams<K, First, Second> {
        KeyedConnectedStreams {
            graph: Rc::clone(&first.graph),
            first: first.consume(),
            second: second.consume(),
            marker: PhantomData,
        }
    }

    /// Applies a keyed process function with two inputs, which share keyed state and timers.
    pub fn process<Out: Clone + 'static>(
        &self,
        function: impl KeyedTwoInputProcessFunction<K, First, Second, Out>,
    ) -> DataStream<Out> {
        self.add("Keyed Co-Process", function, &[])
    }

    /// Adds an operator that has told its states.
    pub(crate) fn add<Out: Clone + 'static>(
        &self,
        kind_name: &'static str,
        function: impl KeyedTwoInputProcessFunction<K, First, Second, Out>,
        states: &[(&str, &str, &'static str)],
    ) -> DataStream<Out> {
        let kind = OperatorKind::KeyedTwoInputProcess;
        let inputs = vec![self.first.copy(), self.second.copy()];
        let spec = OperatorSpec { kind_name, kind, inputs, states };
        DataStream::add(&self.graph, spec, |sides| {
            Box::new(move |wiring| two_input::keyed_two_input(function, &sides.borrow(), wiring))
        })
    }
}

impl<K, First, Second> std::fmt::Debug for KeyedConnectedStreams<K, First, Second> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedConnectedStreams").finish_non_exhaustive()
    }
}

/// A closure per input.
struct CoFlatMap<F, S> {
    first: F,
    second: S,
}

impl<First, Second, Out, F, S> TwoInputProcessFunction<First, Second, Out> for CoFlatMap<F, S>
where
    F: FnMut(First, &mut Collector<Out>) + 'static,
    S: FnMut(Second, &mut Collector<Out>) + 'static,
{
    fn process_first(
        &mut self,
        value: First,
        _ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        (self.first)(value, out);
        Ok(())
    }

    fn process_second(
        &mut self,
        value: Second,
        _ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        (self.second)(value, out);
        Ok(())
    }
}
