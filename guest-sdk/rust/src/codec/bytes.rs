//! Bytes as they are.

use super::{Decode, Encode, Format};
use crate::error::Error;

/// `Vec<u8>` as it is. An input of this format takes any other format's bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes;

impl Format<Vec<u8>> for Bytes {
    fn format(&self) -> String {
        "bytes".to_owned()
    }
}

impl Encode<Vec<u8>> for Bytes {
    #[inline]
    fn encode(&self, value: &Vec<u8>, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.extend_from_slice(value);
        Ok(())
    }
}

impl Decode<Vec<u8>> for Bytes {
    #[inline]
    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(bytes.to_vec())
    }
}
