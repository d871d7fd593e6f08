//! Aggregations of keyed streams: a state that each record is folded into, and the updated value
//! emitted for each record, as Flink's `reduce` and `sum` do.

use crate::codec::{Data, Key};
use crate::collector::Collector;
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedProcessFunction;
use crate::function::accumulate::Accumulate;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::stream::KeyValue;

/// Name of the one state of these operators.
pub(crate) const STATE: &str = "aggregate";

/// Folds records of the stream's own type.
pub(crate) struct Reduce<T, F> {
    state: ValueState<T>,
    function: F,
}

impl<T, F> Reduce<T, F> {
    pub(crate) fn new(function: F) -> Reduce<T, F> {
        Reduce { state: ValueState::default(), function }
    }
}

impl<K, T, F> KeyedProcessFunction<K, T, T> for Reduce<T, F>
where
    K: Key,
    T: Data,
    F: FnMut(T, T) -> T + 'static,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        Ok(())
    }

    fn process(
        &mut self,
        value: T,
        _ctx: &mut Context<K>,
        out: &mut Collector<T>,
    ) -> Result<(), Error> {
        let function = &mut self.function;
        let reduced = self.state.modify(|state| {
            let reduced = match state.take() {
                Some(folded) => function(folded, value),
                None => value,
            };
            state.insert(reduced).clone()
        });
        out.collect(reduced);
        Ok(())
    }
}

/// Adds a number per record to a sum that starts at `N::default()`.
pub(crate) struct Sum<N, F> {
    state: ValueState<N>,
    number: F,
}

impl<N, F> Sum<N, F> {
    pub(crate) fn new(number: F) -> Sum<N, F> {
        Sum { state: ValueState::default(), number }
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
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        Ok(())
    }

    #[inline]
    fn process(
        &mut self,
        value: T,
        ctx: &mut Context<K>,
        out: &mut Collector<KeyValue<K, N>>,
    ) -> Result<(), Error> {
        let number = (self.number)(&value);
        let sum = self.state.modify(|state| {
            let sum = state.take().unwrap_or_default() + number;
            state.insert(sum).clone()
        });
        out.collect(KeyValue { key: ctx.current_key().clone(), value: sum });
        Ok(())
    }
}

/// Folds records into what an accumulation keeps, and emits its result for each record.
pub(crate) struct Folded<C: Accumulate, Out, K> {
    state: ValueState<C::Stored>,
    accumulate: C,
    emit: fn(&K, C::Result) -> Out,
}

impl<C: Accumulate, Out, K> Folded<C, Out, K> {
    pub(crate) fn new(accumulate: C, emit: fn(&K, C::Result) -> Out) -> Folded<C, Out, K> {
        Folded { state: ValueState::default(), accumulate, emit }
    }
}

impl<K, C, Out> KeyedProcessFunction<K, C::In, Out> for Folded<C, Out, K>
where
    K: Key,
    C: Accumulate,
    Out: 'static,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        Ok(())
    }

    #[inline]
    fn process(
        &mut self,
        value: C::In,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let accumulate = &mut self.accumulate;
        let result = self.state.modify(|state| {
            accumulate.add(state, value);
            state.as_ref().map(|stored| accumulate.result(stored))
        });
        if let Some(result) = result {
            out.collect((self.emit)(ctx.current_key(), result));
        }
        Ok(())
    }
}
