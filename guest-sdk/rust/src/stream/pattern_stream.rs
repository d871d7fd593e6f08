//! A keyed stream in which a pattern is looked for.

use std::cmp::Ordering;

use super::data_stream::DataStream;
use super::keyed_stream::KeyedStream;
use crate::cep::{Cep, CepOperator, Match, Pattern, PatternProcessFunction, STATE};
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};

/// The matches of a pattern in a stream keyed by `K`; see [`KeyedStream::pattern`].
///
/// Settings come first, then the function, which makes the operator.
pub struct PatternStream<K, T> {
    stream: KeyedStream<K, T>,
    cep: Cep<K, T>,
}

impl<K: Key, T: Data> PatternStream<K, T> {
    pub(crate) fn new(stream: &KeyedStream<K, T>, pattern: Pattern<T>) -> PatternStream<K, T> {
        PatternStream { stream: stream.copy(), cep: Cep::of(pattern) }
    }

    fn map(self, change: impl FnOnce(Cep<K, T>) -> Cep<K, T>) -> PatternStream<K, T> {
        PatternStream { stream: self.stream, cep: change(self.cep) }
    }

    /// As [`Cep::in_event_time`].
    #[must_use]
    pub fn in_event_time(self) -> PatternStream<K, T> {
        self.map(Cep::in_event_time)
    }

    /// As [`Cep::in_processing_time`].
    #[must_use]
    pub fn in_processing_time(self) -> PatternStream<K, T> {
        self.map(Cep::in_processing_time)
    }

    /// As [`Cep::comparator`].
    #[must_use]
    pub fn comparator(
        self,
        comparator: impl FnMut(&T, &T) -> Ordering + 'static,
    ) -> PatternStream<K, T> {
        self.map(|cep| cep.comparator(comparator))
    }

    /// As [`Cep::side_output_late_data`]; [`DataStream::side_output`] of the result reads it.
    #[must_use]
    pub fn side_output_late_data(self, tag: &OutputTag<T>) -> PatternStream<K, T> {
        self.map(|cep| cep.side_output_late_data(tag))
    }

    /// As [`Cep::timed_out`]; [`DataStream::side_output`] of the result reads it.
    #[must_use]
    pub fn timed_out<L: 'static>(
        self,
        tag: &OutputTag<L>,
        select: impl FnMut(&Match<'_, T>, i64) -> L + 'static,
    ) -> PatternStream<K, T> {
        self.map(|cep| cep.timed_out(tag, select))
    }

    /// As [`Cep::max_partial_matches`].
    #[must_use]
    pub fn max_partial_matches(self, max: usize) -> PatternStream<K, T> {
        self.map(|cep| cep.max_partial_matches(max))
    }

    /// As [`Cep::max_waiting_events`].
    #[must_use]
    pub fn max_waiting_events(self, max: usize) -> PatternStream<K, T> {
        self.map(|cep| cep.max_waiting_events(max))
    }

    /// As [`Cep::select`].
    pub fn select<Out: Clone + 'static>(
        self,
        select: impl FnMut(&Match<'_, T>) -> Out + 'static,
    ) -> DataStream<Out> {
        self.add("Pattern Select", |cep| cep.select(select))
    }

    /// As [`Cep::flat_select`].
    pub fn flat_select<Out: Clone + 'static>(
        self,
        select: impl FnMut(&Match<'_, T>, &mut Collector<Out>) + 'static,
    ) -> DataStream<Out> {
        self.add("Pattern Select", |cep| cep.flat_select(select))
    }

    /// As [`Cep::process`].
    pub fn process<Out: Clone + 'static>(
        self,
        function: impl PatternProcessFunction<K, T, Out>,
    ) -> DataStream<Out> {
        self.add("Pattern Process", |cep| cep.process(function))
    }

    fn add<Out: Clone + 'static>(
        self,
        kind_name: &'static str,
        build: impl FnOnce(Cep<K, T>) -> CepOperator<K, T, Out>,
    ) -> DataStream<Out> {
        let PatternStream { stream, cep } = self;
        let operator = build(cep);
        if let Some(why) = operator.refusal() {
            stream.graph.borrow_mut().errors.push(why.to_owned());
        }
        let state = (STATE, "value", operator.state_type());
        stream.keyed_process(kind_name, operator, &[state])
    }
}

impl<K, T> std::fmt::Debug for PatternStream<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PatternStream").field("cep", &self.cep).finish_non_exhaustive()
    }
}
