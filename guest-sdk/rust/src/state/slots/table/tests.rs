//! Tests of the table: whatever is looked up, each slot holds the key that it was found for.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Looks up the keys of a call, and checks the laws of the table.
fn check_call(table: &mut SlotTable, keys: &[Vec<u8>]) {
    let mut ends = Vec::new();
    let mut column = Vec::new();
    for key in keys {
        column.extend_from_slice(key);
        ends.push(column.len() as u32);
    }
    let held: Vec<Vec<u8>> = (0..table.len()).map(|slot| table.key(slot as u32).to_vec()).collect();
    let mut records = Vec::new();
    let mut evicted = BTreeSet::new();
    table.begin_call();
    table.find_or_claim_all(&ends, &column, &mut records, |slot, old_key| {
        assert_eq!(held[slot as usize], old_key, "evicted with its key");
        assert!(evicted.insert(slot), "evicted once");
    });
    assert_eq!(records.len(), keys.len());
    for (slot, key) in records.iter().zip(keys) {
        assert_eq!(*table.key(*slot), **key);
    }
    let used: BTreeSet<u32> = records.iter().copied().collect();
    let touched: BTreeSet<u32> = table.touched().iter().copied().collect();
    assert_eq!(touched.len(), table.touched().len(), "each touched slot once");
    assert_eq!(used, touched);
    let fresh: BTreeSet<u32> = table.fresh().iter().copied().collect();
    for slot in &used {
        let before = held.get(*slot as usize);
        let now = table.key(*slot).to_vec();
        assert_eq!(before != Some(&now), fresh.contains(slot));
    }
    assert!(evicted.is_subset(&fresh));
    let distinct = keys.iter().collect::<BTreeSet<_>>().len();
    assert!(table.len() <= table.capacity().max(held.len()).max(distinct));
}

/// Keys of all lengths, short and long, of which many are alike.
fn any_key() -> impl Strategy<Value = Vec<u8>> {
    (0u8..12, 0usize..24).prop_map(|(byte, length)| vec![byte; length])
}

proptest! {
    #[test]
    fn every_key_is_found_in_a_slot_of_its_own(
        capacity in 1usize..60,
        calls in prop::collection::vec(prop::collection::vec(any_key(), 0..200), 1..20),
    ) {
        let mut table = SlotTable::new(capacity, usize::MAX);
        calls.iter().for_each(|keys| check_call(&mut table, keys));
    }
}

#[test]
fn calls_are_told_apart_when_their_numbers_begin_anew() {
    let keys = |numbers: std::ops::Range<u8>| numbers.map(|n| vec![n]).collect::<Vec<_>>();
    let mut table = SlotTable::new(10, usize::MAX);
    check_call(&mut table, &keys(0..10));
    table.call = CALL - 1;
    check_call(&mut table, &keys(5..10));
    assert_eq!(table.call, CALL);
    check_call(&mut table, &keys(0..7));
    assert_eq!(table.call, 1);
    check_call(&mut table, &keys(8..14));
}

#[test]
fn keys_make_room_for_each_other_where_memory_is_full() {
    let keys =
        |from: usize| (from..from + 1000).map(|n| n.to_le_bytes().to_vec()).collect::<Vec<_>>();
    let (mut bounded, mut free) = (SlotTable::new(20_000, 0), SlotTable::new(20_000, usize::MAX));
    for from in (0..10_000).step_by(1000) {
        check_call(&mut bounded, &keys(from));
        check_call(&mut free, &keys(from));
    }
    assert_eq!((bounded.len(), free.len()), (ENTRIES_MIN, 10_000));
}
