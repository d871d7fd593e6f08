//! The operator: order, lateness, clocks, timers, limits and state.

use std::time::Duration;

use super::drive::letter;
use crate::cep::{AfterMatchSkipStrategy, Cep, CepOperator, MatchContext, Pattern};
use crate::cep::{Match, PatternProcessFunction};
use crate::collector::{Collector, OutputTag};
use crate::context::RuntimeContext;
use crate::error::{Error, ErrorKind, Result};
use crate::prelude::{FileSource, PrintSink};
use crate::stream::StreamExecutionEnvironment;
use crate::testing::{OperatorHarness, job_spec};
use crate::timers::TimeDomain;

const LATE: OutputTag<String> = OutputTag::new("late");
const TIMED_OUT: OutputTag<(String, i64)> = OutputTag::new("timed-out");

fn a_then_b() -> Pattern<String> {
    let begin = Pattern::begin("a").where_(letter('a'));
    begin.next("b").where_(letter('b')).within(Duration::from_millis(10))
}

fn words(found: &Match<'_, String>) -> String {
    found.iter().map(|(_, event)| event.as_str()).collect::<Vec<_>>().join(" ")
}

fn one_key(_: &String) -> u8 {
    0
}

#[test]
fn events_are_taken_in_the_order_of_their_times() {
    let mut harness =
        OperatorHarness::keyed_process(Cep::of(a_then_b()).select(words), one_key).unwrap();
    harness.push_batch([("b1".into(), 4), ("a2".into(), 7), ("a1".into(), 3)]).unwrap();
    harness.watermark(5).unwrap();
    harness.push("b2".into(), 8).unwrap();
    assert_eq!(harness.take_output(), [("a1 b1".to_owned(), Some(4))]);
    harness.watermark(8).unwrap();
    assert_eq!(harness.take_output(), [("a2 b2".to_owned(), Some(8))]);
}

#[test]
fn late_events_are_counted_or_sent_aside() {
    let mut counting =
        OperatorHarness::keyed_process(Cep::of(a_then_b()).select(words), one_key).unwrap();
    counting.watermark(5).unwrap();
    counting.push("a".into(), 5).unwrap();
    counting.push("b".into(), 6).unwrap();
    counting.watermark(100).unwrap();
    assert_eq!(counting.metric("numLateRecordsDropped"), [1.0]);
    assert_eq!(counting.take_values(), [""; 0]);
    let operator = Cep::of(a_then_b()).side_output_late_data(&LATE).select(words);
    let setup = OperatorHarness::setup().side_output(&LATE);
    let mut tagging = setup.keyed_process(operator, one_key).unwrap();
    tagging.watermark(5).unwrap();
    tagging.push("a".into(), 5).unwrap();
    assert_eq!(tagging.take_side_output(&LATE), ["a"]);
    assert!(tagging.push_untimed("a".into()).is_err(), "event time needs timestamps");
}

#[test]
fn a_comparator_orders_events_of_one_time() {
    let by_name = |one: &String, other: &String| one.cmp(other);
    let operator = || Cep::of(a_then_b()).comparator(by_name).select(words);
    let mut harness = OperatorHarness::keyed_process(operator(), one_key).unwrap();
    harness.push_batch([("b".into(), 3), ("a".into(), 3)]).unwrap();
    harness.watermark(3).unwrap();
    assert_eq!(harness.take_values(), ["a b"]);
    let by_clock = Cep::of(a_then_b()).comparator(by_name).in_processing_time().select(words);
    let mut clocked = OperatorHarness::keyed_process(by_clock, one_key).unwrap();
    clocked.push_batch([("b".into(), 9), ("a".into(), 8)]).unwrap();
    clocked.advance_processing_time(1).unwrap();
    assert_eq!(clocked.take_output(), [("a b".to_owned(), None)]);
}

