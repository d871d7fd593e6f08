//! The format between operators of one plugin: postcard, compact and fast, not self-describing.

mod writer;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::writer::{WriteError, Writer};
use super::{Decode, Encode, Format, is_plain};
use crate::error::Error;

/// Any serde type in postcard's form. Its format names the Rust type, so that it only ever meets
/// the same type of the same plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compact;

impl<T: 'static> Format<T> for Compact {
    fn format(&self) -> String {
        format!("compact:{}", std::any::type_name::<T>())
    }
}

impl<T: Serialize + 'static> Encode<T> for Compact {
    #[inline(always)]
    fn encode(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
        to_bytes(value, bytes)
    }

    fn never_fails(&self) -> bool {
        is_plain::<T>()
    }
}

impl<T: DeserializeOwned + 'static> Decode<T> for Compact {
    #[inline]
    fn decode(&self, bytes: &[u8]) -> Result<T, Error> {
        from_bytes(bytes)
    }
}

/// Appends the postcard form of a value.
#[inline(always)]
pub(crate) fn to_bytes<T: Serialize>(value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(&mut Writer(bytes)).map_err(unencodable::<T>)
}

#[cold]
fn unencodable<T>(error: WriteError) -> Error {
    Error::from(error).context(format!("encoding a {}", std::any::type_name::<T>()))
}

/// Reads a value from its postcard form, which must be all of `bytes`.
#[inline]
pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(undecodable::<T>(&format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(undecodable::<T>(&error.to_string())),
    }
}

#[cold]
fn undecodable<T>(why: &str) -> Error {
    Error::bad_record(format!("the bytes are no {}: {why}", std::any::type_name::<T>()))
}
