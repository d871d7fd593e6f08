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

    /// Folds a record into the state; the value to emit, if it is time to.
    #[inline]
    fn fold<K: Key>(
        &self,
        ctx: &Context<K>,
        fold: impl FnOnce(Option<A>) -> A,
    ) -> Result<Option<A>, Error> {
        if !self.is_batch {
            let fold_in = |state: &mut Option<A>| {
                let folded = fold(state.take());
                state.insert(folded).clone()
            };
            return Ok(Some(self.state.modify(fold_in)));
        }
        let is_first = self.state.modify(|state| {
            let before = state.take();
            let is_first = before.is_none();
            *state = Some(fold(before));
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
        let function = &mut self.function;
        let reduced = self.rolling.fold(ctx, |before| match before {
            Some(folded) => function(folded, value),
            None => value,
        })?;
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
        let number = (self.number)(&value);
        let sum = self.rolling.fold(ctx, |before| before.unwrap_or_default() + number)?;
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

#[cfg(test)]
mod tests;
