//! Key groups: the unit in which keyed state is partitioned and redistributed.
//!
//! The arithmetic is Flink's (`KeyGroupRangeAssignment`, `MathUtils.murmurHash`), to the bit; only
//! `hash32` differs: it is a stable hash of the key's bytes instead of a language's `hashCode`.

use std::ops::RangeInclusive;

use xxhash_rust::xxh3::xxh3_64;

/// The largest number of key groups, and so the largest parallelism.
pub const MAX_PARALLELISM_LIMIT: u32 = 1 << 15;
/// Max parallelism is at least this unless it is set by hand.
const DEFAULT_MAX_PARALLELISM_MIN: u32 = 128;

/// The key group of a key.
#[inline]
pub fn key_group(key: &[u8], max_parallelism: u32) -> u32 {
    key_group_of_hash(hash32(key), max_parallelism)
}

/// The key group of a key whose 32-bit hash is known.
#[inline]
pub fn key_group_of_hash(hash: u32, max_parallelism: u32) -> u32 {
    murmur(hash) % max_parallelism
}

/// The subtask that owns a key group.
#[inline]
pub fn subtask_of(key_group: u32, parallelism: u32, max_parallelism: u32) -> u32 {
    // At most 2^15 each, so the product fits.
    key_group * parallelism / max_parallelism
}

/// The key groups that a subtask owns.
pub fn range_of(subtask: u32, parallelism: u32, max_parallelism: u32) -> RangeInclusive<u32> {
    let start = (subtask * max_parallelism).div_ceil(parallelism);
    let end = ((subtask + 1) * max_parallelism - 1) / parallelism;
    start..=end
}

/// The max parallelism of a vertex that sets none.
pub fn default_max_parallelism(parallelism: u32) -> u32 {
    (parallelism + parallelism / 2)
        .next_power_of_two()
        .clamp(DEFAULT_MAX_PARALLELISM_MIN, MAX_PARALLELISM_LIMIT)
}

/// A stable 32-bit hash of key bytes: the low half of XXH3 with 64 bits and seed 0.
///
/// **Invariant**: never changes, since checkpoints store which key group a key is in.
#[inline]
pub fn hash32(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}

/// Flink's `MathUtils.murmurHash`: spreads a 32-bit hash over the non-negative `int`s.
#[inline]
pub fn murmur(code: u32) -> u32 {
    let scrambled = code.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mixed = scrambled.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    let hash = finish(mixed ^ 4) as i32;
    match hash {
        0.. => hash as u32,
        i32::MIN => 0,
        _ => (-hash) as u32,
    }
}

#[inline]
fn finish(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java_string_hash(text: &str) -> u32 {
        text.encode_utf16()
            .fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
    }

    fn check_golden(java_hash: u32, group: u32, at_4: u32, at_3: u32) {
        assert_eq!(key_group_of_hash(java_hash, 128), group);
        assert_eq!(subtask_of(group, 4, 128), at_4);
        assert_eq!(subtask_of(group, 3, 128), at_3);
    }

    #[test]
    fn key_groups_are_those_of_flink() {
        let rows = [
            (0, 94, 2, 2),
            (1, 86, 2, 2),
            (2, 127, 3, 2),
            (3, 113, 3, 2),
            (42, 29, 0, 0),
            (1000, 7, 0, 0),
            (1001, 69, 2, 1),
            (-1i32 as u32, 80, 2, 1),
            (1 << 8, 54, 1, 1),
        ];
        for (hash, group, at_4, at_3) in rows {
            check_golden(hash, group, at_4, at_3);
        }
        check_golden(java_string_hash("a"), 81, 2, 1);
        check_golden(java_string_hash("hello"), 35, 1, 0);
        check_golden(java_string_hash("flink"), 98, 3, 2);
        check_golden(java_string_hash("user-1"), 121, 3, 2);
    }

    #[test]
    fn ranges_are_those_of_flink() {
        let ranges = |p| (0..p).map(|i| range_of(i, p, 128)).collect::<Vec<_>>();
        assert_eq!(ranges(3), [0..=42, 43..=85, 86..=127]);
        assert_eq!(ranges(4), [0..=31, 32..=63, 64..=95, 96..=127]);
    }

    #[test]
    fn default_max_parallelism_is_that_of_flink() {
        let pairs = [(1, 128), (85, 128), (86, 256), (128, 256), (200, 512), (1000, 2048)];
        for (parallelism, max) in pairs {
            assert_eq!(default_max_parallelism(parallelism), max, "parallelism {parallelism}");
        }
        assert_eq!(default_max_parallelism(30_000), MAX_PARALLELISM_LIMIT);
    }

    #[test]
    fn hash32_is_the_low_half_of_xxh3() {
        // Vectors of the reference implementation (xxHash 0.8, `xxhsum -H3`), seed 0.
        assert_eq!(hash32(b""), 0x38d3_94c2);
        assert_eq!(hash32(b"abc"), 0x892f_3950);
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_owned_by_the_subtask_whose_range_holds_its_group(
            key: Vec<u8>, parallelism in 1u32..300,
        ) {
            let max = default_max_parallelism(parallelism);
            let group = key_group(&key, max);
            let owner = subtask_of(group, parallelism, max);
            assert!(owner < parallelism);
            assert!(range_of(owner, parallelism, max).contains(&group));
        }
    }
}
