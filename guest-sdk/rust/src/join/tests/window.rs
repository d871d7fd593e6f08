//! Tests of window joins and co-groups.

use std::time::Duration;

use proptest::prelude::*;

use super::model::{Clock, Left, Record, Restart, Right, Run, Step, Watermark, key, steps};
use crate::join::{TaggedUnion, WindowJoin, WindowJoinOperator};
use crate::prelude::*;
use crate::testing::OperatorHarness;
use crate::{EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows};

/// The numbers of the records of a group: left, right.
type Group = (Vec<u32>, Vec<u32>);
type Operator<Out> = WindowJoinOperator<u8, Record, Record, Out>;

/// Windows of a size, every so often, or sessions with a gap.
#[derive(Clone, Copy, Debug)]
enum Windows {
    Tumbling(i64),
    Sliding(i64, i64),
    Sessions(i64),
}
use Windows::{Sessions, Sliding, Tumbling};

fn windows() -> impl Strategy<Value = Windows> {
    prop_oneof![
        (1i64..20).prop_map(Tumbling),
        (1i64..20, 1i64..8).prop_map(|(size, slide)| Sliding(size, slide)),
        (1i64..10).prop_map(Sessions),
    ]
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(ms as u64)
}

fn numbers(group: &[&Record]) -> Vec<u32> {
    group.iter().map(|record| record.1).collect()
}

fn co_group(windows: Windows) -> Operator<Group> {
    let group = |lefts: &[&Record], rights: &[&Record], out: &mut Collector<Group>| {
        out.collect((numbers(lefts), numbers(rights)));
    };
    match windows {
        Tumbling(size) => WindowJoin::of(TumblingEventTimeWindows::of(ms(size))).co_group(group),
        Sliding(size, slide) => {
            let assigner = SlidingEventTimeWindows::of(ms(size), ms(slide));
            WindowJoin::of(assigner).co_group(group)
        }
        Sessions(gap) => WindowJoin::of(EventTimeSessionWindows::with_gap(ms(gap))).co_group(group),
    }
}

fn join(windows: Windows) -> Operator<(u32, u32)> {
    let pair = |left: &Record, right: &Record| (left.1, right.1);
    match windows {
        Tumbling(size) => WindowJoin::of(TumblingEventTimeWindows::of(ms(size))).apply(pair),
        Sliding(size, slide) => {
            WindowJoin::of(SlidingEventTimeWindows::of(ms(size), ms(slide))).apply(pair)
        }
        Sessions(gap) => WindowJoin::of(EventTimeSessionWindows::with_gap(ms(gap))).apply(pair),
    }
}

/// A window that has not fired, with its records in the order they came in.
struct Open {
    key: u8,
    start: i64,
    end: i64,
    group: Group,
}

/// All windows that are open.
#[derive(Default)]
struct Model {
    open: Vec<Open>,
    watermark: i64,
    late: u32,
}

impl Model {
    /// The windows that a timestamp belongs to, by trying all that there could be.
    fn assign(windows: Windows, at: i64) -> Vec<(i64, i64)> {
        let (size, slide) = match windows {
            Tumbling(size) => (size, size),
            Sliding(size, slide) => (size, slide),
            Sessions(gap) => return vec![(at, at + gap)],
        };
        let starts = (at - size + 1..=at).filter(|start| start.rem_euclid(slide) == 0);
        starts.map(|start| (start, start + size)).collect()
    }

    fn arrive(&mut self, windows: Windows, record: Record, at: i64, is_left: bool) {
        let mut taken = false;
        let assigned = Self::assign(windows, at);
        for (mut start, mut end) in assigned.iter().copied() {
            let merges = matches!(windows, Sessions(_));
            // A session is only late if it is after it has merged: no open one is.
            let touches_any = self.open.iter().any(|open| {
                merges && open.key == record.0 && open.start <= end && start <= open.end
            });
            if end - 1 <= self.watermark && !touches_any {
                continue;
            }
            taken = true;
            let mut groups = Vec::new();
            self.open.retain_mut(|open| {
                let same = (open.start, open.end) == (start, end);
                let touches = merges && open.start <= end && start <= open.end;
                if open.key != record.0 || !(same || touches) {
                    return true;
                }
                groups.push((open.start, open.end, std::mem::take(&mut open.group)));
                false
            });
            let mut group = Group::default();
            for (other_start, other_end, other) in groups {
                (start, end) = (start.min(other_start), end.max(other_end));
                group.0.extend(other.0);
                group.1.extend(other.1);
            }
            if is_left {
                group.0.push(record.1)
            } else {
                group.1.push(record.1)
            }
            self.open.push(Open { key: record.0, start, end, group });
        }
        // Where windows are further apart than they are long, a record may belong to none.
        self.late += u32::from(!taken && at <= self.watermark);
    }

