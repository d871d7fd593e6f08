//! The door of an instance: decodes the records of a batch and pushes them into the head operator.
//! Also the same for single values, where two fused operators do not share a type.

use std::rc::Rc;

use super::instance::InstanceContext;
use super::pipe::{CHUNK_BYTES, Chunk, Pipe, Records, Signal, chunk_records};
use crate::codec::{Decode, ValueColumn};
use crate::error::{Error, Failure, Outcome};
use crate::host::Batch;

/// One input of the head operator.
pub(crate) trait Head {
    /// Pushes all records of a batch. A failure comes with the index of its record.
    fn process(&mut self, batch: Batch) -> Result<(), (u32, Failure)>;

    /// Lets the operator emit watermarks.
    fn on_watermark_interval(&mut self);

    /// Passes a signal to the operator and whatever is behind it.
    fn signal(&mut self, signal: Signal<'_>) -> Outcome;
}

/// Decodes with the codec `C` for the operator behind `pipe`.
pub(crate) struct DecodeHead<T, C> {
    pub(crate) pipe: Box<dyn Pipe<T>>,
    pub(crate) codec: Rc<C>,
    pub(crate) instance: Rc<InstanceContext>,
    pub(crate) keyed: bool,
    pub(crate) never_fails: bool,
    /// Values that are decoded before the first of them is pushed, where any can fail.
    pub(crate) each_records: usize,
    /// Kept for its memory; empty between calls.
    pub(crate) chunk: Chunk<T>,
}

/// Decodes some values of a column into a chunk, from `start` on, up to the first that does not
/// decode or that makes the chunk too large. A function of its own, so that all it works with
/// stays in registers.
#[inline(never)]
fn decode_block<T, C: Decode<T>>(
    codec: &C,
    column: &ValueColumn<'_>,
    mut start: usize,
    ends: &[u32],
    timestamps: &[i64],
    chunk: &mut Chunk<T>,
) -> Result<(), Error> {
    chunk.reserve(ends.len());
    let full = start + CHUNK_BYTES;
    for (end, timestamp) in ends.iter().zip(timestamps) {
        let end = *end as usize;
        chunk.push((*timestamp, codec.decode_from(column, start..end)?));
        start = end;
        if end >= full {
            break;
        }
    }
    Ok(())
}

impl<T: 'static, C: Decode<T>> DecodeHead<T, C> {
    /// Pushes the records of a batch many at a time into pipes that cannot fail: only a record that
    /// does not decode can.
    fn push_chunks(&mut self, batch: Batch) -> Result<(), (u32, Failure)> {
        let values = Rc::new(batch.values);
        let column = ValueColumn::new(&values, self.codec.wants_text());
        self.instance.begin_record();
        let (mut index, mut start) = (0, 0);
        while index < batch.timestamps.len() {
            let last = (index + self.instance.chunk_records.get()).min(batch.timestamps.len());
            let (ends, timestamps) =
                (&batch.value_ends[index..last], &batch.timestamps[index..last]);
            let decoded =
                decode_block(&*self.codec, &column, start, ends, timestamps, &mut self.chunk);
            let count = self.chunk.len();
            index += count;
            // Counts unless what leaves the instance is measured: little may, or nothing.
            let bytes = ends.get(count.wrapping_sub(1)).map_or(0, |end| *end as usize - start);
            self.instance.chunk_records.set(chunk_records(bytes, count.max(1)));
            self.pipe.push_all(&mut self.chunk);
            if let Err(error) = decoded {
                // The refused record gets a number under which nothing was emitted.
                self.instance.begin_record();
                return Err((index as u32, Failure::new(0, error)));
            }
            start = batch.value_ends[index - 1] as usize;
        }
        Ok(())
    }

