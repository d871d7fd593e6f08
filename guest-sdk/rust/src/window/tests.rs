//! Examples of windows with their results: those of Flink's documentation, and what is told of
//! windows beside their results.

mod timeout;

use std::time::Duration;

use crate::error::ErrorKind;
use crate::function::aggregates::{Average, CountAggregate};
use crate::prelude::*;
use crate::testing::{OperatorHarness, job_spec, plugin_operators};
use crate::window::{
    ContinuousEventTimeTrigger, DeltaTrigger, EventTimeTrigger, TimeEvictor, WindowedOperator,
};

type Reading = (String, i64, i64);

const LATE: OutputTag<Reading> = OutputTag::new("late");

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn harness<Out: crate::Data>(
    operator: WindowedOperator<String, Reading, Out>,
) -> OperatorHarness<Reading, Out> {
    OperatorHarness::setup()
        .side_output(&LATE)
        .keyed_process(operator, |reading: &Reading| reading.0.clone())
        .unwrap()
}

fn add(sum: Reading, next: Reading) -> Reading {
    (sum.0, sum.1, sum.2 + next.2)
}

fn push<Out>(harness: &mut OperatorHarness<Reading, Out>, readings: &[(&str, i64, i64)])
where
    Out: crate::Data,
{
    let own = |reading: &(&str, i64, i64)| (reading.0.to_owned(), reading.1, reading.2);
    let records = readings.iter().map(|reading| (own(reading), reading.1));
    harness.push_batch(records.collect::<Vec<_>>()).unwrap();
}

/// The input of Flink's example `SessionWindowing`, whose sessions have a gap of 3 ms; each element
/// is followed by its watermark.
#[test]
fn a_record_whose_windows_would_end_after_the_last_time_is_refused() {
    let sum = |left: i64, right: i64| left + right;
    let count = |_: &i64, _: &TimeWindow, elements: &[i64], out: &mut Collector<i64>| {
        out.collect(elements.len() as i64);
    };
    let minute = Duration::from_secs(60);
    let tumbling = || Windowing::of(TumblingEventTimeWindows::of(minute));
    let sliding = || Windowing::of(SlidingEventTimeWindows::of(minute, minute / 4));
    let operators: [WindowedOperator<i64, i64, i64>; 4] = [
        tumbling().reduce(sum),
        sliding().reduce(sum),
        tumbling().without_panes().apply(count),
        sliding().without_panes().apply(count),
    ];
    for operator in operators {
        let mut harness = OperatorHarness::keyed_process(operator, |value: &i64| *value).unwrap();
        for at in [i64::MAX, i64::MAX - 1, i64::MAX - 59_999, i64::MIN + 1, i64::MIN + 60_000] {
            let refused = harness.push(1, at).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::BadRecord);
            assert!(refused.message().contains(&at.to_string()), "{refused}");
        }
        harness.push(1, i64::MAX - 60_000).unwrap();
        harness.watermark(i64::MAX).unwrap();
        assert!([1, 4].contains(&harness.take_output().len()));
        assert!(harness.state_sizes().unwrap().is_empty());
    }
}

#[test]
fn flinks_session_windowing_example() {
    let sessions = Windowing::of(EventTimeSessionWindows::with_gap(ms(3)));
    let mut harness = harness(sessions.reduce(add));
    let input = [("a", 1, 1), ("b", 1, 1), ("b", 3, 1), ("b", 5, 1), ("c", 6, 1), ("a", 10, 1)];
    for (key, at, count) in input {
        push(&mut harness, &[(key, at, count)]);
        harness.watermark(at - 1).unwrap();
    }
    push(&mut harness, &[("c", 11, 1)]);
    harness.watermark(10).unwrap();
    harness.watermark(i64::MAX).unwrap();
    let results: Vec<Reading> = harness.take_values();
    let expected = [("a", 1, 1), ("b", 1, 3), ("c", 6, 1), ("a", 10, 1), ("c", 11, 1)];
    assert_eq!(results, expected.map(|(key, at, sum)| (key.to_owned(), at, sum)));
}

