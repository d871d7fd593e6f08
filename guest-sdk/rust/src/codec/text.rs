//! Text: UTF-8 without quotes or line breaks added.

use std::fmt::{self, Display, Write};
use std::ops::Range;
use std::str::Utf8Error;

use super::{Decode, Encode, Format, ValueColumn};
use crate::error::Error;
use crate::memory::{self, TextSlice};

/// `String`s and [`TextSlice`]s as raw UTF-8. Bytes that are not UTF-8 make a bad record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

/// Anything that can be displayed, as UTF-8. Only writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct DisplayText;

impl Format<String> for Text {
    fn format(&self) -> String {
        "text".to_owned()
    }
}

impl Encode<String> for Text {
    #[inline(always)]
    fn encode(&self, value: &String, bytes: &mut Vec<u8>) -> Result<(), Error> {
        memory::append(bytes, value.as_bytes());
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }

    fn is_raw(&self) -> bool {
        true
    }
}

impl Decode<String> for Text {
    #[inline(always)]
    fn decode(&self, bytes: &[u8]) -> Result<String, Error> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(memory::to_string(text)),
            Err(error) => Err(not_text(error)),
        }
    }

    #[inline(always)]
    fn decode_from(&self, column: &ValueColumn<'_>, range: Range<usize>) -> Result<String, Error> {
        match memory::to_string_from(column, range) {
            Ok(text) => Ok(text),
            Err(error) => Err(not_text(error)),
        }
    }

    fn wants_text(&self) -> bool {
        true
    }
}

impl Format<TextSlice> for Text {
    fn format(&self) -> String {
        "text".to_owned()
    }
}

impl Encode<TextSlice> for Text {
    #[inline(always)]
    fn encode(&self, value: &TextSlice, bytes: &mut Vec<u8>) -> Result<(), Error> {
        memory::append(bytes, value.as_bytes());
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }

    fn is_raw(&self) -> bool {
        true
    }
}

impl Decode<TextSlice> for Text {
    fn decode(&self, bytes: &[u8]) -> Result<TextSlice, Error> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(TextSlice::from(text)),
            Err(error) => Err(not_text(error)),
        }
    }

    #[inline(always)]
    fn decode_from(
        &self,
        column: &ValueColumn<'_>,
        range: Range<usize>,
    ) -> Result<TextSlice, Error> {
        TextSlice::of_column(column, range).map_err(not_text)
    }

    fn wants_text(&self) -> bool {
        true
    }
}

#[cold]
fn not_text(error: Utf8Error) -> Error {
    Error::from(error).context("the value is not text")
}

impl<T: Display + 'static> Format<T> for DisplayText {
    fn format(&self) -> String {
        "text".to_owned()
    }
}

impl<T: Display + 'static> Encode<T> for DisplayText {
    #[inline(always)]
    fn encode(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
        write!(Appender(bytes), "{value}")?;
        Ok(())
    }
}

struct Appender<'a>(&'a mut Vec<u8>);

impl Write for Appender<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        memory::append(self.0, text.as_bytes());
        Ok(())
    }
}
