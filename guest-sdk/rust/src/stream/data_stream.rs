//! A stream of records of one type, and what can be done to it.

mod consume;
mod event_time;
mod partitioning;
mod settings;
mod split;

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

pub(crate) use consume::Consumed;

use super::connected_streams::ConnectedStreams;
use super::dead_letter::DeadLetter;
use super::graph::{Body, Connector, Encoding, ErrorPolicy, Graph, Operator, Output, Sides};
use super::keyed_stream::KeyedStream;
use super::sink::{Sink, StreamSink};
use super::source::SourceCodec;
use super::windowed_stream::WindowedStream;
use crate::codec::{Data, Json, Key};
use crate::collector::{Collector, OutputTag, SideOutputSpec};
use crate::error::Result;
use crate::function::{FilterFunction, FlatMapFunction, MapFunction, ProcessFunction, Try};
use crate::operator::definition::{Build, InputPort, MAIN, OperatorKind, StateShape};
use crate::operator::{process, simple};
use crate::window::{WindowAssigner, Windowing};

/// A stream of records.
///
/// Methods add operators to the job and return the streams that come out of them; a stream may be
/// read by any number of operators. The settings (`name`, `uid`, `set_parallelism`, ..) are those
/// of the operator that the stream comes out of.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// /// Numbers of lines that are numbers; the others are printed with the reason.
/// fn numbers(lines: &DataStream<String>) -> DataStream<u64> {
///     let numbers = lines.try_map(|line| Ok(line.parse()?)).name("parse");
///     numbers.dead_letters().map(|letter| letter.message).sink_to(PrintSink::text());
///     numbers
/// }
/// ```
pub struct DataStream<T> {
    pub(crate) graph: Rc<RefCell<Graph>>,
    /// Several for a union.
    parts: Vec<Part<T>>,
}

/// One output that a stream reads.
struct Part<T> {
    node: usize,
    from: From<T>,
    partitioner: Option<&'static str>,
    selector: Option<usize>,
}

enum From<T> {
    /// A source or the host's dead letters: the format is given.
    Fixed { port: super::graph::Port, codec: SourceCodec<T> },
    /// An output of an operator of the plugin: the reader chooses the format.
    Output { output: usize, marker: PhantomData<fn() -> T> },
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Part<T> {
        let from = match &self.from {
            From::Fixed { port, codec } => From::Fixed { port: *port, codec: codec.clone() },
            From::Output { output, .. } => From::Output { output: *output, marker: PhantomData },
        };
        let Part { node, partitioner, selector, .. } = *self;
        Part { node, from, partitioner, selector }
    }
}

impl<T> Clone for DataStream<T> {
    fn clone(&self) -> DataStream<T> {
        DataStream { graph: Rc::clone(&self.graph), parts: self.parts.clone() }
    }
}

impl<T> std::fmt::Debug for DataStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nodes: Vec<usize> = self.parts.iter().map(|part| part.node).collect();
        f.debug_struct("DataStream").field("nodes", &nodes).finish_non_exhaustive()
    }
}

/// What is added to a graph as one operator.
pub(crate) struct OperatorSpec<'a> {
    pub(crate) kind_name: &'static str,
    pub(crate) kind: OperatorKind,
    pub(crate) inputs: Vec<Consumed>,
    pub(crate) states: &'a [(&'a str, &'a str, &'static str)],
}

impl<T: 'static> DataStream<T> {
    pub(crate) fn of_source(
        graph: &Rc<RefCell<Graph>>,
        node: usize,
        codec: SourceCodec<T>,
    ) -> DataStream<T> {
        let from = From::Fixed { port: super::graph::Port::Source, codec };
        DataStream::of_part(graph, node, from)
    }

    fn of_output(graph: &Rc<RefCell<Graph>>, node: usize, output: usize) -> DataStream<T> {
        DataStream::of_part(graph, node, From::Output { output, marker: PhantomData })
    }

    fn of_part(graph: &Rc<RefCell<Graph>>, node: usize, from: From<T>) -> DataStream<T> {
        let part = Part { node, from, partitioner: None, selector: None };
        DataStream { graph: Rc::clone(graph), parts: vec![part] }
    }

    /// Adds an operator and returns the stream of its main output.
    pub(crate) fn add(
        graph: &Rc<RefCell<Graph>>,
        spec: OperatorSpec<'_>,
        build: impl FnOnce(Sides) -> Build,
    ) -> DataStream<T> {
        let sides = Sides::default();
        let main = Output {
            name: MAIN.to_owned(),
            type_name: std::any::type_name::<T>(),
            encodings: Vec::new(),
        };
        let names: &[&'static str] =
            if spec.inputs.len() == 1 { &[MAIN] } else { &["first", "second"] };
        let (mut inputs, mut edges) = (Vec::new(), Vec::new());
        for (number, (name, input)) in names.iter().zip(spec.inputs).enumerate() {
            inputs.push(InputPort { name, decoder: Some((input.format, input.decoder)) });
            edges.extend(input.edges.into_iter().map(|mut edge| {
                edge.input = number as u32;
                edge
            }));
        }
        let state = |(name, kind, schema): &(&str, &str, &'static str)| StateShape {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            schema: (*schema).to_owned(),
        };
        let operator = Operator {
            kind: spec.kind,
            inputs,
            outputs: vec![main],
            sides: Rc::clone(&sides),
            states: spec.states.iter().map(state).collect(),
            on_error: ErrorPolicy::Fail,
            build: build(sides),
            parallelism_of: None,
            fronts: Vec::new(),
        };
        let body = Body::Operator(Box::new(operator));
        let node = graph.borrow_mut().add(spec.kind_name, edges, body);
        DataStream::of_output(graph, node, 0)
    }
}

