//! A part file in progress: hidden, and removed when it is dropped before it is complete.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

/// Bytes that gather before a system call.
const BUFFER_BYTES: usize = 128 * 1024;

/// How parts are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

impl Encoding {
    pub(super) fn parse(word: &str) -> Encoding {
        match word {
            "gzip" => Encoding::Gzip,
            "zstd" => Encoding::Zstd,
            _ => Encoding::Plain,
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Encoding::Plain => "",
            Encoding::Gzip => ".gz",
            Encoding::Zstd => ".zst",
        }
    }
}

type Buffered = BufWriter<NamedTempFile>;

enum Encoder {
    Plain(Buffered),
    Gzip(GzEncoder<Buffered>),
    Zstd(zstd::stream::write::Encoder<'static, Buffered>),
}

pub(super) struct PartFile {
    encoder: Encoder,
    /// Bytes of lines so far, before compression.
    pub(super) bytes: u64,
    pub(super) opened_ms: i64,
}

impl PartFile {
    /// Makes the hidden file that will be `name`.
    pub(super) fn open(
        folder: &Path,
        name: &str,
        encoding: Encoding,
        now_ms: i64,
    ) -> io::Result<PartFile> {
        let hidden = format!(".{name}.inprogress.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&hidden);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private by default; these are for others, as umask allows.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = BufWriter::with_capacity(BUFFER_BYTES, builder.tempfile_in(folder)?);
        let encoder = match encoding {
            Encoding::Plain => Encoder::Plain(file),
            Encoding::Gzip => Encoder::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Encoding::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(
                file,
                zstd::DEFAULT_COMPRESSION_LEVEL,
            )?),
        };
        Ok(PartFile { encoder, bytes: 0, opened_ms: now_ms })
    }

    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        self.bytes += line.len() as u64 + 1;
        let writer: &mut dyn Write = match &mut self.encoder {
            Encoder::Plain(file) => {
                file.write_all(line)?;
                return file.write_all(b"\n");
            }
            Encoder::Gzip(encoder) => encoder,
            Encoder::Zstd(encoder) => encoder,
        };
        writer.write_all(line)?;
        writer.write_all(b"\n")
    }

    /// Hands plain lines to the system. Encoders keep theirs: flushing them costs compression,
    /// and nobody reads a part in progress.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::Plain(file) => file.flush(),
            Encoder::Gzip(_) | Encoder::Zstd(_) => Ok(()),
        }
    }

    /// Writes what is left; the file still has to get its name.
    pub(super) fn complete(self) -> io::Result<NamedTempFile> {
        let buffered = match self.encoder {
            Encoder::Plain(file) => file,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        buffered.into_inner().map_err(io::IntoInnerError::into_error)
    }
}
