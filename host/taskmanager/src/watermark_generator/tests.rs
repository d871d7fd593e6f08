//! Tests of watermarks made from timestamps.

use proptest::prelude::*;
use sandbar_model::time::NO_TIMESTAMP;

use super::*;

const PERIOD: Duration = Duration::from_millis(200);
const UNBLOCKED: Duration = Duration::ZERO;

fn strategy(kind: Kind, idle_timeout_ms: Option<i64>) -> WatermarkStrategy {
    WatermarkStrategy { generator: Some(kind), idle_timeout_ms, ..Default::default() }
}

fn generator(behind: i64, idle_timeout_ms: Option<i64>) -> WatermarkGenerator {
    let kind = Kind::BoundedOutOfOrderness { max_out_of_orderness_ms: behind };
    WatermarkGenerator::new(&strategy(kind, idle_timeout_ms), PERIOD, 0).unwrap()
}

fn watermark(of: i64) -> ValveOutput {
    ValveOutput { watermark: Some(Watermark(of)), status: None }
}

const IDLE: ValveOutput = ValveOutput { watermark: None, status: Some(WatermarkStatus::Idle) };

fn awake(of: i64) -> ValveOutput {
    ValveOutput { watermark: Some(Watermark(of)), status: Some(WatermarkStatus::Active) }
}

#[test]
fn a_watermark_is_behind_the_latest_timestamp_and_comes_once_a_period() {
    let mut generator = generator(10, None);
    generator.on_records(&[100, 300, 200, NO_TIMESTAMP]);
    assert!(generator.on_time(199, UNBLOCKED).is_empty());
    assert_eq!(generator.next_at(), Some(200));
    assert_eq!(generator.on_time(200, UNBLOCKED), watermark(289));
    assert_eq!(generator.next_at(), Some(400));
    // What is late moves nothing, and neither does nothing.
    generator.on_records(&[250]);
    assert!(generator.on_time(400, UNBLOCKED).is_empty());
    generator.on_records(&[301]);
    assert!(generator.on_time(500, UNBLOCKED).is_empty());
    assert_eq!(generator.on_time(650, UNBLOCKED), watermark(290));
    assert_eq!(generator.next_at(), Some(850));
}

#[test]
fn a_stream_is_idle_after_its_time_and_active_with_its_next_watermark() {
    let mut generator = generator(0, Some(500));
    generator.on_records(&[1000]);
    assert_eq!(generator.on_time(200, UNBLOCKED), watermark(999));
    // The time counts from the first look that finds nothing.
    assert!(generator.on_time(400, UNBLOCKED).is_empty());
    assert!(generator.on_time(900, UNBLOCKED).is_empty());
    assert_eq!(generator.on_time(1100, UNBLOCKED), IDLE);
    assert!(generator.on_time(1300, UNBLOCKED).is_empty());
    // A record that moves nothing wakes nobody.
    generator.on_records(&[1000]);
    assert!(generator.on_time(1500, UNBLOCKED).is_empty());
    generator.on_records(&[2000]);
    assert_eq!(generator.on_time(1700, UNBLOCKED), awake(1999));
    assert!(generator.on_time(1900, UNBLOCKED).is_empty());
}

#[test]
fn time_that_the_task_was_blocked_makes_no_stream_idle() {
    let mut generator = generator(0, Some(500));
    let blocked = Duration::from_millis;
    assert!(generator.on_time(200, blocked(0)).is_empty());
    assert!(generator.on_time(1000, blocked(700)).is_empty());
    assert!(generator.on_time(1400, blocked(700)).is_empty());
    assert_eq!(generator.on_time(1600, blocked(700)), IDLE);
}

#[test]
fn no_period_no_generator_and_no_timestamps_make_no_watermarks() {
    assert!(WatermarkGenerator::new(&WatermarkStrategy::default(), PERIOD, 0).is_none());
    let kind = Kind::BoundedOutOfOrderness { max_out_of_orderness_ms: 0 };
    let never = WatermarkGenerator::new(&strategy(kind, None), Duration::ZERO, 0);
    let mut never = never.unwrap();
    never.on_records(&[5]);
    assert_eq!(never.next_at(), None);
    assert!(never.on_time(i64::MAX, UNBLOCKED).is_empty());
    assert_eq!(never.on_end(), watermark(i64::MAX));
    let mut generator = generator(0, None);
    generator.on_records(&[NO_TIMESTAMP]);
    assert!(generator.on_time(200, UNBLOCKED).is_empty());
    // The earliest time there can be is no later than none.
    generator.on_records(&[i64::MIN + 1]);
    assert!(generator.on_time(400, UNBLOCKED).is_empty());
}

