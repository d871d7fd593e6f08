//! What is done with matches.

use std::marker::PhantomData;

use super::found::Match;
use crate::codec::Key;
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;

/// Is called for each match. Source: Flink, `PatternProcessFunction`,
/// `TimedOutPartialMatchHandler`.
///
/// In event time it is called when the watermark passes, so that any error fails the task.
pub trait PatternProcessFunction<K, T, Out>: 'static {
    /// Prepares for the first match: state, metrics.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// A match was found: emits its results, with the timestamp of its last event; those of a match
    /// that waited have the one that it waited for.
    ///
    /// # Errors
    /// As [`crate::KeyedProcessFunction::process`].
    fn process_match(
        &mut self,
        found: &Match<'_, T>,
        ctx: &mut MatchContext<'_, K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// A match that had begun has timed out: may emit to side outputs.
    ///
    /// # Errors
    /// Any error fails the task.
    fn process_timed_out(
        &mut self,
        _partial: &Match<'_, T>,
        _ctx: &mut MatchContext<'_, K>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Cleans up. Nothing may be emitted.
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// What a function sees of a match beside its events.
pub struct MatchContext<'a, K> {
    pub(crate) ctx: &'a mut Context<K>,
    pub(crate) timestamp: i64,
}

impl<K: Key> MatchContext<'_, K> {
    /// When the match was found or timed out: its timestamp, or by the clock in processing time.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The key of the match.
    pub fn current_key(&self) -> &K {
        self.ctx.current_key()
    }

    /// As [`Context::current_watermark`].
    pub fn current_watermark(&self) -> i64 {
        self.ctx.current_watermark()
    }

    /// As [`Context::current_processing_time`].
    pub fn current_processing_time(&self) -> i64 {
        self.ctx.current_processing_time()
    }

    /// Emits to a side output, with the timestamp of the match. Dropped if nobody reads it.
    pub fn output<T: 'static>(&mut self, tag: &OutputTag<T>, value: T) {
        self.ctx.output(tag, value);
    }

    /// The context of the operator as a whole.
    pub fn runtime(&self) -> &RuntimeContext {
        self.ctx.runtime()
    }
}

impl<K> std::fmt::Debug for MatchContext<'_, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MatchContext").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// What is done with matches that time out, beside the function.
pub(crate) type TimedOut<K, T> = Box<dyn FnMut(&Match<'_, T>, &mut MatchContext<'_, K>)>;

/// A closure that makes any number of results of a match.
pub(crate) struct FlatSelect<F, T> {
    select: F,
    marker: PhantomData<fn(T)>,
}

impl<F, T> FlatSelect<F, T> {
    pub(crate) fn new(select: F) -> FlatSelect<F, T> {
        FlatSelect { select, marker: PhantomData }
    }
}

impl<K, T, Out, F> PatternProcessFunction<K, T, Out> for FlatSelect<F, T>
where
    T: 'static,
    F: FnMut(&Match<'_, T>, &mut Collector<Out>) + 'static,
{
    fn process_match(
        &mut self,
        found: &Match<'_, T>,
        _ctx: &mut MatchContext<'_, K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        (self.select)(found, out);
        Ok(())
    }
}
