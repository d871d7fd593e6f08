//! Cuts an input into lines. One large buffer, no allocation per line.
//!
//! Owns the position: the byte offset of the line that comes next, from which another reader can
//! go on.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem};
use sandbar_model::RecordBatch;
use sandbar_model::time::NO_TIMESTAMP;

use crate::error::ConnectorError;
use crate::source::has_room;

/// Bytes asked of the input at a time: large enough that a system call costs nothing per line.
const READ_BYTES: usize = 256 * 1024;

/// Marks a file as UTF-8; not part of its first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What ends a line.
#[derive(Clone, Debug)]
pub(crate) struct LineRules {
    /// Not empty. Where it is a line feed, a carriage return in front of it belongs to it.
    pub(crate) delimiter: Vec<u8>,
    /// Without the delimiter; a longer line is an error.
    pub(crate) line_bytes_max: usize,
}

impl LineRules {
    /// Lines that end with a line feed.
    pub(crate) fn newline(line_bytes_max: usize) -> LineRules {
        LineRules { delimiter: b"\n".to_vec(), line_bytes_max }
    }
}

/// Why there is no next line.
#[derive(Debug)]
pub(crate) enum LineError {
    /// The input failed.
    Read(io::Error),
    /// A line is longer than the rules allow.
    TooLong {
        /// Where the line starts.
        offset: u64,
        /// What the rules allow, in bytes.
        limit: usize,
    },
}

impl LineError {
    pub(crate) fn of(self, input: &str) -> ConnectorError {
        let input = input.to_owned();
        match self {
            LineError::Read(source) => ConnectorError::Io { action: "read", path: input, source },
            LineError::TooLong { offset, limit } => {
                ConnectorError::LineTooLong { input, offset, limit }
            }
        }
    }
}

/// A line and what ended it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    raw: &'a [u8],
    text_len: usize,
}

impl<'a> Line<'a> {
    /// Without its end.
    #[inline]
    pub(crate) fn text(self) -> &'a [u8] {
        &self.raw[..self.text_len]
    }

    /// With its end, which the last line of an input may lack.
    pub(crate) fn raw(self) -> &'a [u8] {
        self.raw
    }

    pub(crate) fn is_blank(self) -> bool {
        self.text().iter().all(u8::is_ascii_whitespace)
    }
}

/// Lines of an input.
pub(crate) struct LineBuffer<R> {
    input: R,
    rules: LineRules,
    buffer: Vec<u8>,
    /// Start of the line that comes next, in `buffer`.
    start: usize,
    /// No delimiter begins between `start` and here.
    scanned: usize,
    /// End of what has been read, in `buffer`.
    filled: usize,
    /// Offset of `start` in the input.
    position: u64,
    at_end: bool,
}

impl<R: Read> LineBuffer<R> {
    /// Makes a buffer over an input whose next byte has the offset `position`.
    pub(crate) fn new(input: R, rules: LineRules, position: u64) -> LineBuffer<R> {
        debug_assert!(!rules.delimiter.is_empty());
        LineBuffer {
            input,
            rules,
            buffer: vec![0; READ_BYTES],
            start: 0,
            scanned: 0,
            filled: 0,
            position,
            at_end: false,
        }
    }

    /// Offset of the line that comes next.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The limit on lines.
    pub(crate) fn line_bytes_max(&self) -> usize {
        self.rules.line_bytes_max
    }

