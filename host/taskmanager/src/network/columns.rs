//! A record batch as a payload: four words (records, ends of keys, bytes of keys, bytes of values),
//! then the five columns. Where every key is the value itself, [`KEYED_BY_VALUE`] stands for the
//! number of ends of keys, and neither they nor the keys are there. Pure.
//!
//! Law: what [`decode`] returns is a valid batch; nobody behind it checks again.

use sandbar_model::{RecordBatch, RecordBatchView};

use super::frame::{FrameError, Header};
use super::payload::PayloadReader;

/// Bytes in front of the columns.
const LENGTHS_BYTES: usize = 16;

/// In place of a number of ends: the keys are the values.
const KEYED_BY_VALUE: u32 = u32::MAX;

/// Bytes of a batch as a payload.
pub(crate) fn encoded_bytes(batch: RecordBatchView<'_>) -> usize {
    LENGTHS_BYTES + batch.bytes()
}

/// Appends a batch of less than 4 GiB.
pub(crate) fn encode(batch: RecordBatchView<'_>, out: &mut Vec<u8>) {
    out.reserve(encoded_bytes(batch));
    let own = if batch.is_keyed_by_value() { batch.without_keys() } else { batch };
    let key_ends = match batch.is_keyed_by_value() {
        true => KEYED_BY_VALUE,
        false => own.key_ends.len() as u32,
    };
    for length in [own.len() as u32, key_ends, own.keys.len() as u32, own.values.len() as u32] {
        out.extend_from_slice(&length.to_le_bytes());
    }
    put_timestamps(own.timestamps, out);
    put_ends(own.key_ends, out);
    put_ends(own.value_ends, out);
    out.extend_from_slice(own.keys);
    out.extend_from_slice(own.values);
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
    let [records, mut key_ends, keys, values] =
        [reader.length()?, reader.length()?, reader.length()?, reader.length()?];
    let keyed_by_value = key_ends == KEYED_BY_VALUE as usize;
    if keyed_by_value {
        key_ends = 0;
    }
    read_timestamps(reader.bytes(records.saturating_mul(8))?, &mut batch.timestamps);
    read_ends(reader.bytes(key_ends.saturating_mul(4))?, &mut batch.key_ends);
    read_ends(reader.bytes(records.saturating_mul(4))?, &mut batch.value_ends);
    batch.keys.extend_from_slice(reader.bytes(keys)?);
    batch.values.extend_from_slice(reader.bytes(values)?);
    reader.end()?;
    let kind = header.kind;
    // Validated before it says so: a view that shares its keys is not asked about `keys`.
    let valid = batch.view().validate().map_err(|source| FrameError::Columns { kind, source });
    batch.keyed_by_value = keyed_by_value;
    valid
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
