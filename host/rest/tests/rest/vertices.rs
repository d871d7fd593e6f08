//! Vertices, subtasks and attempts.

use serde_json::{Value, json};

use crate::exchange::{Fixture, NOW};
use crate::fake_dispatcher::RUNNING;

/// The path of a vertex of the job that runs.
fn vertex(fixture: &Fixture, index: usize) -> String {
    let job = fixture.json(&format!("/jobs/{RUNNING}"));
    format!("/jobs/{RUNNING}/vertices/{}", job["vertices"][index]["id"].as_str().unwrap())
}

#[test]
fn ids_of_vertices_never_change() {
    let job = Fixture::new().json(&format!("/jobs/{RUNNING}"));
    let ids = [&job["vertices"][0]["id"], &job["vertices"][1]["id"]];
    assert_eq!(ids, ["af3553c85f03b41226dbeaa92d5c5da4", "f53eea045703ad9adb79a08ed3323d33"]);
}

#[test]
fn details_list_subtasks_and_how_they_differ() {
    let fixture = Fixture::new();
    let path = vertex(&fixture, 0);
    let details = fixture.json(&path);
    assert_eq!(details["name"], "Source: lines -> split");
    assert_eq!((&details["parallelism"], &details["maxParallelism"]), (&json!(2), &json!(128)));
    assert_eq!(details["now"], NOW);
    let expected = json!({
        "subtask": 0,
        "status": "RUNNING",
        "attempt": 0,
        "host": "10.0.0.7:6121",
        "endpoint": "10.0.0.7:6121",
        "start-time": 2020,
        "start_time": 2020,
        "end-time": -1,
        "duration": NOW - 2020,
        "metrics": details["subtasks"][0]["metrics"],
        "taskmanager-id": "tm-1",
        "status-duration": {
            "CREATED": 10, "SCHEDULED": 10, "DEPLOYING": 10, "INITIALIZING": 70,
            "RUNNING": NOW - 2100,
        },
    });
    assert_eq!(details["subtasks"][0], expected);
    let records = &details["aggregated"]["metrics"]["read-records"];
    let spread = json!({
        "min": 10, "max": 30, "avg": 20, "sum": 40, "median": 10, "p25": 10, "p75": 30, "p95": 30,
    });
    assert_eq!(*records, spread);
    assert_eq!(details["aggregated"]["status-duration"]["CREATED"]["max"], 10);
}

#[test]
fn subtasks_and_earlier_attempts_are_found() {
    let fixture = Fixture::new();
    let path = vertex(&fixture, 0);
    let current = fixture.json(&format!("{path}/subtasks/1"));
    assert_eq!((&current["subtask"], &current["attempt"]), (&json!(1), &json!(1)));
    assert_eq!(fixture.json(&format!("{path}/subtasks/1/attempts/1")), current);
    let earlier = fixture.json(&format!("{path}/subtasks/1/attempts/0"));
    assert_eq!((&earlier["attempt"], &earlier["status"]), (&json!(0), &json!("FAILED")));
    assert_eq!((&earlier["end-time"], &earlier["duration"]), (&json!(1600), &json!(80)));
    for (wrong, status) in [
        ("subtasks/2", 404),
        ("subtasks/1/attempts/2", 404),
        ("subtasks/one", 400),
        ("subtasks/-1", 400),
        ("subtasks/99999999999", 400),
        ("subtasks/0/attempts/x", 400),
    ] {
        let answer = fixture.get(&format!("{path}/{wrong}"));
        assert_eq!(answer.status, status, "{wrong}: {answer:?}");
    }
}

#[test]
fn subtasks_that_wait_have_no_place_and_no_start() {
    let fixture = Fixture::new();
    let waiting = fixture.json(&format!("{}/subtasks/0", vertex(&fixture, 1)));
    assert_eq!(waiting["host"], "(unassigned)");
    assert_eq!(waiting["taskmanager-id"], "(unassigned)");
    assert_eq!((&waiting["start-time"], &waiting["duration"]), (&json!(-1), &json!(-1)));
    let expected = json!({
        "CREATED": 100, "SCHEDULED": NOW - 2100, "DEPLOYING": -1, "INITIALIZING": -1, "RUNNING": -1,
    });
    assert_eq!(waiting["status-duration"], expected);
}