impl<T: Data> DataStream<T> {
    fn process_kind<Out: 'static>(
        &self,
        kind_name: &'static str,
        build: impl FnOnce(Sides) -> Build,
    ) -> DataStream<Out> {
        let inputs = vec![self.consume()];
        let spec = OperatorSpec { kind_name, kind: OperatorKind::Process, inputs, states: &[] };
        DataStream::add(&self.graph, spec, build)
    }

    /// Turns each record into another.
    pub fn map<Out: Clone + 'static>(
        &self,
        function: impl FnMut(T) -> Out + 'static,
    ) -> DataStream<Out> {
        self.map_function(function)
    }

    /// Turns each record into another, or refuses it.
    pub fn try_map<Out: Clone + 'static>(
        &self,
        function: impl FnMut(T) -> Result<Out> + 'static,
    ) -> DataStream<Out> {
        self.map_function(Try(function))
    }

    /// Turns each record into another by a function object.
    pub fn map_function<Out: Clone + 'static>(
        &self,
        function: impl MapFunction<T, Out>,
    ) -> DataStream<Out> {
        self.process_kind("Map", |_| Box::new(|wiring| simple::map(function, wiring)))
    }

    /// Keeps the records for which `function` is true.
    pub fn filter(&self, function: impl FnMut(&T) -> bool + 'static) -> DataStream<T> {
        self.filter_function(function)
    }

    /// Keeps some records, and may refuse records.
    pub fn try_filter(&self, function: impl FnMut(&T) -> Result<bool> + 'static) -> DataStream<T> {
        self.filter_function(Try(function))
    }

    /// Keeps some records by a function object.
    pub fn filter_function(&self, function: impl FilterFunction<T>) -> DataStream<T> {
        self.process_kind("Filter", |_| Box::new(|wiring| simple::filter(function, wiring)))
    }

    /// Turns each record into any number of records.
    pub fn flat_map<Out: Clone + 'static>(
        &self,
        function: impl FnMut(T, &mut Collector<Out>) + 'static,
    ) -> DataStream<Out> {
        self.flat_map_function(function)
    }

    /// Turns each record into any number of records, or refuses it.
    pub fn try_flat_map<Out: Clone + 'static>(
        &self,
        function: impl FnMut(T, &mut Collector<Out>) -> Result<()> + 'static,
    ) -> DataStream<Out> {
        self.flat_map_function(Try(function))
    }

    /// Turns each record into any number of records by a function object.
    pub fn flat_map_function<Out: Clone + 'static>(
        &self,
        function: impl FlatMapFunction<T, Out>,
    ) -> DataStream<Out> {
        self.process_kind("Flat Map", |_| Box::new(|wiring| simple::flat_map(function, wiring)))
    }

    /// Applies a process function.
    pub fn process<Out: Clone + 'static>(
        &self,
        function: impl ProcessFunction<T, Out>,
    ) -> DataStream<Out> {
        self.process_kind("Process", |sides| {
            Box::new(move |wiring| process::process(function, &sides.borrow(), wiring))
        })
    }

    /// Keys the stream: all records of one key go to one subtask, in their order. The key is
    /// computed once per record; see [`Key`] for what makes a key.
    ///
    /// A record that cannot be read for its key, or whose key cannot be written, is refused by the
    /// operator behind, with the policy of that: `on_error` of what comes out of the keyed stream
    /// holds for both, and so do its `dead_letters`.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn define(env: &mut StreamExecutionEnvironment, _args: &[String]) -> Result<()> {
    ///     env.from_source::<(String, u64)>(FileSource::json("orders.jsonl"), "orders")
    ///         .key_by(|(customer, _)| customer.clone())
    ///         .sum(|(_, cents)| *cents)
    ///         .on_error(ErrorPolicy::Skip)
    ///         .sink_to(PrintSink::text());
    ///     Ok(())
    /// }
    /// # let spec = sandbar_sdk::testing::job_spec(define, &[]).unwrap();
    /// # assert_eq!(spec["operators"][0]["on-error"], "skip");
    /// ```
    pub fn key_by<K: Key>(&self, key: impl FnMut(&T) -> K + 'static) -> KeyedStream<K, T> {
        KeyedStream::new(self, key)
    }

    /// Groups all records of the stream by windows, in one subtask. Source: Flink,
    /// `DataStream.windowAll`.
    pub fn window_all<A: WindowAssigner<T>>(
        &self,
        assigner: A,
    ) -> WindowedStream<(), T, A, A::OwnTrigger> {
        WindowedStream::new(&self.key_by(|_| ()), Windowing::of(assigner)).in_one_subtask()
    }

    /// Pairs this stream with one of another type, for operators with two inputs.
    pub fn connect<U: Data>(&self, other: &DataStream<U>) -> ConnectedStreams<T, U> {
        ConnectedStreams::new(self, other)
    }

    /// Writes the stream to a sink. Records are formatted in the operator they come out of.
    pub fn sink_to(&self, sink: Sink<T>) -> StreamSink {
        let edges = self.edges_in(&sink.format, &sink.encoder);
        let body = Body::Sink(Connector { name: sink.connector, options: sink.options });
        let node = self.graph.borrow_mut().add(sink.name, edges, body);
        StreamSink { graph: Rc::clone(&self.graph), node }
    }
}

