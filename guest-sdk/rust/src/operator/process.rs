//! Process functions without keys.

use std::marker::PhantomData;

use super::definition::Wiring;
use super::simple::main_output;
use crate::chain::erased::{AnyPipe, erase};
use crate::chain::pipe::{Pipe, Signal};
use crate::collector::{Collector, SideOutputSpec, SideOutputs};
use crate::context::{Context, Unkeyed};
use crate::error::{Error, Failure, Outcome};
use crate::function::ProcessFunction;
use crate::host::NO_TIMESTAMP;

struct Process<F, In, Out> {
    function: F,
    operator: u32,
    ctx: Context<Unkeyed>,
    out: Collector<Out>,
    marker: PhantomData<fn(In)>,
}

/// Builds a process operator.
pub(crate) fn process<In, Out, F>(
    mut function: F,
    sides: &[SideOutputSpec],
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    In: 'static,
    Out: Clone + 'static,
    F: ProcessFunction<In, Out>,
{
    function.open(&wiring.runtime)?;
    let out = Collector::new(main_output(&mut wiring.outputs)?, wiring.runtime.instance());
    let operator = wiring.runtime.operator();
    let ctx = Context::new(wiring.runtime, SideOutputs::open(sides, wiring.outputs)?);
    Ok(vec![erase::<In>(Process { function, operator, ctx, out, marker: PhantomData })])
}

impl<F, In, Out> Process<F, In, Out>
where
    Out: 'static,
    F: ProcessFunction<In, Out>,
    In: 'static,
{
    #[inline]
    fn outcome(&mut self, result: Result<(), Error>) -> Outcome {
        let main = self.out.outcome(self.operator, result);
        // Both are taken, so that neither is left for the next record.
        let side = self.ctx.side_outcome();
        main.and(side)
    }
}

impl<In, Out, F> Pipe<In> for Process<F, In, Out>
where
    In: 'static,
    Out: 'static,
    F: ProcessFunction<In, Out>,
{
    #[inline]
    fn push(&mut self, timestamp: i64, value: In) -> Outcome {
        self.ctx.set_timestamp(timestamp);
        self.out.begin_record(timestamp);
        let result = self.function.process(value, &mut self.ctx, &mut self.out);
        self.outcome(result)
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        match signal {
            Signal::Checkpoint => self
                .function
                .before_checkpoint()
                .map_err(|error| Failure::new(self.operator, error))?,
            Signal::Finish => {
                self.ctx.set_timestamp(NO_TIMESTAMP);
                self.out.begin_record(NO_TIMESTAMP);
                let result = self.function.finish(&mut self.ctx, &mut self.out);
                self.outcome(result)?;
            }
            Signal::Close => {
                self.function.close().map_err(|error| Failure::new(self.operator, error))?;
            }
            Signal::Timers(..)
            | Signal::Watermark(_)
            | Signal::Release
            | Signal::Wake
            | Signal::Flush
            | Signal::Rollback => {}
        }
        self.out.signal(signal)?;
        self.ctx.signal(signal)
    }
}
