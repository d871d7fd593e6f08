//! Process functions over a keyed input. Always the head of an instance.

use std::marker::PhantomData;

use super::definition::Wiring;
use super::simple::main_output;
use crate::chain::erased::{AnyPipe, erase};
use crate::chain::pipe::{Chunk, Pipe, Records, Signal};
use crate::codec::Key;
use crate::collector::{Collector, SideOutputSpec, SideOutputs};
use crate::context::Context;
use crate::error::{Error, Failure, Outcome};
use crate::function::KeyedProcessFunction;
use crate::host::NO_TIMESTAMP;
use crate::timers::{TimeDomain, Timer};

struct KeyedProcess<F, K, In, Out> {
    function: F,
    operator: u32,
    ctx: Context<K>,
    out: Collector<Out>,
    marker: PhantomData<fn(In)>,
}

/// Builds a keyed process operator.
pub(crate) fn keyed_process<K, In, Out, F>(
    mut function: F,
    sides: &[SideOutputSpec],
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    K: Key,
    In: 'static,
    Out: Clone + 'static,
    F: KeyedProcessFunction<K, In, Out>,
{
    wiring.runtime.set_key::<K>();
    function.open(&wiring.runtime)?;
    let out = Collector::new(main_output(&mut wiring.outputs)?, wiring.runtime.instance());
    let operator = wiring.runtime.operator();
    let ctx = Context::new(wiring.runtime, SideOutputs::open(sides, wiring.outputs)?);
    Ok(vec![erase::<In>(KeyedProcess { function, operator, ctx, out, marker: PhantomData })])
}

/// Timestamp of what a timer emits: its own, or none for processing time. Source: Flink,
/// `KeyedProcessOperator.onEventTime` and `onProcessingTime`.
pub(crate) fn timestamp_of(timer: &Timer) -> i64 {
    match timer.domain {
        TimeDomain::EventTime => timer.timestamp,
        TimeDomain::ProcessingTime => NO_TIMESTAMP,
    }
}

impl<K, In, Out, F> KeyedProcess<F, K, In, Out>
where
    K: Key,
    In: 'static,
    Out: 'static,
    F: KeyedProcessFunction<K, In, Out>,
{
    #[inline]
    fn outcome(&mut self, result: Result<(), Error>) -> Outcome {
        let main = self.out.outcome(self.operator, result);
        // Both are taken, so that neither is left for the next record.
        let side = self.ctx.side_outcome();
        main.and(side)
    }

    /// Calls the function for each value; for those of some records after making that record the
    /// current one. The only place that does, so that the function is in line here.
    #[inline(never)]
    fn process_each(
        &mut self,
        chunk: &mut Chunk<In>,
        records: Option<Records<'_>>,
    ) -> Result<(), (usize, Failure)> {
        for (position, (timestamp, value)) in chunk.drain(..).enumerate() {
            if let Some(records) = records {
                records.begin(position);
            }
            self.ctx.prepare_key().map_err(|failure| (position, failure))?;
            self.ctx.set_timestamp(timestamp);
            self.out.begin_record(timestamp);
            let result = self.function.process(value, &mut self.ctx, &mut self.out);
            self.outcome(result).map_err(|failure| (position, failure))?;
        }
        Ok(())
    }

    #[inline(never)]
    fn on_timers(&mut self, timer: &Timer, records: Records<'_>) -> Outcome {
        let timestamp = timestamp_of(timer);
        (0..records.len()).try_for_each(|position| {
            records.begin(position);
            self.ctx.prepare_key()?;
            self.ctx.set_timestamp(timestamp);
            self.out.begin_record(timestamp);
            let result = self.function.on_timer(timer, &mut self.ctx, &mut self.out);
            self.outcome(result)
        })
    }
}

impl<K, In, Out, F> Pipe<In> for KeyedProcess<F, K, In, Out>
where
    K: Key,
    In: 'static,
    Out: 'static,
    F: KeyedProcessFunction<K, In, Out>,
{
    fn push(&mut self, timestamp: i64, value: In) -> Outcome {
        self.process_each(&mut vec![(timestamp, value)], None).map_err(|(_, failure)| failure)
    }

    fn push_each(
        &mut self,
        chunk: &mut Chunk<In>,
        records: Records<'_>,
    ) -> Result<(), (usize, Failure)> {
        self.process_each(chunk, Some(records))
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        match signal {
            Signal::Timers(timer, records) => return self.on_timers(timer, records),
            Signal::Checkpoint => self
                .function
                .before_checkpoint()
                .map_err(|error| Failure::new(self.operator, error))?,
            Signal::Finish => {
                self.out.begin_record(NO_TIMESTAMP);
                let result = self.function.finish(&mut self.out);
                self.outcome(result)?;
            }
            Signal::Close => {
                self.function.close().map_err(|error| Failure::new(self.operator, error))?;
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
