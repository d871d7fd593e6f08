//! A batch holds what was put into it, and the door refuses what is not a batch.

use proptest::prelude::*;

use super::*;

fn batch_of(records: &[(i64, Vec<u8>, Vec<u8>)]) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for (timestamp, key, value) in records {
        batch.push_keyed(*timestamp, key, value);
    }
    batch
}

fn check_refused(batch: &RecordBatch, expected: &str) {
    let error = batch.view().validate().expect_err("the batch breaks the invariant");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn columns_that_do_not_fit_are_named() {
    let good = batch_of(&[(1, b"k".to_vec(), b"value".to_vec()), (2, b"l".to_vec(), vec![])]);
    good.view().validate().unwrap();

    let mut bad = good.clone();
    bad.value_ends.pop();
    check_refused(&bad, "column value-ends has 1 entries for 2 records");
    bad = good.clone();
    bad.value_ends[0] = 9;
    check_refused(&bad, "column value-ends decreases at record 1");
    bad = good.clone();
    bad.value_ends[1] = 7;
    check_refused(&bad, "column value-ends ends at 7 but its bytes are 5 long");
    bad = good.clone();
    bad.key_ends.clear();
    check_refused(&bad, "column key-ends has 0 entries for 2 records");
    bad = good.clone();
    bad.key_ends[0] = 3;
    check_refused(&bad, "column key-ends decreases at record 1");
    bad = good;
    bad.timestamps.push(3);
    check_refused(&bad, "column value-ends has 2 entries for 3 records");
}

proptest! {
    #[test]
    fn what_is_pushed_and_appended_is_what_is_read(
        first: Vec<(i64, Vec<u8>, Vec<u8>)>,
        second: Vec<(i64, Vec<u8>, Vec<u8>)>,
        start in 0usize..8,
    ) {
        let mut batch = batch_of(&first);
        batch.append(batch_of(&second).view());
        let all: Vec<_> = first.iter().chain(&second).cloned().collect();
        prop_assert_eq!(&batch, &batch_of(&all));
        batch.view().validate().unwrap();
        for (index, (timestamp, key, value)) in all.iter().enumerate() {
            prop_assert_eq!(batch.timestamps[index], *timestamp);
            prop_assert_eq!(batch.view().key(index), &key[..]);
            prop_assert_eq!(batch.view().value(index), &value[..]);
        }
        let start = start.min(all.len());
        prop_assert_eq!(batch.view().copy_from(start), batch_of(&all[start..]));
    }
}

proptest! {
    /// A batch that holds keys and values once reads as one that holds them twice, however records
    /// of both forms are mixed.
    #[test]
    fn records_keyed_by_their_values_read_as_any_others(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 1..9),
        cuts in prop::collection::vec(any::<bool>(), 9),
    ) {
        let twice_of = |value: &Vec<u8>| (7, value.clone(), value.clone());
        let records: Vec<_> = values.iter().map(twice_of).collect();
        let twice = batch_of(&records);
        let once = twice.view().keyed_by_value();
        prop_assert!(once.is_keyed_by_value());
        prop_assert!(once.bytes() < twice.bytes());
        let mut mixed = RecordBatch::new();
        for (index, shared) in (0..records.len()).zip(&cuts) {
            mixed.push_from(if *shared { once } else { twice.view() }, index);
        }
        let mut appended = once.to_batch();
        prop_assert!(appended.keyed_by_value && appended.keys.is_empty());
        appended.append(if cuts[0] { once } else { twice.view() });
        for batch in [&mixed, &appended] {
            batch.view().validate().unwrap();
            for index in 0..batch.len() {
                let expected = twice.view().value(index % records.len());
                prop_assert_eq!(batch.view().key(index), expected);
                prop_assert_eq!(batch.view().value(index), expected);
            }
        }
    }
}
