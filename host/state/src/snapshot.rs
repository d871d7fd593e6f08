//! The binary format that all snapshots share: frames of `[length u32][hash u32][payload]`, all
//! little-endian, the hash being `hash32` of the payload. The first payload starts with a magic
//! and a version; no record spans two frames; the last record is the end mark.

use sandbar_model::key_group::hash32;
use thiserror::Error;

/// A frame is closed when it has reached this many bytes. Large enough that the 8 bytes around it
/// do not count, small enough to travel through the network stack and storage in pieces.
pub const FRAME_BYTES: usize = 64 << 10;
/// Version of the format that is written; the only one that is read.
pub const FORMAT_VERSION: u16 = 1;
/// Length and hash.
const FRAME_HEADER_BYTES: usize = 8;

/// A snapshot that is not one, or not one for this state.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// The bytes end too early.
    #[error("the snapshot is cut off after {at} bytes")]
    Truncated {
        /// Length of what is there.
        at: usize,
    },
    /// The bytes are not those that were written.
    #[error("the snapshot is damaged in the frame at byte {at}")]
    Damaged {
        /// Where the frame starts.
        at: usize,
    },
    /// A snapshot of something else.
    #[error("the snapshot starts with {found:?} instead of {expected:?}")]
    Magic {
        /// The first four bytes, escaped.
        found: String,
        /// What a snapshot of this state starts with.
        expected: String,
    },
    /// A snapshot of another version.
    #[error("the snapshot has format version {found}; this build reads {FORMAT_VERSION}")]
    Version {
        /// Its version.
        found: u16,
    },
    /// A snapshot of a job with another number of key groups.
    #[error(
        "the snapshot was taken with max parallelism {found} and cannot be restored with \
         {expected}; set the vertex's max parallelism back"
    )]
    MaxParallelism {
        /// That of the snapshot.
        found: u32,
        /// That of the state.
        expected: u32,
    },
    /// A snapshot of a key group that another subtask owns.
    #[error("the snapshot is of key group {found}; the subtask owns {start} to {end}")]
    KeyGroup {
        /// That of the snapshot.
        found: u32,
        /// First key group of the subtask.
        start: u32,
        /// Last key group of the subtask.
        end: u32,
    },
    /// A field whose value makes no sense.
    #[error("the snapshot has {what} {value} in the frame at byte {at}")]
    Field {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: u64,
        /// Where the frame starts.
        at: usize,
    },
}

/// Writes records into frames.
#[derive(Debug)]
pub(crate) struct SnapshotWriter {
    /// The open frame, with room for its header.
    frame: Vec<u8>,
}

impl SnapshotWriter {
    pub(crate) fn new(magic: [u8; 4]) -> SnapshotWriter {
        let mut writer = SnapshotWriter { frame: vec![0; FRAME_HEADER_BYTES] };
        writer.frame.extend_from_slice(&magic);
        writer.frame.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        writer
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.frame.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.frame.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.frame.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.frame.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes a length and the bytes; they are shorter than 4 GiB.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(bytes.len() as u32);
        self.frame.extend_from_slice(bytes);
    }

    /// Whether the open frame is long enough to be closed. To be asked between records.
    pub(crate) fn is_full(&self) -> bool {
        self.frame.len() >= FRAME_BYTES
    }

    /// Closes the open frame and opens another.
    pub(crate) fn take_frame(&mut self) -> Vec<u8> {
        let mut frame = std::mem::replace(&mut self.frame, vec![0; FRAME_HEADER_BYTES]);
        let payload = &frame[FRAME_HEADER_BYTES..];
        let (length, hash) = (payload.len() as u32, hash32(payload));
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[4..FRAME_HEADER_BYTES].copy_from_slice(&hash.to_le_bytes());
        frame
    }
}

/// Reads what [`SnapshotWriter`] wrote, and trusts nothing.
#[derive(Debug)]
pub(crate) struct SnapshotReader<'a> {
    snapshot: &'a [u8],
    /// Where the frame being read starts.
    frame_at: usize,
    /// Where the frame after it starts.
    next_at: usize,
    /// What is left of the frame being read.
    rest: &'a [u8],
}

impl<'a> SnapshotReader<'a> {
    /// Opens a snapshot and checks its magic and version.
    pub(crate) fn open(
        snapshot: &'a [u8],
        magic: [u8; 4],
    ) -> Result<SnapshotReader<'a>, SnapshotError> {
        let mut reader = SnapshotReader { snapshot, frame_at: 0, next_at: 0, rest: &[] };
        reader.begin_record()?;
        let found = reader.take(magic.len())?;
        if found != magic {
            let (found, expected) = (found.escape_ascii(), magic.escape_ascii());
            return Err(SnapshotError::Magic {
                found: found.to_string(),
                expected: expected.to_string(),
            });
        }
        match u16::from_le_bytes(reader.array()?) {
            FORMAT_VERSION => Ok(reader),
            version => Err(SnapshotError::Version { found: version }),
        }
    }

    /// Goes to the next frame if the one being read is used up. Called before each record.
    pub(crate) fn begin_record(&mut self) -> Result<(), SnapshotError> {
        if !self.rest.is_empty() {
            return Ok(());
        }
        let truncated = SnapshotError::Truncated { at: self.snapshot.len() };
        let frame = &self.snapshot[self.next_at..];
        let Some((header, after)) = frame.split_first_chunk::<FRAME_HEADER_BYTES>() else {
            return Err(truncated);
        };
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let hash = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let Some(payload) = after.get(..length) else {
            return Err(truncated);
        };
        self.frame_at = self.next_at;
        if payload.is_empty() || hash32(payload) != hash {
            return Err(SnapshotError::Damaged { at: self.frame_at });
        }
        self.next_at += FRAME_HEADER_BYTES + length;
        self.rest = payload;
        Ok(())
    }

    pub(crate) fn u8(&mut self) -> Result<u8, SnapshotError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, SnapshotError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, SnapshotError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, SnapshotError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], SnapshotError> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(crate) fn string(&mut self, what: &'static str) -> Result<&'a str, SnapshotError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.bad_field(what, bytes.len() as u64))
    }

    pub(crate) fn bad_field(&self, what: &'static str, value: u64) -> SnapshotError {
        SnapshotError::Field { what, value, at: self.frame_at }
    }

    /// Checks that nothing follows the end mark.
    pub(crate) fn finish(&self) -> Result<(), SnapshotError> {
        let left = self.rest.len() + (self.snapshot.len() - self.next_at);
        if left == 0 { Ok(()) } else { Err(self.bad_field("bytes after its end:", left as u64)) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let damaged = SnapshotError::Damaged { at: self.frame_at };
        let Some((array, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(damaged);
        };
        self.rest = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], SnapshotError> {
        let damaged = SnapshotError::Damaged { at: self.frame_at };
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(damaged);
        };
        self.rest = rest;
        Ok(taken)
    }
}
