//! Tests of the regular join.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::model::{Clock, Left, Record, Restart, Right, Run, Watermark, join_types, key, steps};
use crate::join::{JoinType, JoinedRow, RegularJoin, RowKind};
use crate::prelude::*;
use crate::testing::OperatorHarness;

type Sides = (Option<u32>, Option<u32>);
type Join = RegularJoin<Record, Record, fn(RowKind, Option<&Record>, Option<&Record>) -> Row>;
type Row = (RowKind, Sides);

fn row(kind: RowKind, left: Option<&Record>, right: Option<&Record>) -> Row {
    (kind, (left.map(|left| left.1), right.map(|right| right.1)))
}

/// A condition that about half of the pairs meet.
fn holds(left: &Record, right: &Record) -> bool {
    (left.1 / 2 + right.1 / 3).is_multiple_of(2)
}

fn join(join_type: JoinType, conditional: bool, ttl: Option<u64>) -> Join {
    let mut join = RegularJoin::new(join_type);
    if conditional {
        join = join.condition(holds);
    }
    if let Some(ttl) = ttl {
        join = join.ttl(Duration::from_millis(ttl));
    }
    join.apply(row as fn(RowKind, Option<&Record>, Option<&Record>) -> Row)
}

/// The join of all records, by nested loops.
fn nested_loops(
    lefts: &[Record],
    rights: &[Record],
    join_type: JoinType,
    conditional: bool,
) -> BTreeMap<Sides, u32> {
    let pair =
        |left: &Record, right: &Record| left.0 == right.0 && (!conditional || holds(left, right));
    let mut rows = BTreeMap::new();
    let mut add = |sides: Sides| *rows.entry(sides).or_insert(0) += 1;
    for left in lefts {
        let mine = || rights.iter().filter(|right| pair(left, right));
        mine().for_each(|right| add((Some(left.1), Some(right.1))));
        if join_type.is_left_outer() && mine().next().is_none() {
            add((Some(left.1), None));
        }
    }
    for right in rights {
        if join_type.is_right_outer() && !lefts.iter().any(|left| pair(left, right)) {
            add((None, Some(right.1)));
        }
    }
    rows
}

/// Applies a changelog to the rows so far.
fn apply(rows: &mut BTreeMap<Sides, u32>, changes: Vec<(Row, Option<i64>)>) {
    for ((kind, sides), _) in changes {
        let count = rows.entry(sides).or_insert(0);
        match kind {
            RowKind::Insert => *count += 1,
            RowKind::Delete => {
                *count = count.checked_sub(1).expect("only rows that are there are taken back");
            }
            RowKind::UpdateBefore | RowKind::UpdateAfter => panic!("{kind} is not emitted"),
        }
        if *count == 0 {
            rows.remove(&sides);
        }
    }
}

/// A stored row of the model with a time to live.
struct Stored {
    record: Record,
    matched: bool,
    written: i64,
}

/// Flink's operator over rows that expire, written down plainly.
fn arrive(
    record: Record,
    (own, other): (&mut Vec<Stored>, &mut Vec<Stored>),
    (own_outer, other_outer): (bool, bool),
    (now, ttl): (i64, i64),
    meets: impl Fn(&Record, &Record) -> bool,
) -> Vec<(RowKind, Option<u32>, Option<u32>)> {
    let mut rows = Vec::new();
    let mut matched = false;
    for stored in other.iter_mut().filter(|stored| now < stored.written + ttl) {
        if stored.record.0 == record.0 && meets(&record, &stored.record) {
            if other_outer {
                if !stored.matched {
                    rows.push((RowKind::Delete, None, Some(stored.record.1)));
                }
                (stored.matched, stored.written) = (true, now);
            }
            rows.push((RowKind::Insert, Some(record.1), Some(stored.record.1)));
            matched = true;
        }
    }
    if own_outer && !matched {
        rows.push((RowKind::Insert, Some(record.1), None));
    }
    own.push(Stored { record, matched, written: now });
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 300 }))]

    /// After each step the rows that were added and not taken back are the join of all records.
    #[test]
    fn the_changelog_adds_up_to_nested_loops(
        steps in steps(50, 5),
        join_type in join_types(),
        conditional in any::<bool>(),
    ) {
        let mut run = Run::new(|| join(join_type, conditional, None));
        let (mut lefts, mut rights, mut rows) = (Vec::new(), Vec::new(), BTreeMap::new());
        for step in steps {
            match step {
                Left(record, _) => lefts.push(record),
                Right(record, _) => rights.push(record),
                Watermark(_) | Clock(_) | Restart => {}
            }
            apply(&mut rows, run.step(step));
            prop_assert_eq!(&rows, &nested_loops(&lefts, &rights, join_type, conditional));
        }
    }

    /// With a time to live, rows expire one by one, each long enough after it was written; what
    /// comes out is to the letter what Flink's rules give. All state expires.
    #[test]
    fn rows_expire_one_by_one(
        steps in steps(60, 12),
        join_type in join_types(),
        conditional in any::<bool>(),
        ttl in 1u64..30,
    ) {
        let mut run = Run::new(|| join(join_type, conditional, Some(ttl)));
        let outer = (join_type.is_left_outer(), join_type.is_right_outer());
        let (mut lefts, mut rights, mut now) = (Vec::new(), Vec::new(), 0);
        for step in steps {
            let time = (now, ttl as i64);
            let expected: Vec<Row> = match step {
                Left(record, _) => {
                    let meets = |own: &Record, other: &Record| !conditional || holds(own, other);
                    let rows = arrive(record, (&mut lefts, &mut rights), outer, time, meets);
                    rows.into_iter().map(|(kind, own, other)| (kind, (own, other))).collect()
                }
                Right(record, _) => {
                    let meets = |own: &Record, other: &Record| !conditional || holds(other, own);
                    let outer = (outer.1, outer.0);
                    let rows = arrive(record, (&mut rights, &mut lefts), outer, time, meets);
                    rows.into_iter().map(|(kind, own, other)| (kind, (other, own))).collect()
                }
                Watermark(_) | Clock(_) | Restart => Vec::new(),
            };
            if let Clock(by) = step {
                now += by;
            }
            let found: Vec<Row> = run.step(step).into_iter().map(|(row, _)| row).collect();
            prop_assert_eq!(found, expected);
        }
        run.step(Clock(ttl as i64));
        prop_assert!(run.harness.state_sizes().unwrap().is_empty());
    }
}