#[test]
fn in_processing_time_matches_are_found_at_once_and_time_out_by_the_clock() {
    let show = |partial: &Match<'_, String>, at: i64| (words(partial), at);
    let operator =
        Cep::of(a_then_b()).in_processing_time().timed_out(&TIMED_OUT, show).select(words);
    let setup = OperatorHarness::setup().side_output(&TIMED_OUT).processing_time(100);
    let mut harness = setup.keyed_process(operator, one_key).unwrap();
    harness.push_batch([("a1".into(), 9), ("b1".into(), 1), ("a2".into(), 1)]).unwrap();
    assert_eq!(harness.take_output(), [("a1 b1".to_owned(), None)]);
    assert_eq!(harness.timers(TimeDomain::ProcessingTime), [110]);
    harness.advance_processing_time(11).unwrap();
    assert_eq!(harness.take_side_output(&TIMED_OUT), [("a2".to_owned(), 110)]);
    assert_eq!(harness.state_sizes().unwrap().values().sum::<usize>(), 0);
}

/// Emits matches with their key, and to the side what has timed out.
struct Both;

impl PatternProcessFunction<u8, String, (u8, String)> for Both {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        ctx.counter("opened")?.increment();
        Ok(())
    }

    fn process_match(
        &mut self,
        found: &Match<'_, String>,
        ctx: &mut MatchContext<'_, u8>,
        out: &mut Collector<(u8, String)>,
    ) -> Result<()> {
        let last = found.last("b").map_or("", String::as_str);
        out.collect((*ctx.current_key(), format!("{last} at {}", ctx.timestamp())));
        Ok(())
    }

    fn process_timed_out(
        &mut self,
        partial: &Match<'_, String>,
        ctx: &mut MatchContext<'_, u8>,
    ) -> Result<()> {
        let at = ctx.timestamp();
        ctx.output(&TIMED_OUT, (words(partial), at));
        Ok(())
    }
}

#[test]
fn a_function_gets_matches_and_what_times_out() {
    let setup = OperatorHarness::setup().side_output(&TIMED_OUT);
    let key = |word: &String| word.len() as u8;
    let mut harness = setup.keyed_process(Cep::of(a_then_b()).process(Both), key).unwrap();
    harness.push_batch([("a1".into(), 1), ("b1".into(), 2), ("a22".into(), 3)]).unwrap();
    harness.watermark(i64::MAX).unwrap();
    assert_eq!(harness.take_output(), [((2, "b1 at 2".to_owned()), Some(2))]);
    assert_eq!(harness.take_side_output(&TIMED_OUT), [("a22".to_owned(), 13)]);
    assert_eq!(harness.metric("opened"), [1.0]);
}

/// Refuses a match that ends with `b2`, and all that time out.
struct Refuses;

impl PatternProcessFunction<u8, String, String> for Refuses {
    fn process_match(
        &mut self,
        found: &Match<'_, String>,
        _ctx: &mut MatchContext<'_, u8>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(words(found));
        match found.last("b").map(String::as_str) {
            Some("b2") => Err(Error::bad_record("b2 is refused")),
            _ => Ok(()),
        }
    }

    fn process_timed_out(
        &mut self,
        _partial: &Match<'_, String>,
        _ctx: &mut MatchContext<'_, u8>,
    ) -> Result<()> {
        Err(Error::bad_record("it took too long"))
    }
}

#[test]
fn a_match_may_be_refused_where_a_record_is_at_fault() {
    let operator = Cep::of(a_then_b()).in_processing_time().process(Refuses);
    let mut harness = OperatorHarness::keyed_process(operator, one_key).unwrap();
    harness.push_batch([("a1".into(), 1), ("b1".into(), 1), ("a2".into(), 1)]).unwrap();
    assert_eq!(harness.take_values(), ["a1 b1"]);
    let error = harness.push("b2".into(), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRecord);
    harness.push_batch([("a3".into(), 1), ("b3".into(), 1)]).unwrap();
    assert_eq!(harness.take_values(), ["a3 b3"]);
    harness.push("a4".into(), 1).unwrap();
    let late = harness.advance_processing_time(11).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Fatal, "{late}");
}

