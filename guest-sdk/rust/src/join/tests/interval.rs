//! Tests of the interval join.

use proptest::prelude::*;

use super::model::{
    Clock, Left, Record, Restart, Right, Row, Run, Step, Tell, Watermark, join_types, key, steps,
};
use crate::join::{IntervalJoin, JoinContext, JoinType, ProcessJoinFunction};
use crate::prelude::*;
use crate::testing::OperatorHarness;

/// The bounds, and which of them are exclusive.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    lower: i64,
    upper: i64,
    exclusive: (bool, bool),
}

impl Bounds {
    fn holds(self, left: i64, right: i64) -> bool {
        let apart = right - left;
        let above = if self.exclusive.0 { apart > self.lower } else { apart >= self.lower };
        let below = if self.exclusive.1 { apart < self.upper } else { apart <= self.upper };
        above && below
    }

    fn join(self, join_type: JoinType) -> IntervalJoin<Record, Record, Tell> {
        let mut join = IntervalJoin::between(self.lower, self.upper).join_type(join_type);
        if self.exclusive.0 {
            join = join.lower_bound_exclusive();
        }
        if self.exclusive.1 {
            join = join.upper_bound_exclusive();
        }
        join.process(Tell)
    }
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (-8i64..8, 0i64..10, any::<(bool, bool)>()).prop_map(|(lower, width, exclusive)| Bounds {
        lower,
        upper: lower + width,
        exclusive,
    })
}

/// A record that is not late when it comes, and the steps between which Flink buffers it.
#[derive(Clone, Copy)]
struct Buffered {
    record: Record,
    at: i64,
    came: usize,
    gone: usize,
}

/// How long after its timestamp Flink buffers a record: left, right.
fn kept(bounds: Bounds) -> (i64, i64) {
    let lower = bounds.lower + i64::from(bounds.exclusive.0);
    let upper = bounds.upper - i64::from(bounds.exclusive.1);
    (upper.max(0), (-lower).max(0))
}

/// The records that are not late when they come: left, right. Each is gone at the first watermark
/// behind it that reaches the time of its timer.
fn buffered(steps: &[Step], bounds: Bounds) -> [Vec<Buffered>; 2] {
    let (mut sides, mut watermark) = ([Vec::new(), Vec::new()], i64::MIN);
    for (came, step) in steps.iter().enumerate() {
        let (side, record, at, kept) = match *step {
            Left(record, at) => (0, record, at, kept(bounds).0),
            Right(record, at) => (1, record, at, kept(bounds).1),
            Watermark(risen) => {
                watermark = risen;
                continue;
            }
            Clock(_) | Restart => continue,
        };
        let fires = |later: &Step| matches!(later, Watermark(risen) if *risen >= at + kept);
        if at >= watermark {
            let gone = steps[came..].iter().position(fires).map_or(usize::MAX, |it| came + it);
            sides[side].push(Buffered { record, at, came, gone });
        }
    }
    sides
}

/// All rows of the join with their timestamps, by nested loops.
fn model(steps: &[Step], bounds: Bounds, join_type: JoinType) -> Vec<(Row, i64)> {
    let [lefts, rights] = buffered(steps, bounds);
    let pair = |left: &Buffered, right: &Buffered| {
        let meet = left.came.max(right.came) < left.gone.min(right.gone);
        left.record.0 == right.record.0 && bounds.holds(left.at, right.at) && meet
    };
    let side = |it: &Buffered| Some((it.record.1, it.at));
    let mut rows = Vec::new();
    for left in &lefts {
        let mine = rights.iter().filter(|right| pair(left, right));
        rows.extend(mine.map(|right| ((side(left), side(right)), left.at.max(right.at))));
        if join_type.is_left_outer() && !rights.iter().any(|right| pair(left, right)) {
            rows.push(((side(left), None), left.at + kept(bounds).0));
        }
    }
    for right in &rights {
        if join_type.is_right_outer() && !lefts.iter().any(|left| pair(left, right)) {
            rows.push(((None, side(right)), right.at + kept(bounds).1));
        }
    }
    rows.sort_unstable();
    rows
}

