//! Process functions over a keyed and a broadcast input: two inputs of which only the first has
//! keys, and only the second may change broadcast state.

use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;

use super::definition::Wiring;
use super::two_input::{Body, build};
use crate::chain::erased::AnyPipe;
use crate::codec::Key;
use crate::collector::{Collector, SideOutputSpec};
use crate::context::{BroadcastContext, Context};
use crate::error::{Error, Outcome};
use crate::function::KeyedBroadcastProcessFunction;
use crate::timers::Timer;

struct Broadcast<K, F> {
    function: F,
    is_read_only: Rc<Cell<bool>>,
    marker: PhantomData<K>,
}

impl<K, In, Rule, Out, F> Body<In, Rule, Out> for Broadcast<K, F>
where
    K: Key,
    F: KeyedBroadcastProcessFunction<K, In, Rule, Out>,
{
    type Key = K;

    fn prepare(ctx: &mut Context<K>) -> Outcome {
        ctx.prepare_key()
    }

    fn first(
        &mut self,
        value: In,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.function.process_element(value, ctx, out)
    }

    fn second(
        &mut self,
        value: Rule,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.is_read_only.set(false);
        let mut ctx = BroadcastContext::new(ctx);
        let result = self.function.process_broadcast_element(value, &mut ctx, out);
        self.is_read_only.set(true);
        result
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.function.on_timer(timer, ctx, out)
    }

    fn before_checkpoint(&mut self) -> Result<(), Error> {
        self.function.before_checkpoint()
    }

    fn finish(&mut self, out: &mut Collector<Out>) -> Result<(), Error> {
        self.function.finish(out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}

/// Builds an operator over a keyed and a broadcast input.
pub(crate) fn keyed_broadcast<K, In, Rule, Out, F>(
    mut function: F,
    sides: &[SideOutputSpec],
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    K: Key,
    In: 'static,
    Rule: 'static,
    Out: Clone + 'static,
    F: KeyedBroadcastProcessFunction<K, In, Rule, Out>,
{
    wiring.runtime.set_key::<K>();
    function.open(&wiring.runtime)?;
    let is_read_only = Rc::clone(&wiring.runtime.instance().broadcast_is_read_only);
    is_read_only.set(true);
    let body = Broadcast::<K, F> { function, is_read_only, marker: PhantomData };
    build::<_, In, Rule, Out>(body, sides, wiring)
}

#[cfg(test)]
mod tests;