impl<T: 'static> DataStream<T> {
    /// All records of both streams, in no particular order to each other.
    #[must_use]
    pub fn union(&self, other: &DataStream<T>) -> DataStream<T> {
        let mut union = self.clone();
        union.parts.extend(other.parts.iter().cloned());
        union
    }

    /// A side output of the process function that this stream comes out of.
    pub fn side_output<U: Clone + 'static>(&self, tag: &OutputTag<U>) -> DataStream<U> {
        let node = self.parts[0].node;
        let mut graph = self.graph.borrow_mut();
        let has_sides = graph.operator(node).map(|operator| {
            let outputs = &mut operator.outputs;
            let known = outputs.iter().position(|output| output.name == tag.name());
            known.unwrap_or_else(|| {
                operator.sides.borrow_mut().push(SideOutputSpec::of(tag));
                outputs.push(Output {
                    name: tag.name().to_owned(),
                    type_name: std::any::type_name::<U>(),
                    encodings: Vec::new(),
                });
                outputs.len() - 1
            })
        });
        if has_sides.is_none() || self.parts.len() > 1 {
            let name = tag.name();
            graph.errors.push(format!("side output '{name}' of what is no operator's output"));
        }
        drop(graph);
        match has_sides {
            Some(output) => DataStream::of_output(&self.graph, node, output),
            None => DataStream { graph: Rc::clone(&self.graph), parts: Vec::new() },
        }
    }

    /// The records that the operator refused, whose policy this sets to
    /// [`ErrorPolicy::DeadLetter`].
    pub fn dead_letters(&self) -> DataStream<DeadLetter> {
        let node = self.parts[0].node;
        let mut graph = self.graph.borrow_mut();
        if self.parts.len() > 1 || !graph.set_policy(node, ErrorPolicy::DeadLetter) {
            graph.errors.push("dead letters of what is no operator's output".to_owned());
        }
        let fronts = graph.operator(node).map(|operator| operator.fronts.clone());
        drop(graph);
        let letters = |of_node| {
            let port = super::graph::Port::DeadLetters;
            let from = From::Fixed { port, codec: SourceCodec::of(Json) };
            DataStream::of_part(&self.graph, of_node, from)
        };
        let of_fronts = fronts.unwrap_or_default().into_iter().map(letters);
        of_fronts.fold(letters(node), |all, of_front| all.union(&of_front))
    }
}

/// An encoding by a codec.
fn encoding<T: 'static>(codec: impl crate::codec::Encode<T>) -> Encoding {
    let format = codec.format();
    Encoding { format, encoder: Rc::new(crate::chain::erased::CodecOf::new(codec)) }
}
