//! Compression of batches on their way between TaskManagers, chosen by each connection's sender.
//!
//! Law: no more memory is asked for than the limit of a frame, whatever a payload claims.

use super::frame::{FrameError, Header};

/// Payloads below this many bytes are sent as they are: a compressed one would hardly be shorter.
const COMPRESS_BYTES_MIN: usize = 512;
/// Fast before small, as befits what is read once and thrown away.
const ZSTD_LEVEL: i32 = 1;
/// Bytes in front of compressed ones: the length without compression.
const LENGTH_BYTES: usize = 4;

/// How batches are compressed. `taskmanager.network.compression.codec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Compression {
    /// Not at all.
    #[default]
    None = 0,
    /// LZ4 blocks: little time, some bytes less.
    Lz4 = 1,
    /// Zstandard: more time, fewer bytes.
    Zstd = 2,
}

impl Compression {
    /// The codec of a byte on the wire.
    pub fn from_byte(byte: u8) -> Option<Compression> {
        [Compression::None, Compression::Lz4, Compression::Zstd]
            .into_iter()
            .find(|codec| *codec as u8 == byte)
    }
}

/// Compresses payloads, with memory of its own that it reuses.
#[derive(Default)]
pub(crate) struct Compressor {
    codec: Compression,
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Compressor {
    /// Makes a compressor; without memory for Zstandard it sends as is.
    pub(crate) fn new(codec: Compression) -> Compressor {
        let zstd = (codec == Compression::Zstd)
            .then(|| zstd::bulk::Compressor::new(ZSTD_LEVEL).ok())
            .flatten();
        Compressor { codec, zstd }
    }

    /// Whether anything is compressed at all.
    pub(crate) fn is_idle(&self) -> bool {
        self.codec == Compression::None
    }

    /// Appends `raw` to `out`, compressed if that is shorter. Returns what was done.
    pub(crate) fn compress(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Compression {
        let start = out.len();
        let body = start + LENGTH_BYTES;
        out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        // LZ4's encoder asks for room for the worst case beforehand, though it needs less.
        out.resize(body + lz4_flex::block::get_maximum_output_size(raw.len()), 0);
        let written = match (self.codec, &mut self.zstd) {
            _ if raw.len() < COMPRESS_BYTES_MIN => None,
            (Compression::Lz4, _) => lz4_flex::block::compress_into(raw, &mut out[body..]).ok(),
            (Compression::Zstd, Some(zstd)) => zstd.compress_to_buffer(raw, &mut out[body..]).ok(),
            (Compression::Zstd, None) | (Compression::None, _) => None,
        };
        match written.filter(|written| LENGTH_BYTES + written < raw.len()) {
            Some(written) => {
                out.truncate(body + written);
                self.codec
            }
            None => {
                out.truncate(start);
                out.extend_from_slice(raw);
                Compression::None
            }
        }
    }
}

/// Undoes what a [`Compressor`] did, with memory that it reuses.
#[derive(Default)]
pub(crate) struct Decompressor {
    raw: Vec<u8>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Decompressor {
    /// The payload without compression, which may have at most `limit` bytes.
    ///
    /// # Errors
    /// It is not what its header says, or too long.
    pub(crate) fn decompress<'a>(
        &'a mut self,
        header: &Header,
        payload: &'a [u8],
        limit: u32,
    ) -> Result<&'a [u8], FrameError> {
        let codec = Compression::from_byte(header.codec)
            .ok_or_else(|| header.bad_payload("compressed in a way this side does not know"))?;
        if codec == Compression::None {
            return Ok(payload);
        }
        let Some((length, body)) = payload.split_first_chunk::<LENGTH_BYTES>() else {
            return Err(header.bad_payload("no length in front of the compressed bytes"));
        };
        let length = u32::from_le_bytes(*length);
        if length > limit {
            let length = u64::from(length);
            return Err(FrameError::TooLong { kind: header.kind, length, limit });
        }
        self.raw.resize(length as usize, 0);
        let written = match codec {
            Compression::None => None,
            Compression::Lz4 => lz4_flex::block::decompress_into(body, &mut self.raw).ok(),
            Compression::Zstd => self.zstd(body),
        };
        match written {
            Some(written) if written == self.raw.len() => Ok(&self.raw),
            Some(_) => Err(header.bad_payload("decompresses to another length than it says")),
            None => Err(header.bad_payload("cannot be decompressed")),
        }
    }

    fn zstd(&mut self, body: &[u8]) -> Option<usize> {
        if self.zstd.is_none() {
            self.zstd = zstd::bulk::Decompressor::new().ok();
        }
        self.zstd.as_mut()?.decompress_to_buffer(body, self.raw.as_mut_slice()).ok()
    }
}
