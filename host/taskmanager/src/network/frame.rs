//! The frame: what the bytes of a data connection are cut into. A header of fixed length with a
//! checksum of its own, then a payload whose checksum the header holds.
//!
//! Law: nothing of a frame is believed before its checksum has been seen to fit, and no memory is
//! asked for before its length has been seen to be within the limit. Pure.

use sandbar_model::BatchError;
use thiserror::Error;

/// Version of the frames. Both ends of a connection must speak the same.
pub const PROTOCOL_VERSION: u8 = 1;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 24;
/// What each frame starts with.
const MAGIC: [u8; 4] = *b"SBDX";
/// Bytes of the header that its own checksum covers: all before it.
const CHECKED_BYTES: usize = 20;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// The first frame of the end that dialled: who it is.
    Hello = 1,
    /// The answer of an end that takes the connection.
    Welcome = 2,
    /// The connection ends, and why.
    Refusal = 3,
    /// A stream of elements begins.
    Open = 4,
    /// [`crate::element::StreamElement::Batch`].
    Batch = 5,
    /// [`crate::element::StreamElement::Refused`].
    Refused = 6,
    /// [`crate::element::StreamElement::Watermark`].
    Watermark = 7,
    /// [`crate::element::StreamElement::Status`].
    Status = 8,
    /// [`crate::element::StreamElement::EndOfInput`].
    EndOfInput = 9,
    /// Streams may send more.
    Credit = 10,
    /// A stream ends because the end that sends this has nobody any more who needs it.
    Close = 11,
    /// A stream ends with an error.
    Fail = 12,
}

impl FrameKind {
    pub(crate) const ALL: [FrameKind; 12] = [
        FrameKind::Hello,
        FrameKind::Welcome,
        FrameKind::Refusal,
        FrameKind::Open,
        FrameKind::Batch,
        FrameKind::Refused,
        FrameKind::Watermark,
        FrameKind::Status,
        FrameKind::EndOfInput,
        FrameKind::Credit,
        FrameKind::Close,
        FrameKind::Fail,
    ];

    fn from_byte(byte: u8) -> Option<FrameKind> {
        FrameKind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Bytes that are no frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Whoever is at the other end speaks something else.
    #[error("frame starts with {found:02x?}, not with {MAGIC:02x?}: this is no Sandbar data port")]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The other end speaks TLS.
    #[error(
        "the other side speaks TLS and this one does not; set security.ssl.internal.enabled to the \
         same on all processes"
    )]
    Tls,
    /// The other end has another version.
    #[error(
        "frame has protocol version {found}, this side speaks {PROTOCOL_VERSION}; run the same \
         version of Sandbar on all TaskManagers"
    )]
    Version {
        /// Its version.
        found: u8,
    },
    /// The header was damaged on its way.
    #[error("frame header is damaged: its checksum is {found:08x}, its bytes give {computed:08x}")]
    HeaderChecksum {
        /// What the header says.
        found: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The header is whole and names no kind of frame.
    #[error("frame has unknown kind {found}")]
    Kind {
        /// The byte.
        found: u8,
    },
    /// The payload is longer than the limit.
    #[error(
        "{kind:?} frame has {length} bytes, at most {limit} are taken; raise \
         sandbar.network.frame.bytes.max"
    )]
    TooLong {
        /// Its kind.
        kind: FrameKind,
        /// Its length, or that of its payload without compression.
        length: u64,
        /// The limit.
        limit: u32,
    },
    /// The payload was damaged on its way.
    #[error("payload of {kind:?} frame is damaged: checksum {found:08x}, its bytes {computed:08x}")]
    PayloadChecksum {
        /// Its kind.
        kind: FrameKind,
        /// What the header says.
        found: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The payload is not what a frame of this kind holds.
    #[error("payload of {kind:?} frame: {what}")]
    Payload {
        /// Its kind.
        kind: FrameKind,
        /// What is wrong.
        what: &'static str,
    },
    /// The columns do not make a batch.
    #[error("{kind:?} frame: {source}")]
    Columns {
        /// Its kind.
        kind: FrameKind,
        /// What is wrong.
        source: BatchError,
    },
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: FrameKind,
    /// How the payload is compressed: 0 for not at all.
    pub codec: u8,
    /// The stream it belongs to; 0 for the connection.
    pub stream: u32,
    /// Bytes of the payload.
    pub length: u32,
    checksum: u32,
}

