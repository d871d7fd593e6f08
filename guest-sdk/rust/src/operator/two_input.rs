//! Process functions over two inputs. Both inputs share one operator, which is always the head of
//! its instance; signals come by the first input only.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use super::definition::Wiring;
use super::keyed::timestamp_of;
use super::simple::main_output;
use crate::chain::erased::{AnyPipe, erase};
use crate::chain::pipe::{Pipe, Signal};
use crate::codec::Key;
use crate::collector::{Collector, SideOutputSpec, SideOutputs};
use crate::context::{Context, Unkeyed};
use crate::error::{Error, Failure, Outcome};
use crate::function::{KeyedTwoInputProcessFunction, TwoInputProcessFunction};
use crate::host::NO_TIMESTAMP;
use crate::timers::Timer;

/// What both kinds of two-input functions come down to.
pub(super) trait Body<First, Second, Out>: 'static {
    type Key;
    fn prepare(ctx: &mut Context<Self::Key>) -> Outcome;
    fn first(
        &mut self,
        value: First,
        ctx: &mut Context<Self::Key>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;
    fn second(
        &mut self,
        value: Second,
        ctx: &mut Context<Self::Key>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;
    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<Self::Key>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;
    fn before_checkpoint(&mut self) -> Result<(), Error>;
    fn finish(&mut self, out: &mut Collector<Out>) -> Result<(), Error>;
    fn close(&mut self) -> Result<(), Error>;
}

struct Plain<F>(F);

impl<First, Second, Out, F> Body<First, Second, Out> for Plain<F>
where
    F: TwoInputProcessFunction<First, Second, Out>,
{
    type Key = Unkeyed;

    fn prepare(_ctx: &mut Context<Unkeyed>) -> Outcome {
        Ok(())
    }

    fn first(
        &mut self,
        value: First,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.process_first(value, ctx, out)
    }

    fn second(
        &mut self,
        value: Second,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.process_second(value, ctx, out)
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        _ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        Err(Error::fatal("an operator without keys has no timers"))
    }

    fn before_checkpoint(&mut self) -> Result<(), Error> {
        self.0.before_checkpoint()
    }

    fn finish(&mut self, out: &mut Collector<Out>) -> Result<(), Error> {
        self.0.finish(out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.0.close()
    }
}

struct Keyed<K, F>(F, PhantomData<K>);

impl<K, First, Second, Out, F> Body<First, Second, Out> for Keyed<K, F>
where
    K: Key,
    F: KeyedTwoInputProcessFunction<K, First, Second, Out>,
{
    type Key = K;

    fn prepare(ctx: &mut Context<K>) -> Outcome {
        ctx.prepare_key()
    }

    fn first(
        &mut self,
        value: First,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.process_first(value, ctx, out)
    }

    fn second(
        &mut self,
        value: Second,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.process_second(value, ctx, out)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.on_timer(timer, ctx, out)
    }

    fn before_checkpoint(&mut self) -> Result<(), Error> {
        self.0.before_checkpoint()
    }

    fn finish(&mut self, out: &mut Collector<Out>) -> Result<(), Error> {
        self.0.finish(out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.0.close()
    }
}

struct TwoInput<B: Body<First, Second, Out>, First, Second, Out> {
    body: B,
    operator: u32,
    ctx: Context<B::Key>,
    out: Collector<Out>,
    marker: PhantomData<fn(First, Second)>,
}

impl<B, First, Second, Out> TwoInput<B, First, Second, Out>
where
    Out: 'static,
    B: Body<First, Second, Out>,
{
    fn begin(&mut self, timestamp: i64) -> Outcome {
        self.ctx.set_timestamp(timestamp);
        self.out.begin_record(timestamp);
        B::prepare(&mut self.ctx)
    }

    fn outcome(&mut self, result: Result<(), Error>) -> Outcome {
        let main = self.out.outcome(self.operator, result);
        // Both are taken, so that neither is left for the next record.
        let side = self.ctx.side_outcome();
        main.and(side)
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        match signal {
            Signal::Timers(timer, records) => {
                return (0..records.len()).try_for_each(|position| {
                    records.begin(position);
                    self.begin(timestamp_of(timer))?;
                    let result = self.body.on_timer(timer, &mut self.ctx, &mut self.out);
                    self.outcome(result)
                });
            }
            Signal::Checkpoint => {
                let result = self.body.before_checkpoint();
                result.map_err(|error| Failure::new(self.operator, error))?;
            }
            Signal::Finish => {
                self.out.begin_record(NO_TIMESTAMP);
                let result = self.body.finish(&mut self.out);
                self.outcome(result)?;
            }
            Signal::Close => {
                self.body.close().map_err(|error| Failure::new(self.operator, error))?;
            }
            Signal::Watermark(_)
            | Signal::Release
            | Signal::Wake
            | Signal::Flush
            | Signal::Rollback => {}
        }
        self.out.signal(signal)?;
        self.ctx.signal(signal)
    }
}

struct FirstInput<O>(Rc<RefCell<O>>);
struct SecondInput<O>(Rc<RefCell<O>>);

impl<B, First, Second, Out> Pipe<First> for FirstInput<TwoInput<B, First, Second, Out>>
where
    First: 'static,
    Second: 'static,
    Out: 'static,
    B: Body<First, Second, Out>,
{
    fn push(&mut self, timestamp: i64, value: First) -> Outcome {
        let operator = &mut *self.0.borrow_mut();
        operator.begin(timestamp)?;
        let result = operator.body.first(value, &mut operator.ctx, &mut operator.out);
        operator.outcome(result)
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.0.borrow_mut().signal(signal)
    }
}

impl<B, First, Second, Out> Pipe<Second> for SecondInput<TwoInput<B, First, Second, Out>>
where
    First: 'static,
    Second: 'static,
    Out: 'static,
    B: Body<First, Second, Out>,
{
    fn push(&mut self, timestamp: i64, value: Second) -> Outcome {
        let operator = &mut *self.0.borrow_mut();
        operator.begin(timestamp)?;
        let result = operator.body.second(value, &mut operator.ctx, &mut operator.out);
        operator.outcome(result)
    }

    fn signal(&mut self, _signal: Signal<'_>) -> Outcome {
        Ok(())
    }
}

pub(super) fn build<B, First, Second, Out>(
    body: B,
    sides: &[SideOutputSpec],
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    First: 'static,
    Second: 'static,
    Out: Clone + 'static,
    B: Body<First, Second, Out>,
{
    let out = Collector::new(main_output(&mut wiring.outputs)?, wiring.runtime.instance());
    let operator = wiring.runtime.operator();
    let ctx = Context::new(wiring.runtime, SideOutputs::open(sides, wiring.outputs)?);
    let shared = Rc::new(RefCell::new(TwoInput { body, operator, ctx, out, marker: PhantomData }));
    Ok(vec![erase::<First>(FirstInput(Rc::clone(&shared))), erase::<Second>(SecondInput(shared))])
}

/// Builds a two-input operator without keys.
pub(crate) fn two_input<First, Second, Out, F>(
    mut function: F,
    sides: &[SideOutputSpec],
    wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    First: 'static,
    Second: 'static,
    Out: Clone + 'static,
    F: TwoInputProcessFunction<First, Second, Out>,
{
    function.open(&wiring.runtime)?;
    build::<_, First, Second, Out>(Plain(function), sides, wiring)
}

/// Builds a keyed two-input operator.
pub(crate) fn keyed_two_input<K, First, Second, Out, F>(
    mut function: F,
    sides: &[SideOutputSpec],
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    K: Key,
    First: 'static,
    Second: 'static,
    Out: Clone + 'static,
    F: KeyedTwoInputProcessFunction<K, First, Second, Out>,
{
    wiring.runtime.set_key::<K>();
    function.open(&wiring.runtime)?;
    build::<_, First, Second, Out>(Keyed::<K, F>(function, PhantomData), sides, wiring)
}
