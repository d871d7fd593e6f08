//! The way out of the instance: values are encoded straight into the columns of a batch, which is
//! kept and reused, and handed to the host when it is full and at the end of each call.

use std::rc::Rc;

use super::instance::InstanceContext;
use super::pipe::{Chunk, Pipe, Reads, Signal, broken_promise, chunk_records};
use crate::codec::{Encode, Key, encode_key, is_plain};
use crate::error::{Error, Failure, Outcome};
use crate::host::{self, Batch};
use crate::memory;

/// A batch is handed over at the first record after it has grown to this many bytes of keys and
/// values: the host's network buffers have this size.
const BATCH_BYTES: usize = 32 * 1024;
/// A batch is handed over at the first record after it has grown to this many records.
const BATCH_RECORDS: usize = 8192;
/// Bytes that one input record may put into an output before they must leave the guest's memory.
const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Records that one input record may put into an output before they must leave.
const RECORD_RECORDS_MAX: usize = 65_536;

/// The columns of one output.
pub(crate) struct Columns {
    batch: Batch,
    output: u32,
    operator: u32,
    instance: Rc<InstanceContext>,
    /// The input record that `mark` belongs to.
    record: u32,
    mark: Mark,
}

/// How long the columns were before the current input record.
#[derive(Clone, Copy, Default)]
struct Mark {
    records: usize,
    keys: usize,
    values: usize,
}

impl Columns {
    /// Makes the columns of the host's output number `output`, filled by `operator`.
    pub(crate) fn new(output: u32, operator: u32, instance: &Rc<InstanceContext>) -> Columns {
        Columns {
            batch: host::batch(),
            output,
            operator,
            instance: Rc::clone(instance),
            record: 0,
            mark: Mark::default(),
        }
    }

