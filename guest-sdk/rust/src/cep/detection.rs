//! What is said of a pattern before the function. With the function it makes an operator.

use std::cmp::Ordering;

use super::compile::compile;
use super::found::Match;
use super::function::{FlatSelect, MatchContext, PatternProcessFunction, TimedOut};
use super::nfa::{MAX_PARTIAL_MATCHES, Nfa};
use super::operator::{Detector, MAX_WAITING_EVENTS, Settings};
use super::pattern::Pattern;
use super::progress::Progress;
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedProcessFunction;
use crate::timers::Timer;

/// A pattern, and how it is looked for in the events of a key. Source: Flink, `PatternStream`.
///
/// With a function it becomes a keyed operator, which a plugin registers as any other. In a job
/// written as a program, [`crate::KeyedStream::pattern`] does the same.
///
/// ```
/// use sandbar_sdk::cep::{Cep, Match, Pattern};
/// use sandbar_sdk::testing::OperatorHarness;
///
/// // A price, right behind it a lower one, and then the first that is higher.
/// let dip: Pattern<u64> = Pattern::begin("first")
///     .next("lower")
///     .where_(|price, ctx| ctx.last_event_for_pattern("first") > Some(price))
///     .followed_by("higher")
///     .where_(|price, ctx| ctx.last_event_for_pattern("first") < Some(price));
/// let prices = |found: &Match<'_, u64>| found.iter().map(|(_, price)| *price).collect();
/// let dips = Cep::of(dip).select::<Vec<u64>>(prices);
/// let mut harness = OperatorHarness::keyed_process(dips, |_: &u64| "gold".to_owned())?;
/// harness.push_batch([(9, 3), (7, 1), (5, 2), (8, 4)])?;
/// harness.watermark(10)?;
/// assert_eq!(harness.take_output(), [(vec![7, 5, 9], Some(3))]);
/// # Ok::<(), sandbar_sdk::Error>(())
/// ```
pub struct Cep<K, T> {
    pattern: Pattern<T>,
    settings: Settings<T>,
    timed_out: Option<TimedOut<K, T>>,
    max_partials: usize,
}

impl<K: Key, T: Data> Cep<K, T> {
    /// Looks for a pattern in event time.
    pub fn of(pattern: Pattern<T>) -> Cep<K, T> {
        let settings = Settings {
            event_time: true,
            late: None,
            comparator: None,
            max_waiting: MAX_WAITING_EVENTS,
        };
        Cep { pattern, settings, timed_out: None, max_partials: MAX_PARTIAL_MATCHES }
    }

    /// Takes events in the order of their timestamps, once the watermark has passed them. The
    /// default.
    #[must_use]
    pub fn in_event_time(mut self) -> Cep<K, T> {
        self.settings.event_time = true;
        self
    }

    /// Takes events as they come in, with the time of the clock.
    #[must_use]
    pub fn in_processing_time(mut self) -> Cep<K, T> {
        self.settings.event_time = false;
        self
    }

    /// The order of events that have the same timestamp, or in processing time that came within the
    /// same millisecond; they are taken as they came in unless given.
    #[must_use]
    pub fn comparator(mut self, comparator: impl FnMut(&T, &T) -> Ordering + 'static) -> Cep<K, T> {
        self.settings.comparator = Some(Box::new(comparator));
        self
    }

    /// Sends events that come after the watermark to a side output. They are dropped and counted in
    /// `numLateRecordsDropped` unless given.
    #[must_use]
    pub fn side_output_late_data(mut self, tag: &OutputTag<T>) -> Cep<K, T> {
        self.settings.late = Some(tag.clone());
        self
    }

    /// Sends something of each match that times out to a side output; the closure also gets when it
    /// did, which is the timestamp of what is sent.
    #[must_use]
    pub fn timed_out<L: 'static>(
        mut self,
        tag: &OutputTag<L>,
        mut select: impl FnMut(&Match<'_, T>, i64) -> L + 'static,
    ) -> Cep<K, T> {
        let tag = tag.clone();
        let send = move |partial: &Match<'_, T>, ctx: &mut MatchContext<'_, K>| {
            let shown = select(partial, ctx.timestamp());
            ctx.output(&tag, shown);
        };
        self.timed_out = Some(Box::new(send));
        self
    }

    /// How many matches of one key may have begun and not be complete; more fail the task.
    /// [`MAX_PARTIAL_MATCHES`] unless given.
    #[must_use]
    pub fn max_partial_matches(mut self, max: usize) -> Cep<K, T> {
        self.max_partials = max;
        self
    }

    /// How many events of one key may wait for the watermark; more fail the task.
    /// [`MAX_WAITING_EVENTS`] unless given.
    #[must_use]
    pub fn max_waiting_events(mut self, max: usize) -> Cep<K, T> {
        self.settings.max_waiting = max;
        self
    }

    /// Makes one result of each match.
    pub fn select<Out: 'static>(
        self,
        mut select: impl FnMut(&Match<'_, T>) -> Out + 'static,
    ) -> CepOperator<K, T, Out> {
        self.flat_select(move |found, out| out.collect(select(found)))
    }

    /// Makes any number of results of each match.
    pub fn flat_select<Out: 'static>(
        self,
        select: impl FnMut(&Match<'_, T>, &mut Collector<Out>) + 'static,
    ) -> CepOperator<K, T, Out> {
        self.process(FlatSelect::new(select))
    }

    /// Gives each match to a function.
    pub fn process<Out: 'static>(
        self,
        function: impl PatternProcessFunction<K, T, Out>,
    ) -> CepOperator<K, T, Out> {
        let Cep { pattern, settings, timed_out, max_partials } = self;
        let detector = compile(&pattern).map(|graph| {
            let nfa = Nfa::new(graph, pattern.skip, max_partials);
            Detector::new(nfa, settings, Box::new(function), timed_out)
        });
        CepOperator { detector }
    }
}

impl<K, T> std::fmt::Debug for Cep<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cep").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}

/// The operator of a pattern with its function: a [`KeyedProcessFunction`].
pub struct CepOperator<K, T, Out> {
    /// What is wrong with the pattern, if something is.
    detector: Result<Detector<K, T, Out>, String>,
}

impl<K, T, Out> CepOperator<K, T, Out> {
    /// The Rust type of the state, for descriptions.
    pub(crate) fn state_type(&self) -> &'static str {
        std::any::type_name::<Progress<T>>()
    }

    pub(crate) fn refusal(&self) -> Option<&str> {
        self.detector.as_ref().err().map(String::as_str)
    }

    fn detector(&mut self) -> Result<&mut Detector<K, T, Out>, Error> {
        self.detector.as_mut().map_err(Error::fatal)
    }
}

impl<K: Key, T: Data, Out: 'static> KeyedProcessFunction<K, T, Out> for CepOperator<K, T, Out> {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.detector()?.open(ctx)
    }

    #[inline]
    fn process(
        &mut self,
        value: T,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.detector()?.process(value, ctx, out)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.detector()?.on_timer(timer, ctx, out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.detector()?.close()
    }
}

impl<K, T, Out> std::fmt::Debug for CepOperator<K, T, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CepOperator").field("refusal", &self.refusal()).finish_non_exhaustive()
    }
}