    /// The next line, reading as much as it takes; none at the end of the input.
    #[inline]
    pub(crate) fn next_line(&mut self) -> Result<Option<Line<'_>>, LineError> {
        loop {
            if let Some((range, text_len)) = self.cut()? {
                return Ok(Some(Line { raw: &self.buffer[range], text_len }));
            }
            if self.at_end {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// The next line of what has been read, without reading.
    pub(crate) fn buffered_line(&mut self) -> Result<Option<Line<'_>>, LineError> {
        let cut = self.cut()?;
        Ok(cut.map(|(range, text_len)| Line { raw: &self.buffer[range], text_len }))
    }

    /// Appends lines to `batch` while it has room and the next line starts before `end`; whether
    /// it stopped for lack of room.
    pub(crate) fn fill_batch(
        &mut self,
        batch: &mut RecordBatch,
        end: u64,
        skip_blank: bool,
    ) -> Result<bool, LineError> {
        while has_room(batch) {
            if self.position >= end {
                return Ok(false);
            }
            self.push_buffered(batch, end, skip_blank);
            if !has_room(batch) || self.position >= end {
                continue;
            }
            match self.next_line()? {
                Some(line) if skip_blank && line.is_blank() => {}
                Some(line) => batch.push(NO_TIMESTAMP, line.text()),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Drops what is left of the line that `position` is in, up to the first line that starts
    /// after it. Gives up at `end`, since the lines from there on are another split's.
    pub(crate) fn skip_line(&mut self, end: u64) -> Result<(), LineError> {
        while self.position < end {
            let found = find(&self.rules.delimiter, &self.buffer[self.start..self.filled]);
            let skipped = match found {
                Some(at) => at + self.rules.delimiter.len(),
                // The delimiter may have begun in the last bytes read.
                None if self.at_end => self.filled - self.start,
                None => (self.filled - self.start).saturating_sub(self.rules.delimiter.len() - 1),
            };
            self.start += skipped;
            self.scanned = self.start;
            self.position += skipped as u64;
            if found.is_some() || self.at_end {
                return Ok(());
            }
            self.fill()?;
        }
        Ok(())
    }

    /// Drops a byte order mark, if the input is at its start and has one.
    pub(crate) fn skip_byte_order_mark(&mut self) -> Result<(), LineError> {
        if self.position > 0 {
            return Ok(());
        }
        while !self.at_end && self.filled - self.start < BYTE_ORDER_MARK.len() {
            self.fill()?;
        }
        if self.buffer[self.start..self.filled].starts_with(BYTE_ORDER_MARK) {
            self.start += BYTE_ORDER_MARK.len();
            self.scanned = self.start;
            self.position += BYTE_ORDER_MARK.len() as u64;
        }
        Ok(())
    }

    /// Reads once; whether the input goes on.
    pub(crate) fn fill(&mut self) -> Result<bool, LineError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            // Bounded: `cut` refuses a line once it exceeds the limit by a delimiter.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    self.at_end = read == 0;
                    return Ok(!self.at_end);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LineError::Read(error)),
            }
        }
    }

    /// The loop that most lines go through: those that are wholly in the buffer and end with a
    /// line feed. Stops at what `cut` has to look at: a line that goes on, or is too long.
    fn push_buffered(&mut self, batch: &mut RecordBatch, end: u64, skip_blank: bool) {
        if self.rules.delimiter.as_slice() != b"\n" {
            return;
        }
        let bytes = &self.buffer[self.start..self.filled];
        let starts_max = usize::try_from(end - self.position).unwrap_or(usize::MAX);
        let mut start = 0;
        for newline in memchr_iter(b'\n', bytes) {
            let mut line = &bytes[start..newline];
            if let [text @ .., b'\r'] = line {
                line = text;
            }
            if line.len() > self.rules.line_bytes_max {
                break;
            }
            if !(skip_blank && line.iter().all(u8::is_ascii_whitespace)) {
                batch.push(NO_TIMESTAMP, line);
            }
            start = newline + 1;
            if start >= starts_max || !has_room(batch) {
                break;
            }
        }
        self.start += start;
        self.scanned = self.scanned.max(self.start);
        self.position += start as u64;
    }

    /// Where the next line is in the buffer, delimiter included, and its length without.
    #[inline]
    fn cut(&mut self) -> Result<Option<(Range<usize>, usize)>, LineError> {
        let delimiter = &self.rules.delimiter;
        let start = self.start;
        let (text_end, end) = match find(delimiter, &self.buffer[self.scanned..self.filled]) {
            Some(at) => (self.scanned + at, self.scanned + at + delimiter.len()),
            None if self.at_end && start < self.filled => (self.filled, self.filled),
            None => {
                self.scanned = start.max((self.filled + 1).saturating_sub(delimiter.len()));
                // A carriage return that will turn out to belong to the delimiter is allowed for.
                if self.filled - start > self.rules.line_bytes_max + delimiter.len() {
                    return Err(self.too_long());
                }
                return Ok(None);
            }
        };
        let mut text_len = text_end - start;
        if end > text_end
            && delimiter.as_slice() == b"\n"
            && self.buffer[start..text_end].last() == Some(&b'\r')
        {
            text_len -= 1;
        }
        if text_len > self.rules.line_bytes_max {
            return Err(self.too_long());
        }
        self.start = end;
        self.scanned = end;
        self.position += (end - start) as u64;
        Ok(Some((start..end, text_len)))
    }

    fn too_long(&self) -> LineError {
        LineError::TooLong { offset: self.position, limit: self.rules.line_bytes_max }
    }
}

#[inline]
fn find(delimiter: &[u8], bytes: &[u8]) -> Option<usize> {
    match delimiter {
        [byte] => memchr(*byte, bytes),
        _ => memmem::find(bytes, delimiter),
    }
}

#[cfg(test)]
mod tests;
