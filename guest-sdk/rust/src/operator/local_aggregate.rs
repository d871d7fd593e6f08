//! The first phase of two-phase aggregation: an operator without keys, in front of the exchange by
//! key, that puts together what it can of the values of each key and hands on one partial result
//! in place of many records. Source: Flink, `MapBundleOperator` and
//! `docs/content/docs/dev/table/tuning.md`, "Local-Global Aggregation".
//!
//! Law: what is held leaves before anything that says it was processed: the watermark it would be
//! late behind, the status idle, a checkpoint, the end. What is held was committed: the record that
//! made it can no longer be refused.

mod held;
mod slices;

use std::mem;
use std::rc::Rc;

use self::held::{Held, KeyBytes};
pub(crate) use self::slices::Slices;
use super::definition::Wiring;
use super::simple::main_output;
use crate::chain::erased::{AnyPipe, erase};
use crate::chain::instance::InstanceContext;
use crate::chain::pipe::{Chunk, Pipe, Records, Signal};
use crate::codec::{Data, Key, encode_key, is_plain, whole_number};
use crate::error::{Error, Failure, Outcome};
use crate::function::accumulate::Partial;

/// Partial results after which those that have been made are handed to the host.
const EMIT_RECORDS: usize = 1024;
/// The number of no record, whose results are never taken back.
const NO_RECORD: u32 = 0;

/// What the operator puts together: values, or partial results of values.
pub(crate) trait Combine: 'static {
    type In: 'static;
    /// What is left of a value once it has been read.
    type Item: 'static;
    type Key: Key;
    type Stored: Data;

    /// Reads key and item of a value.
    ///
    /// # Errors
    /// The value has none: the record is bad.
    fn read(&mut self, value: Self::In) -> Result<(Self::Key, Self::Item), Error>;

    /// Whether no value is bad.
    fn never_fails(&self) -> bool;

    fn add(&mut self, stored: &mut Option<Self::Stored>, item: Self::Item);
}

/// How much is held, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Keys, counted once a slice of time.
    pub(crate) keys_max: usize,
    /// Where time is not sliced: records, and milliseconds by the host's clock.
    pub(crate) records_max: u64,
    pub(crate) latency_ms: i64,
}

/// The operator.
struct LocalAggregate<C: Combine> {
    combine: C,
    slices: Slices,
    bounds: Bounds,
    held: Held<C::Key, C::Stored>,
    /// Values of the record at hand, which may still be refused, with their keys.
    pending: Vec<Pending<C>>,
    pending_keys: Vec<u8>,
    /// The record that they are of.
    pending_record: u32,
    /// The bytes of the key at hand. Kept for their memory.
    key_bytes: Vec<u8>,
    /// What failed where no failure can be told; the next signal tells it.
    failure: Option<Failure>,
    /// The last watermark sent on. Timers of an operator in front may have fired for a later one,
    /// which follows what they emit.
    watermark: i64,
    /// The stream is idle, so that the watermark behind goes on without it: nothing is held of
    /// windows until it has a watermark again.
    is_idle: bool,
    /// Records since what is held began.
    records: u64,
    /// When what is held must leave by the host's clock.
    deadline: Option<i64>,
    partials: Chunk<Partial<C::Key, C::Stored>>,
    out: Box<dyn Pipe<Partial<C::Key, C::Stored>>>,
    never_fails: bool,
    instance: Rc<InstanceContext>,
    operator: u32,
}

struct Pending<C: Combine> {
    timestamp: i64,
    item: C::Item,
    key: C::Key,
    /// Where the bytes of the key end.
    key_end: usize,
}

