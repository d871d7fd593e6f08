//! Tests of the temporal join.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::model::{Clock, Left, Record, Restart, Right, Row, Run, Tell, Watermark, steps};
use crate::join::TemporalJoin;
use crate::prelude::*;

/// Which right records of the tests are deletes.
fn is_delete(record: &Record) -> bool {
    record.1.is_multiple_of(5)
}

fn join(is_outer: bool) -> TemporalJoin<Record, Record, Tell> {
    let join = TemporalJoin::new().deletes(is_delete);
    if is_outer { join.left_outer().process(Tell) } else { join.process(Tell) }
}

/// The operator without timers: at each watermark, whatever is due of each key is joined, and the
/// versions that Flink would clean are removed.
#[derive(Default)]
struct Model {
    lefts: Vec<(Record, i64)>,
    rights: Vec<(Record, i64)>,
    /// Per key, when Flink's one timer is due.
    timers: [Option<i64>; 3],
}

impl Model {
    fn arrive(&mut self, key: u8, at: i64) {
        let timer = &mut self.timers[usize::from(key)];
        *timer = Some(timer.map_or(at, |timer| timer.min(at)));
    }

    /// The rows of a watermark, by key.
    fn watermark(&mut self, watermark: i64, is_outer: bool) -> Vec<Row> {
        let mut rows = Vec::new();
        for key in 0..3 {
            if self.timers[usize::from(key)].is_none_or(|timer| timer > watermark) {
                continue;
            }
            for (left, at) in self.lefts.iter().filter(|(left, _)| left.0 == key) {
                if *at <= watermark {
                    let of_key = self.rights.iter().filter(|right| right.0.0 == key);
                    let latest = of_key.filter(|right| right.1 <= *at).max_by_key(|it| it.1);
                    let valid = latest.filter(|right| !is_delete(&right.0));
                    if valid.is_some() || is_outer {
                        rows.push((Some((left.1, *at)), valid.map(|it| (it.0.1, it.1))));
                    }
                }
            }
            self.lefts.retain(|((of, _), at)| *of != key || *at > watermark);
            let waiting = self.lefts.iter().filter(|((of, _), _)| *of == key);
            self.timers[usize::from(key)] = waiting.map(|(_, at)| *at).min();
            let behind = |right: &&(Record, i64)| right.0.0 == key && right.1 <= watermark;
            let newest = self.rights.iter().filter(behind).map(|(_, at)| *at).max();
            self.rights.retain(|((of, _), at)| *of != key || Some(*at) >= newest);
        }
        rows
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 400 }))]

    /// Each left record comes once, at the watermark, with the version valid at its time; each key
    /// has one timer; the versions left are those that
    /// Flink's rule leaves, and in the end nothing else is.
    #[test]
    fn each_record_meets_the_version_of_its_time(
        steps in steps(60, 25),
        is_outer in any::<bool>(),
    ) {
        let (mut run, mut model) = (Run::new(|| join(is_outer)), Model::default());
        for step in steps.into_iter().chain([Watermark(i64::MAX)]) {
            let mut expected = match step {
                Left(record, at) => {
                    model.lefts.push((record, at));
                    model.arrive(record.0, at);
                    Vec::new()
                }
                Right(record, at) => {
                    model.rights.retain(|it| (it.0.0, it.1) != (record.0, at));
                    model.rights.push((record, at));
                    model.arrive(record.0, at);
                    Vec::new()
                }
                Watermark(risen) => model.watermark(risen, is_outer),
                Clock(_) | Restart => Vec::new(),
            };
            let found = run.step(step);
            prop_assert!(found.iter().all(|(row, at)| *at == row.0.map(|left| left.1)));
            let mut found: Vec<Row> = found.into_iter().map(|(row, _)| row).collect();
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
            prop_assert!(run.most_timers_of_a_key() <= 1);
            let mut stored = 0;
            for key in 0..3u8 {
                let versions: Option<Vec<(i64, Record)>> =
                    run.harness.state("right", &key).unwrap();
                stored += versions.map_or(0, |versions| versions.len());
            }
            prop_assert_eq!(stored, model.rights.len());
        }
        let keys: BTreeSet<u8> = model.rights.iter().map(|it| it.0.0).collect();
        let mut sizes = run.harness.state_sizes().unwrap();
        prop_assert_eq!(sizes.remove("right").unwrap_or(0), keys.len());
        prop_assert!(sizes.is_empty(), "{:?}", sizes);
        prop_assert!(run.harness.timers(TimeDomain::EventTime).is_empty());
    }

    /// With a retention nothing is left once no record has come for long enough.
    #[test]
    fn a_key_without_records_is_forgotten(steps in steps(40, 12), minimum in 2u64..10) {
        let [least, most] = [minimum as i64, minimum as i64 + 3];
        let [minimum, maximum] = [minimum, minimum + 3].map(Duration::from_millis);
        let mut run =
            Run::new(|| TemporalJoin::new().retention(minimum, maximum).process(Tell));
        let mut last = [None::<i64>; 3];
        let (mut now, mut renewed, mut rights) = (0, 0, [false; 3]);
        for step in steps {
            match step {
                Left(record, _) => last[usize::from(record.0)] = Some(now),
                Right(record, _) => {
                    last[usize::from(record.0)] = Some(now);
                    rights[usize::from(record.0)] = true;
                }
                Clock(by) => now += by,
                Watermark(_) => renewed = now,
                Restart => {}
            }
            run.step(step);
            for (key, came) in (0u8..).zip(last) {
                let versions: Option<Vec<(i64, Record)>> =
                    run.harness.state("right", &key).unwrap();
                // What came is there for the minimum, and gone by the maximum; a watermark that
                // is worked on counts, too.
                let since = came.map(|came| now - came);
                if rights[usize::from(key)] && since.is_some_and(|since| since < least) {
                    prop_assert!(versions.is_some());
                }
                if since.is_none_or(|since| since.min(now - renewed) > most) {
                    prop_assert!(versions.is_none());
                }
                rights[usize::from(key)] = versions.is_some();
            }
        }
        run.step(Clock(most + 1));
        prop_assert!(run.harness.state_sizes().unwrap().is_empty());
        prop_assert!(run.harness.timers(TimeDomain::EventTime).is_empty());
        prop_assert!(run.harness.timers(TimeDomain::ProcessingTime).is_empty());
    }
}