impl Header {
    /// Bytes of the payload.
    pub fn payload_bytes(&self) -> usize {
        self.length as usize
    }

    /// Reads a header whose payload may have at most `limit` bytes.
    ///
    /// # Errors
    /// What is wrong with it. Any flip of one bit is found.
    pub fn decode(bytes: &[u8; HEADER_BYTES], limit: u32) -> Result<Header, FrameError> {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let magic = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if is_tls(magic) {
            return Err(FrameError::Tls);
        }
        if magic != MAGIC {
            return Err(FrameError::Magic { found: magic });
        }
        // Ahead of the checksum: another version may place that elsewhere.
        if bytes[4] != PROTOCOL_VERSION {
            return Err(FrameError::Version { found: bytes[4] });
        }
        let (found, computed) = (word(CHECKED_BYTES), crc32fast::hash(&bytes[..CHECKED_BYTES]));
        if found != computed {
            return Err(FrameError::HeaderChecksum { found, computed });
        }
        let kind = FrameKind::from_byte(bytes[5]).ok_or(FrameError::Kind { found: bytes[5] })?;
        let length = word(12);
        if length > limit {
            return Err(FrameError::TooLong { kind, length: u64::from(length), limit });
        }
        if bytes[7] != 0 {
            return Err(FrameError::Payload { kind, what: "a reserved byte is not zero" });
        }
        Ok(Header { kind, codec: bytes[6], stream: word(8), length, checksum: word(16) })
    }

    /// Compares the payload with its checksum.
    ///
    /// # Errors
    /// It was damaged.
    pub fn check_payload(&self, payload: &[u8]) -> Result<(), FrameError> {
        let (found, computed) = (self.checksum, crc32fast::hash(payload));
        if found == computed {
            return Ok(());
        }
        Err(FrameError::PayloadChecksum { kind: self.kind, found, computed })
    }

    /// A payload that is not what its kind asks for.
    pub(crate) fn bad_payload(&self, what: &'static str) -> FrameError {
        FrameError::Payload { kind: self.kind, what }
    }
}

/// Whether bytes begin a record of TLS 1.0 to 1.3: a handshake or an alert. Source: RFC 8446, 5.1.
pub(crate) fn is_tls(magic: [u8; 4]) -> bool {
    matches!(magic, [0x15 | 0x16, 3, 0..=4, _])
}

/// Appends a frame to `out`; `payload` appends what it carries and returns how it is compressed.
///
/// # Errors
/// The payload is longer than `limit`; `out` is as it was.
pub fn write_frame(
    out: &mut Vec<u8>,
    kind: FrameKind,
    stream: u32,
    limit: u32,
    payload: impl FnOnce(&mut Vec<u8>) -> u8,
) -> Result<(), FrameError> {
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    let codec = payload(out);
    let length = out.len() - start - HEADER_BYTES;
    let Some(length) = u32::try_from(length).ok().filter(|length| *length <= limit) else {
        out.truncate(start);
        return Err(FrameError::TooLong { kind, length: length as u64, limit });
    };
    let checksum = crc32fast::hash(&out[start + HEADER_BYTES..]);
    let header = &mut out[start..start + HEADER_BYTES];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&[PROTOCOL_VERSION, kind as u8, codec, 0]);
    header[8..12].copy_from_slice(&stream.to_le_bytes());
    header[12..16].copy_from_slice(&length.to_le_bytes());
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    let of_header = crc32fast::hash(&header[..CHECKED_BYTES]);
    header[CHECKED_BYTES..].copy_from_slice(&of_header.to_le_bytes());
    Ok(())
}