/// The records in the buffers of all keys.
fn stored<M>(run: &mut Run<Row, M>) -> [usize; 2] {
    type Buffer = Vec<(i64, bool, Record)>;
    let mut stored = [0, 0];
    for key in 0..3u8 {
        let buffers: Option<(Buffer, Buffer)> = run.harness.state("buffers", &key).unwrap();
        if let Some((left, right)) = buffers {
            stored[0] += left.len();
            stored[1] += right.len();
        }
    }
    stored
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 400 }))]

    /// Every pair comes once, with the larger timestamp; outer rows come once; late records are
    /// counted; in the end there is no state and no timer.
    #[test]
    fn pairs_are_those_of_nested_loops(
        steps in steps(60, 25),
        bounds in bounds(),
        join_type in join_types(),
    ) {
        let mut run = Run::new(|| bounds.join(join_type));
        let (mut found, mut late, mut watermark) = (Vec::new(), 0, i64::MIN);
        for step in &steps {
            let emitted = run.step(*step);
            match *step {
                Left(_, at) | Right(_, at) if at < watermark => {
                    late += 1;
                    prop_assert!(emitted.is_empty());
                }
                Watermark(risen) => watermark = risen,
                Restart => late = 0,
                Left(..) | Right(..) | Clock(_) => {}
            }
            found.extend(emitted.into_iter().map(|(row, at)| (row, at.unwrap())));
            prop_assert!(run.most_timers_of_a_key() <= 1);
        }
        let dropped = run.harness.metric("numLateRecordsDropped");
        prop_assert_eq!(dropped.first().copied().unwrap_or(0.0), f64::from(late));
        found.extend(run.step(Watermark(i64::MAX)).into_iter().map(|(row, at)| (row, at.unwrap())));
        found.sort_unstable();
        prop_assert_eq!(found, model(&steps, bounds, join_type));
        prop_assert!(run.harness.state_sizes().unwrap().is_empty());
        prop_assert!(run.harness.timers(TimeDomain::EventTime).is_empty());
    }

    /// After each step the buffers hold what Flink's would.
    #[test]
    fn buffers_are_cleaned_when_flink_cleans_them(steps in steps(40, 25), bounds in bounds()) {
        let mut run = Run::new(|| bounds.join(JoinType::Inner));
        for done in 0..steps.len() {
            run.step(steps[done]);
            let expected = buffered(&steps[..=done], bounds)
                .map(|side| side.iter().filter(|it| it.gone > done).count());
            prop_assert_eq!(stored(&mut run), expected);
        }
    }

    /// No outer row is late where it is read: its timestamp is above the watermark before the one
    /// that makes it, unless its record was as old as that one.
    #[test]
    fn outer_rows_are_not_late(steps in steps(60, 25), bounds in bounds()) {
        let mut run = Run::new(|| bounds.join(JoinType::FullOuter));
        let mut watermark = i64::MIN;
        for step in &steps {
            for (row, at) in run.step(*step) {
                prop_assert!(at >= Some(watermark), "{row:?} at {at:?} < {watermark}");
            }
            if let Watermark(risen) = *step {
                watermark = risen;
            }
        }
    }
}

const LATE_LEFT: OutputTag<Record> = OutputTag::new("late-left");
const LATE_RIGHT: OutputTag<Record> = OutputTag::new("late-right");

#[test]
fn late_records_go_to_the_side_output_of_their_input() {
    let join = IntervalJoin::between(-5, 5)
        .side_output_left_late_data(&LATE_LEFT)
        .apply(|left: &Record, right: &Record| (left.1, right.1));
    let mut harness = OperatorHarness::setup()
        .side_output(&LATE_LEFT)
        .side_output(&LATE_RIGHT)
        .keyed_two_input_process(join, key, key)
        .unwrap();
    harness.watermark(10).unwrap();
    harness.push_first((1, 1), 9).unwrap();
    harness.push_second((1, 2), 9).unwrap();
    harness.push_first((1, 3), 10).unwrap();
    harness.push_second((1, 4), 10).unwrap();
    assert_eq!(harness.take_output(), [((3, 4), Some(10))]);
    assert_eq!(harness.take_side_output(&LATE_LEFT), [(1, 1)]);
    assert_eq!(harness.take_side_output(&LATE_RIGHT), []);
    assert_eq!(harness.metric("numLateRecordsDropped"), [1.0]);
}

#[test]
fn a_record_without_a_timestamp_is_bad() {
    let join = IntervalJoin::between(0, 0).apply(|left: &Record, _: &Record| *left);
    let mut harness = OperatorHarness::setup().keyed_two_input_process(join, key, key).unwrap();
    let refused = harness.push_first((1, 1), i64::MIN).unwrap_err();
    let message = "a record of a join by event time has no timestamp: assign timestamps";
    assert_eq!(refused.message(), message);
}

#[test]
fn bounds_the_wrong_way_round_are_refused() {
    let join = IntervalJoin::between(5, 3).apply(|left: &Record, _: &Record| *left);
    let refused = OperatorHarness::setup().keyed_two_input_process(join, key, key).err().unwrap();
    let message = "opening operator 'operator': an interval join has the lower bound 5 above its \
                   upper bound 3: exchange them";
    assert_eq!(refused.message(), message);
}

