//! JSON records as they are: bytes that nobody has to parse twice.

use std::ops::Range;

use jaq_json::Val;
use sandbar_sdk::codec::{Decode, Encode, Format, ValueColumn};
use sandbar_sdk::prelude::*;

/// The text of a JSON value, in whatever type takes text. Whether it is JSON is seen when it is
/// [parsed](parse).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonText;

impl<T> Format<T> for JsonText
where
    Text: Format<T>,
{
    fn format(&self) -> String {
        "json".to_owned()
    }
}

impl<T> Encode<T> for JsonText
where
    Text: Encode<T>,
{
    fn encode(&self, value: &T, bytes: &mut Vec<u8>) -> Result<()> {
        Text.encode(value, bytes)
    }

    fn never_fails(&self) -> bool {
        Text.never_fails()
    }
}

impl<T> Decode<T> for JsonText
where
    Text: Decode<T>,
{
    fn decode(&self, bytes: &[u8]) -> Result<T> {
        Text.decode(bytes)
    }

    fn decode_from(&self, column: &ValueColumn<'_>, range: Range<usize>) -> Result<T> {
        Text.decode_from(column, range)
    }

    fn wants_text(&self) -> bool {
        Decode::<T>::wants_text(&Text)
    }
}

/// Parses a record.
///
/// # Errors
/// It is no JSON: the record is bad.
pub(crate) fn parse(record: &str) -> Result<Val> {
    jaq_json::read::parse_single(record.as_bytes())
        .map_err(|error| Error::bad_record(format!("the record is no JSON: {error}")))
}
