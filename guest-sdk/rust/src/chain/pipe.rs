//! The call from one fused operator to the next, and the pipes without a function of their own.

use super::instance::InstanceContext;
use crate::error::{Error, Failure, Outcome};
use crate::timers::Timer;

/// Values on their way from one fused operator to the next, each with its timestamp.
pub(crate) type Chunk<T> = Vec<(i64, T)>;

/// Values are gathered up to this number: enough to make the call of the next operator cheap, and
/// few enough to stay in the first level cache.
pub(crate) const CHUNK_RECORDS: usize = 64;
/// Values are gathered up to this number until it is known how large they are.
pub(crate) const CHUNK_RECORDS_FIRST: usize = 8;
/// Bytes, encoded, that gathered values should not exceed: they are all in memory at once, and
/// once more for each operator in a row.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// How many values to gather after so many of that many bytes.
#[inline]
pub(crate) fn chunk_records(bytes: usize, records: usize) -> usize {
    (CHUNK_BYTES / (bytes / records).max(1)).clamp(1, CHUNK_RECORDS)
}

/// Takes the values that an output emits: the next operator, or the way out of the instance.
pub(crate) trait Pipe<T>: 'static {
    /// Takes one value.
    fn push(&mut self, timestamp: i64, value: T) -> Outcome;

    /// Whether neither this pipe nor any behind it can fail. Only then may values of several
    /// records be gathered: none of them will have to be taken back.
    fn never_fails(&self) -> bool {
        false
    }

    /// Takes all values of a chunk, of any number of records, and leaves it empty.
    ///
    /// # Panics
    /// One fails, though the pipe [never does](Pipe::never_fails).
    fn push_all(&mut self, chunk: &mut Chunk<T>) {
        for (timestamp, value) in chunk.drain(..) {
            if let Err(failure) = self.push(timestamp, value) {
                broken_promise(&failure.into_error());
            }
        }
    }

    /// What the pipe takes by reference, since it only reads values.
    fn reads(&self) -> Reads {
        Reads::Nothing
    }

    /// Takes a value that the caller keeps.
    fn push_ref(&mut self, _timestamp: i64, _value: &T) -> Outcome {
        Err(unread())
    }

    /// Takes the bytes of a value that is text or bytes as they are, without them being copied into
    /// a value first. `keeps` says that no value will have to be taken back.
    fn push_raw(&mut self, _timestamp: i64, _bytes: &[u8], _keeps: bool) -> Outcome {
        Err(unread())
    }

    /// Takes the values of some input records one by one and leaves the chunk empty. A failure
    /// comes with the position of its record; the function has not seen those behind it.
    fn push_each(
        &mut self,
        chunk: &mut Chunk<T>,
        records: Records<'_>,
    ) -> Result<(), (usize, Failure)> {
        for (position, (timestamp, value)) in chunk.drain(..).enumerate() {
            records.begin(position);
            if let Err(failure) = self.push(timestamp, value) {
                return Err((position, failure));
            }
        }
        Ok(())
    }

    /// Emits a watermark behind all values taken before. Only ways out of the instance know of
    /// watermarks: an operator that makes them is never fused to what is behind it.
    fn emit_watermark(&mut self, watermark: i64) {
        let _ = watermark;
    }

    /// Emits watermarks if it is time to; only for the head: not passed on.
    fn on_watermark_interval(&mut self) {}

    /// Takes a signal, and passes it on to whatever is behind.
    fn signal(&mut self, signal: Signal<'_>) -> Outcome;
}

/// What a pipe only reads. Moving a value costs a component more than most values are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// It takes values.
    Nothing,
    /// It takes references to values.
    Values,
    /// It also takes text or bytes that are no values yet.
    ValuesAndBytes,
}

#[cold]
fn unread() -> Failure {
    Failure::new(0, Error::fatal("a pipe that takes values was given what it does not read"))
}

/// The input records whose values are in a chunk, or the timers of one time.
#[derive(Clone, Copy)]
pub(crate) struct Records<'a> {
    pub(crate) instance: &'a InstanceContext,
    /// Of a keyed input: the slot of each record's key.
    pub(crate) slots: Option<&'a [u32]>,
}

impl Records<'_> {
    /// Number of keys that are known.
    pub(crate) fn len(self) -> usize {
        self.slots.map_or(0, <[u32]>::len)
    }

    /// Makes the record at a position the current one.
    #[inline(always)]
    pub(crate) fn begin(self, position: usize) {
        self.instance.begin_record();
        if let Some(slots) = self.slots {
            self.instance.keys.select(slots[position]);
        }
    }
}

/// Ends the guest: a function or codec has failed that had said it never does.
#[cold]
#[inline(never)]
pub(crate) fn broken_promise(error: &Error) -> ! {
    panic!("what said that it never fails has failed: {error}")
}

/// What else goes down the pipes.
#[derive(Clone, Copy)]
pub(crate) enum Signal<'a> {
    /// A timer has come due under each of some keys. Only for the head: not passed on.
    Timers(&'a Timer, Records<'a>),
    /// No record with a timestamp at or before this one will follow: what an operator holds back
    /// up to then must go on. Only sent where an operator holds back.
    Watermark(i64),
    /// All that operators hold back must go on.
    Release,
    /// The time may have come that an operator has asked to be called at.
    Wake,
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

    fn never_fails(&self) -> bool {
        true
    }

    fn push_all(&mut self, chunk: &mut Chunk<T>) {
        chunk.clear();
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

    fn never_fails(&self) -> bool {
        self.rest.iter().chain([&self.last]).all(|pipe| pipe.never_fails())
    }

    fn push_all(&mut self, chunk: &mut Chunk<T>) {
        for pipe in &mut self.rest {
            pipe.push_all(&mut chunk.clone());
        }
        self.last.push_all(chunk);
    }

    fn emit_watermark(&mut self, watermark: i64) {
        self.rest.iter_mut().for_each(|pipe| pipe.emit_watermark(watermark));
        self.last.emit_watermark(watermark);
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