    /// Appends a record whose bytes the two functions write.
    #[inline(always)]
    fn push(
        &mut self,
        timestamp: i64,
        key: impl FnOnce(&mut Vec<u8>) -> Result<bool, Error>,
        value: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Outcome {
        let record = self.instance.record.get();
        if self.record != record {
            self.begin_record(record);
        }
        let batch = &mut self.batch;
        match key(&mut batch.keys) {
            Ok(true) => batch.key_ends.push(batch.keys.len() as u32),
            Ok(false) => {}
            Err(error) => return Err(Failure::new(self.operator, error)),
        }
        if let Err(error) = value(&mut batch.values) {
            return Err(Failure::new(self.operator, error));
        }
        batch.value_ends.push(batch.values.len() as u32);
        batch.timestamps.push(timestamp);
        if batch.values.len() > RECORD_BYTES_MAX || batch.timestamps.len() > RECORD_RECORDS_MAX {
            self.leak();
        }
        Ok(())
    }

    /// Appends a record without a key whose value is these bytes. If it `keeps` what it is given,
    /// the record it belongs to does not matter.
    #[inline]
    fn push_raw(&mut self, timestamp: i64, value: &[u8], keeps: bool) -> Outcome {
        if !keeps {
            let append = |bytes: &mut Vec<u8>| {
                memory::append(bytes, value);
                Ok(())
            };
            return self.push(timestamp, |_| Ok(false), append);
        }
        let batch = &mut self.batch;
        memory::append(&mut batch.values, value);
        batch.value_ends.push(batch.values.len() as u32);
        batch.timestamps.push(timestamp);
        self.emit_full();
        Ok(())
    }

    /// Appends all of a chunk, whose keys and values the functions write.
    #[inline]
    fn push_all<T>(
        &mut self,
        chunk: &mut Chunk<T>,
        keys: Option<impl Fn(&T, &mut Vec<u8>) -> Result<(), Error>>,
        values: impl Fn(&T, &mut Vec<u8>) -> Result<(), Error>,
    ) {
        while !chunk.is_empty() {
            let batch = &mut self.batch;
            let bytes = batch.values.len();
            let mut room = BATCH_RECORDS.saturating_sub(batch.timestamps.len()).max(1);
            room = append_all(
                chunk,
                (room, BATCH_BYTES),
                &mut batch.value_ends,
                &mut batch.values,
                &values,
            );
            let appended = &chunk[..room];
            if let Some(keys) = &keys {
                append_all(
                    appended,
                    (room, usize::MAX),
                    &mut batch.key_ends,
                    &mut batch.keys,
                    keys,
                );
            }
            batch.timestamps.extend(appended.iter().map(|(timestamp, _)| *timestamp));
            chunk.drain(..room);
            self.instance.chunk_records.set(chunk_records(batch.values.len() - bytes, room));
            self.emit_full();
        }
    }

    #[inline]
    fn emit_full(&mut self) {
        if is_full(&self.batch) {
            self.emit();
        }
    }

    #[inline]
    fn begin_record(&mut self, record: u32) {
        self.record = record;
        self.emit_full();
        self.mark = Mark {
            records: self.batch.timestamps.len(),
            keys: self.batch.keys.len(),
            values: self.batch.values.len(),
        };
    }

    /// Lets a record's results leave before it is done, if it has made too many to keep.
    #[cold]
    fn leak(&mut self) {
        if self.batch.values.len() - self.mark.values > RECORD_BYTES_MAX
            || self.batch.timestamps.len() - self.mark.records > RECORD_RECORDS_MAX
        {
            self.emit();
            self.instance.leaked.set(self.record);
        }
    }

    #[inline(never)]
    fn emit(&mut self) {
        if !self.batch.timestamps.is_empty() {
            self.instance.host.emit(self.output, &self.batch);
        }
        self.batch.timestamps.clear();
        self.batch.key_ends.clear();
        self.batch.keys.clear();
        self.batch.value_ends.clear();
        self.batch.values.clear();
        self.mark = Mark::default();
    }

    fn emit_watermark(&mut self, watermark: i64) {
        self.emit();
        self.instance.host.emit_watermark(self.output, watermark);
    }

    fn rollback(&mut self) {
        if self.record != self.instance.record.get() {
            return;
        }
        self.batch.timestamps.truncate(self.mark.records);
        self.batch.value_ends.truncate(self.mark.records);
        self.batch.values.truncate(self.mark.values);
        self.batch.key_ends.truncate(self.mark.records);
        self.batch.keys.truncate(self.mark.keys);
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        match signal {
            Signal::Flush => self.emit(),
            Signal::Rollback => self.rollback(),
            Signal::Timers(..)
            | Signal::Watermark(_)
            | Signal::Release
            | Signal::Wake
            | Signal::Checkpoint
            | Signal::Finish
            | Signal::Close => {}
        }
        Ok(())
    }
}

/// Appends byte strings to a column: at most `room`, and none once it has `bytes_max`. Returns how
/// many. A function of its own, so that all it works with stays in registers.
#[inline(never)]
fn append_all<T>(
    records: &[(i64, T)],
    (room, bytes_max): (usize, usize),
    ends: &mut Vec<u32>,
    bytes: &mut Vec<u8>,
    encode: &impl Fn(&T, &mut Vec<u8>) -> Result<(), Error>,
) -> usize {
    let mut appended = 0;
    for (_, record) in records.iter().take(room) {
        if let Err(error) = encode(record, bytes) {
            broken_promise(&error);
        }
        ends.push(bytes.len() as u32);
        appended += 1;
        if bytes.len() >= bytes_max {
            break;
        }
    }
    appended
}

#[inline(always)]
fn is_full(batch: &Batch) -> bool {
    batch.values.len() + batch.keys.len() >= BATCH_BYTES || batch.timestamps.len() >= BATCH_RECORDS
}

/// An output without keys.
pub(crate) struct External<C> {
    columns: Columns,
    codec: Rc<C>,
}

impl<C> External<C> {
    pub(crate) fn new(columns: Columns, codec: Rc<C>) -> External<C> {
        External { columns, codec }
    }
}

impl<T: 'static, C: Encode<T>> Pipe<T> for External<C> {
    fn push(&mut self, timestamp: i64, value: T) -> Outcome {
        self.push_ref(timestamp, &value)
    }

