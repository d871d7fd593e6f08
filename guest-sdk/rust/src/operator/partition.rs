//! Key selectors and partitioners: the hidden operators at the end of a chain that write the key
//! column of an output.

use std::marker::PhantomData;

use super::definition::Wiring;
use super::simple::main_output;
use crate::chain::erased::{AnyPipe, erase};
use crate::chain::external::{HashKey, KeyBytes, Subtask, WithKey};
use crate::chain::pipe::{Chunk, Pipe, Signal, broken_promise};
use crate::codec::Key;
use crate::error::{Error, Failure, Outcome};

/// Gives each record the key that a closure chooses.
struct Selector<K, T, F> {
    select: F,
    never_fails: bool,
    /// Kept for its memory; empty between calls.
    selected: Chunk<WithKey<K, T>>,
    out: Box<dyn Pipe<WithKey<K, T>>>,
    operator: u32,
    marker: PhantomData<fn(T) -> K>,
}

/// Builds a key selector.
pub(crate) fn key_selector<K, T, F>(mut select: F, wiring: Wiring) -> Result<Vec<AnyPipe>, Error>
where
    K: Key,
    T: Clone + 'static,
    F: FnMut(&T) -> K + 'static,
{
    selector(move |value: &T| Ok(HashKey(select(value))), true, wiring)
}

/// Builds a partitioner: `partition` chooses one of the given number of subtasks.
pub(crate) fn partitioner<T, F>(mut partition: F, wiring: Wiring) -> Result<Vec<AnyPipe>, Error>
where
    T: Clone + 'static,
    F: FnMut(&T, u32) -> u32 + 'static,
{
    let partitions = wiring.partitions;
    let choose = move |value: &T| {
        let chosen = partition(value, partitions);
        if chosen < partitions {
            Ok(Subtask(chosen))
        } else {
            Err(Error::bad_record(format!(
                "the partitioner chose subtask {chosen} of {partitions}, counted from 0"
            )))
        }
    };
    selector(choose, false, wiring)
}

fn selector<K, T, F>(
    select: F,
    never_fails: bool,
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error>
where
    K: KeyBytes,
    T: Clone + 'static,
    F: FnMut(&T) -> Result<K, Error> + 'static,
{
    let out = main_output(&mut wiring.outputs)?;
    let operator = wiring.runtime.operator();
    let selected = Vec::new();
    let marker = PhantomData;
    Ok(vec![erase::<T>(Selector { select, never_fails, selected, out, operator, marker })])
}

impl<K, T, F> Pipe<T> for Selector<K, T, F>
where
    K: KeyBytes,
    T: 'static,
    F: FnMut(&T) -> Result<K, Error> + 'static,
{
    #[inline]
    fn push(&mut self, timestamp: i64, value: T) -> Outcome {
        match (self.select)(&value) {
            Ok(key) => self.out.push(timestamp, WithKey { key, value }),
            Err(error) => Err(Failure::new(self.operator, error)),
        }
    }

    fn never_fails(&self) -> bool {
        self.never_fails && self.out.never_fails()
    }

    fn push_all(&mut self, chunk: &mut Chunk<T>) {
        let select = &mut self.select;
        self.selected.extend(chunk.drain(..).map(|(timestamp, value)| match select(&value) {
            Ok(key) => (timestamp, WithKey { key, value }),
            Err(error) => broken_promise(&error),
        }));
        self.out.push_all(&mut self.selected);
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.out.signal(signal)
    }
}
