//! Tests of digests: short keys are told apart, all keys spread.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn equal_digests_of_short_keys_mean_equal_keys(
        left in prop::collection::vec(0u8..3, 0..=15),
        right in prop::collection::vec(0u8..3, 0..=15),
    ) {
        prop_assert!(Digest::of(&left).is_exact());
        prop_assert_eq!(Digest::of(&left) == Digest::of(&right), left == right);
    }

    #[test]
    fn every_byte_of_a_key_counts(
        key in prop::collection::vec(any::<u8>(), 1..100),
        at in any::<prop::sample::Index>(),
    ) {
        let mut other = key.clone();
        other[at.index(key.len())] ^= 0x40;
        prop_assert_ne!(Digest::of(&key), Digest::of(&other));
    }

    #[test]
    fn a_key_has_one_digest_wherever_it_lies(
        before in prop::collection::vec(any::<u8>(), 0..20),
        key in prop::collection::vec(any::<u8>(), 0..40),
        behind in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let column = [&*before, &*key, &*behind].concat();
        let (start, end) = (before.len(), before.len() + key.len());
        prop_assert_eq!(Digest::in_column(&column, start, end), Digest::of(&key));
    }
}

#[test]
fn counted_keys_spread_over_the_low_bits_of_the_hash() {
    let shapes: [fn(u64) -> Vec<u8>; 4] = [
        |number| number.to_le_bytes().to_vec(),
        |number| number.to_be_bytes().to_vec(),
        |number| number.to_string().into_bytes(),
        |number| format!("a key of more than sixteen bytes, number {number}").into_bytes(),
    ];
    for (shape, key) in shapes.iter().enumerate() {
        let mut buckets: HashMap<u32, u32> = HashMap::new();
        let hashes: HashSet<u32> = (0..4096).map(|n| Digest::of(&key(n)).hash()).collect();
        assert!(hashes.len() > 4080, "shape {shape}: {} hashes of 4096 keys", hashes.len());
        hashes.iter().for_each(|hash| *buckets.entry(hash % 1024).or_default() += 1);
        let fullest = buckets.values().max().copied().unwrap_or(0);
        assert!(fullest < 20, "shape {shape}: {fullest} of 4096 keys in one of 1024 buckets");
    }
}
