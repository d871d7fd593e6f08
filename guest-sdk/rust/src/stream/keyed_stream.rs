//! A stream that is partitioned by key, and the operators with keyed state.

use std::cell::RefCell;
use std::ops::Add;
use std::ops::Range;
use std::rc::Rc;

use super::data_stream::{Consumed, DataStream, OperatorSpec};
use super::graph::{Encoding, Graph};
use super::key_value::KeyValue;
use super::pattern_stream::PatternStream;
use super::source::SourceCodec;
use super::windowed_stream::WindowedStream;
use crate::cep::Pattern;
use crate::chain::erased::{ErasedEncoder, KeyedCodecOf};
use crate::chain::external::HashKey;
use crate::codec::{Compact, Data, Decode, Encode, Format, Key};
use crate::error::Error;
use crate::function::accumulate::{Accumulate, Aggregated, Extreme};
use crate::function::{AggregateFunction, KeyedProcessFunction};
use crate::operator::aggregate::{Folded, Reduce, STATE, Sum};
use crate::operator::combine::KeyFunction;
use crate::operator::definition::OperatorKind;
use crate::operator::{keyed, partition};
use crate::window::{CountTrigger, GlobalWindows, PurgingTrigger, WindowAssigner, Windowing};

/// A stream keyed by `K`.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Order {
///     customer: String,
///     cents: u64,
/// }
///
/// fn totals(orders: &DataStream<Order>) -> DataStream<KeyValue<String, u64>> {
///     orders.key_by(|order| order.customer.clone()).sum(|order| order.cents)
/// }
/// ```
pub struct KeyedStream<K, T> {
    pub(crate) graph: Rc<RefCell<Graph>>,
    consumed: Consumed,
    /// What was keyed, and how, for what is put together before the exchange.
    pub(super) records: DataStream<T>,
    pub(super) key: KeyFunction<T, K>,
}

impl<K: Key, T: Data> KeyedStream<K, T> {
    pub(crate) fn new(
        stream: &DataStream<T>,
        key: impl FnMut(&T) -> K + 'static,
    ) -> KeyedStream<K, T> {
        let mut consumed = stream.consume();
        let key = Rc::new(RefCell::new(key));
        let select = Rc::clone(&key);
        let encoder: Rc<dyn ErasedEncoder> = match stream.given_codec() {
            None => Rc::new(KeyedCodecOf::<HashKey<K>, T, Compact>::new(Compact)),
            Some(codec) => Rc::new(KeyedCodecOf::<HashKey<K>, T, _>::new(Given(codec.clone()))),
        };
        let kind = OperatorKind::KeySelector;
        let inputs = vec![consumed.copy()];
        let spec = OperatorSpec { kind_name: "Key Selector", kind, inputs, states: &[] };
        let selector = DataStream::<T>::add(&stream.graph, spec, |_| {
            let select = move |value: &T| (select.borrow_mut())(value);
            Box::new(|wiring| partition::key_selector(select, wiring))
        });
        selector.offer(Encoding { format: consumed.format.clone(), encoder });
        for edge in &mut consumed.edges {
            edge.partitioner = None;
            edge.selector = Some(selector.node());
        }
        KeyedStream { graph: Rc::clone(&stream.graph), consumed, records: stream.clone(), key }
    }

    pub(crate) fn consume(&self) -> Consumed {
        self.consumed.copy()
    }

    /// The same stream for another reader.
    pub(crate) fn copy(&self) -> KeyedStream<K, T> {
        KeyedStream {
            graph: Rc::clone(&self.graph),
            consumed: self.consumed.copy(),
            records: self.records.clone(),
            key: Rc::clone(&self.key),
        }
    }

