//! What is said of windows before the function: the assigner, the trigger, lateness. With the
//! function it makes an operator.

use std::time::Duration;

use super::assigner::{GlobalWindows, Panes, WindowAssigner, millis};
use super::contents::{All, Contents, Direct, Then};
use super::evictor::{CountEvictor, Evicting, Evictor};
use super::function::{Apply, ApplyFolded, ProcessWindowFunction};
use super::operator::{Lateness, WindowOperator};
use super::panes::PaneOperator;
use super::trigger::{CountTrigger, EventTimeTrigger, PurgingTrigger, Trigger};
use super::uniform::UniformWindows;
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::accumulate::{Aggregated, Reduced};
use crate::function::{AggregateFunction, KeyedProcessFunction};
use crate::metrics::Counter;
use crate::timers::Timer;

/// Windows of elements of type `T`, by the assigner `A` and the trigger `Tr`.
///
/// With a function it becomes a keyed operator, which a plugin registers as any other. In a job
/// written as a program, [`crate::KeyedStream::window`] does the same.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::prelude::*;
/// use sandbar_sdk::testing::OperatorHarness;
/// use sandbar_sdk::Windowing;
///
/// let seconds = Windowing::of(TumblingEventTimeWindows::of(Duration::from_secs(1)));
/// let sums = seconds.reduce(|a: u32, b: u32| a + b);
/// let mut harness = OperatorHarness::keyed_process(sums, |n: &u32| n % 2)?;
/// harness.push_batch([(1, 0), (2, 10), (3, 999), (4, 1000)])?;
/// harness.watermark(999)?;
/// let mut sums = harness.take_output();
/// sums.sort();
/// assert_eq!(sums, [(2, Some(999)), (4, Some(999))]);
/// # Ok::<(), Error>(())
/// ```
pub struct Windowing<T, A: WindowAssigner<T>, Tr> {
    assigner: A,
    trigger: Tr,
    evictor: Option<Box<dyn Evictor<T, A::Window>>>,
    lateness: Lateness<T>,
    /// Elements may go into panes, as far as the function allows.
    may_pane: bool,
    has_own_trigger: bool,
}

impl<T: Data, A: WindowAssigner<T>> Windowing<T, A, A::OwnTrigger> {
    /// Starts with an assigner and its default trigger.
    pub fn of(assigner: A) -> Windowing<T, A, A::OwnTrigger> {
        let lateness = Lateness { allowed: 0, tag: None, dropped: Counter::default() };
        let trigger = A::OwnTrigger::default();
        Windowing {
            assigner,
            trigger,
            evictor: None,
            lateness,
            may_pane: true,
            has_own_trigger: true,
        }
    }
}

impl<T: Data> Windowing<T, GlobalWindows, PurgingTrigger<CountTrigger>> {
    /// Groups every `size` elements of a key. Source: Flink, `KeyedStream.countWindow`.
    pub fn count(size: u64) -> Windowing<T, GlobalWindows, PurgingTrigger<CountTrigger>> {
        Windowing::of(GlobalWindows).trigger(PurgingTrigger::of(CountTrigger::of(size)))
    }
}

impl<T: Data> Windowing<T, GlobalWindows, CountTrigger> {
    /// Groups the last `size` elements of a key, every `slide` elements. Source: Flink,
    /// `KeyedStream.countWindow`.
    pub fn sliding_count(size: usize, slide: u64) -> Windowing<T, GlobalWindows, CountTrigger> {
        Windowing::of(GlobalWindows)
            .evictor(CountEvictor::of(size))
            .trigger(CountTrigger::of(slide))
    }
}

impl<T: Data, A: WindowAssigner<T>, Tr: Trigger<T, A::Window>> Windowing<T, A, Tr> {
    /// Replaces the trigger.
    #[must_use]
    pub fn trigger<Other: Trigger<T, A::Window>>(self, trigger: Other) -> Windowing<T, A, Other> {
        let Windowing { assigner, evictor, lateness, .. } = self;
        let (may_pane, has_own_trigger) = (false, false);
        Windowing { assigner, trigger, evictor, lateness, may_pane, has_own_trigger }
    }

    /// Drops elements of windows that fire, before or after the function sees them.
    #[must_use]
    pub fn evictor(mut self, evictor: impl Evictor<T, A::Window>) -> Windowing<T, A, Tr> {
        self.evictor = Some(Box::new(evictor));
        self
    }

