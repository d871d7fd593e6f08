//! Event time as a cluster shows it: watermarks of sources, and how far they are behind the clock.

use std::time::Duration;

use sandbar_processes::metrics::{OFTEN, per_second};
use sandbar_processes::{Cluster, eventually, guest, jobs};
use serde_json::{Value, json};

/// A source whose records are a millisecond of event time apart, this many a second, and a sink in
/// a vertex of its own.
fn timed(name: &str, rate: f64, watermarks: &Value) -> Value {
    let mut job = jobs::endless(name, 1);
    job["sources"][0]["options"] =
        json!({ "rate": rate, "timestamp-start": 5000, "timestamp-interval-ms": 1 });
    job["sources"][0]["watermarks"] = watermarks.clone();
    job
}

#[test]
fn watermarks_are_behind_the_latest_record_and_travel_with_the_stream() {
    let cluster = Cluster::with_workers(1, 1, &[OFTEN]);
    // One record, and no other for as long as the test takes.
    let spec = timed("one", 0.001, &json!({ "max-out-of-orderness-ms": 100 }));
    let job = cluster.submit(&spec);
    for (vertex, name) in
        [(0, "currentOutputWatermark"), (1, "currentInputWatermark"), (1, "currentOutputWatermark")]
    {
        eventually(&format!("{name} of vertex {vertex}"), || {
            (cluster.metric(&job, (vertex, 0), name)? == 4899.0).then_some(())
        });
    }
    let sink = cluster.vertex(&job, 1);
    let shown = cluster.rest().get(&format!("/jobs/{job}/vertices/{sink}/watermarks"));
    assert_eq!(shown, json!([{ "id": "0.currentInputWatermark", "value": "4899" }]));
}

/// By how much the lag of both vertices grows, in milliseconds a second.
fn growth(cluster: &Cluster, job: &str) -> [f64; 2] {
    let lag = |vertex| move || cluster.metric(job, (vertex, 0), "watermarkLag");
    [0, 1].map(|vertex| per_second(Duration::from_secs(3), lag(vertex)))
}

#[test]
fn the_lag_of_a_source_that_pauses_grows_as_time_passes() {
    let cluster = Cluster::with_workers(1, 2, &[OFTEN]);
    let flowing = cluster.submit(&timed("flowing", 1000.0, &json!({})));
    let paused = cluster.submit(&timed("paused", 0.001, &json!({})));
    for growth in growth(&cluster, &flowing) {
        assert!(growth.abs() < 200.0, "{growth} ms/s");
    }
    for growth in growth(&cluster, &paused) {
        assert!((growth - 1000.0).abs() < 100.0, "{growth} ms/s");
    }
}

/// A source of `numbers`, and its watermarks, in a vertex of its own that a sink reads.
fn source(name: &str, options: &Value, watermarks: &Value) -> Value {
    json!({
        "name": name,
        "connector": "datagen",
        "options": options,
        "watermarks": watermarks,
        "parallelism": 1,
        "chaining": "never",
    })
}

/// One sink that reads all of these sources.
fn united(name: &str, sources: &[Value]) -> Value {
    let inputs: Vec<&Value> = sources.iter().map(|source| &source["name"]).collect();
    json!({
        "name": name,
        "sources": sources,
        "sinks": [{
            "name": "nothing",
            "connector": "discard",
            "inputs": inputs,
            "parallelism": 1,
            "chaining": "never",
        }],
    })
}

/// One record at this time, and no other for as long as a test takes.
fn one_record(at: i64) -> Value {
    json!({ "rate": 0.001, "timestamp-start": at, "timestamp-interval-ms": 1 })
}

const INPUT: &str = "currentInputWatermark";
const OUTPUT: &str = "currentOutputWatermark";

#[test]
fn the_watermark_of_an_input_is_the_least_of_those_upstream() {
    let cluster = Cluster::with_workers(2, 2, &[OFTEN]);
    let bound = json!({ "max-out-of-orderness-ms": 9 });
    let sources = [7000, 5000, 6000].map(|at| source(&format!("at {at}"), &one_record(at), &bound));
    let job = cluster.submit(&united("least", &sources));
    for (vertex, expected) in [(0, 6990.0), (1, 4990.0), (2, 5990.0)] {
        eventually(&format!("the watermark of source {vertex}"), || {
            (cluster.metric(&job, (vertex, 0), OUTPUT)? == expected).then_some(())
        });
    }
    let read = || cluster.metric(&job, (3, 0), INPUT);
    eventually("the least of them", || (read()? == 4990.0).then_some(()));
}

