//! Bytes as they are.

use super::{Decode, Encode, Format};
use crate::error::Error;
use crate::memory;

/// `Vec<u8>` as it is. An input of this format takes any other format's bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes;

impl Format<Vec<u8>> for Bytes {
    fn format(&self) -> String {
        "bytes".to_owned()
    }
}

impl Encode<Vec<u8>> for Bytes {
    #[inline(always)]
    fn encode(&self, value: &Vec<u8>, bytes: &mut Vec<u8>) -> Result<(), Error> {
        memory::append(bytes, value);
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }
}

impl Decode<Vec<u8>> for Bytes {
    #[inline(always)]
    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(memory::to_vec(bytes))
    }
}