/// Refuses pairs with an even sum.
struct Odd;

impl ProcessJoinFunction<Record, Record, u32> for Odd {
    fn process(
        &mut self,
        left: &Record,
        right: &Record,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<u32>,
    ) -> Result<()> {
        out.collect(left.1 + right.1);
        if (left.1 + right.1).is_multiple_of(2) {
            return Err(Error::bad_record("even"));
        }
        Ok(())
    }
}

#[test]
fn a_refused_record_leaves_neither_state_nor_timers_nor_pairs() {
    let join = IntervalJoin::between(-9, 9).process(Odd);
    let mut harness = OperatorHarness::setup().keyed_two_input_process(join, key, key).unwrap();
    harness.push_second((1, 2), 5).unwrap();
    harness.push_second((1, 3), 6).unwrap();
    let before = harness.snapshot().unwrap();
    assert_eq!(harness.push_first((1, 1), 2).unwrap_err().message(), "even");
    assert_eq!(harness.snapshot().unwrap(), before);
    assert_eq!(harness.take_values(), Vec::<u32>::new());
}

#[test]
fn a_batch_costs_a_fetch_and_a_watermark_no_more() {
    let join = IntervalJoin::between(-50, 50)
        .apply(|left: &(u32, i64), right: &(u32, i64)| (left.1, right.1));
    let mut harness = OperatorHarness::setup()
        .keyed_two_input_process(join, |left| left.0, |right| right.0)
        .unwrap();
    let batch = |round: i64| {
        (0..1000u32).map(move |number| ((number % 200, i64::from(number)), round * 100))
    };
    for round in 0..5 {
        harness.push_first_batch(batch(round)).unwrap();
        harness.push_second_batch(batch(round)).unwrap();
        harness.watermark(round * 100).unwrap();
    }
    assert_eq!(harness.take_output().len(), 5 * 200 * 25);
    let calls = &harness.host().calls;
    // The keys of the first batch are fetched once; later ones are cached.
    assert_eq!((calls.multi_get.get(), calls.multi_put.get()), (1, 0));
    // Timers wait in the cache with their keys.
    assert_eq!(calls.register_timers.get(), 0);
    // The last records could go at 450; steps are an eighth of the 100 ms that pairs are apart.
    assert_eq!(harness.timers(TimeDomain::EventTime), vec![456; 200]);
}

/// A result that has no encoded form if it is even.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct OddOnly(u32);

impl serde::Serialize for OddOnly {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        match self.0 % 2 {
            0 => Err(serde::ser::Error::custom("even")),
            _ => serializer.serialize_newtype_struct("OddOnly", &self.0),
        }
    }
}

#[test]
fn a_record_whose_result_is_refused_leaves_no_state() {
    let join = IntervalJoin::between(-9, 9)
        .apply(|left: &Record, right: &Record| OddOnly(left.1 + right.1));
    let mut harness = OperatorHarness::setup().keyed_two_input_process(join, key, key).unwrap();
    harness.push_second((1, 2), 5).unwrap();
    let before = harness.snapshot().unwrap();
    let refused = harness.push_first((1, 2), 2).unwrap_err();
    assert!(refused.message().contains("even"), "{refused}");
    assert_eq!(harness.snapshot().unwrap(), before);
    harness.push_first((1, 1), 2).unwrap();
    assert_eq!(harness.take_values(), [OddOnly(3)]);
}

#[test]
fn records_of_one_timestamp_keep_the_order_of_their_arrival() {
    let mut run = Run::new(|| IntervalJoin::between(-9, 9).process(Tell));
    for (number, at) in [(1, 5), (2, 3), (3, 5), (4, 3), (5, 4)] {
        run.step(Left((1, number), at));
    }
    let rows = run.step(Right((1, 9), 4));
    let numbers = rows.iter().map(|(row, _)| row.0.unwrap().0);
    assert_eq!(numbers.collect::<Vec<_>>(), [2, 4, 5, 1, 3]);
}

#[test]
fn bounds_at_the_ends_of_time_do_not_wrap() {
    let join = IntervalJoin::between(i64::MIN, i64::MAX)
        .apply(|left: &Record, right: &Record| (left.1, right.1));
    let mut harness = OperatorHarness::setup().keyed_two_input_process(join, key, key).unwrap();
    harness.push_first((1, 1), i64::MAX).unwrap();
    harness.push_second((1, 2), 0).unwrap();
    assert_eq!(harness.take_output(), [((1, 2), Some(i64::MAX))]);
    harness.watermark(i64::MAX).unwrap();
    assert!(harness.state_sizes().unwrap().is_empty());
}
