//! What stands for a key in the cache: sixteen bytes, which for short keys say all there is to say,
//! so that most lookups never touch the key itself.

/// Keys up to this length are fully told by their digest: one of its bytes is the length.
const EXACT_BYTES_MAX: usize = 15;
/// Where the length is in the second half of a digest.
const LENGTH_SHIFT: u32 = 56;
/// What stands for the length of a key whose digest is not exact.
const LONG: u64 = 0xFF;

/// Odd numbers whose multiples spread over all bits: those of splitmix64 (Steele et al., "Fast
/// splittable pseudorandom number generators", 2014).
const MIX: [u64; 2] = [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];

/// For each length of an exact key: what of sixteen bytes is the key, and the length in its place.
const EXACT: [Exact; EXACT_BYTES_MAX + 1] = exact();

#[derive(Clone, Copy)]
struct Exact {
    first_mask: u64,
    last_mask: u64,
    length: u64,
}

/// The digest of a key: of a short one its bytes with zeroes behind them and its length, of a long
/// one two hashes.
#[derive(Clone, Copy, Debug, Eq)]
pub(crate) struct Digest {
    first: u64,
    last: u64,
}

impl PartialEq for Digest {
    /// As one comparison: both halves are the same for nearly every digest that is compared.
    #[inline(always)]
    fn eq(&self, other: &Digest) -> bool {
        (self.first ^ other.first) | (self.last ^ other.last) == 0
    }
}

impl Digest {
    /// Makes the digest of a key.
    #[inline(never)]
    pub(crate) fn of(key: &[u8]) -> Digest {
        if key.len() > EXACT_BYTES_MAX {
            return fold(key);
        }
        let mut block = [0; 16];
        block[..key.len()].copy_from_slice(key);
        let (first, last) = halves(&block);
        Digest { first, last: last | EXACT[key.len()].length }
    }

    /// Makes the digest of the key that is these eight bytes.
    #[inline(always)]
    pub(crate) fn of_number(key: u64) -> Digest {
        Digest { first: key, last: 8 << LENGTH_SHIFT }
    }

    /// Makes the digest of the key that lies from `start` to `end` in a column of keys. Most short
    /// keys have other keys behind them, so that sixteen bytes can be read, whatever the length:
    /// lengths are as good as random to the processor, which would guess wrong at any branch.
    #[inline(always)]
    pub(crate) fn in_column(column: &[u8], start: usize, end: usize) -> Digest {
        let block = column.get(start..).and_then(<[u8]>::first_chunk);
        match (block, EXACT.get(end.wrapping_sub(start))) {
            (Some(block), Some(exact)) => {
                let (first, last) = halves(block);
                let last = (last & exact.last_mask) | exact.length;
                Digest { first: first & exact.first_mask, last }
            }
            (_, _) => Digest::of(&column[start..end]),
        }
    }

    /// The key, as the first so many bytes of a block, if the digest tells all of it.
    #[inline]
    pub(super) fn key(self) -> Option<([u8; 16], usize)> {
        let length = (self.last >> LENGTH_SHIFT) as usize;
        let mut block = [0; 16];
        block[..8].copy_from_slice(&self.first.to_le_bytes());
        block[8..].copy_from_slice(&self.last.to_le_bytes());
        (length <= EXACT_BYTES_MAX).then_some((block, length))
    }

    /// Whether equal digests mean equal keys.
    #[inline(always)]
    pub(crate) fn is_exact(self) -> bool {
        self.last >> LENGTH_SHIFT != LONG
    }

    /// A hash of all of it.
    #[inline(always)]
    pub(crate) fn hash(self) -> u32 {
        let mut hash = (self.first ^ (self.first >> 30)).wrapping_mul(MIX[0]) ^ self.last;
        hash = (hash ^ (hash >> 27)).wrapping_mul(MIX[1]);
        (hash ^ (hash >> 31)) as u32
    }
}

const fn exact() -> [Exact; EXACT_BYTES_MAX + 1] {
    let mut table = [Exact { first_mask: 0, last_mask: 0, length: 0 }; EXACT_BYTES_MAX + 1];
    let mut length = 0;
    while length <= EXACT_BYTES_MAX {
        let (first_mask, last_mask) = match length {
            0..8 => ((1 << (8 * length)) - 1, 0),
            _ => (u64::MAX, (1 << (8 * (length - 8))) - 1),
        };
        table[length] = Exact { first_mask, last_mask, length: (length as u64) << LENGTH_SHIFT };
        length += 1;
    }
    table
}

#[inline(always)]
fn halves(block: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

/// Sixteen bytes that depend on all of a long key, and its length.
fn fold(key: &[u8]) -> Digest {
    let (words, rest) = key.as_chunks::<8>();
    let mut tail = [0; 8];
    tail[..rest.len()].copy_from_slice(rest);
    let (mut first, mut last) = (key.len() as u64, u64::from_le_bytes(tail));
    for word in words {
        first = (first ^ u64::from_le_bytes(*word)).wrapping_mul(MIX[0]).rotate_left(29);
        last = last.wrapping_add(first ^ (first >> 32)).wrapping_mul(MIX[1]);
    }
    Digest { first, last: last | (LONG << LENGTH_SHIFT) }
}

#[cfg(test)]
mod tests;
