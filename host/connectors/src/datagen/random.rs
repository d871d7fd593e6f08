//! Random numbers that depend on the seed, the record and the draw alone.
//!
//! Invariant: never changes, since a seed stands for its records in tests and benchmarks.

/// A seed, ready for the generators of all records.
#[derive(Clone, Copy)]
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn new(seed: u64) -> Seed {
        Seed(mix(seed.wrapping_add(GOLDEN)))
    }
}

/// The generator of one record.
pub(super) struct Random(u64);

/// The increment of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    #[inline]
    pub(super) fn new(seed: Seed, n: u64) -> Random {
        Random(seed.0 ^ mix(n.wrapping_mul(GOLDEN)))
    }

    /// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators".
    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `bound`, which is not 0; the bias is below 2^-32 for bounds below 2^32.
    #[inline]
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `min` to `max`, both included.
    pub(super) fn between(&mut self, min: i64, max: i64) -> i64 {
        match (max.wrapping_sub(min) as u64).checked_add(1) {
            Some(bound) => min.wrapping_add(self.below(bound) as i64),
            None => self.next() as i64,
        }
    }

    /// A number from 0 up to, not including, 1.
    #[inline]
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[inline]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