/// Flink's example `TopSpeedWindowing`: fires every 50 metres, and sees the last 10 seconds.
#[test]
fn flinks_top_speed_example() {
    let cars = Windowing::of(GlobalWindows)
        .evictor(TimeEvictor::of(ms(10_000)))
        .trigger(DeltaTrigger::of(50.0, |from: &Reading, to: &Reading| (to.2 - from.2) as f64));
    let mut harness = harness(cars.apply(|car: &String, _: &GlobalWindow, readings, out| {
        let furthest: &Reading = readings.iter().max_by_key(|reading| reading.2).unwrap();
        out.collect((car.clone(), readings.len() as i64, furthest.2));
    }));
    let drive = [(0, 0), (4000, 40), (8000, 51), (12_000, 80), (16_000, 102), (20_000, 103)];
    for (at, metres) in drive {
        push(&mut harness, &[("car", at, metres)]);
    }
    let results: Vec<Reading> = harness.take_values();
    assert_eq!(results, [("car".to_owned(), 3, 51), ("car".to_owned(), 3, 102)]);
}

/// Flink's example `GroupedProcessingTimeWindowExample`, with a clock that moves by hand.
#[test]
fn windows_by_the_clock_slide_with_it() {
    let sliding = SlidingProcessingTimeWindows::of(ms(2500), ms(500));
    let mut harness = harness(Windowing::of(sliding).reduce(add));
    push(&mut harness, &[("k", 0, 1), ("k", 0, 2)]);
    harness.advance_processing_time(600).unwrap();
    push(&mut harness, &[("k", 0, 4)]);
    harness.advance_processing_time(10_000).unwrap();
    let results = harness.take_output();
    let sums: Vec<i64> = results.iter().map(|(reading, _)| reading.2).collect();
    assert_eq!(sums, [3, 7, 7, 7, 7, 4]);
    let ends: Vec<i64> = results.iter().map(|(_, at)| at.unwrap()).collect();
    assert_eq!(ends, [499, 999, 1499, 1999, 2499, 2999]);
}

#[test]
fn late_elements_update_a_window_until_it_is_cleaned_up() {
    let tumbling = Windowing::of(TumblingEventTimeWindows::of(ms(10))).allowed_lateness(ms(5));
    let mut harness = harness(tumbling.side_output_late_data(&LATE).reduce(add));
    push(&mut harness, &[("k", 3, 1)]);
    harness.watermark(9).unwrap();
    push(&mut harness, &[("k", 4, 2)]);
    harness.watermark(13).unwrap();
    push(&mut harness, &[("k", 5, 4)]);
    harness.watermark(14).unwrap();
    push(&mut harness, &[("k", 6, 8)]);
    let sums: Vec<(i64, Option<i64>)> =
        harness.take_output().into_iter().map(|(sum, at)| (sum.2, at)).collect();
    assert_eq!(sums, [(1, Some(9)), (3, Some(9)), (7, Some(9))]);
    assert_eq!(harness.take_side_output(&LATE), [("k".to_owned(), 6, 8)]);
    assert!(harness.metric("numLateRecordsDropped").is_empty());
}

#[test]
fn late_elements_without_a_tag_are_counted() {
    let tumbling = Windowing::of(TumblingEventTimeWindows::of(ms(10)));
    let mut harness = harness(tumbling.aggregate(CountAggregate::default()));
    harness.watermark(9).unwrap();
    push(&mut harness, &[("k", 3, 1), ("k", 9, 1), ("k", 10, 1)]);
    harness.watermark(i64::MAX).unwrap();
    assert_eq!(harness.take_output(), [(1, Some(19))]);
    assert_eq!(harness.metric("numLateRecordsDropped"), [2.0]);
}

#[test]
fn count_windows_leave_what_does_not_fill_one() {
    let mut harness = harness(Windowing::count(3).reduce(add));
    let ten: Vec<(&str, i64, i64)> = (1..=10).map(|number| ("k", 0, number)).collect();
    push(&mut harness, &ten);
    harness.watermark(i64::MAX).unwrap();
    let sums: Vec<i64> = harness.take_values().into_iter().map(|reading| reading.2).collect();
    assert_eq!(sums, [6, 15, 24]);
}

