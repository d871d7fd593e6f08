//! Event time as a cluster shows it: watermarks of sources, and how far they are behind the clock.

use std::time::Duration;

use sandbar_processes::metrics::{OFTEN, per_second};
use sandbar_processes::{Cluster, eventually, jobs};
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
