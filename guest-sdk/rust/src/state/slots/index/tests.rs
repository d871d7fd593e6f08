//! Tests of the index against a plain list.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_index_finds_what_was_inserted_and_not_removed(
        steps in prop::collection::vec((0u32..40, any::<bool>()), 0..400),
    ) {
        // Few hashes, so that probes run into each other and around the end.
        let hash_of = |slot: u32| (slot % 7).wrapping_mul(0x4000_0005) + 13;
        let mut index = HashIndex::new();
        let mut present: Vec<u32> = Vec::new();
        for (slot, insert) in steps {
            match (insert, present.iter().position(|held| *held == slot)) {
                (true, None) => {
                    index.insert(hash_of(slot), slot);
                    present.push(slot);
                }
                (false, position) => {
                    index.remove(hash_of(slot), slot);
                    position.map(|position| present.swap_remove(position));
                }
                (true, Some(_)) => {}
            }
            for wanted in 0..40 {
                let found = index.find(hash_of(wanted), |held| held == wanted);
                prop_assert_eq!(found.is_some(), present.contains(&wanted));
            }
        }
    }
}
