//! A keyed stream whose records are grouped by windows.

use std::time::Duration;

use super::data_stream::DataStream;
use super::keyed_stream::KeyedStream;
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::function::AggregateFunction;
use crate::window::{
    Evictor, ProcessWindowFunction, STATE, Trigger, WindowAssigner, WindowedOperator, Windowing,
};

/// The windows of a stream keyed by `K`; see [`KeyedStream::window`].
///
/// Settings come first, then the function, which makes the operator. Its results have the last
/// timestamp of their window.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::prelude::*;
///
/// /// The number of words in each session of each user, with the length of the session.
/// fn sessions(words: &DataStream<(String, String)>) -> DataStream<(String, i64, usize)> {
///     words
///         .key_by(|(user, _)| user.clone())
///         .window(EventTimeSessionWindows::with_gap(Duration::from_secs(600)))
///         .apply(|user: &String, window: &TimeWindow, words, out| {
///             out.collect((user.clone(), window.end - window.start, words.len()));
///         })
///         .name("Sessions")
/// }
/// ```
pub struct WindowedStream<K, T, A: WindowAssigner<T>, Tr> {
    stream: KeyedStream<K, T>,
    windowing: Windowing<T, A, Tr>,
    one_subtask: bool,
}

impl<K, T, A, Tr> WindowedStream<K, T, A, Tr>
where
    K: Key,
    T: Data,
    A: WindowAssigner<T>,
    Tr: Trigger<T, A::Window>,
{
    pub(crate) fn new(
        stream: &KeyedStream<K, T>,
        windowing: Windowing<T, A, Tr>,
    ) -> WindowedStream<K, T, A, Tr> {
        WindowedStream { stream: stream.copy(), windowing, one_subtask: false }
    }

    pub(crate) fn in_one_subtask(mut self) -> WindowedStream<K, T, A, Tr> {
        self.one_subtask = true;
        self
    }

    fn map<Other>(
        self,
        change: impl FnOnce(Windowing<T, A, Tr>) -> Windowing<T, A, Other>,
    ) -> WindowedStream<K, T, A, Other> {
        let WindowedStream { stream, windowing, one_subtask } = self;
        WindowedStream { stream, windowing: change(windowing), one_subtask }
    }

    /// As [`Windowing::trigger`].
    #[must_use]
    pub fn trigger<Other: Trigger<T, A::Window>>(
        self,
        trigger: Other,
    ) -> WindowedStream<K, T, A, Other> {
        self.map(|windowing| windowing.trigger(trigger))
    }

    /// As [`Windowing::evictor`].
    #[must_use]
    pub fn evictor(self, evictor: impl Evictor<T, A::Window>) -> WindowedStream<K, T, A, Tr> {
        self.map(|windowing| windowing.evictor(evictor))
    }

    /// As [`Windowing::allowed_lateness`].
    #[must_use]
    pub fn allowed_lateness(self, lateness: Duration) -> WindowedStream<K, T, A, Tr> {
        self.map(|windowing| windowing.allowed_lateness(lateness))
    }

    /// As [`Windowing::side_output_late_data`]; [`DataStream::side_output`] of the result reads it.
    #[must_use]
    pub fn side_output_late_data(self, tag: &OutputTag<T>) -> WindowedStream<K, T, A, Tr> {
        self.map(|windowing| windowing.side_output_late_data(tag))
    }

    /// As [`Windowing::without_panes`].
    #[must_use]
    pub fn without_panes(self) -> WindowedStream<K, T, A, Tr> {
        self.map(Windowing::without_panes)
    }

    /// As [`Windowing::reduce`].
    pub fn reduce(self, reduce: impl FnMut(T, T) -> T + 'static) -> DataStream<T> {
        self.add("Window Reduce", |windowing| windowing.reduce(reduce))
    }

    /// As [`Windowing::reduce_with`].
    pub fn reduce_with<Out: Clone + 'static>(
        self,
        reduce: impl FnMut(T, T) -> T + 'static,
        function: impl ProcessWindowFunction<K, T, Out, A::Window>,
    ) -> DataStream<Out> {
        self.add("Window Reduce", |windowing| windowing.reduce_with(reduce, function))
    }

    /// As [`Windowing::aggregate`].
    pub fn aggregate<G>(self, aggregate: G) -> DataStream<G::Output>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.add("Window Aggregate", |windowing| windowing.aggregate(aggregate))
    }

    /// As [`Windowing::aggregate_with`].
    pub fn aggregate_with<G, Out: Clone + 'static>(
        self,
        aggregate: G,
        function: impl ProcessWindowFunction<K, G::Output, Out, A::Window>,
    ) -> DataStream<Out>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.add("Window Aggregate", |windowing| windowing.aggregate_with(aggregate, function))
    }

    /// As [`Windowing::process`].
    pub fn process<Out: Clone + 'static>(
        self,
        function: impl ProcessWindowFunction<K, T, Out, A::Window>,
    ) -> DataStream<Out> {
        self.add("Window Process", |windowing| windowing.process(function))
    }

    /// As [`Windowing::apply`].
    pub fn apply<Out: Clone + 'static>(
        self,
        function: impl FnMut(&K, &A::Window, &[T], &mut Collector<Out>) + 'static,
    ) -> DataStream<Out> {
        self.add("Window Apply", |windowing| windowing.apply(function))
    }

    fn add<Out: Clone + 'static>(
        self,
        kind_name: &'static str,
        build: impl FnOnce(Windowing<T, A, Tr>) -> WindowedOperator<K, T, Out>,
    ) -> DataStream<Out> {
        let WindowedStream { stream, windowing, one_subtask } = self;
        let operator = build(windowing);
        if let Some(why) = &operator.refusal {
            stream.graph.borrow_mut().errors.push(why.clone());
        }
        let state = (STATE, "value", operator.state_type);
        let results = stream.keyed_process(kind_name, operator, &[state]);
        match one_subtask {
            true => results.set_parallelism(1).set_max_parallelism(1),
            false => results,
        }
    }
}

impl<K, T, A: WindowAssigner<T>, Tr> std::fmt::Debug for WindowedStream<K, T, A, Tr> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowedStream").field("windowing", &self.windowing).finish_non_exhaustive()
    }
}
