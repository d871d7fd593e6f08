//! Streams emit every update, batches the last value of each key.

use super::{Folded, Reduce, Sum};
use crate::aggregates::Average;
use crate::function::accumulate::Aggregated;
use crate::stream::KeyValue;
use crate::testing::OperatorHarness;

const MODE: &str = "execution.runtime-mode";

#[test]
fn a_batch_emits_the_final_value_of_each_key_once() {
    for (mode, before, after) in
        [("STREAMING", vec![1, 2, 4, 6], vec![]), ("BATCH", vec![], vec![4, 6])]
    {
        let sum = Reduce::new(|a: i64, b: i64| a + b);
        let setup = OperatorHarness::setup().config(MODE, mode);
        let mut harness = setup.keyed_process(sum, |number: &i64| number % 2).unwrap();
        harness.push_batch([(1, 0), (2, 0), (3, 0), (4, 0)]).unwrap();
        harness.watermark(1000).unwrap();
        assert_eq!(harness.take_values(), before, "{mode}");
        harness.watermark(i64::MAX).unwrap();
        let mut last = harness.take_values();
        last.sort_unstable();
        assert_eq!(last, after, "{mode}");
    }
}

#[test]
fn a_batch_emits_the_final_sum_of_each_key_once() {
    let count = Sum::new(|_: &String| 1u64);
    let setup = OperatorHarness::setup().config(MODE, "BATCH");
    let mut harness = setup.keyed_process(count, String::clone).unwrap();
    for word in ["a", "b", "a"] {
        harness.push(word.to_owned(), 0).unwrap();
    }
    harness.watermark(i64::MAX).unwrap();
    let mut counts: Vec<(String, u64)> =
        harness.take_values().into_iter().map(|KeyValue { key, value }| (key, value)).collect();
    counts.sort();
    assert_eq!(counts, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
}

#[test]
fn a_batch_emits_the_final_aggregate_of_each_key_once() {
    for (mode, before, after) in
        [("STREAMING", vec![1.0, 2.0, 2.0, 3.0], vec![]), ("BATCH", vec![], vec![2.0, 3.0])]
    {
        let average = Aggregated(Average::of(|number: &i64| *number as f64));
        let operator = Folded::new(average, |_: &i64, average: f64| average);
        let setup = OperatorHarness::setup().config(MODE, mode);
        let mut harness = setup.keyed_process(operator, |number: &i64| number % 2).unwrap();
        harness.push_batch([(1, 0), (2, 0), (3, 0), (4, 0)]).unwrap();
        assert_eq!(harness.take_values(), before, "{mode}");
        harness.watermark(i64::MAX).unwrap();
        let mut last = harness.take_values();
        last.sort_unstable_by(f64::total_cmp);
        assert_eq!(last, after, "{mode}");
    }
}