#[test]
fn times_have_every_state() {
    let fixture = Fixture::new();
    let times = fixture.json(&format!("{}/subtasktimes", vertex(&fixture, 0)));
    let expected = json!({
        "subtask": 0,
        "host": "10.0.0.7:6121",
        "endpoint": "10.0.0.7:6121",
        "duration": NOW - 2010,
        "timestamps": {
            "CREATED": 2000, "SCHEDULED": 2010, "DEPLOYING": 2020, "INITIALIZING": 2030,
            "RUNNING": 2100, "FINISHED": 0, "CANCELING": 0, "CANCELED": 0, "FAILED": 0,
        },
    });
    assert_eq!(times["subtasks"][0], expected);
}

#[test]
fn task_managers_have_their_part_of_a_vertex() {
    let fixture = Fixture::new();
    let on = |index: usize| -> Value {
        let path = format!("{}/taskmanagers", vertex(&fixture, index));
        let mut all = fixture.json(&path)["taskmanagers"].clone();
        assert_eq!(all.as_array().unwrap().len(), 1);
        all[0].take()
    };
    let first = on(0);
    assert_eq!(
        (&first["host"], &first["taskmanager-id"]),
        (&json!("10.0.0.7:6121"), &json!("tm-1"))
    );
    assert_eq!(
        (&first["status"], &first["status-counts"]["RUNNING"]),
        (&json!("RUNNING"), &json!(2))
    );
    assert_eq!(first["metrics"]["read-records"], 40);
    assert_eq!(first["aggregated"]["metrics"]["read-records"]["sum"], 40);
    assert_eq!(on(1)["host"], "(unassigned)");
}

#[test]
fn back_pressure_has_flinks_levels() {
    let fixture = Fixture::new();
    let report = fixture.json(&format!("{}/backpressure", vertex(&fixture, 0)));
    let subtask = |index: usize| {
        json!({
            "subtask": index,
            "backpressureLevel": "high",
            "backpressure-level": "high",
            "ratio": 0.6,
            "idleRatio": 0.1,
            "busyRatio": 0.3,
        })
    };
    let expected = json!({
        "status": "ok",
        "backpressureLevel": "high",
        "backpressure-level": "high",
        "end-timestamp": NOW,
        "subtasks": [subtask(0), subtask(1)],
    });
    assert_eq!(report, expected);
    let silent = fixture.json(&format!("{}/backpressure", vertex(&fixture, 1)));
    assert_eq!(silent, json!({ "status": "deprecated" }));
}

#[test]
fn accumulators_are_sums_over_subtasks() {
    let fixture = Fixture::new();
    let path = vertex(&fixture, 0);
    let one = fixture.json(&format!("{path}/accumulators"));
    let words = |value: &str| json!([{ "name": "words", "type": "LongCounter", "value": value }]);
    assert_eq!(one["user-accumulators"], words("8"));
    let all = fixture.json(&format!("{path}/subtasks/accumulators"));
    let expected = json!({
        "subtask": 1, "attempt": 1, "host": "10.0.0.7:6121", "user-accumulators": words("4"),
    });
    assert_eq!(all["subtasks"][1], expected);
}

#[test]
fn vertices_that_are_not_there_are_named() {
    let fixture = Fixture::new();
    let unknown = "0".repeat(32);
    let missing = fixture.get(&format!("/jobs/{RUNNING}/vertices/{unknown}"));
    assert_eq!(missing.status, 404);
    assert!(missing.error().contains(&unknown), "{missing:?}");
    let malformed = fixture.get(&format!("/jobs/{RUNNING}/vertices/first/metrics"));
    assert_eq!(malformed.status, 400);
    assert!(malformed.error().contains("32 hexadecimal digits"), "{malformed:?}");
}