#[test]
fn the_slowest_split_holds_the_watermark_back_until_it_is_idle_or_ends() {
    let mut generator = generator(0, Some(500));
    generator.add_split("fast");
    generator.add_split("slow");
    generator.on_records_of("fast", &[1000]);
    assert!(generator.on_time(200, UNBLOCKED).is_empty());
    generator.on_records_of("slow", &[100]);
    assert_eq!(generator.on_time(400, UNBLOCKED), watermark(99));
    let mut ended = generator.clone();
    // Idle: one that is silent does not hold back those that are not.
    for (now, expected) in [(600, None), (1000, None), (1200, Some(1199))] {
        generator.on_records_of("fast", &[now]);
        assert_eq!(generator.on_time(now, UNBLOCKED).watermark, expected.map(Watermark), "{now}");
    }
    // What it then brings is late, but nothing goes back.
    generator.on_records_of("slow", &[200]);
    generator.on_records_of("fast", &[5000]);
    assert!(generator.on_time(1400, UNBLOCKED).is_empty());
    // Ended: it leaves.
    ended.remove_split("slow");
    assert_eq!(ended.on_time(600, UNBLOCKED), watermark(999));
    // The next one starts from nothing, which takes nothing back either.
    ended.remove_all_splits();
    ended.add_split("next");
    ended.on_records(&[500]);
    assert!(ended.on_time(800, UNBLOCKED).is_empty());
    ended.on_records(&[1500]);
    assert_eq!(ended.on_time(1000, UNBLOCKED), watermark(1499));
}

#[test]
fn a_subtask_without_splits_becomes_idle_too() {
    let mut generator = generator(0, Some(100));
    assert!(generator.on_time(200, UNBLOCKED).is_empty());
    assert_eq!(generator.on_time(400, UNBLOCKED), IDLE);
    generator.add_split("first");
    generator.on_records(&[7]);
    assert_eq!(generator.on_time(600, UNBLOCKED), awake(6));
}

#[test]
fn the_end_wakes_an_idle_stream() {
    let mut generator = generator(0, Some(100));
    let _ = generator.on_time(200, UNBLOCKED);
    assert_eq!(generator.on_time(400, UNBLOCKED), IDLE);
    assert_eq!(generator.on_end(), awake(i64::MAX));
    assert!(generator.on_end().is_empty());
}

#[test]
fn a_guests_watermarks_go_out_at_once_and_never_back() {
    let mut generator =
        WatermarkGenerator::new(&strategy(Kind::Custom, Some(300)), PERIOD, 0).unwrap();
    generator.on_records(&[5000]);
    assert_eq!(generator.on_emitted(Watermark(10)), watermark(10));
    assert!(generator.on_emitted(Watermark(10)).is_empty());
    assert!(generator.on_emitted(Watermark(9)).is_empty());
    assert!(!generator.takes_question());
    // Timestamps say nothing; the guest is asked once a period, as long as it is not idle.
    assert!(generator.on_time(200, UNBLOCKED).is_empty());
    assert!(generator.takes_question() && !generator.takes_question());
    assert!(generator.on_time(400, UNBLOCKED).is_empty());
    assert!(generator.takes_question());
    assert_eq!(generator.on_time(800, UNBLOCKED), IDLE);
    assert!(!generator.takes_question());
    assert_eq!(generator.on_emitted(Watermark(11)), awake(11));
}

proptest! {
    /// However records and looks come, watermarks only grow, and none passes the least of the
    /// splits' latest records less the bound.
    #[test]
    fn watermarks_grow_and_stay_behind_every_split(
        behind in 0i64..50,
        steps in prop::collection::vec((0usize..3, 0i64..1000), 1..60),
    ) {
        let mut generator = generator(behind, None);
        let names = ["a", "b", "c"];
        names.iter().for_each(|name| generator.add_split(name));
        let mut latest = [i64::MIN; 3];
        let mut last = Watermark::MIN;
        for (step, (split, time)) in steps.into_iter().enumerate() {
            generator.on_records_of(names[split], &[time]);
            latest[split] = latest[split].max(time);
            let output = generator.on_time(200 * (step as i64 + 1), UNBLOCKED);
            let least = latest.iter().min().unwrap().saturating_sub(behind + 1);
            prop_assert_eq!(output.watermark, Some(Watermark(least)).filter(|due| *due > last));
            last = last.max(output.watermark.unwrap_or(last));
        }
    }
}
