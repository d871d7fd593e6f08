//! How values become bytes and back: the formats that ports name. A codec is a zero-sized value
//! that is handed to a port; keys have a format of their own ([`Key`]).

mod bytes;
mod compact;
mod json;
mod key;
mod text;

use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use bytes::Bytes;
pub use compact::Compact;
pub use json::Json;
pub use key::Key;
pub use text::{DisplayText, Text};

pub(crate) use key::{decode_key, encode_key, is_plain, key_format, whole_number};

use crate::error::Error;

/// A value that may cross from one operator to another: it can be encoded, decoded and cloned.
///
/// Implemented for all types that derive serde's two traits and `Clone`.
pub trait Data: Clone + Serialize + DeserializeOwned + 'static {}

impl<T: Clone + Serialize + DeserializeOwned + 'static> Data for T {}

/// The name of a codec's format for values of one type.
pub trait Format<T>: 'static {
    /// `text`, `json`, `bytes`, or `compact:` and a type name; ports that meet must agree on it.
    fn format(&self) -> String;
}

/// Turns values into bytes.
pub trait Encode<T>: Format<T> {
    /// Appends the bytes of `value` to `bytes`.
    ///
    /// # Errors
    /// The value has no form in this format. What was appended so far is cut off by the caller.
    fn encode(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Error>;

    /// Whether `encode` never fails, whatever the value. Results are then handed on many at a
    /// time. A codec that says so and fails ends the task. False unless the codec says otherwise.
    fn never_fails(&self) -> bool {
        false
    }

    /// Whether the bytes of a value are its text or bytes, as they are. What a function has
    /// borrowed is then written without a copy in between. False unless the codec says otherwise.
    fn is_raw(&self) -> bool {
        false
    }
}

/// Turns bytes into values.
pub trait Decode<T>: Format<T> {
    /// Reads a value from exactly these bytes.
    ///
    /// # Errors
    /// The bytes are no such value: the record is bad.
    fn decode(&self, bytes: &[u8]) -> Result<T, Error>;

    /// Reads a value from `range` of a column of values.
    ///
    /// # Errors
    /// As [`Decode::decode`], which it calls unless the codec can make use of the whole column.
    #[inline(always)]
    fn decode_from(&self, column: &ValueColumn<'_>, range: Range<usize>) -> Result<T, Error> {
        self.decode(&column.bytes[range])
    }

    /// Whether [`Decode::decode_from`] wants the column's [text](ValueColumn::text).
    fn wants_text(&self) -> bool {
        false
    }
}

/// The values of a batch, one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct ValueColumn<'a> {
    bytes: &'a Rc<Vec<u8>>,
    text: Option<&'a str>,
    /// All of the text is ASCII, so that any part of it is text.
    is_ascii: bool,
}

impl<'a> ValueColumn<'a> {
    /// Makes the column of a batch.
    #[inline]
    pub(crate) fn new(bytes: &'a Rc<Vec<u8>>, wants_text: bool) -> ValueColumn<'a> {
        let is_ascii = wants_text && bytes.is_ascii();
        let text = if wants_text { str::from_utf8(bytes).ok() } else { None };
        ValueColumn { bytes, text, is_ascii }
    }

    /// The bytes of all values.
    #[inline(always)]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The same, to share.
    #[inline(always)]
    pub(crate) fn buffer(&self) -> &'a Rc<Vec<u8>> {
        self.bytes
    }

    /// The same as text, if a codec wants it and all of it is UTF-8: checked once a batch, so that
    /// a value need only be checked for ending where a character ends.
    #[inline(always)]
    pub fn text(&self) -> Option<&'a str> {
        self.text
    }

    /// Whether the bytes of a range are known to be UTF-8 by themselves. They may be if not.
    #[inline(always)]
    pub(crate) fn is_text(&self, range: &Range<usize>) -> bool {
        self.is_ascii || self.text.is_some_and(|text| text.get(range.clone()).is_some())
    }
}

/// A format that works in both directions.
///
/// ```
/// use sandbar_sdk::codec::{Codec, Compact, Decode, Encode, Format, Json, Text};
///
/// fn round_trip<T>(codec: impl Codec<T>, value: &T) -> (String, T) {
///     let mut bytes = Vec::new();
///     codec.encode(value, &mut bytes).unwrap();
///     (codec.format(), codec.decode(&bytes).unwrap())
/// }
///
/// assert_eq!(round_trip(Text, &"sand".to_owned()), ("text".into(), "sand".into()));
/// assert_eq!(round_trip(Json, &vec![1, 2]), ("json".into(), vec![1, 2]));
/// assert_eq!(round_trip(Compact, &7u64), ("compact:u64".into(), 7));
/// ```
pub trait Codec<T>: Encode<T> + Decode<T> {}

impl<T, C: Encode<T> + Decode<T>> Codec<T> for C {}

#[cfg(test)]
mod tests;