/// Builds the operator.
pub(crate) fn local_aggregate<C: Combine>(
    combine: C,
    slices: Slices,
    bounds: Bounds,
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error> {
    let out = main_output(&mut wiring.outputs)?;
    let instance = Rc::clone(wiring.runtime.instance());
    instance.holds_back.set(true);
    // What is behind may fail: that is no fault of a record, and can wait for the next signal.
    let never_fails = combine.never_fails() && is_plain::<C::Key>();
    Ok(vec![erase::<C::In>(LocalAggregate {
        combine,
        slices,
        bounds,
        held: Held::new(),
        pending: Vec::new(),
        pending_keys: Vec::new(),
        pending_record: NO_RECORD,
        key_bytes: Vec::new(),
        failure: None,
        watermark: i64::MIN,
        is_idle: false,
        records: 0,
        deadline: None,
        partials: Vec::new(),
        out,
        never_fails,
        instance,
        operator: wiring.runtime.operator(),
    })])
}

impl<C: Combine> LocalAggregate<C> {
    /// Notes a value of the record at hand.
    fn note(&mut self, timestamp: i64, value: C::In) -> Outcome {
        let (key, item) = match self.combine.read(value) {
            Ok(read) => read,
            Err(error) => return Err(Failure::new(self.operator, error)),
        };
        if let Err(error) = encode_key(&key, &mut self.pending_keys) {
            self.pending_keys.truncate(self.pending.last().map_or(0, |last| last.key_end));
            return Err(Failure::new(self.operator, error));
        }
        let key_end = self.pending_keys.len();
        self.pending.push(Pending { timestamp, item, key, key_end });
        Ok(())
    }

    /// Puts the values that can no longer be refused to those held.
    fn commit(&mut self) -> Outcome {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (mut pending, mut keys) =
            (mem::take(&mut self.pending), mem::take(&mut self.pending_keys));
        let mut start = 0;
        let outcome =
            pending.drain(..).try_for_each(|Pending { timestamp, item, key, key_end }| {
                let range = mem::replace(&mut start, key_end)..key_end;
                let bytes = match whole_number(&key) {
                    Some(number) => KeyBytes::of_number(number),
                    None => KeyBytes::in_column(&keys, range),
                };
                self.hold(timestamp, key, bytes, item)
            });
        keys.clear();
        (self.pending, self.pending_keys) = (pending, keys);
        outcome
    }

    /// Puts values that nobody else can refuse to those held, each as `begin` makes its record the
    /// current one. A failure comes with the position of its value, of which nothing is held. A
    /// function of its own, so that all it works with stays in registers.
    #[inline(never)]
    fn hold_all(
        &mut self,
        chunk: &mut Chunk<C::In>,
        begin: impl Fn(usize),
    ) -> Result<(), (usize, Failure)> {
        self.commit().map_err(|failure| (0, failure))?;
        let mut bytes = mem::take(&mut self.key_bytes);
        let outcome = chunk.drain(..).enumerate().try_for_each(|(position, (timestamp, value))| {
            begin(position);
            self.hold_value(timestamp, value, &mut bytes).map_err(|failure| (position, failure))
        });
        self.key_bytes = bytes;
        outcome
    }

    #[inline(always)]
    fn hold_value(&mut self, timestamp: i64, value: C::In, bytes: &mut Vec<u8>) -> Outcome {
        let (key, item) = match self.combine.read(value) {
            Ok(read) => read,
            Err(error) => return Err(Failure::new(self.operator, error)),
        };
        if let Some(number) = whole_number(&key) {
            return self.hold(timestamp, key, KeyBytes::of_number(number), item);
        }
        bytes.clear();
        if let Err(error) = encode_key(&key, bytes) {
            return Err(Failure::new(self.operator, error));
        }
        let end = bytes.len();
        bytes.extend_from_slice(&KeyBytes::PADDING);
        self.hold(timestamp, key, KeyBytes::in_column(bytes, 0..end), item)
    }

    #[inline(always)]
    fn hold(&mut self, timestamp: i64, key: C::Key, bytes: KeyBytes<'_>, item: C::Item) -> Outcome {
        let is_held = !(self.is_idle && self.slices.is_sliced());
        let slice = self.slices.of(timestamp, self.watermark).filter(|_| is_held);
        let Some(slice) = slice else {
            return self.pass(timestamp, key, item);
        };
        let combine = &mut self.combine;
        self.held.update(slice, timestamp, key, bytes, |stored| combine.add(stored, item));
        self.records += 1;
        if self.slices.is_sliced() {
            if self.held.len() >= self.bounds.keys_max {
                return self.release();
            }
            return Ok(());
        }
        if self.held.len() >= self.bounds.keys_max || self.records >= self.bounds.records_max {
            return self.release();
        }
        if self.deadline.is_none() {
            let at = self.instance.processing_time().saturating_add(self.bounds.latency_ms);
            self.deadline = Some(at);
            self.instance.host.wake_at(at);
        }
        Ok(())
    }

    /// Hands on a value by itself. It may be late, or become so any time: whoever is behind
    /// decides.
    #[cold]
    fn pass(&mut self, timestamp: i64, key: C::Key, item: C::Item) -> Outcome {
        let mut stored = None;
        self.combine.add(&mut stored, item);
        self.partials.extend(stored.map(|stored| (timestamp, (key, stored))));
        self.emit(EMIT_RECORDS)
    }

    /// Hands on what a watermark leaves behind.
    fn release_to(&mut self, watermark: i64) -> Outcome {
        self.commit()?;
        self.held.take_to(watermark, self.slices.is_sliced(), &mut self.partials);
        self.after_release()
    }

    /// Hands on all that is held.
    fn release(&mut self) -> Outcome {
        self.held.take_to(i64::MAX, self.slices.is_sliced(), &mut self.partials);
        self.after_release()
    }

    fn after_release(&mut self) -> Outcome {
        if self.held.is_empty() {
            self.records = 0;
            self.deadline = None;
        }
        self.emit(0)
    }

    /// Hands partial results on if there are more than `room`. None of them can be taken back: what
    /// was put together is not only of the record at hand.
    fn emit(&mut self, room: usize) -> Outcome {
        if self.partials.len() <= room {
            return Ok(());
        }
        let record = self.instance.record.replace(NO_RECORD);
        let outcome = self.emit_all();
        self.instance.record.set(record);
        outcome.map_err(|failure| {
            // It is of no record that could be refused.
            Failure::new(self.operator, failure.into_error().into_fatal())
        })
    }

    fn emit_all(&mut self) -> Outcome {
        if self.out.never_fails() {
            self.out.push_all(&mut self.partials);
            return Ok(());
        }
        for (index, (timestamp, partial)) in self.partials.drain(..).enumerate() {
            self.out.push(timestamp, partial)?;
            if (index + 1) % EMIT_RECORDS == 0 {
                self.out.signal(Signal::Flush)?;
            }
        }
        self.out.signal(Signal::Flush)
    }

    fn wake(&mut self) -> Outcome {
        self.commit()?;
        match self.deadline {
            Some(at) if at <= self.instance.processing_time() => self.release(),
            Some(at) => {
                self.instance.host.wake_at(at);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl<C: Combine> Pipe<C::In> for LocalAggregate<C> {
    fn push(&mut self, timestamp: i64, value: C::In) -> Outcome {
        let record = self.instance.record.get();
        if record != self.pending_record {
            self.commit()?;
            self.pending_record = record;
        }
        self.note(timestamp, value)
    }

    fn never_fails(&self) -> bool {
        self.never_fails
    }

    fn push_all(&mut self, chunk: &mut Chunk<C::In>) {
        if self.failure.is_some() {
            return chunk.clear();
        }
        self.failure = self.hold_all(chunk, |_| {}).err().map(|(_, failure)| failure);
    }

    /// Only the head is given its records so: once a value was read, nobody can refuse its record.
    fn push_each(
        &mut self,
        chunk: &mut Chunk<C::In>,
        records: Records<'_>,
    ) -> Result<(), (usize, Failure)> {
        self.hold_all(chunk, |position| records.begin(position))
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        match signal {
            Signal::Rollback => {
                if self.pending_record == self.instance.record.get() {
                    self.pending.clear();
                    self.pending_keys.clear();
                }
            }
            Signal::Flush => {
                self.commit()?;
                self.emit(0)?;
            }
            Signal::Watermark(watermark) => {
                self.is_idle = false;
                self.release_to(watermark)?;
                self.watermark = watermark;
            }
            Signal::Wake => self.wake()?,
            Signal::Release | Signal::Checkpoint | Signal::Finish => {
                self.is_idle |= matches!(signal, Signal::Release);
                self.commit()?;
                self.release()?;
            }
            Signal::Timers(..) | Signal::Close => {}
        }
        self.out.signal(signal)
    }
}

#[cfg(test)]
mod tests;