#[test]
fn sliding_count_windows_see_the_last_elements() {
    let average = Average::of(|reading: &Reading| reading.2 as f64);
    let mut harness = harness(Windowing::sliding_count(4, 2).aggregate(average));
    let ten: Vec<(&str, i64, i64)> = (1..=6).map(|number| ("k", 0, number)).collect();
    push(&mut harness, &ten);
    assert_eq!(harness.take_values(), [1.5, 2.5, 4.5]);
}

/// An element of a sliding window costs the same however many windows it is in.
#[test]
fn an_element_is_added_to_one_pane() {
    use std::cell::Cell;
    use std::rc::Rc;

    for (size, slide, windows) in [(10, 10, 12), (1000, 10, 111), (1000, 7, 158)] {
        let adds = Rc::new(Cell::new(0));
        let counted = Rc::clone(&adds);
        let sum = Average::of(move |reading: &Reading| {
            counted.set(counted.get() + 1);
            reading.2 as f64
        });
        let sliding = SlidingEventTimeWindows::of(ms(size), ms(slide));
        let mut harness = harness(Windowing::of(sliding).aggregate(sum));
        let readings: Vec<(&str, i64, i64)> = (1000..1112).map(|at| ("k", at, 1)).collect();
        push(&mut harness, &readings);
        harness.watermark(i64::MAX).unwrap();
        assert_eq!(harness.take_values().len(), windows, "{size} by {slide}");
        assert_eq!(adds.get(), readings.len(), "{size} by {slide}");
    }
}

#[test]
fn a_key_has_one_timer_however_many_windows_it_has() {
    let sliding = || Windowing::of(SlidingEventTimeWindows::of(ms(60), ms(1)));
    for operator in [sliding().reduce(add), sliding().without_panes().reduce(add)] {
        let mut harness = harness(operator);
        push(&mut harness, &[("k", 100, 1), ("k", 101, 1), ("k", 130, 1)]);
        assert_eq!(harness.timers(crate::TimeDomain::EventTime), [100]);
        harness.watermark(i64::MAX).unwrap();
        assert_eq!(harness.take_values().len(), 90);
        assert!(harness.timers(crate::TimeDomain::EventTime).is_empty());
        let (state, key) = (crate::window::STATE, "k".to_owned());
        assert_eq!(harness.state::<String, Vec<u8>>(state, &key).unwrap(), None);
    }
}

/// What a refused record has changed stays, and so must the timer that emits it.
#[test]
fn a_refused_record_leaves_its_window_with_a_timer() {
    struct Refuse;

    impl ProcessWindowFunction<String, Reading, usize, TimeWindow> for Refuse {
        type State = ();

        fn process(
            &mut self,
            ctx: &mut WindowContext<'_, String, TimeWindow, ()>,
            elements: &[Reading],
            out: &mut Collector<usize>,
        ) -> Result<()> {
            if ctx.current_watermark() < 5 {
                return Err(Error::bad_record("too early"));
            }
            out.collect(elements.len());
            Ok(())
        }
    }

    let eager = Windowing::of(TumblingEventTimeWindows::of(ms(10)))
        .trigger(CountTrigger::of(1))
        .process(Refuse);
    let mut harness = harness(eager);
    let refused = harness.push(("k".to_owned(), 2, 1), 2).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BadRecord);
    assert_eq!(harness.timers(crate::TimeDomain::EventTime), [9]);
    harness.watermark(6).unwrap();
    push(&mut harness, &[("k", 7, 1), ("k", 8, 1)]);
    assert_eq!(harness.take_output(), [(2, Some(9)), (3, Some(9))]);
}

#[test]
fn continuous_triggers_fire_between_and_at_the_end() {
    let eager = Windowing::of(TumblingEventTimeWindows::of(ms(10)))
        .trigger(ContinuousEventTimeTrigger::of(ms(4)));
    let mut harness = harness(eager.reduce(add));
    push(&mut harness, &[("k", 0, 1)]);
    harness.watermark(4).unwrap();
    push(&mut harness, &[("k", 5, 2)]);
    harness.watermark(i64::MAX).unwrap();
    let sums: Vec<i64> = harness.take_values().into_iter().map(|reading| reading.2).collect();
    assert_eq!(sums, [1, 3, 3]);
}