    /// Keeps windows by event time for that much longer than their end, so that late elements still
    /// count; none unless given.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Windowing<T, A, Tr> {
        self.lateness.allowed = millis(lateness);
        self
    }

    /// Sends elements that are too late to a side output, with their own timestamps. They are
    /// dropped and counted in `numLateRecordsDropped` unless given.
    #[must_use]
    pub fn side_output_late_data(mut self, tag: &OutputTag<T>) -> Windowing<T, A, Tr> {
        self.lateness.tag = Some(tag.clone());
        self
    }

    /// Keeps each element in all of its windows, where sliding windows by event time would keep it
    /// in one pane and put windows together of panes. For functions to which the order of elements
    /// matters: panes are merged by time, and only the elements of one are in the order they came.
    #[must_use]
    pub fn without_panes(mut self) -> Windowing<T, A, Tr> {
        self.may_pane = false;
        self
    }

    /// Folds the elements of a window into one.
    ///
    /// Sliding windows by event time with their default trigger keep each element once, in a pane,
    /// so that an element costs the same however many windows it is in; so for `aggregate`.
    pub fn reduce<K: Key>(
        self,
        reduce: impl FnMut(T, T) -> T + 'static,
    ) -> WindowedOperator<K, T, T> {
        self.build_folded(Direct::new(Reduced::new(reduce)))
    }

    /// Folds the elements of a window into one, and gives that to a function.
    pub fn reduce_with<K: Key, Out: 'static>(
        self,
        reduce: impl FnMut(T, T) -> T + 'static,
        function: impl ProcessWindowFunction<K, T, Out, A::Window>,
    ) -> WindowedOperator<K, T, Out> {
        self.build_folded(Then::new(Reduced::new(reduce), function))
    }

    /// Adds the elements of a window to an accumulator, and emits its result.
    pub fn aggregate<K: Key, G>(self, aggregate: G) -> WindowedOperator<K, T, G::Output>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.build_folded(Direct::new(Aggregated(aggregate)))
    }

    /// Adds the elements of a window to an accumulator, and gives its result to a function.
    pub fn aggregate_with<K: Key, G, Out: 'static>(
        self,
        aggregate: G,
        function: impl ProcessWindowFunction<K, G::Output, Out, A::Window>,
    ) -> WindowedOperator<K, T, Out>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.build_folded(Then::new(Aggregated(aggregate), function))
    }

    /// Folds the elements of a window into one, and gives key, window and that to a closure.
    pub fn reduce_apply<K: Key, Out: 'static>(
        self,
        reduce: impl FnMut(T, T) -> T + 'static,
        function: impl FnMut(&K, &A::Window, T, &mut Collector<Out>) + 'static,
    ) -> WindowedOperator<K, T, Out> {
        self.reduce_with(reduce, ApplyFolded::new(function))
    }

    /// Adds the elements of a window to an accumulator, and gives key, window and its result to a
    /// closure.
    pub fn aggregate_apply<K: Key, G, Out: 'static>(
        self,
        aggregate: G,
        function: impl FnMut(&K, &A::Window, G::Output, &mut Collector<Out>) + 'static,
    ) -> WindowedOperator<K, T, Out>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.aggregate_with(aggregate, ApplyFolded::new(function))
    }

    /// Keeps all elements of a window, and gives them to a function.
    ///
    /// A key's windows are stored as one value, which each checkpoint writes as a whole if any of
    /// them has changed: prefer `aggregate` where a window has many elements.
    pub fn process<K: Key, Out: 'static>(
        self,
        function: impl ProcessWindowFunction<K, T, Out, A::Window>,
    ) -> WindowedOperator<K, T, Out> {
        self.build(All::new(function))
    }

    /// Keeps all elements of a window, and gives key, window and elements to a closure. Source:
    /// Flink, `WindowedStream.apply`.
    pub fn apply<K: Key, Out: 'static>(
        self,
        function: impl FnMut(&K, &A::Window, &[T], &mut Collector<Out>) + 'static,
    ) -> WindowedOperator<K, T, Out> {
        self.build(All::new(Apply::new(function)))
    }

    /// The panes that elements can be put together in before their windows know of them.
    ///
    /// # Errors
    /// Why they cannot.
    pub(crate) fn two_phase_panes(&self) -> Result<Panes<A::Window>, String> {
        let refuse = |why: &str| Err(format!("two-phase aggregation {why}"));
        if let Err(error) = self.assigner.validate() {
            return Err(error.message().to_owned());
        }
        if !self.has_own_trigger || self.evictor.is_some() {
            return refuse("keeps no single elements: leave trigger and evictor out");
        }
        if self.lateness.tag.is_some() {
            return refuse("has no late elements to send to a side output: leave it out");
        }
        if !self.may_pane {
            return refuse("does not keep the order of elements: leave without_panes out");
        }
        match self.assigner.panes() {
            Some(panes) if self.assigner.is_event_time() => Ok(panes),
            Some(_) | None => refuse("needs tumbling or sliding windows by event time"),
        }
    }

    /// The same windows of partial results.
    pub(crate) fn of_partials<P: Data>(
        self,
        panes: Panes<A::Window>,
    ) -> Windowing<P, UniformWindows<A::Window>, EventTimeTrigger> {
        let mut windowing = Windowing::of(UniformWindows::new(panes));
        windowing.lateness.allowed = self.lateness.allowed;
        windowing
    }

    /// Makes an operator whose elements may go into panes, if windows leave no time out and
    /// nothing but their end fires them.
    pub(crate) fn build_folded<C>(self, contents: C) -> WindowedOperator<C::Key, T, C::Out>
    where
        C: Contents<In = T, Window = A::Window>,
    {
        let has_panes = self.may_pane && self.evictor.is_none() && size_of::<C::State>() == 0;
        match self.assigner.panes() {
            Some(panes)
                if has_panes && self.assigner.is_event_time() && panes.size >= panes.slide =>
            {
                let refusal = self.refusal::<C>();
                let operator = PaneOperator::new(panes, contents, self.lateness);
                let state_type = operator.state_type();
                WindowedOperator { state_type, refusal, function: Box::new(operator) }
            }
            _ => self.build(contents),
        }
    }

    fn build<C>(self, contents: C) -> WindowedOperator<C::Key, T, C::Out>
    where
        C: Contents<In = T, Window = A::Window>,
    {
        let refusal = self.refusal::<C>();
        let Windowing { assigner, trigger, evictor, lateness, .. } = self;
        let (state_type, function): (_, Box<dyn KeyedProcessFunction<_, _, _>>) = match evictor {
            Some(evictor) => {
                let contents = Evicting::new(evictor, contents);
                let operator = WindowOperator::new(assigner, trigger, contents, lateness);
                (operator.state_type(), Box::new(operator))
            }
            None => {
                let operator = WindowOperator::new(assigner, trigger, contents, lateness);
                (operator.state_type(), Box::new(operator))
            }
        };
        WindowedOperator { state_type, refusal, function }
    }

    /// Why these windows cannot be, if so.
    fn refusal<C: Contents>(&self) -> Option<String> {
        if let Err(error) = self.assigner.validate() {
            return Some(error.message().to_owned());
        }
        if !self.assigner.is_merging() {
            return None;
        }
        if !self.trigger.can_merge() {
            return Some("windows that merge need a trigger that can merge".to_owned());
        }
        (size_of::<C::State>() > 0).then(|| {
            "windows that merge have no state of their own: use state of the key".to_owned()
        })
    }
}

impl<T, A: WindowAssigner<T>, Tr> std::fmt::Debug for Windowing<T, A, Tr> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Windowing").field("allowed", &self.lateness.allowed).finish_non_exhaustive()
    }
}

/// A window operator with its function: a [`KeyedProcessFunction`].
pub struct WindowedOperator<K, T, Out> {
    pub(crate) state_type: &'static str,
    pub(crate) refusal: Option<String>,
    function: Box<dyn KeyedProcessFunction<K, T, Out>>,
}

impl<K: Key, T: 'static, Out: 'static> KeyedProcessFunction<K, T, Out>
    for WindowedOperator<K, T, Out>
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        match &self.refusal {
            Some(why) => Err(Error::fatal(why)),
            None => self.function.open(ctx),
        }
    }

    #[inline]
    fn process(
        &mut self,
        value: T,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.function.process(value, ctx, out)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.function.on_timer(timer, ctx, out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}

impl<K, T, Out> std::fmt::Debug for WindowedOperator<K, T, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowedOperator").field("state", &self.state_type).finish_non_exhaustive()
    }
}
