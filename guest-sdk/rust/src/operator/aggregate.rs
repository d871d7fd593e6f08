//! Aggregations of keyed streams: a state that each record is folded into. A stream emits the
//! updated value for each record, as Flink's `reduce` and `sum` do; a batch emits the last value of
//! each key, at the end of the input.
//!
//! Source: Flink, `docs/content/docs/dev/datastream/execution_mode.md`.

use crate::codec::{Data, Key};
use crate::collector::Collector;
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedProcessFunction;
use crate::function::accumulate::Accumulate;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::stream::KeyValue;
use crate::timers::Timer;

/// Name of the one state of these operators.
pub(crate) const STATE: &str = "aggregate";

/// The watermark of a stream that has ended reaches this timer.
const END_OF_INPUT: i64 = i64::MAX;

/// The state of an aggregation, and when its value is told.
struct Rolling<A> {
    state: ValueState<A>,
    is_batch: bool,
}

impl<A: Data> Rolling<A> {
    fn new() -> Rolling<A> {
        Rolling { state: ValueState::default(), is_batch: false }
    }

    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        self.is_batch = ctx.is_batch();
        Ok(())
    }

    /// Folds a record into the state; what is read of it then, if it is time to emit.
    #[inline]
    fn fold<K: Key, F, R>(
        &self,
        ctx: &Context<K>,
        function: &mut F,
        change: impl FnOnce(&mut F, &mut Option<A>),
        read: impl FnOnce(&F, &A) -> R,
    ) -> Result<Option<R>, Error> {
        if !self.is_batch {
            return Ok(self.state.modify(|state| {
                change(function, state);
                state.as_ref().map(|folded| read(function, folded))
            }));
        }
        let is_first = self.state.modify(|state| {
            let is_first = state.is_none();
            change(function, state);
            is_first
        });
        if is_first {
            ctx.register_event_time_timer(END_OF_INPUT)?;
        }
        Ok(None)
    }
}

/// Folds records of the stream's own type.
pub(crate) struct Reduce<T, F> {
    rolling: Rolling<T>,
    function: F,
}

impl<T: Data, F> Reduce<T, F> {
    pub(crate) fn new(function: F) -> Reduce<T, F> {
        Reduce { rolling: Rolling::new(), function }
    }
}

impl<K, T, F> KeyedProcessFunction<K, T, T> for Reduce<T, F>
where
    K: Key,
    T: Data,
    F: FnMut(T, T) -> T + 'static,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.rolling.open(ctx)
    }

    fn process(
        &mut self,
        value: T,
        ctx: &mut Context<K>,
        out: &mut Collector<T>,
    ) -> Result<(), Error> {
        let change = |function: &mut F, state: &mut Option<T>| {
            let folded = match state.take() {
                Some(before) => function(before, value),
                None => value,
            };
            *state = Some(folded);
        };
        let reduced =
            self.rolling.fold(ctx, &mut self.function, change, |_, folded| folded.clone())?;
        if let Some(reduced) = reduced {
            out.collect(reduced);
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        _ctx: &mut Context<K>,
        out: &mut Collector<T>,
    ) -> Result<(), Error> {
        if let Some(reduced) = self.rolling.state.value() {
            out.collect(reduced);
        }
        Ok(())
    }
}

/// Adds a number per record to a sum that starts at `N::default()`.
pub(crate) struct Sum<N, F> {
    rolling: Rolling<N>,
    number: F,
}

impl<N: Data, F> Sum<N, F> {
    pub(crate) fn new(number: F) -> Sum<N, F> {
        Sum { rolling: Rolling::new(), number }
    }
}

impl<K, T, N, F> KeyedProcessFunction<K, T, KeyValue<K, N>> for Sum<N, F>
where
    K: Key,
    T: 'static,
    N: Data + Default + std::ops::Add<Output = N>,
    F: FnMut(&T) -> N + 'static,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.rolling.open(ctx)
    }

    #[inline]
    fn process(
        &mut self,
        value: T,
        ctx: &mut Context<K>,
        out: &mut Collector<KeyValue<K, N>>,
    ) -> Result<(), Error> {
        let change = |number: &mut F, sum: &mut Option<N>| {
            *sum = Some(sum.take().unwrap_or_default() + number(&value));
        };
        let sum = self.rolling.fold(ctx, &mut self.number, change, |_, sum| sum.clone())?;
        if let Some(sum) = sum {
            out.collect(KeyValue { key: ctx.current_key().clone(), value: sum });
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<KeyValue<K, N>>,
    ) -> Result<(), Error> {
        if let Some(value) = self.rolling.state.value() {
            out.collect(KeyValue { key: ctx.current_key().clone(), value });
        }
        Ok(())
    }
}

/// Folds records into what an accumulation keeps, and emits its result.
pub(crate) struct Folded<C: Accumulate, Out, K> {
    rolling: Rolling<C::Stored>,
    accumulate: C,
    emit: fn(&K, C::Result) -> Out,
}

impl<C: Accumulate, Out, K> Folded<C, Out, K> {
    pub(crate) fn new(accumulate: C, emit: fn(&K, C::Result) -> Out) -> Folded<C, Out, K> {
        Folded { rolling: Rolling::new(), accumulate, emit }
    }
}

impl<K, C, Out> KeyedProcessFunction<K, C::In, Out> for Folded<C, Out, K>
where
    K: Key,
    C: Accumulate,
    Out: 'static,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.rolling.open(ctx)
    }

    #[inline]
    fn process(
        &mut self,
        value: C::In,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let change = |accumulate: &mut C, state: &mut Option<C::Stored>| {
            accumulate.add(state, value);
        };
        let result = self.rolling.fold(ctx, &mut self.accumulate, change, C::result)?;
        if let Some(result) = result {
            out.collect((self.emit)(ctx.current_key(), result));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let accumulate = &self.accumulate;
        let result = self.rolling.state.with(|state| state.map(|stored| accumulate.result(stored)));
        if let Some(result) = result {
            out.collect((self.emit)(ctx.current_key(), result));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