#[test]
fn a_key_costs_one_timer() {
    let mut harness =
        OperatorHarness::keyed_process(Cep::of(a_then_b()).select(words), one_key).unwrap();
    harness.push_batch((1..100).map(|at| ("a".to_owned(), at))).unwrap();
    assert_eq!(harness.timers(TimeDomain::EventTime), [1]);
    harness.watermark(50).unwrap();
    assert_eq!(harness.timers(TimeDomain::EventTime), [51], "the next event");
    harness.watermark(99).unwrap();
    assert_eq!(harness.timers(TimeDomain::EventTime), [109], "when the last times out");
    harness.watermark(109).unwrap();
    assert_eq!(harness.timers(TimeDomain::EventTime), [0; 0]);
    assert_eq!(harness.state_sizes().unwrap().values().sum::<usize>(), 0);
}

#[test]
fn what_a_key_keeps_is_limited() {
    let pattern = || Pattern::begin("a").one_or_more().next("b").where_(letter('b'));
    let events = || (1..100).map(|at| ("a".to_owned(), at));
    let few_matches = Cep::of(pattern()).max_partial_matches(10).select(words);
    let mut matching = OperatorHarness::keyed_process(few_matches, one_key).unwrap();
    matching.push_batch(events()).unwrap();
    let error = matching.watermark(100).unwrap_err();
    assert!(error.message().contains("10 is the most"), "{error}");
    assert!(error.message().contains("max_partial_matches"), "{error}");
    let few_events = Cep::of(pattern()).max_waiting_events(10).select(words);
    let mut waiting = OperatorHarness::keyed_process(few_events, one_key).unwrap();
    let refused = waiting.push_batch(events()).unwrap_err();
    assert!(refused.message().contains("10 events"), "{refused}");
    assert!(refused.message().contains("max_waiting_events"), "{refused}");
}

#[test]
fn state_of_another_pattern_is_refused() {
    let mut harness =
        OperatorHarness::keyed_process(Cep::of(a_then_b()).select(words), one_key).unwrap();
    harness.push("a".into(), 1).unwrap();
    harness.watermark(1).unwrap();
    let snapshot = harness.snapshot().unwrap();
    let restore = |operator: CepOperator<u8, String, String>| {
        let setup = OperatorHarness::setup().restore(&snapshot);
        setup.keyed_process(operator, one_key).unwrap()
    };
    let slower = a_then_b().within(Duration::from_millis(50));
    let mut changed = restore(Cep::of(slower).select(words));
    changed.watermark(1).unwrap();
    changed.push("b".into(), 40).unwrap();
    changed.watermark(40).unwrap();
    assert_eq!(changed.take_values(), ["a b"], "times may change");
    let other = Pattern::begin("a").next("x").next("b").within(Duration::from_millis(10));
    let mut refused = restore(Cep::of(other).select(words));
    refused.watermark(1).unwrap();
    let why = refused.watermark(40).unwrap_err().message().to_owned();
    assert!(why.contains("another pattern") && why.contains("uid"), "{why}");
}

fn lines(env: &mut StreamExecutionEnvironment) -> crate::prelude::DataStream<String> {
    env.from_source(FileSource::text("in.txt"), "lines")
}

#[test]
fn a_job_has_the_operator_with_its_side_outputs() {
    let spec = job_spec(
        |env, _| {
            let pattern = a_then_b().after_match(AfterMatchSkipStrategy::skip_to_next());
            let found = lines(env)
                .key_by(|line| line.clone())
                .pattern(pattern)
                .side_output_late_data(&LATE)
                .timed_out(&TIMED_OUT, |partial, at| (words(partial), at))
                .select(words);
            found.side_output(&LATE).sink_to(PrintSink::text());
            found.sink_to(PrintSink::text());
            Ok(())
        },
        &[],
    )
    .unwrap();
    assert_eq!(spec["operators"][0]["name"], "Pattern Select");
    assert_eq!(spec["sinks"][0]["inputs"][0]["output"], "late");
}

#[test]
fn a_job_with_a_senseless_pattern_is_refused() {
    let refused = job_spec(
        |env, _| {
            let pattern = Pattern::begin("a").not_followed_by("n");
            let keyed = lines(env).key_by(|line| line.clone());
            keyed.pattern(pattern).select(words).sink_to(PrintSink::text());
            Ok(())
        },
        &[],
    );
    let why = refused.unwrap_err().message().to_owned();
    assert!(why.contains("pattern 'n'") && why.contains("say within"), "{why}");
}