    /// Pushes the records of a batch one by one, with the slots of their keys if they have keys.
    /// Only decoding is done for some at a time.
    fn push_each(&mut self, batch: Batch, slots: Option<&[u32]>) -> Result<(), (u32, Failure)> {
        let values = Rc::new(batch.values);
        let column = ValueColumn::new(&values, self.codec.wants_text());
        let instance = &*self.instance;
        let (mut index, mut start) = (0, 0);
        while index < batch.timestamps.len() {
            let last = (index + self.each_records).min(batch.timestamps.len());
            let (ends, timestamps) =
                (&batch.value_ends[index..last], &batch.timestamps[index..last]);
            let decoded =
                decode_block(&*self.codec, &column, start, ends, timestamps, &mut self.chunk);
            let count = self.chunk.len();
            let records = Records { instance, slots: slots.map(|slots| &slots[index..]) };
            if let Some(slots) = slots {
                instance.keys.fetch(&slots[index..index + count]);
            }
            self.pipe
                .push_each(&mut self.chunk, records)
                .map_err(|(position, failure)| ((index + position) as u32, failure))?;
            index += count;
            if let Err(error) = decoded {
                // The refused record gets a number under which nothing was emitted.
                instance.begin_record();
                return Err((index as u32, Failure::new(0, error)));
            }
            let end = batch.value_ends[index - 1] as usize;
            self.each_records = chunk_records(end - start, count);
            start = end;
        }
        Ok(())
    }
}

impl<T: 'static, C: Decode<T>> Head for DecodeHead<T, C> {
    fn process(&mut self, batch: Batch) -> Result<(), (u32, Failure)> {
        if !self.keyed {
            return match self.never_fails {
                true => self.push_chunks(batch),
                false => self.push_each(batch, None),
            };
        }
        let keys = Rc::clone(&self.instance.keys);
        let (ends, column) = match batch.key_ends.is_empty() && batch.keys.is_empty() {
            // Keyed by value (wit/types.wit).
            true => (&batch.value_ends, &batch.values),
            false => (&batch.key_ends, &batch.keys),
        };
        self.instance
            .begin_keyed_call(batch.timestamps.len(), ends, column)
            .map_err(|error| (0, Failure::new(0, error.into_fatal())))?;
        let slots = keys.records();
        self.push_each(batch, Some(&slots))
    }

    fn on_watermark_interval(&mut self) {
        self.pipe.on_watermark_interval();
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.pipe.signal(signal)
    }
}

/// Takes the bytes of single values.
pub(crate) trait BytePipe {
    /// Decodes and pushes one value.
    fn push(&mut self, timestamp: i64, bytes: &[u8]) -> Outcome;

    /// Passes a signal on.
    fn signal(&mut self, signal: Signal<'_>) -> Outcome;
}

/// Decodes for the fused operator behind `pipe`, whose input has another type than what the
/// operator before it emits.
pub(crate) struct DecodePipe<T, C> {
    pub(crate) pipe: Box<dyn Pipe<T>>,
    pub(crate) codec: Rc<C>,
    pub(crate) operator: u32,
}

impl<T: 'static, C: Decode<T>> BytePipe for DecodePipe<T, C> {
    fn push(&mut self, timestamp: i64, bytes: &[u8]) -> Outcome {
        match self.codec.decode(bytes) {
            Ok(value) => self.pipe.push(timestamp, value),
            Err(error) => Err(Failure::new(self.operator, error)),
        }
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.pipe.signal(signal)
    }
}

/// Encodes what an operator emits for a fused operator that takes another type.
pub(crate) struct Recode<C> {
    pub(crate) codec: Rc<C>,
    pub(crate) operator: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) next: Box<dyn BytePipe>,
}

impl<T: 'static, C: crate::codec::Encode<T>> Pipe<T> for Recode<C> {
    fn push(&mut self, timestamp: i64, value: T) -> Outcome {
        self.bytes.clear();
        match self.codec.encode(&value, &mut self.bytes) {
            Ok(()) => self.next.push(timestamp, &self.bytes),
            Err(error) => Err(Failure::new(self.operator, error)),
        }
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.next.signal(signal)
    }
}
