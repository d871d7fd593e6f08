//! The call from one fused operator to the next, and the pipes without a function of their own.

use crate::error::Outcome;
use crate::timers::Timer;

/// Takes the values that an output emits: the next operator, or the way out of the instance.
pub(crate) trait Pipe<T>: 'static {
    /// Takes one value.
    fn push(&mut self, timestamp: i64, value: T) -> Outcome;

    /// Takes a signal, and passes it on to whatever is behind.
    fn signal(&mut self, signal: Signal<'_>) -> Outcome;
}

/// What else goes down the pipes.
#[derive(Clone, Copy)]
pub(crate) enum Signal<'a> {
    /// A timer under the current key has come due. Only for the head: not passed on.
    Timer(&'a Timer),
    /// A snapshot follows.
    Checkpoint,
    /// The input has ended.
    Finish,
    /// Hand all complete records to the host.
    Flush,
    /// Drop what the current record pushed.
    Rollback,
    /// The instance is about to be dropped.
    Close,
}

/// The end of an output that nobody reads.
pub(crate) struct Unread;

impl<T: 'static> Pipe<T> for Unread {
    fn push(&mut self, _timestamp: i64, _value: T) -> Outcome {
        Ok(())
    }

    fn signal(&mut self, _signal: Signal<'_>) -> Outcome {
        Ok(())
    }
}

/// An output with several readers: all but the last get a clone.
struct FanOut<T> {
    rest: Vec<Box<dyn Pipe<T>>>,
    last: Box<dyn Pipe<T>>,
}

impl<T: Clone + 'static> Pipe<T> for FanOut<T> {
    fn push(&mut self, timestamp: i64, value: T) -> Outcome {
        for pipe in &mut self.rest {
            pipe.push(timestamp, value.clone())?;
        }
        self.last.push(timestamp, value)
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        for pipe in &mut self.rest {
            pipe.signal(signal)?;
        }
        self.last.signal(signal)
    }
}

/// Makes one pipe of all the readers of an output.
pub(crate) fn fan_out<T: Clone + 'static>(mut pipes: Vec<Box<dyn Pipe<T>>>) -> Box<dyn Pipe<T>> {
    match (pipes.pop(), pipes.is_empty()) {
        (None, _) => Box::new(Unread),
        (Some(only), true) => only,
        (Some(last), false) => Box::new(FanOut { rest: pipes, last }),
    }
}