    fn never_fails(&self) -> bool {
        Encode::<T>::never_fails(&*self.codec)
    }

    fn reads(&self) -> Reads {
        if self.codec.is_raw() { Reads::ValuesAndBytes } else { Reads::Values }
    }

    #[inline(never)]
    fn push_ref(&mut self, timestamp: i64, value: &T) -> Outcome {
        self.columns.push(timestamp, |_| Ok(false), |bytes| self.codec.encode(value, bytes))
    }

    fn push_raw(&mut self, timestamp: i64, bytes: &[u8], keeps: bool) -> Outcome {
        self.columns.push_raw(timestamp, bytes, keeps)
    }

    fn push_all(&mut self, chunk: &mut Chunk<T>) {
        let codec = &*self.codec;
        if !codec.never_fails() {
            // Not called then; so the one call of an encoder that can fail is that in `push_ref`,
            // where the compiler puts all of it in line.
            for (timestamp, value) in chunk.drain(..) {
                if let Err(failure) = self.push_ref(timestamp, &value) {
                    broken_promise(&failure.into_error());
                }
            }
            return;
        }
        let no_keys = None::<fn(&T, &mut Vec<u8>) -> Result<(), Error>>;
        self.columns.push_all(chunk, no_keys, |value, values| codec.encode(value, values));
    }

    fn emit_watermark(&mut self, watermark: i64) {
        self.columns.emit_watermark(watermark);
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.columns.signal(signal)
    }
}

/// What a key selector or partitioner hands to the host: a value and the bytes of its key.
#[derive(Clone)]
pub(crate) struct WithKey<K, T> {
    pub(crate) key: K,
    pub(crate) value: T,
}

/// Writes the bytes of a record's key column.
pub(crate) trait KeyBytes: Clone + 'static {
    /// Appends the bytes.
    fn append(&self, bytes: &mut Vec<u8>) -> Result<(), Error>;

    /// Whether that never fails.
    fn never_fails() -> bool;
}

/// A key of a hash partitioned stream.
#[derive(Clone)]
pub(crate) struct HashKey<K>(pub(crate) K);

impl<K: Key> KeyBytes for HashKey<K> {
    #[inline]
    fn append(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        encode_key(&self.0, bytes)
    }

    fn never_fails() -> bool {
        is_plain::<K>()
    }
}

/// The subtask that a custom partitioner chose, as 4 little-endian bytes.
#[derive(Clone)]
pub(crate) struct Subtask(pub(crate) u32);

impl KeyBytes for Subtask {
    #[inline]
    fn append(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.extend_from_slice(&self.0.to_le_bytes());
        Ok(())
    }

    fn never_fails() -> bool {
        true
    }
}

/// An output with keys: the value is encoded once, behind its key.
pub(crate) struct KeyedExternal<C> {
    columns: Columns,
    codec: Rc<C>,
}

impl<C> KeyedExternal<C> {
    pub(crate) fn new(columns: Columns, codec: Rc<C>) -> KeyedExternal<C> {
        KeyedExternal { columns, codec }
    }
}

impl<K: KeyBytes, T: 'static, C: Encode<T>> Pipe<WithKey<K, T>> for KeyedExternal<C> {
    #[inline]
    fn push(&mut self, timestamp: i64, record: WithKey<K, T>) -> Outcome {
        self.columns.push(
            timestamp,
            |bytes| record.key.append(bytes).map(|()| true),
            |bytes| self.codec.encode(&record.value, bytes),
        )
    }

    fn never_fails(&self) -> bool {
        K::never_fails() && Encode::<T>::never_fails(&*self.codec)
    }

    fn push_all(&mut self, chunk: &mut Chunk<WithKey<K, T>>) {
        let codec = &*self.codec;
        self.columns.push_all(
            chunk,
            Some(|record: &WithKey<K, T>, keys: &mut Vec<u8>| record.key.append(keys)),
            |record, values| codec.encode(&record.value, values),
        );
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.columns.signal(signal)
    }
}
