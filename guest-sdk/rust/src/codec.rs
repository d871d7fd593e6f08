//! How values become bytes and back: the formats that ports name. A codec is a zero-sized value
//! that is handed to a port; keys have a format of their own ([`Key`]).

mod bytes;
mod compact;
mod json;
mod key;
mod text;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use bytes::Bytes;
pub use compact::Compact;
pub use json::Json;
pub use key::Key;
pub use text::{DisplayText, Text};

pub(crate) use key::{decode_key, encode_key};

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
}

/// Turns bytes into values.
pub trait Decode<T>: Format<T> {
    /// Reads a value from exactly these bytes.
    ///
    /// # Errors
    /// The bytes are no such value: the record is bad.
    fn decode(&self, bytes: &[u8]) -> Result<T, Error>;
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
