//! Pairs as the source `datagen` makes them: 16 bytes, read and written without serde.

use sandbar_sdk::codec::{Decode, Encode, Format};
use sandbar_sdk::prelude::*;

use crate::Pair;

/// A key and a number, both little-endian.
#[derive(Clone, Copy)]
pub(crate) struct Pairs;

impl Format<Pair> for Pairs {
    fn format(&self) -> String {
        "bytes".to_owned()
    }
}

impl Encode<Pair> for Pairs {
    #[inline(always)]
    fn encode(&self, (key, number): &Pair, bytes: &mut Vec<u8>) -> Result<()> {
        let pair = u128::from(*number) << 64 | u128::from(*key);
        bytes.extend_from_slice(&pair.to_le_bytes());
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }
}

impl Decode<Pair> for Pairs {
    #[inline(always)]
    fn decode(&self, bytes: &[u8]) -> Result<Pair> {
        match bytes.try_into() {
            Ok(pair) => {
                let pair = u128::from_le_bytes(pair);
                Ok((pair as u64, (pair >> 64) as u64))
            }
            Err(_) => Err(Error::bad_record(format!("a pair of {} bytes, not 16", bytes.len()))),
        }
    }
}