#[test]
fn rows_of_a_key_come_in_the_order_of_their_arrival() {
    let mut run = Run::new(|| join(true));
    for (number, at) in [(1, 5), (2, 3), (3, 9), (4, 4)] {
        run.step(Left((1, number), at));
    }
    let numbers: Vec<u32> =
        run.step(Watermark(5)).iter().map(|(row, _)| row.0.unwrap().0).collect();
    assert_eq!(numbers, [1, 2, 4]);
    assert_eq!(run.harness.timers(TimeDomain::EventTime), [9]);
}

#[test]
fn a_delete_ends_a_version() {
    let mut run = Run::new(|| join(true));
    run.step(Right((1, 1), 10));
    run.step(Right((1, 5), 20));
    run.step(Right((1, 2), 30));
    for (number, at) in [(1, 9), (2, 10), (3, 19), (4, 20), (5, 30)] {
        run.step(Left((1, number), at));
    }
    let versions: Vec<_> = run.step(Watermark(40)).into_iter().map(|(row, _)| row.1).collect();
    assert_eq!(versions, [None, Some((1, 10)), Some((1, 10)), None, Some((2, 30))]);
}

#[test]
fn the_clock_forgets_records_that_wait() {
    let retention = |ms| Duration::from_millis(ms);
    let mut run =
        Run::new(|| TemporalJoin::new().retention(retention(10), retention(20)).process(Tell));
    run.step(Right((1, 1), 1));
    run.step(Left((1, 2), 2));
    assert_eq!(run.harness.timers(TimeDomain::ProcessingTime), [20]);
    run.step(Clock(10));
    run.step(Left((1, 3), 3));
    assert_eq!(run.harness.timers(TimeDomain::ProcessingTime), [20]);
    run.step(Clock(1));
    run.step(Left((1, 4), 4));
    assert_eq!(run.harness.timers(TimeDomain::ProcessingTime), [31]);
    run.step(Clock(21));
    assert_eq!(run.step(Watermark(100)), []);
    assert!(run.harness.state_sizes().unwrap().is_empty());
}
