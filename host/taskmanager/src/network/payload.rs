//! The pieces of a payload: words, texts and bytes, each taken only if it is there. Pure.

use super::frame::{FrameError, Header};

/// Longest text of a frame in bytes; more is cut off.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;

/// Reads a payload from front to back.
pub(crate) struct PayloadReader<'a> {
    header: &'a Header,
    rest: &'a [u8],
}

impl<'a> PayloadReader<'a> {
    pub(crate) fn new(header: &'a Header, payload: &'a [u8]) -> PayloadReader<'a> {
        PayloadReader { header, rest: payload }
    }

    /// Bytes not yet read.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FrameError> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn word(&mut self) -> Result<u32, FrameError> {
        self.take().map(u32::from_le_bytes)
    }

    /// A word that counts something.
    pub(crate) fn length(&mut self) -> Result<usize, FrameError> {
        self.word().map(|word| word as usize)
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn text(&mut self) -> Result<String, FrameError> {
        let length = self.length()?;
        if length > TEXT_BYTES_MAX {
            return Err(self.bad("a text is too long"));
        }
        let text = std::str::from_utf8(self.bytes(length)?);
        text.map(str::to_owned).map_err(|_| self.bad("a text is not UTF-8"))
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), FrameError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.bad("it is longer than its contents")) }
    }

    pub(crate) fn bad(&self, what: &'static str) -> FrameError {
        self.header.bad_payload(what)
    }

    fn short(&self) -> FrameError {
        self.bad("it is shorter than its contents")
    }
}

/// Appends a text, its end cut off if it is too long.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let cut = text.floor_char_boundary(TEXT_BYTES_MAX);
    out.extend_from_slice(&(cut as u32).to_le_bytes());
    out.extend_from_slice(&text.as_bytes()[..cut]);
}