#[test]
fn a_record_without_a_timestamp_is_refused_by_event_time_alone() {
    let mut by_event = harness(Windowing::of(TumblingEventTimeWindows::of(ms(10))).reduce(add));
    let untimed = ("k".to_owned(), 0, 1);
    assert_eq!(by_event.push_untimed(untimed.clone()).unwrap_err().kind(), ErrorKind::BadRecord);
    let mut by_clock =
        harness(Windowing::of(TumblingProcessingTimeWindows::of(ms(10))).reduce(add));
    by_clock.push_untimed(untimed).unwrap();
    by_clock.advance_processing_time(9).unwrap();
    assert_eq!(by_clock.take_values().len(), 0);
    by_clock.advance_processing_time(1).unwrap();
    assert_eq!(by_clock.take_values().len(), 1);
}

#[test]
fn windows_that_cannot_be_are_refused_when_they_are_built() {
    let spec = job_spec(
        |env, _| {
            let keyed = env.from_source(FileSource::text("in"), "in").key_by(|line| line.len());
            let sessions = || EventTimeSessionWindows::with_gap(ms(5));
            let first = |first, _| first;
            let delta = DeltaTrigger::of(1.0, |_: &String, _: &String| 0.0);
            keyed.window(sessions()).trigger(delta).reduce(first).sink_to(DiscardSink::text());
            let offset = TumblingEventTimeWindows::of(ms(5)).offset(5);
            keyed.window(offset).reduce(first).sink_to(DiscardSink::text());
            let none = SlidingEventTimeWindows::of(ms(5), ms(0));
            keyed.window(none).reduce(first).sink_to(DiscardSink::text());
            Ok(())
        },
        &[],
    );
    let message = spec.unwrap_err().to_string();
    for part in ["trigger that can merge", "offset 5 ms", "5 ms every 0 ms"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn window_all_has_one_subtask_and_the_late_data_an_output() {
    let spec = job_spec(
        |env, _| {
            const LINES: OutputTag<String> = OutputTag::new("late-lines");
            let lines = env.from_source(FileSource::text("in"), "in");
            let last = lines
                .window_all(TumblingEventTimeWindows::of(ms(5)))
                .side_output_late_data(&LINES)
                .reduce(|_, last| last);
            last.side_output(&LINES).sink_to(DiscardSink::text());
            last.sink_to(DiscardSink::text());
            Ok(())
        },
        &[],
    )
    .unwrap();
    let operator = &spec["operators"][0];
    assert_eq!(operator["name"], "Window Reduce");
    assert_eq!((&operator["parallelism"], &operator["max-parallelism"]), (&1.into(), &1.into()));
    assert!(spec["sinks"][0].to_string().contains("late-lines"), "{spec:#}");
}

#[test]
fn a_plugin_registers_a_window_operator_as_any_other() {
    let operators = plugin_operators(|plugin| {
        let windows = Windowing::of(TumblingEventTimeWindows::of(ms(60_000)));
        plugin
            .keyed_process(
                "per-minute",
                windows.aggregate::<String, _>(CountAggregate::<String>::default()),
            )
            .input(Text)
            .output(Json);
    });
    assert_eq!(operators.unwrap(), ["per-minute"]);
}

#[test]
fn an_explicit_event_time_trigger_is_the_default_without_panes() {
    let sliding = || Windowing::of(SlidingEventTimeWindows::of(ms(10), ms(4)));
    let results =
        [sliding().reduce(add), sliding().trigger(EventTimeTrigger).reduce(add)].map(|operator| {
            let mut harness = harness(operator);
            push(&mut harness, &[("k", 3, 1), ("k", 9, 2), ("k", 12, 4)]);
            harness.watermark(i64::MAX).unwrap();
            harness.take_output()
        });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0].len(), 5);
}