#[test]
fn a_silent_source_holds_all_back_unless_it_may_be_idle() {
    let cluster = Cluster::with_workers(1, 1, &[OFTEN]);
    let flowing = json!({ "rate": 1000, "timestamp-start": 0, "timestamp-interval-ms": 1 });
    let submit = |name: &str, watermarks: &Value| {
        let sources = [
            source("flowing", &flowing, &json!({})),
            // Its one record has no timestamp.
            source("silent", &json!({ "rate": 0.001 }), watermarks),
        ];
        cluster.submit(&united(name, &sources))
    };
    let waits = submit("waits", &json!({}));
    let passed = |job: &str| cluster.metric(job, (0, 0), OUTPUT).filter(|at| *at > 3000.0);
    eventually("the flowing source is far", || passed(&waits));
    // Long after a watermark of the flowing source alone would have arrived.
    assert_eq!(cluster.metric(&waits, (2, 0), INPUT), Some(i64::MIN as f64));
    cluster.cancel(&waits);
    cluster.await_state(&waits, "CANCELED");

    let goes_on = submit("goes on", &json!({ "idle-timeout-ms": 500 }));
    eventually("the silent source is idle", || {
        cluster.metric(&goes_on, (2, 0), INPUT).filter(|at| *at > 3000.0)
    });
}

/// A source of one record at 5000 behind whose operator watermarks are 1001 ms earlier.
fn check_operator(operator: &str, watermarks: &Value) {
    let cluster = Cluster::with_workers(1, 1, &[OFTEN]);
    let mut job = united("own", &[source("at 5000", &one_record(5000), &json!({}))]);
    job["plugins"] = json!({ "tools": { "path": guest("guest-operators") } });
    job["sources"][0]["options"]["format"] = json!("text");
    job["operators"] = json!([{
        "name": "own",
        "plugin": "tools",
        "operator": operator,
        "inputs": ["at 5000"],
        "parallelism": 1,
        "watermarks": watermarks,
    }]);
    job["sinks"][0]["inputs"] = json!(["own"]);
    let job = cluster.submit(&job);
    for (vertex, name, expected) in
        [(1, INPUT, 4999.0), (1, OUTPUT, 3999.0), (2, INPUT, 3999.0), (2, OUTPUT, 3999.0)]
    {
        eventually(&format!("{name} of vertex {vertex}"), || {
            (cluster.metric(&job, (vertex, 0), name)? == expected).then_some(())
        });
    }
}

#[test]
fn the_host_makes_watermarks_of_what_an_operator_emits() {
    check_operator("upper", &json!({ "max-out-of-orderness-ms": 1000 }));
}

#[test]
fn an_operator_that_makes_its_own_watermarks_is_asked_once_a_period() {
    check_operator("second-behind", &json!({ "generator": "custom" }));
}

#[test]
fn sources_of_a_group_keep_together_over_two_task_managers() {
    let cluster = Cluster::with_workers(2, 1, &[OFTEN]);
    let options =
        |rate: u32| json!({ "rate": rate, "timestamp-start": 0, "timestamp-interval-ms": 1 });
    let group = json!({ "alignment-group": "g", "max-drift-ms": 500, "update-interval-ms": 100 });
    let mut fast = source("fast", &options(20_000), &group);
    fast["slot-sharing-group"] = json!("other");
    let mut job = united("aligned", &[fast, source("slow", &options(200), &group)]);
    job["sinks"][0]["slot-sharing-group"] = json!("default");
    check_aligned(&cluster, &job);
}

/// Runs a job whose first vertex is as fast as it may be, and whose second makes 200 ms of event
/// time a second.
fn check_aligned(cluster: &Cluster, job: &Value) {
    let job = cluster.submit(job);
    let at = |vertex| cluster.metric(&job, (vertex, 0), OUTPUT);
    eventually("the slow source is far", || at(1).filter(|slow| *slow > 2000.0));
    // A period and an interval of the fast one, 6000 ms of its event time, may be on their way.
    let shown = "a job that runs has the metric";
    let ahead = at(0).expect(shown) - at(1).expect(shown);
    assert!(ahead < 500.0 + 6000.0, "{ahead}");
    // Alone it makes 20,000 records a second, which would be 200,000 by then.
    let records = cluster.metric(&job, (0, 0), "numRecordsOut").expect(shown);
    assert!(records < 30_000.0, "{records} records");
    let drift = cluster.metric(&job, (0, 0), "fast.watermarkAlignmentDrift").expect(shown);
    assert!(drift > 0.0 && drift < 6500.0, "{drift}");
}

#[test]
fn a_source_waits_for_others_by_the_watermarks_of_the_operator_chained_to_it() {
    let cluster = Cluster::with_workers(1, 1, &[OFTEN]);
    let options = |rate: u32| {
        json!({
            "rate": rate, "timestamp-start": 0, "timestamp-interval-ms": 1, "format": "text",
        })
    };
    let group = json!({ "alignment-group": "g", "max-drift-ms": 500, "update-interval-ms": 100 });
    let mut fast = source("fast", &options(20_000), &Value::Null);
    for field in ["chaining", "watermarks"] {
        fast.as_object_mut().unwrap().remove(field);
    }
    let mut job = united("behind", &[fast, source("slow", &options(200), &group)]);
    job["plugins"] = json!({ "tools": { "path": guest("guest-operators") } });
    job["operators"] = json!([{
        "name": "timed",
        "plugin": "tools",
        "operator": "upper",
        "inputs": ["fast"],
        "parallelism": 1,
        "watermarks": group,
    }]);
    job["sinks"][0]["inputs"] = json!(["timed", "slow"]);
    check_aligned(&cluster, &job);
}