    /// Applies a keyed process function, with keyed state and timers.
    pub fn process<Out: Clone + 'static>(
        &self,
        function: impl KeyedProcessFunction<K, T, Out>,
    ) -> DataStream<Out> {
        self.keyed_process("Keyed Process", function, &[])
    }

    pub(crate) fn keyed_process<Out: Clone + 'static>(
        &self,
        kind_name: &'static str,
        function: impl KeyedProcessFunction<K, T, Out>,
        states: &[(&str, &str, &'static str)],
    ) -> DataStream<Out> {
        let kind = OperatorKind::KeyedProcess;
        let spec = OperatorSpec { kind_name, kind, inputs: vec![self.consume()], states };
        DataStream::add(&self.graph, spec, |sides| {
            Box::new(move |wiring| keyed::keyed_process(function, &sides.borrow(), wiring))
        })
    }

    /// Groups the records of each key by windows.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sandbar_sdk::prelude::*;
    ///
    /// const LATE: OutputTag<(String, u64)> = OutputTag::new("late");
    ///
    /// fn per_minute(orders: &DataStream<(String, u64)>) -> DataStream<(String, u64)> {
    ///     let sums = orders
    ///         .key_by(|(customer, _)| customer.clone())
    ///         .window(TumblingEventTimeWindows::of(Duration::from_secs(60)))
    ///         .allowed_lateness(Duration::from_secs(10))
    ///         .side_output_late_data(&LATE)
    ///         .reduce(|sum, (_, cents)| (sum.0, sum.1 + cents));
    ///     sums.side_output(&LATE).sink_to(PrintSink::json());
    ///     sums
    /// }
    /// ```
    pub fn window<A: WindowAssigner<T>>(
        &self,
        assigner: A,
    ) -> WindowedStream<K, T, A, A::OwnTrigger> {
        WindowedStream::new(self, Windowing::of(assigner))
    }

    /// Looks for a pattern in the records of each key.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sandbar_sdk::cep::{AfterMatchSkipStrategy, Pattern};
    /// use sandbar_sdk::prelude::*;
    ///
    /// /// Users who failed to log in three times and then did, within a minute.
    /// fn suspects(logins: &DataStream<(String, bool)>) -> DataStream<String> {
    ///     let pattern: Pattern<(String, bool)> = Pattern::begin("failed")
    ///         .where_(|(_, worked), _| !worked)
    ///         .times_or_more(3)
    ///         .followed_by("in")
    ///         .where_(|(_, worked), _| *worked)
    ///         .within(Duration::from_secs(60))
    ///         .after_match(AfterMatchSkipStrategy::skip_past_last_event());
    ///     logins
    ///         .key_by(|(user, _)| user.clone())
    ///         .pattern(pattern)
    ///         .flat_select(|found, out| {
    ///             if let Some((user, _)) = found.first("in") {
    ///                 out.collect(user.clone());
    ///             }
    ///         })
    /// }
    /// ```
    pub fn pattern(&self, pattern: Pattern<T>) -> PatternStream<K, T> {
        PatternStream::new(self, pattern)
    }

    /// Groups every `size` records of each key, without regard to time. What is left in the end
    /// has no result.
    pub fn count_window(
        &self,
        size: u64,
    ) -> WindowedStream<K, T, GlobalWindows, PurgingTrigger<CountTrigger>> {
        WindowedStream::new(self, Windowing::count(size))
    }

    /// Groups the last `size` records of each key, every `slide` records.
    pub fn count_window_sliding(
        &self,
        size: usize,
        slide: u64,
    ) -> WindowedStream<K, T, GlobalWindows, CountTrigger> {
        WindowedStream::new(self, Windowing::sliding_count(size, slide))
    }

    /// Folds the records of each key with `reduce`, and emits the folded record for each record;
    /// in a batch, once a key at the end of the input. Source: Flink, `KeyedStream.reduce`.
    pub fn reduce(&self, reduce: impl FnMut(T, T) -> T + 'static) -> DataStream<T> {
        let state = (STATE, "value", std::any::type_name::<T>());
        self.keyed_process("Keyed Reduce", Reduce::new(reduce), &[state])
    }

    /// Adds up a number of each record per key, and emits the sum so far for each record; in a
    /// batch, once a key at the end of the input.
    pub fn sum<N>(&self, number: impl FnMut(&T) -> N + 'static) -> DataStream<KeyValue<K, N>>
    where
        N: Data + Default + Add<Output = N>,
    {
        let state = (STATE, "value", std::any::type_name::<N>());
        self.keyed_process("Keyed Sum", Sum::new(number), &[state])
    }

    /// Keeps the least of what is read of the records of each key, and emits it for each record;
    /// in a batch, once a key at the end of the input.
    pub fn min<N>(&self, read: impl FnMut(&T) -> N + 'static) -> DataStream<KeyValue<K, N>>
    where
        N: Data + PartialOrd,
    {
        self.fold("Keyed Min", Extreme::min(read), KeyValue::of)
    }

    /// Keeps the greatest of what is read of the records of each key, and emits it for each record;
    /// in a batch, once a key at the end of the input.
    pub fn max<N>(&self, read: impl FnMut(&T) -> N + 'static) -> DataStream<KeyValue<K, N>>
    where
        N: Data + PartialOrd,
    {
        self.fold("Keyed Max", Extreme::max(read), KeyValue::of)
    }

    /// Adds the records of each key to an accumulator, and emits its result for each record;
    /// in a batch, once a key at the end of the input.
    ///
    /// ```
    /// use sandbar_sdk::aggregates::Average;
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn means(readings: &DataStream<(u32, f64)>) -> DataStream<KeyValue<u32, f64>> {
    ///     readings.key_by(|(sensor, _)| *sensor).aggregate(Average::of(|(_, degrees)| *degrees))
    /// }
    /// ```
    pub fn aggregate<G>(&self, aggregate: G) -> DataStream<KeyValue<K, G::Output>>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.fold("Keyed Aggregate", Aggregated(aggregate), KeyValue::of)
    }

    pub(super) fn fold<C: Accumulate<In = T>, Out: Clone + 'static>(
        &self,
        kind_name: &'static str,
        accumulate: C,
        emit: fn(&K, C::Result) -> Out,
    ) -> DataStream<Out> {
        let state = (STATE, "value", std::any::type_name::<C::Stored>());
        self.keyed_process(kind_name, Folded::new(accumulate, emit), &[state])
    }

    /// Counts the records per key, and emits the count so far for each record; in a batch, once a
    /// key at the end of the input.
    pub fn count(&self) -> DataStream<KeyValue<K, u64>> {
        let state = (STATE, "value", std::any::type_name::<u64>());
        self.keyed_process("Keyed Count", Sum::new(|_: &T| 1), &[state])
    }
}

impl<K, T> std::fmt::Debug for KeyedStream<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedStream").field("format", &self.consumed.format).finish_non_exhaustive()
    }
}

/// The codec of a source, which a key selector writes records in as it reads them.
struct Given<T>(SourceCodec<T>);

impl<T: 'static> Format<T> for Given<T> {
    fn format(&self) -> String {
        self.0.format.clone()
    }
}

impl<T: 'static> Encode<T> for Given<T> {
    fn encode(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
        self.0.typed.encode(value, bytes)
    }

    fn never_fails(&self) -> bool {
        self.0.typed.never_fails()
    }
}

impl<T: 'static> Decode<T> for Given<T> {
    fn decode(&self, bytes: &[u8]) -> Result<T, Error> {
        self.0.typed.decode(bytes)
    }

    fn decode_from(
        &self,
        column: &crate::codec::ValueColumn<'_>,
        range: Range<usize>,
    ) -> Result<T, Error> {
        self.0.typed.decode_from(column, range)
    }

    fn wants_text(&self) -> bool {
        self.0.typed.wants_text()
    }
}
