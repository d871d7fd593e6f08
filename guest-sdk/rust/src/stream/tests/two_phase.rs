//! Two-phase aggregation: the operators that a program gets, and what it cannot ask for.

use std::time::Duration;

use serde_json::json;

use super::{Define, lines, operators};
use crate::aggregates::CountAggregate;
use crate::prelude::*;
use crate::testing::job_spec;

/// Name, parallelism and inputs of all operators.
fn shapes(define: Define) -> Vec<serde_json::Value> {
    let shape = |operator: serde_json::Value| {
        json!([operator["name"], operator["parallelism"], operator["inputs"]])
    };
    operators(define).into_iter().map(shape).collect()
}

#[test]
fn the_first_phase_is_as_wide_as_what_it_reads() {
    let shapes = shapes(|env, _| {
        let words = lines(env).map(|line| line).set_parallelism(3).name("words");
        let counts = words.key_by(|word| word.clone()).two_phase(TwoPhase::new()).count();
        counts.set_parallelism(2).sink_to(PrintSink::text());
        Ok(())
    });
    let expected = json!([
        ["words", 3, ["lines"]],
        ["Local Aggregate", 3, ["words"]],
        ["Keyed Count", 2,
            [{ "from": "Local Aggregate", "key": { "selector": "key-selector-4" } }]],
    ]);
    assert_eq!(json!(shapes), expected);
}

#[test]
fn salted_keys_have_an_exchange_of_their_own() {
    let shapes = shapes(|env, _| {
        let windows = lines(env)
            .union(&lines(env).rebalance())
            .key_by(|word| word.clone())
            .window(TumblingEventTimeWindows::of(Duration::from_secs(1)))
            .two_phase(TwoPhase::new().salt(4));
        windows.aggregate(CountAggregate::default()).set_parallelism(2).sink_to(PrintSink::text());
        Ok(())
    });
    let salted = json!({ "selector": "key-selector-5" });
    let by_key = json!({ "selector": "key-selector-7" });
    let expected = json!([
        ["Local Aggregate", null, ["lines"]],
        ["Local Aggregate 2", null, ["lines-2"]],
        ["Salted Aggregate", 2, [
            { "from": "Local Aggregate", "key": salted },
            { "from": "Local Aggregate 2", "key": salted },
        ]],
        ["Window Aggregate", 2, [{ "from": "Salted Aggregate", "key": by_key }]],
    ]);
    assert_eq!(json!(shapes), expected);
}

#[test]
fn bad_records_meet_one_policy_in_both_phases() {
    let spec = job_spec(
        |env, _| {
            let sums = env
                .from_source::<u64>(FileSource::json("in.jsonl"), "numbers")
                .key_by(|number| number % 2)
                .two_phase(TwoPhase::new())
                .sum(|number| *number);
            sums.dead_letters().map(|letter| letter.message).sink_to(PrintSink::text());
            Ok(())
        },
        &[],
    );
    let spec = spec.unwrap();
    let policies: Vec<_> = spec["operators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operator| (&operator["name"], &operator["on-error"]))
        .collect();
    let (local, sum, map) = (json!("Local Aggregate"), json!("Keyed Sum"), json!("Map"));
    let (letter, fail) = (json!("dead-letter"), json!("fail"));
    assert_eq!(policies, [(&local, &letter), (&sum, &letter), (&map, &fail)]);
    let read: Vec<_> = spec["operators"][2]["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| (&input["from"], &input["output"]))
        .collect();
    assert_eq!(read, [(&sum, &letter), (&local, &letter)]);
}

#[test]
fn all_aggregations_have_two_phases() {
    let names = |define: Define| -> Vec<String> {
        let name = |operator: serde_json::Value| operator["name"].as_str().unwrap().to_owned();
        operators(define).into_iter().map(name).filter(|name| name.starts_with("Keyed")).collect()
    };
    fn all<T: Data>(stream: &DataStream<T>) {
        stream.map(|_| String::new()).sink_to(DiscardSink::text());
    }
    let one = names(|env, _| {
        let keyed = lines(env).key_by(|word| word.clone());
        all(&keyed.reduce(|first, _| first));
        all(&keyed.sum(|word| word.len() as u64));
        all(&keyed.min(|word| word.len() as u64));
        all(&keyed.max(|word| word.len() as u64));
        all(&keyed.count());
        all(&keyed.aggregate(CountAggregate::default()));
        Ok(())
    });
    let two = names(|env, _| {
        let keyed = lines(env).key_by(|word| word.clone()).two_phase(TwoPhase::new());
        all(&keyed.reduce(|first, _| first));
        all(&keyed.sum(|word| word.len() as u64));
        all(&keyed.min(|word| word.len() as u64));
        all(&keyed.max(|word| word.len() as u64));
        all(&keyed.count());
        all(&keyed.aggregate(CountAggregate::default()));
        Ok(())
    });
    assert_eq!(one, two);
    let expected = ["Reduce", "Sum", "Min", "Max", "Count", "Aggregate"];
    assert_eq!(one, expected.map(|name| format!("Keyed {name}")));
}

fn windowed<A: crate::WindowAssigner<String>>(
    env: &mut StreamExecutionEnvironment,
    assigner: A,
) -> WindowedStream<(), String, A, A::OwnTrigger> {
    lines(env).key_by(|_| ()).window(assigner).two_phase(TwoPhase::new())
}

fn tumbling() -> TumblingEventTimeWindows {
    TumblingEventTimeWindows::of(Duration::from_secs(1))
}

#[track_caller]
fn check_refused(define: Define, expected: &str) {
    assert_eq!(job_spec(define, &[]).unwrap_err().to_string(), expected);
}

#[test]
fn what_needs_single_records_is_refused_when_the_job_is_built() {
    const LATE: OutputTag<String> = OutputTag::new("late");
    let uniform = "two-phase aggregation needs tumbling or sliding windows by event time";
    check_refused(
        |env, _| {
            let gap = Duration::from_secs(1);
            windowed(env, EventTimeSessionWindows::with_gap(gap)).reduce(|first, _| first);
            Ok(())
        },
        uniform,
    );
    check_refused(
        |env, _| {
            let size = Duration::from_secs(1);
            windowed(env, TumblingProcessingTimeWindows::of(size)).reduce(|first, _| first);
            Ok(())
        },
        uniform,
    );
    check_refused(
        |env, _| {
            windowed(env, tumbling()).trigger(CountTrigger::of(2)).reduce(|first, _| first);
            Ok(())
        },
        "two-phase aggregation keeps no single elements: leave trigger and evictor out",
    );
    check_refused(
        |env, _| {
            windowed(env, tumbling()).side_output_late_data(&LATE).reduce(|first, _| first);
            Ok(())
        },
        "two-phase aggregation has no late elements to send to a side output: leave it out",
    );
    check_refused(
        |env, _| {
            windowed(env, tumbling()).apply(|_: &(), _: &TimeWindow, words, out| {
                out.collect(words.len());
            });
            Ok(())
        },
        "two-phase aggregation is for reduce and aggregate: process and apply need all elements \
         of a window",
    );
    check_refused(
        |env, _| {
            let keyed = lines(env).key_by(|word| word.clone());
            keyed.two_phase(TwoPhase::new().salt(1)).count();
            Ok(())
        },
        "two-phase aggregation with 1 salts: use at least 2, or none",
    );
}