    /// The groups that a watermark fires, with their timestamps; each sorted by its numbers.
    fn watermark(&mut self, watermark: i64) -> Vec<(Group, i64)> {
        self.watermark = watermark;
        let (fired, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|open: &Open| open.end - 1 <= watermark);
        self.open = open;
        let fired: Vec<Open> = fired;
        fired.into_iter().map(|window| (sorted(window.group), window.end - 1)).collect()
    }

    fn step(&mut self, windows: Windows, step: Step) -> Vec<(Group, i64)> {
        match step {
            Left(record, at) => self.arrive(windows, record, at, true),
            Right(record, at) => self.arrive(windows, record, at, false),
            Watermark(risen) => return self.watermark(risen),
            Restart => self.late = 0,
            Clock(_) => {}
        }
        Vec::new()
    }
}

fn sorted(mut group: Group) -> Group {
    group.0.sort_unstable();
    group.1.sort_unstable();
    group
}

fn model() -> Model {
    Model { watermark: i64::MIN, ..Model::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 300 }))]

    /// Each window that has records comes once, with all of them, when the watermark reaches its
    /// end; late records are counted; in the end there is no state and no timer.
    #[test]
    fn groups_are_those_of_all_windows(steps in steps(60, 25), windows in windows()) {
        let (mut run, mut model) = (Run::new(|| co_group(windows)), model());
        for step in steps.into_iter().chain([Watermark(i64::MAX)]) {
            let mut expected = model.step(windows, step);
            let found = run.step(step).into_iter();
            let mut found: Vec<_> =
                found.map(|(group, at)| (sorted(group), at.unwrap())).collect();
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
        let dropped = run.harness.metric("numLateRecordsDropped");
        prop_assert_eq!(dropped.first().copied().unwrap_or(0.0), f64::from(model.late));
        prop_assert!(run.harness.state_sizes().unwrap().is_empty());
        prop_assert!(run.harness.timers(TimeDomain::EventTime).is_empty());
    }

    /// The pairs of a join are those of its groups, each once a window.
    #[test]
    fn pairs_are_those_of_the_groups(steps in steps(60, 25), windows in windows()) {
        let (mut run, mut model) = (Run::new(|| join(windows)), model());
        for step in steps.into_iter().chain([Watermark(i64::MAX)]) {
            let mut expected = Vec::new();
            for ((lefts, rights), at) in model.step(windows, step) {
                for left in lefts {
                    expected.extend(rights.iter().map(|right| ((left, *right), Some(at))));
                }
            }
            let mut found = run.step(step);
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
        prop_assert!(run.harness.state_sizes().unwrap().is_empty());
        prop_assert!(run.harness.timers(TimeDomain::EventTime).is_empty());
    }
}

#[test]
fn groups_keep_the_order_of_arrival() {
    let mut run = Run::new(|| co_group(Tumbling(10)));
    for (number, at) in [(3, 5), (1, 2), (2, 9)] {
        run.step(Left((1, number), at));
        run.step(Right((1, number + 10), at));
    }
    assert_eq!(run.step(Watermark(9)), [((vec![3, 1, 2], vec![13, 11, 12]), Some(9))]);
}

#[test]
fn pairs_of_sliding_windows_come_in_the_order_of_arrival() {
    let mut run = Run::new(|| join(Sliding(10, 5)));
    for (number, at) in [(1, 8), (2, 2), (3, 7)] {
        run.step(Left((1, number), at));
    }
    run.step(Right((1, 9), 3));
    run.step(Watermark(4));
    let pairs = run.step(Watermark(9));
    assert_eq!(pairs, [((1, 9), Some(9)), ((2, 9), Some(9)), ((3, 9), Some(9))]);
}

const LATE: OutputTag<TaggedUnion<Record, Record>> = OutputTag::new("late");

#[test]
fn a_late_record_fires_its_window_again_and_one_too_late_goes_to_the_side() {
    let windows = TumblingEventTimeWindows::of(ms(10));
    let join = WindowJoin::of(windows)
        .allowed_lateness(ms(5))
        .side_output_late_data(&LATE)
        .apply(|left: &Record, right: &Record| (left.1, right.1));
    let mut harness = OperatorHarness::setup()
        .side_output(&LATE)
        .keyed_two_input_process(join, key, key)
        .unwrap();
    harness.push_first((1, 1), 0).unwrap();
    harness.push_second((1, 2), 5).unwrap();
    harness.watermark(10).unwrap();
    assert_eq!(harness.take_output(), [((1, 2), Some(9))]);
    harness.push_second((1, 3), 6).unwrap();
    assert_eq!(harness.take_output(), [((1, 2), Some(9)), ((1, 3), Some(9))]);
    harness.watermark(14).unwrap();
    harness.push_second((1, 4), 6).unwrap();
    assert_eq!(harness.take_output(), []);
    assert_eq!(harness.take_side_output(&LATE), [TaggedUnion::Right((1, 4))]);
    assert!(harness.state_sizes().unwrap().is_empty());
}