#[test]
fn a_key_with_many_rows_is_stored_in_parts() {
    let mut run = Run::new(|| join(JoinType::RightOuter, false, None));
    let rights: Vec<(Record, i64)> = (0..1000).map(|number| ((1, number), 0)).collect();
    run.harness.push_second_batch(rights.clone()).unwrap();
    assert_eq!(run.harness.take_output().len(), 1000);
    run.step(Restart);
    let rows = run.step(Left((1, 5000), 0));
    let expected = rights.iter().flat_map(|((_, right), _)| {
        [
            ((RowKind::Delete, (None, Some(*right))), Some(0)),
            ((RowKind::Insert, (Some(5000), Some(*right))), Some(0)),
        ]
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
    run.step(Restart);
    assert_eq!(run.step(Left((1, 5001), 0)).len(), 1000);
    let sizes = run.harness.state_sizes().unwrap();
    let parts = [("left-records", 1), ("right-records", 1), ("right-records-sealed", 7)];
    assert_eq!(sizes, parts.map(|(name, size)| (name.to_owned(), size)).into());
}

#[test]
fn sealed_rows_that_found_partners_outlive_those_that_did_not() {
    let mut run = Run::new(|| join(JoinType::RightOuter, true, Some(10)));
    // Two sealed parts, and no newest row that would be written with them.
    run.harness.push_second_batch((0..256).map(|number| ((1, number), 0))).unwrap();
    run.harness.take_output();
    run.step(Clock(9));
    let met = run.step(Left((1, 0), 0)).len() / 2;
    run.step(Clock(9));
    assert_eq!(run.step(Left((1, 0), 0)).len(), met);
    run.step(Clock(10));
    assert_eq!(run.step(Left((1, 0), 0)).len(), 0);
    run.step(Right((1, 1000), 0));
    run.step(Clock(10));
    assert!(run.harness.state_sizes().unwrap().is_empty());
}

/// The newest rows of a key as they are stored: the first sealed part, the next, and the rows.
type Newest = (u32, u32, Vec<(bool, i64, Record)>);

#[test]
fn rows_that_expired_leave_the_store() {
    let mut run = Run::new(|| join(JoinType::Inner, false, Some(10)));
    for round in 0..20 {
        run.harness.push_first_batch((0..100).map(|number| ((1, number + round), 0))).unwrap();
        run.step(Clock(5));
    }
    let newest: Newest = run.harness.state("left-records", &1u8).unwrap().unwrap();
    assert!(newest.1 - newest.0 <= 3, "parts {} to {} for 200 live rows", newest.0, newest.1);
    assert_eq!(run.step(Right((1, 5000), 0)).len(), 100);
    run.step(Left((1, 6000), 0));
    run.step(Clock(5));
    run.step(Left((1, 6001), 0));
    let (_, _, rows): Newest = run.harness.state("left-records", &1u8).unwrap().unwrap();
    assert_eq!(rows, [(true, 100, (1, 6000)), (true, 105, (1, 6001))]);
}

#[test]
fn rows_have_both_sides() {
    let mut harness = OperatorHarness::setup()
        .keyed_two_input_process(RegularJoin::new(JoinType::FullOuter).rows(), key, key)
        .unwrap();
    harness.push_first((1, 1), 7).unwrap();
    harness.push_second((1, 2), 8).unwrap();
    let row = |kind, left, right| JoinedRow { kind, left, right };
    let expected = [
        (row(RowKind::Insert, Some((1, 1)), None), Some(7)),
        (row(RowKind::Delete, Some((1, 1)), None), Some(8)),
        (row(RowKind::Insert, Some((1, 1)), Some((1, 2))), Some(8)),
    ];
    assert_eq!(harness.take_output(), expected);
    assert!(harness.timers(TimeDomain::ProcessingTime).is_empty());
}
