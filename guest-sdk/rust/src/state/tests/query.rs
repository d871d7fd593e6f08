//! Queries of one key: what the cache writes for them, and what it keeps to write.

use proptest::prelude::*;

use super::{Keyed, Step, step, steps};
use crate::testing::OperatorHarness;

/// Keys with a dirty value and dirty entries of a map.
const KEYS: u16 = 20_000;

/// The states that the host has entries of, with the number of these.
fn at_host(harness: &OperatorHarness<Keyed, String>) -> Vec<(String, usize)> {
    harness.host().state_sizes().into_iter().collect()
}

#[test]
fn a_query_writes_the_key_that_it_asks_for_and_no_other() {
    let mut harness = steps(OperatorHarness::setup());
    harness.push_batch((0..KEYS).map(|key| ((key, Step::Set(7)), 0))).unwrap();
    harness.push_batch((0..KEYS).map(|key| ((key, Step::Put(1, 8)), 0))).unwrap();
    harness.push_batch([((5, Step::Put(2, 9)), 0)]).unwrap();
    assert_eq!(at_host(&harness), []);
    harness.queried("value", &5u16).unwrap();
    assert_eq!(at_host(&harness), [("value".to_owned(), 1)]);
    harness.queried("map", &5u16).unwrap();
    assert_eq!(at_host(&harness), [("map".to_owned(), 2), ("value".to_owned(), 1)]);
    assert_eq!(harness.host().calls.multi_put.get(), 2);

    // What is not cached needs nothing, and neither does what was never declared.
    harness.queried("value", &KEYS).unwrap();
    harness.queried("list", &5u16).unwrap();
    assert_eq!(harness.host().calls.multi_put.get(), 2);

    // What has been written for a query is written again once it has changed, or is gone.
    harness.push_batch([((5, Step::Clear), 0)]).unwrap();
    harness.queried("value", &5u16).unwrap();
    assert_eq!(at_host(&harness), [("map".to_owned(), 2)]);
    assert_eq!(harness.state::<u16, u32>("value", &6).unwrap(), Some(7));
    assert_eq!(harness.state::<u16, u32>("value", &5).unwrap(), None);
    assert_eq!(harness.map_state::<u16, u8, u32>("map", &5).unwrap(), [(1, 8), (2, 9)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The host has what was written last of a key that was asked for, and nothing is lost by it.
    #[test]
    fn a_query_sees_what_was_written_last(
        batches in prop::collection::vec(prop::collection::vec((0..6u16, step()), 0..12), 1..8),
        entries in 1..8usize,
    ) {
        let setup =
            || OperatorHarness::setup().config("sandbar.state.cache.entries", &entries.to_string());
        let (mut queried, mut plain) = (steps(setup()), steps(setup()));
        for batch in batches {
            for harness in [&mut queried, &mut plain] {
                harness.push_batch(batch.iter().cloned().map(|keyed| (keyed, 0))).unwrap();
            }
            prop_assert_eq!(queried.take_values(), plain.take_values());
            plain.snapshot().unwrap();
            for state in ["value", "list", "max", "avg", "map"] {
                let expected = plain.queried(state, &3u16).unwrap();
                prop_assert_eq!(queried.queried(state, &3u16).unwrap(), expected, "{}", state);
            }
        }
    }
}
