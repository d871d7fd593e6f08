//! How far estimates are off, and that sketches are the same however they came about.

use super::{ApproximateDistinctCount, DistinctSketch};
use crate::function::AggregateFunction;
use crate::testing::OperatorHarness;
use crate::window::{TumblingEventTimeWindows, Windowing};

type Read = fn(&u64) -> u64;

fn count(precision: u8) -> ApproximateDistinctCount<u64, Read> {
    let read: Read = |value| *value;
    ApproximateDistinctCount::of(read).precision(precision)
}

fn sketch(precision: u8, values: impl Iterator<Item = u64>) -> DistinctSketch {
    let count = count(precision);
    let mut sketch = count.create_accumulator();
    values.for_each(|value| count.add(&mut sketch, value));
    sketch
}

/// How far an estimate is off, as a part of what is right.
fn error(estimate: u64, right: u64) -> f64 {
    (estimate as f64 - right as f64).abs() / right as f64
}

#[test]
fn few_things_are_counted_exactly_and_take_little() {
    for right in [0, 1, 8, 100, 200] {
        let few = sketch(12, (0..right).chain(0..right));
        assert_eq!(few.estimate(), right);
        assert!(few.size() <= 2048, "{} bytes for {right}", few.size());
    }
    assert!(postcard::to_allocvec(&sketch(12, 0..8)).unwrap().len() < 64);
}

#[test]
fn estimates_are_as_good_as_the_registers_allow() {
    for (precision, registers) in [(10, 1024.0_f64), (12, 4096.0), (14, 16_384.0)] {
        let (mut sum, mut runs) = (0.0, 0.0);
        for (run, right) in [1000, 3000, 10_000, 30_000, 100_000].into_iter().enumerate() {
            let from = run as u64 * 1_000_000_007;
            let off = error(sketch(precision, from..from + right).estimate(), right);
            let expected = 1.04 / registers.sqrt();
            assert!(off < 4.0 * expected, "{off} for {right} at {precision}");
            sum += off;
            runs += 1.0;
        }
        assert!(sum / runs < 1.5 * 1.04 / registers.sqrt(), "{} at {precision}", sum / runs);
    }
}

#[test]
fn merged_sketches_count_the_union() {
    let aggregate = count(12);
    // Both few, few and many, many and many; the third part is in both.
    for (one, other) in [(90, 90), (90, 60_000), (60_000, 90), (60_000, 60_000)] {
        let mut merged = sketch(12, 0..one);
        aggregate.merge(&mut merged, sketch(12, one * 2 / 3..one * 2 / 3 + other));
        let right = (one * 2 / 3 + other).max(one);
        let off = error(aggregate.result(&merged), right);
        assert!(off < 0.05, "{one} and {other}: {off}");
        let mut again = merged.clone();
        aggregate.merge(&mut again, merged.clone());
        assert!(error(again.estimate(), merged.estimate()) < 0.03, "what is in it adds nothing");
    }
    let mut empty = aggregate.create_accumulator();
    aggregate.merge(&mut empty, sketch(12, 0..5));
    assert_eq!(empty.estimate(), 5);
    aggregate.merge(&mut empty, aggregate.create_accumulator());
    assert_eq!(empty.estimate(), 5);
}

#[test]
fn a_sketch_survives_being_written_and_read() {
    for right in [0, 5, 150, 5000] {
        let before = sketch(12, 0..right);
        let bytes = postcard::to_allocvec(&before).unwrap();
        let after: DistinctSketch = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(after.estimate(), before.estimate());
        let json = serde_json::to_string(&before).unwrap();
        let shown: DistinctSketch = serde_json::from_str(&json).unwrap();
        assert_eq!(shown.estimate(), before.estimate());
    }
    assert!(postcard::from_bytes::<DistinctSketch>(&[3, 1, 2, 3]).is_err());
}

#[test]
fn windows_count_with_it() {
    let windows = TumblingEventTimeWindows::of(std::time::Duration::from_millis(100));
    let operator = || Windowing::of(windows).aggregate(count(12));
    let key = |_: &u64| 0_u8;
    let mut harness = OperatorHarness::keyed_process(operator(), key).unwrap();
    harness.push_batch((0..300).map(|number| (number % 150, 7))).unwrap();
    let snapshot = harness.snapshot().unwrap();
    let setup = OperatorHarness::setup().restore(&snapshot);
    let mut restored = setup.keyed_process(operator(), key).unwrap();
    restored.push(1_000_000, 8).unwrap();
    restored.watermark(100).unwrap();
    assert_eq!(restored.take_output(), [(151, Some(99))]);
}
