//! A keyed stream whose records are grouped by windows.

use std::marker::PhantomData;
use std::time::Duration;

use super::data_stream::DataStream;
use super::keyed_stream::KeyedStream;
use super::two_phase::{TwoPhase, first_phase};
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::function::AggregateFunction;
use crate::function::accumulate::{Accumulate, Aggregated, Merged, Reduced, Shared};
use crate::operator::local_aggregate::Slices;
use crate::window::contents::{AsIs, By, OfFolded};
use crate::window::function::ApplyFolded;
use crate::window::{
    Evictor, Panes, ProcessWindowFunction, STATE, Trigger, WindowAssigner, WindowedOperator,
    Windowing,
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
    two_phase: Option<TwoPhase>,
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
        WindowedStream { stream: stream.copy(), windowing, one_subtask: false, two_phase: None }
    }

    pub(crate) fn in_one_subtask(mut self) -> WindowedStream<K, T, A, Tr> {
        self.one_subtask = true;
        self
    }

    fn map<Other>(
        self,
        change: impl FnOnce(Windowing<T, A, Tr>) -> Windowing<T, A, Other>,
    ) -> WindowedStream<K, T, A, Other> {
        let WindowedStream { stream, windowing, one_subtask, two_phase } = self;
        WindowedStream { stream, windowing: change(windowing), one_subtask, two_phase }
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

    /// Aggregates in two phases: each subtask before the exchange puts together what it has of a
    /// key and pane, and sends that when the watermark passes the pane. For keys that many records
    /// have. Results are the same, but numbers with a fraction may be added up in another order.
    ///
    /// For `reduce` and `aggregate`, of tumbling or sliding windows by event time without a trigger
    /// or evictor of their own; the job is refused otherwise. A record without a timestamp is
    /// refused by the window operator as a partial result.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sandbar_sdk::aggregates::CountAggregate;
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn per_minute(pages: &DataStream<String>) -> DataStream<u64> {
    ///     pages
    ///         .key_by(|page| page.clone())
    ///         .window(TumblingEventTimeWindows::of(Duration::from_secs(60)))
    ///         .two_phase(TwoPhase::new())
    ///         .aggregate(CountAggregate::default())
    /// }
    /// ```
    #[must_use]
    pub fn two_phase(self, settings: TwoPhase) -> WindowedStream<K, T, A, Tr> {
        WindowedStream { two_phase: Some(settings), ..self }
    }

    /// As [`Windowing::reduce`].
    pub fn reduce(self, reduce: impl FnMut(T, T) -> T + 'static) -> DataStream<T> {
        self.add_folded("Window Reduce", Reduced::new(reduce), AsIs)
    }

    /// As [`Windowing::reduce_with`].
    pub fn reduce_with<Out: Clone + 'static>(
        self,
        reduce: impl FnMut(T, T) -> T + 'static,
        function: impl ProcessWindowFunction<K, T, Out, A::Window>,
    ) -> DataStream<Out> {
        self.add_folded("Window Reduce", Reduced::new(reduce), By(function, PhantomData))
    }

    /// As [`Windowing::aggregate`].
    pub fn aggregate<G>(self, aggregate: G) -> DataStream<G::Output>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.add_folded("Window Aggregate", Aggregated(aggregate), AsIs)
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
        self.add_folded("Window Aggregate", Aggregated(aggregate), By(function, PhantomData))
    }

    /// As [`Windowing::reduce_apply`].
    pub fn reduce_apply<Out: Clone + 'static>(
        self,
        reduce: impl FnMut(T, T) -> T + 'static,
        function: impl FnMut(&K, &A::Window, T, &mut Collector<Out>) + 'static,
    ) -> DataStream<Out> {
        self.reduce_with(reduce, ApplyFolded::new(function))
    }

    /// As [`Windowing::aggregate_apply`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sandbar_sdk::aggregates::CountAggregate;
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn per_minute(pages: &DataStream<String>) -> DataStream<(String, i64, u64)> {
    ///     pages
    ///         .key_by(|page| page.clone())
    ///         .window(TumblingEventTimeWindows::of(Duration::from_secs(60)))
    ///         .aggregate_apply(CountAggregate::default(), |page, window, views, out| {
    ///             out.collect((page.clone(), window.start, views));
    ///         })
    /// }
    /// ```
    pub fn aggregate_apply<G, Out: Clone + 'static>(
        self,
        aggregate: G,
        function: impl FnMut(&K, &A::Window, G::Output, &mut Collector<Out>) + 'static,
    ) -> DataStream<Out>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.aggregate_with(aggregate, ApplyFolded::new(function))
    }

    /// As [`Windowing::process`].
    pub fn process<Out: Clone + 'static>(
        self,
        function: impl ProcessWindowFunction<K, T, Out, A::Window>,
    ) -> DataStream<Out> {
        self.refuse_two_phase();
        self.add("Window Process", |windowing| windowing.process(function))
    }

    /// As [`Windowing::apply`].
    pub fn apply<Out: Clone + 'static>(
        self,
        function: impl FnMut(&K, &A::Window, &[T], &mut Collector<Out>) + 'static,
    ) -> DataStream<Out> {
        self.refuse_two_phase();
        self.add("Window Apply", |windowing| windowing.apply(function))
    }

    fn add<Out: Clone + 'static>(
        self,
        kind_name: &'static str,
        build: impl FnOnce(Windowing<T, A, Tr>) -> WindowedOperator<K, T, Out>,
    ) -> DataStream<Out> {
        let WindowedStream { stream, windowing, one_subtask, .. } = self;
        add_windows(&stream, kind_name, build(windowing), one_subtask)
    }

    /// What `two_phase` has said, and the panes to put elements together in; none after an error.
    fn phases(&self) -> Option<(TwoPhase, Panes<A::Window>)> {
        let settings = self.two_phase?;
        let checked = match settings.refusal() {
            Some(why) => Err(why),
            None => self.windowing.two_phase_panes(),
        };
        match checked {
            Ok(panes) => Some((settings, panes)),
            Err(why) => {
                self.stream.graph.borrow_mut().errors.push(why);
                None
            }
        }
    }

    /// Adds the operator, or both phases, of a function that folds.
    fn add_folded<C, F>(self, kind_name: &'static str, fold: C, function: F) -> DataStream<F::Out>
    where
        C: Accumulate<In = T>,
        F: OfFolded<K, A::Window, C::Result, Out: Clone>,
    {
        let Some((settings, panes)) = self.phases() else {
            return self.add(kind_name, |windowing| windowing.build_folded(function.of(fold)));
        };
        let WindowedStream { stream, windowing, one_subtask, .. } = self;
        let shared = Shared::new(fold);
        let phase = first_phase(&stream, settings, Slices::of_panes(&panes), &shared);
        let windows = windowing.of_partials(panes);
        let operator = windows.build_folded(function.of(Merged::new(shared)));
        let results = add_windows(&phase.partials, kind_name, operator, one_subtask);
        phase.settle(&results, !one_subtask);
        results
    }

    fn refuse_two_phase(&self) {
        if self.two_phase.is_some() {
            let why = "two-phase aggregation is for reduce and aggregate: process and apply need \
                       all elements of a window";
            self.stream.graph.borrow_mut().errors.push(why.to_owned());
        }
    }
}

/// Adds a window operator to a keyed stream.
fn add_windows<K: Key, T: Data, Out: Clone + 'static>(
    stream: &KeyedStream<K, T>,
    kind_name: &'static str,
    operator: WindowedOperator<K, T, Out>,
    one_subtask: bool,
) -> DataStream<Out> {
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

impl<K, T, A: WindowAssigner<T>, Tr> std::fmt::Debug for WindowedStream<K, T, A, Tr> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowedStream").field("windowing", &self.windowing).finish_non_exhaustive()
    }
}
