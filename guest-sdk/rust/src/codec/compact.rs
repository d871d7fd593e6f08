//! The format between operators of one plugin: postcard, compact and fast, not self-describing.

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Decode, Encode, Format, is_plain};
use crate::error::Error;
use crate::memory;

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
    postcard::serialize_with_flavor(value, Appender(bytes)).map_err(|error| {
        Error::from(error).context(format!("encoding a {}", std::any::type_name::<T>()))
    })
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

struct Appender<'a>(&'a mut Vec<u8>);

impl Flavor for Appender<'_> {
    type Output = ();

    #[inline(always)]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline(always)]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        memory::append(self.0, bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
