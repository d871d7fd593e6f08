//! Map, filter and flat map.

use std::marker::PhantomData;

use super::definition::Wiring;
use crate::chain::erased::{AnyPipe, erase, join};
use crate::chain::pipe::{CHUNK_RECORDS, Chunk, Pipe, Signal, broken_promise};
use crate::collector::Collector;
use crate::error::{Error, Failure, Outcome};
use crate::function::{FilterFunction, FlatMapFunction, MapFunction};
use crate::host::NO_TIMESTAMP;

/// The pipes of the first output.
pub(crate) fn main_output<T: Clone + 'static>(
    outputs: &mut Vec<Vec<AnyPipe>>,
) -> Result<Box<dyn Pipe<T>>, Error> {
    let main = if outputs.is_empty() { Vec::new() } else { outputs.remove(0) };
    join(main)
}

struct Map<F, Out> {
    function: F,
    operator: u32,
    /// Kept for its memory; empty between calls.
    mapped: Chunk<Out>,
    out: Box<dyn Pipe<Out>>,
}

/// Builds a map.
pub(crate) fn map<In, Out, F>(mut function: F, mut wiring: Wiring) -> Result<Vec<AnyPipe>, Error>
where
    In: 'static,
    Out: Clone + 'static,
    F: MapFunction<In, Out>,
{
    function.open(&wiring.runtime)?;
    let out = main_output(&mut wiring.outputs)?;
    let operator = wiring.runtime.operator();
    let mapped = Vec::with_capacity(CHUNK_RECORDS);
    Ok(vec![erase::<In>(Map { function, operator, mapped, out })])
}

impl<In: 'static, Out: 'static, F: MapFunction<In, Out>> Pipe<In> for Map<F, Out> {
    #[inline]
    fn push(&mut self, timestamp: i64, value: In) -> Outcome {
        match self.function.map(value) {
            Ok(mapped) => self.out.push(timestamp, mapped),
            Err(error) => Err(Failure::new(self.operator, error)),
        }
    }

    fn never_fails(&self) -> bool {
        self.function.never_fails() && self.out.never_fails()
    }

    fn push_all(&mut self, chunk: &mut Chunk<In>) {
        let function = &mut self.function;
        self.mapped.extend(chunk.drain(..).map(|(timestamp, value)| match function.map(value) {
            Ok(mapped) => (timestamp, mapped),
            Err(error) => broken_promise(&error),
        }));
        self.out.push_all(&mut self.mapped);
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        if matches!(signal, Signal::Close) {
            self.function.close().map_err(|error| Failure::new(self.operator, error))?;
        }
        self.out.signal(signal)
    }
}

struct Filter<F, T> {
    function: F,
    operator: u32,
    out: Box<dyn Pipe<T>>,
}

/// Builds a filter.
pub(crate) fn filter<T, F>(mut function: F, mut wiring: Wiring) -> Result<Vec<AnyPipe>, Error>
where
    T: Clone + 'static,
    F: FilterFunction<T>,
{
    function.open(&wiring.runtime)?;
    let out = main_output(&mut wiring.outputs)?;
    let operator = wiring.runtime.operator();
    Ok(vec![erase::<T>(Filter { function, operator, out })])
}

impl<T: 'static, F: FilterFunction<T>> Pipe<T> for Filter<F, T> {
    #[inline]
    fn push(&mut self, timestamp: i64, value: T) -> Outcome {
        match self.function.filter(&value) {
            Ok(true) => self.out.push(timestamp, value),
            Ok(false) => Ok(()),
            Err(error) => Err(Failure::new(self.operator, error)),
        }
    }

    fn never_fails(&self) -> bool {
        self.function.never_fails() && self.out.never_fails()
    }

    fn push_all(&mut self, chunk: &mut Chunk<T>) {
        chunk.retain(|(_, value)| match self.function.filter(value) {
            Ok(keep) => keep,
            Err(error) => broken_promise(&error),
        });
        self.out.push_all(chunk);
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        if matches!(signal, Signal::Close) {
            self.function.close().map_err(|error| Failure::new(self.operator, error))?;
        }
        self.out.signal(signal)
    }
}

struct FlatMap<F, In, Out> {
    function: F,
    operator: u32,
    out: Collector<Out>,
    marker: PhantomData<fn(In)>,
}

/// Builds a flat map.
pub(crate) fn flat_map<In, Out, F>(
    mut function: F,
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    In: 'static,
    Out: Clone + 'static,
    F: FlatMapFunction<In, Out>,
{
    function.open(&wiring.runtime)?;
    let out = Collector::new(main_output(&mut wiring.outputs)?, wiring.runtime.instance());
    let operator = wiring.runtime.operator();
    Ok(vec![erase::<In>(FlatMap { function, operator, out, marker: PhantomData })])
}

impl<In: 'static, Out: 'static, F: FlatMapFunction<In, Out>> Pipe<In> for FlatMap<F, In, Out> {
    #[inline]
    fn push(&mut self, timestamp: i64, value: In) -> Outcome {
        self.out.begin_record(timestamp);
        let result = self.function.flat_map(value, &mut self.out);
        self.out.outcome(self.operator, result)
    }

    fn never_fails(&self) -> bool {
        self.function.never_fails() && self.out.never_fails()
    }

    fn push_all(&mut self, chunk: &mut Chunk<In>) {
        self.out.keep_all(true);
        for (timestamp, value) in chunk.drain(..) {
            self.out.begin_record(timestamp);
            if let Err(error) = self.function.flat_map(value, &mut self.out) {
                broken_promise(&error);
            }
        }
        self.out.keep_all(false);
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        match signal {
            Signal::Finish => {
                self.out.begin_record(NO_TIMESTAMP);
                let result = self.function.finish(&mut self.out);
                self.out.outcome(self.operator, result)?;
            }
            Signal::Close => {
                self.function.close().map_err(|error| Failure::new(self.operator, error))?;
            }
            Signal::Timers(..)
            | Signal::Watermark(_)
            | Signal::Release
            | Signal::Wake
            | Signal::Checkpoint
            | Signal::Flush
            | Signal::Rollback => {}
        }
        self.out.signal(signal)
    }
}
