//! Bytes as they are.

use std::ops::Range;

use super::{Decode, Encode, Format, ValueColumn};
use crate::error::Error;
use crate::memory::{self, ByteSlice};

/// `Vec<u8>` and [`ByteSlice`] as they are. An input of this format takes any other format's bytes.
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

    fn is_raw(&self) -> bool {
        true
    }
}

impl Decode<Vec<u8>> for Bytes {
    #[inline(always)]
    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(memory::to_vec(bytes))
    }
}

impl Format<ByteSlice> for Bytes {
    fn format(&self) -> String {
        "bytes".to_owned()
    }
}

impl Encode<ByteSlice> for Bytes {
    #[inline(always)]
    fn encode(&self, value: &ByteSlice, bytes: &mut Vec<u8>) -> Result<(), Error> {
        memory::append(bytes, value);
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }

    fn is_raw(&self) -> bool {
        true
    }
}

impl Decode<ByteSlice> for Bytes {
    fn decode(&self, bytes: &[u8]) -> Result<ByteSlice, Error> {
        Ok(ByteSlice::from(bytes))
    }

    #[inline(always)]
    fn decode_from(
        &self,
        column: &ValueColumn<'_>,
        range: Range<usize>,
    ) -> Result<ByteSlice, Error> {
        Ok(ByteSlice::of_column(column, range))
    }
}
