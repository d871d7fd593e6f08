//! A record batch as a payload: four words (records, ends of keys, bytes of keys, bytes of values),
//! then the five columns. Pure.
//!
//! Law: what [`decode`] returns is a valid batch; nobody behind it checks again.

use sandbar_model::{RecordBatch, RecordBatchView};

use super::frame::{FrameError, Header};
use super::payload::PayloadReader;

/// Bytes in front of the columns.
const LENGTHS_BYTES: usize = 16;

/// Bytes of a batch as a payload.
pub(crate) fn encoded_bytes(batch: RecordBatchView<'_>) -> usize {
    LENGTHS_BYTES + batch.bytes()
}

/// Appends a batch of less than 4 GiB.
pub(crate) fn encode(batch: RecordBatchView<'_>, out: &mut Vec<u8>) {
    out.reserve(encoded_bytes(batch));
    for length in [batch.len(), batch.key_ends.len(), batch.keys.len(), batch.values.len()] {
        out.extend_from_slice(&(length as u32).to_le_bytes());
    }
    put_timestamps(batch.timestamps, out);
    put_ends(batch.key_ends, out);
    put_ends(batch.value_ends, out);
    out.extend_from_slice(batch.keys);
    out.extend_from_slice(batch.values);
}

/// Reads a payload into an empty batch.
///
/// # Errors
/// The lengths do not add up to the payload's, or the columns make no batch.
pub(crate) fn decode(
    header: &Header,
    payload: &[u8],
    batch: &mut RecordBatch,
) -> Result<(), FrameError> {
    let mut reader = PayloadReader::new(header, payload);
    let [records, key_ends, keys, values] =
        [reader.length()?, reader.length()?, reader.length()?, reader.length()?];
    read_timestamps(reader.bytes(records.saturating_mul(8))?, &mut batch.timestamps);
    read_ends(reader.bytes(key_ends.saturating_mul(4))?, &mut batch.key_ends);
    read_ends(reader.bytes(records.saturating_mul(4))?, &mut batch.value_ends);
    batch.keys.extend_from_slice(reader.bytes(keys)?);
    batch.values.extend_from_slice(reader.bytes(values)?);
    reader.end()?;
    let kind = header.kind;
    batch.view().validate().map_err(|source| FrameError::Columns { kind, source })
}

// On a little-endian machine these loops compile to a copy of memory.

fn put_timestamps(timestamps: &[i64], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + timestamps.len() * 8, 0);
    let (chunks, _) = out[start..].as_chunks_mut::<8>();
    for (chunk, timestamp) in chunks.iter_mut().zip(timestamps) {
        *chunk = timestamp.to_le_bytes();
    }
}

fn put_ends(ends: &[u32], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + ends.len() * 4, 0);
    let (chunks, _) = out[start..].as_chunks_mut::<4>();
    for (chunk, end) in chunks.iter_mut().zip(ends) {
        *chunk = end.to_le_bytes();
    }
}

fn read_timestamps(bytes: &[u8], timestamps: &mut Vec<i64>) {
    timestamps.extend(bytes.as_chunks::<8>().0.iter().map(|chunk| i64::from_le_bytes(*chunk)));
}

fn read_ends(bytes: &[u8], ends: &mut Vec<u32>) {
    ends.extend(bytes.as_chunks::<4>().0.iter().map(|chunk| u32::from_le_bytes(*chunk)));
}
