//! What stands for a key in the cache: sixteen bytes and the length, which for short keys say all
//! there is to say, so that most lookups never touch the key itself.

/// Keys up to this length are fully told by their digest.
const EXACT_BYTES_MAX: usize = 16;

/// Odd numbers whose multiples spread over all bits: those of splitmix64 (Steele et al., "Fast
/// splittable pseudorandom number generators", 2014).
const MIX: [u64; 2] = [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];

/// The digest of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    first: u64,
    last: u64,
    length: u32,
}

impl Digest {
    /// Makes the digest of a key.
    #[inline(always)]
    pub(super) fn of(key: &[u8]) -> Digest {
        let length = key.len() as u32;
        let (first, last) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
            (Some(first), Some(last)) if key.len() <= EXACT_BYTES_MAX => {
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            }
            (Some(_), Some(_)) => fold(key),
            (_, _) => (short(key), 0),
        };
        Digest { first, last, length }
    }

    /// Whether equal digests mean equal keys.
    #[inline(always)]
    pub(super) fn is_exact(self) -> bool {
        self.length as usize <= EXACT_BYTES_MAX
    }

    /// A hash of all of it.
    #[inline(always)]
    pub(super) fn hash(self) -> u32 {
        let mut hash = self.first ^ u64::from(self.length).rotate_left(56);
        hash = (hash ^ (hash >> 30)).wrapping_mul(MIX[0]) ^ self.last;
        hash = (hash ^ (hash >> 27)).wrapping_mul(MIX[1]);
        (hash ^ (hash >> 31)) as u32
    }
}

/// All of a key of less than eight bytes.
#[inline(always)]
fn short(key: &[u8]) -> u64 {
    match (key.first_chunk::<4>(), key.last_chunk::<4>(), key) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32)
        }
        (_, _, [first, .., last]) => {
            let middle = key[key.len() / 2];
            u64::from(*first) | (u64::from(middle) << 8) | (u64::from(*last) << 16)
        }
        (_, _, [only]) => u64::from(*only),
        (_, _, _) => 0,
    }
}

/// Sixteen bytes that depend on all of a long key.
#[inline(never)]
fn fold(key: &[u8]) -> (u64, u64) {
    let (words, rest) = key.as_chunks::<8>();
    let (mut first, mut last) = (0, short(rest));
    for word in words {
        first = (first ^ u64::from_le_bytes(*word)).wrapping_mul(MIX[0]).rotate_left(29);
        last = last.wrapping_add(first ^ (first >> 32)).wrapping_mul(MIX[1]);
    }
    (first, last)
}

#[cfg(test)]
mod tests;
