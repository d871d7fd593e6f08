//! Record batches: records in packed columns. One layout in host memory, across the sandbox
//! boundary and on the wire.
//!
//! Invariant of a valid batch: `value_ends` is as long as `timestamps`, never decreases and ends
//! at `values.len()`; `key_ends` is empty (with `keys` empty) or obeys the same for `keys`. Where
//! every key is the value itself, a batch holds the bytes once, and a view borrows them twice.

use thiserror::Error;

/// A batch that owns its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordBatch {
    /// One timestamp per record, in milliseconds; [`crate::time::NO_TIMESTAMP`] for none.
    pub timestamps: Vec<i64>,
    /// Where each key ends in `keys`; empty when the stream is not keyed.
    pub key_ends: Vec<u32>,
    /// The key bytes of all records, back to back.
    pub keys: Vec<u8>,
    /// Where each value ends in `values`.
    pub value_ends: Vec<u32>,
    /// The value bytes of all records, back to back.
    pub values: Vec<u8>,
    /// The key of each record is its value; `key_ends` and `keys` are empty then.
    pub keyed_by_value: bool,
}

/// A batch whose columns are borrowed: from a [`RecordBatch`], or from a guest's memory.
#[derive(Clone, Copy, Debug)]
pub struct RecordBatchView<'a> {
    /// See [`RecordBatch::timestamps`].
    pub timestamps: &'a [i64],
    /// See [`RecordBatch::key_ends`].
    pub key_ends: &'a [u32],
    /// See [`RecordBatch::keys`].
    pub keys: &'a [u8],
    /// See [`RecordBatch::value_ends`].
    pub value_ends: &'a [u32],
    /// See [`RecordBatch::values`].
    pub values: &'a [u8],
}

/// Columns that do not make a batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// A column of ends has another length than the timestamps.
    #[error("column {column} has {found} entries for {expected} records")]
    Length {
        /// `key-ends` or `value-ends`.
        column: &'static str,
        /// Number of records.
        expected: usize,
        /// Entries in the column.
        found: usize,
    },
    /// An end lies before the end of the record in front of it.
    #[error("column {column} decreases at record {index}")]
    Decreasing {
        /// `key-ends` or `value-ends`.
        column: &'static str,
        /// The record where it happens.
        index: usize,
    },
    /// The last end is not the length of the bytes.
    #[error("column {column} ends at {found} but its bytes are {expected} long")]
    LastEnd {
        /// `key-ends` or `value-ends`.
        column: &'static str,
        /// Length of the byte column.
        expected: usize,
        /// The last end, 0 for a batch without records.
        found: usize,
    },
}

impl RecordBatch {
    /// Makes an empty batch.
    pub fn new() -> RecordBatch {
        RecordBatch::default()
    }

    /// Borrows all columns.
    #[inline]
    pub fn view(&self) -> RecordBatchView<'_> {
        let view = RecordBatchView {
            timestamps: &self.timestamps,
            key_ends: &self.key_ends,
            keys: &self.keys,
            value_ends: &self.value_ends,
            values: &self.values,
        };
        if self.keyed_by_value { view.keyed_by_value() } else { view }
    }

    /// Number of records.
    #[inline]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are no records.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Bytes of all columns together.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.view().bytes()
    }

    /// Adds a record without a key of its own.
    #[inline]
    pub fn push(&mut self, timestamp: i64, value: &[u8]) {
        self.timestamps.push(timestamp);
        self.values.extend_from_slice(value);
        self.value_ends.push(self.values.len() as u32);
    }

    /// Adds a record with a key.
    #[inline]
    pub fn push_keyed(&mut self, timestamp: i64, key: &[u8], value: &[u8]) {
        if self.keyed_by_value {
            self.own_keys();
        }
        self.keys.extend_from_slice(key);
        self.key_ends.push(self.keys.len() as u32);
        self.push(timestamp, value);
    }

    /// Adds record `index` of another batch, with its key if that batch is keyed.
    #[inline]
    pub fn push_from(&mut self, batch: RecordBatchView<'_>, index: usize) {
        if batch.is_keyed_by_value() && self.shares_keys() {
            self.push(batch.timestamps[index], batch.value(index));
        } else if batch.is_keyed() {
            self.push_keyed(batch.timestamps[index], batch.key(index), batch.value(index));
        } else {
            self.push(batch.timestamps[index], batch.value(index));
        }
    }

    /// Adds all records of another batch.
    pub fn append(&mut self, batch: RecordBatchView<'_>) {
        if !(batch.is_keyed_by_value() && self.shares_keys()) {
            self.own_keys();
            append_column(&mut self.key_ends, &mut self.keys, batch.key_ends, batch.keys);
        }
        self.timestamps.extend_from_slice(batch.timestamps);
        append_column(&mut self.value_ends, &mut self.values, batch.value_ends, batch.values);
    }

    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.key_ends.clear();
        self.keys.clear();
        self.value_ends.clear();
        self.values.clear();
        self.keyed_by_value = false;
    }

    /// Whether records keyed by their values can be added as such; true of an empty batch, which
    /// is of that form from here on.
    #[inline]
    fn shares_keys(&mut self) -> bool {
        self.keyed_by_value |= self.is_empty();
        self.keyed_by_value
    }

    /// Gives each record a key of its own, if all are keyed by their values.
    fn own_keys(&mut self) {
        if std::mem::take(&mut self.keyed_by_value) {
            self.key_ends.clone_from(&self.value_ends);
            self.keys.clone_from(&self.values);
        }
    }
}

