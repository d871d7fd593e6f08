//! Windows that fire by the clock if their trigger takes too long.

use super::ms;
use crate::prelude::*;
use crate::testing::OperatorHarness;
use crate::window::{EventTimeTrigger, ProcessingTimeoutTrigger, Trigger, WindowAssigner};

fn harness<A, Tr>(assigner: A, trigger: Tr) -> OperatorHarness<u64, u64>
where
    A: WindowAssigner<u64>,
    Tr: Trigger<u64, A::Window>,
{
    let sums = Windowing::of(assigner).trigger(trigger).reduce(|a, b| a + b);
    OperatorHarness::setup().processing_time(1000).keyed_process(sums, |_: &u64| 0_u8).unwrap()
}

/// Pushes one at each of these moments, with the sums that come out up to each and to a second
/// later.
fn sums<A, Tr>(assigner: A, trigger: Tr, moments: &[i64]) -> Vec<(i64, u64)>
where
    A: WindowAssigner<u64>,
    Tr: Trigger<u64, A::Window>,
{
    let mut harness = harness(assigner, trigger);
    let mut seen = Vec::new();
    for now in 0..1000 {
        if moments.contains(&now) {
            harness.push(1, now).unwrap();
        }
        seen.extend(harness.take_values().into_iter().map(|sum| (now, sum)));
        harness.advance_processing_time(1).unwrap();
        seen.extend(harness.take_values().into_iter().map(|sum| (now + 1, sum)));
    }
    seen
}

#[test]
fn it_fires_with_the_other_trigger_or_after_the_timeout() {
    let three = || PurgingTrigger::of(CountTrigger::of(3));
    let trigger = ProcessingTimeoutTrigger::of(three(), ms(100));
    // Three in time, then two that are not joined by a third, then the count begins anew.
    let moments = [0, 50, 60, 200, 250, 310, 320, 330];
    assert_eq!(sums(GlobalWindows, trigger, &moments), [(60, 3), (301, 2), (330, 5)]);
    let purged = PurgingTrigger::of(ProcessingTimeoutTrigger::of(CountTrigger::of(3), ms(100)));
    assert_eq!(sums(GlobalWindows, purged, &moments), [(60, 3), (301, 2), (330, 3)]);
}

#[test]
fn the_timeout_may_begin_anew_with_each_element() {
    let ten = || PurgingTrigger::of(ProcessingTimeoutTrigger::of(CountTrigger::of(10), ms(100)));
    let moments = [0, 90, 180, 400];
    assert_eq!(sums(GlobalWindows, ten(), &moments), [(101, 2), (281, 1), (501, 1)]);
    let reset = ProcessingTimeoutTrigger::of(CountTrigger::of(10), ms(100));
    let reset = PurgingTrigger::of(reset.reset_timer_on_new_record(true));
    assert_eq!(sums(GlobalWindows, reset, &moments), [(281, 3), (501, 1)]);
}

#[test]
fn the_other_trigger_may_go_on_counting() {
    let moments = [0, 200, 310];
    let cleared = ProcessingTimeoutTrigger::of(CountTrigger::of(3), ms(100));
    assert_eq!(sums(GlobalWindows, cleared, &moments), [(101, 1), (301, 2), (411, 3)]);
    let kept = cleared.clear_on_timeout(false);
    assert_eq!(sums(GlobalWindows, kept, &moments), [(101, 1), (310, 3)]);
}

#[test]
fn the_end_of_a_window_still_fires_and_leaves_nothing() {
    let trigger = ProcessingTimeoutTrigger::of(EventTimeTrigger, ms(100));
    let mut harness = harness(TumblingEventTimeWindows::of(ms(10)), trigger);
    harness.push(1, 5).unwrap();
    harness.advance_processing_time(101).unwrap();
    assert_eq!(harness.take_values(), [1], "the timeout");
    harness.push(2, 6).unwrap();
    harness.watermark(9).unwrap();
    assert_eq!(harness.take_values(), [3], "the end");
    assert_eq!(harness.state_sizes().unwrap().values().sum::<usize>(), 0);
    harness.advance_processing_time(1000).unwrap();
    assert_eq!(harness.take_values(), [0_u64; 0]);
}

#[test]
fn windows_that_merge_refuse_it() {
    let trigger = ProcessingTimeoutTrigger::of(EventTimeTrigger, ms(100));
    let sessions = Windowing::of(EventTimeSessionWindows::with_gap(ms(10))).trigger(trigger);
    let operator = sessions.reduce(|a: u64, b: u64| a + b);
    let opened = OperatorHarness::keyed_process(operator, |_: &u64| 0_u8);
    assert!(opened.is_err_and(|error| error.message().contains("trigger that can merge")));
}
