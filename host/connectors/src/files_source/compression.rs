//! Compression of input files: how it is told, and how its text is read from any offset.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// RFC 8878, section 3.1.1.
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

impl Compression {
    /// None is for `auto`.
    pub(super) fn parse(word: &str) -> Option<Compression> {
        match word {
            "none" => Some(Compression::None),
            "gzip" => Some(Compression::Gzip),
            "zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// By extension, else by the first bytes.
    pub(super) fn of_file(path: &Path) -> io::Result<Compression> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("gz") => return Ok(Compression::Gzip),
            Some("zst") => return Ok(Compression::Zstd),
            Some(_) | None => {}
        }
        let mut start = Vec::with_capacity(ZSTD_MAGIC.len());
        File::open(path)?.take(ZSTD_MAGIC.len() as u64).read_to_end(&mut start)?;
        Ok(if start.starts_with(GZIP_MAGIC) {
            Compression::Gzip
        } else if start.starts_with(ZSTD_MAGIC) {
            Compression::Zstd
        } else {
            Compression::None
        })
    }

    /// The text of a file from an offset in that text on. Decoders have to read up to it.
    pub(super) fn open(self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(path)?;
        match self {
            Compression::None => {
                file.seek(SeekFrom::Start(offset))?;
                Ok(Box::new(file))
            }
            Compression::Gzip => skip(MultiGzDecoder::new(file), offset),
            Compression::Zstd => skip(zstd::stream::read::Decoder::new(file)?, offset),
        }
    }
}

fn skip(mut decoder: impl Read + Send + 'static, offset: u64) -> io::Result<Box<dyn Read + Send>> {
    io::copy(&mut decoder.by_ref().take(offset), &mut io::sink())?;
    Ok(Box::new(decoder))
}