fn append_column(ends: &mut Vec<u32>, bytes: &mut Vec<u8>, more_ends: &[u32], more: &[u8]) {
    let base = bytes.len() as u32;
    bytes.extend_from_slice(more);
    if base == 0 {
        ends.extend_from_slice(more_ends);
    } else {
        ends.extend(more_ends.iter().map(|end| base + end));
    }
}

impl<'a> RecordBatchView<'a> {
    /// Number of records.
    #[inline]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are no records.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Whether records have keys.
    #[inline]
    pub fn is_keyed(&self) -> bool {
        !self.key_ends.is_empty()
    }

    /// Whether the key column is the value column.
    #[inline]
    pub fn is_keyed_by_value(&self) -> bool {
        self.is_keyed()
            && std::ptr::eq(self.key_ends, self.value_ends)
            && std::ptr::eq(self.keys, self.values)
    }

    /// The same records, each keyed by its value. Nothing is copied.
    #[inline]
    pub fn keyed_by_value(self) -> RecordBatchView<'a> {
        RecordBatchView { key_ends: self.value_ends, keys: self.values, ..self }
    }

    /// The same records, with an empty key column.
    #[inline]
    pub fn without_keys(self) -> RecordBatchView<'a> {
        RecordBatchView { key_ends: &[], keys: &[], ..self }
    }

    /// Bytes of all columns together; of a column that is both, once.
    #[inline]
    pub fn bytes(&self) -> usize {
        let keys = match self.is_keyed_by_value() {
            true => 0,
            false => self.key_ends.len() * 4 + self.keys.len(),
        };
        self.timestamps.len() * 8 + self.value_ends.len() * 4 + self.values.len() + keys
    }

    /// The value of a record.
    #[inline]
    pub fn value(&self, index: usize) -> &'a [u8] {
        cut(self.value_ends, self.values, index)
    }

    /// The key of a record; the batch must be keyed.
    #[inline]
    pub fn key(&self, index: usize) -> &'a [u8] {
        cut(self.key_ends, self.keys, index)
    }

    /// Copies the records from `start` on.
    pub fn copy_from(&self, start: usize) -> RecordBatch {
        let mut batch = RecordBatch::new();
        (start..self.len()).for_each(|index| batch.push_from(*self, index));
        batch
    }

    /// Copies all records.
    pub fn to_batch(&self) -> RecordBatch {
        let mut batch = RecordBatch::new();
        batch.append(*self);
        batch
    }

    /// Checks the invariant. Batches from a guest or a connection are checked once, at the door.
    ///
    /// # Errors
    /// Names the first column that does not fit.
    pub fn validate(&self) -> Result<(), BatchError> {
        let records = self.timestamps.len();
        check_column("value-ends", records, self.value_ends, self.values)?;
        if self.is_keyed_by_value() || (self.key_ends.is_empty() && self.keys.is_empty()) {
            return Ok(());
        }
        check_column("key-ends", records, self.key_ends, self.keys)
    }
}

#[inline]
fn cut<'a>(ends: &[u32], bytes: &'a [u8], index: usize) -> &'a [u8] {
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    &bytes[start..ends[index] as usize]
}

fn check_column(
    column: &'static str,
    expected: usize,
    ends: &[u32],
    bytes: &[u8],
) -> Result<(), BatchError> {
    if ends.len() != expected {
        return Err(BatchError::Length { column, expected, found: ends.len() });
    }
    if !ends.is_sorted() {
        let index = 1 + ends.windows(2).take_while(|pair| pair[0] <= pair[1]).count();
        return Err(BatchError::Decreasing { column, index });
    }
    let last = ends.last().copied().unwrap_or(0) as usize;
    if last != bytes.len() {
        return Err(BatchError::LastEnd { column, expected: bytes.len(), found: last });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
