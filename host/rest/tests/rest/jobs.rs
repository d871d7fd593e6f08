//! Jobs: lists, details, what went wrong, cancelling and submitting.

use sandbar_model::JobId;
use serde_json::{Value, json};

use crate::exchange::{Fixture, NOW};
use crate::fake_dispatcher::{FAILED, RUNNING};

fn counts(pairs: &[(&str, u32)]) -> Value {
    let states = [
        "CREATED",
        "SCHEDULED",
        "DEPLOYING",
        "INITIALIZING",
        "RUNNING",
        "FINISHED",
        "CANCELING",
        "CANCELED",
        "FAILED",
    ];
    let mut all = json!({});
    for state in states {
        all[state] = json!(0);
    }
    for (state, count) in pairs {
        all[*state] = json!(count);
    }
    all
}

#[test]
fn lists_have_ids_states_and_numbers() {
    let fixture = Fixture::new();
    let ids = json!({ "jobs": [
        { "id": RUNNING, "status": "RUNNING" },
        { "id": FAILED, "status": "FAILED" },
    ] });
    assert_eq!(fixture.json("/jobs"), ids);
    let overview = fixture.json("/jobs/overview");
    let expected = json!({
        "jid": RUNNING,
        "name": "word-count",
        "state": "RUNNING",
        "start-time": 1000,
        "end-time": -1,
        "duration": NOW - 1000,
        "last-modification": 2100,
        "tasks": {
            "total": 4, "created": 0, "scheduled": 2, "deploying": 0, "initializing": 0,
            "running": 2, "finished": 0, "canceling": 0, "canceled": 0, "failed": 0,
        },
        "waiting-for": "needs 4 slots, has 2",
    });
    assert_eq!(overview["jobs"][0], expected);
    assert_eq!(overview["jobs"][1]["end-time"], 4000);
    assert_eq!(overview["jobs"][1]["last-modification"], 4000);
}

#[test]
fn details_have_vertices_counts_and_the_plan() {
    let fixture = Fixture::new();
    let mut job = fixture.json(&format!("/jobs/{RUNNING}"));
    let vertices = job["vertices"].take();
    let plan = job["plan"].take();
    let expected = json!({
        "jid": RUNNING,
        "name": "word-count",
        "isStoppable": false,
        "state": "RUNNING",
        "job-type": "STREAMING",
        "start-time": 1000,
        "end-time": -1,
        "duration": 9000,
        "maxParallelism": 128,
        "now": NOW,
        "timestamps": {
            "INITIALIZING": 0, "CREATED": 1000, "RUNNING": 1200, "FAILING": 0, "FAILED": 0,
            "CANCELLING": 0, "CANCELED": 0, "FINISHED": 0, "RESTARTING": 0,
        },
        "vertices": null,
        "status-counts": counts(&[("RUNNING", 1), ("CREATED", 1)]),
        "plan": null,
        "pending-operators": 0,
        "waiting-for": "needs 4 slots, has 2",
    });
    assert_eq!(job, expected);
    assert_eq!(plan, fixture.json(&format!("/jobs/{RUNNING}/plan"))["plan"]);
    let vertex = json!({
        "id": vertices[0]["id"],
        "slotSharingGroupId": vertices[1]["slotSharingGroupId"],
        "name": "Source: lines -> split",
        "maxParallelism": 128,
        "parallelism": 2,
        "status": "RUNNING",
        "start-time": 2020,
        "end-time": -1,
        "duration": NOW - 2020,
        "tasks": counts(&[("RUNNING", 2)]),
        "metrics": {
            "read-bytes": 200, "read-bytes-complete": true,
            "write-bytes": 400, "write-bytes-complete": true,
            "read-records": 40, "read-records-complete": true,
            "write-records": 40, "write-records-complete": true,
            "accumulated-backpressured-time": 0,
            "accumulated-idle-time": 0,
            "accumulated-busy-time": 0.0,
        },
        "refused-records": 6,
        "guest-metrics": { "lines.words": 8.0 },
    });
    assert_eq!(vertices[0], vertex);
    assert_eq!(vertices[1]["duration"], -1);
    assert_eq!(vertices[1]["metrics"]["read-bytes-complete"], false);
}

#[test]
fn the_plan_is_flinks_and_names_vertices_as_the_job_does() {
    let fixture = Fixture::new();
    let plan = fixture.json(&format!("/jobs/{RUNNING}/plan"));
    let ids = fixture.json(&format!("/jobs/{RUNNING}"))["vertices"].clone();
    let node = |index: usize, description: &str, inputs: Value| {
        json!({
            "id": ids[index]["id"],
            "parallelism": 2,
            "operator": "",
            "operator_strategy": "",
            "description": description,
            "inputs": inputs,
            "optimizer_properties": {},
        })
    };
    let input = json!([{
        "num": 0,
        "id": ids[0]["id"],
        "ship_strategy": "HASH",
        "exchange": "pipelined_bounded",
    }]);
    let expected = json!({ "plan": {
        "jid": RUNNING,
        "name": "word-count",
        "type": "STREAMING",
        "nodes": [
            node(0, "Source: lines -> split", json!([])),
            node(1, "count -> Sink: print", input),
        ],
    } });
    assert_eq!(plan, expected);
}

#[test]
fn states_options_and_accumulators() {
    let fixture = Fixture::new();
    assert_eq!(fixture.json(&format!("/jobs/{FAILED}/status")), json!({ "status": "FAILED" }));
    let config = json!({
        "jid": RUNNING,
        "name": "word-count",
        "execution-config": {
            "execution-mode": "PIPELINED",
            "restart-strategy": "none",
            "job-parallelism": 2,
            "object-reuse-mode": true,
            "user-config": {
                "parallelism.default": "2",
                "pipeline.max-parallelism": "128",
                "sink.password": "******",
            },
        },
    });
    assert_eq!(fixture.json(&format!("/jobs/{RUNNING}/config")), config);
    let words = json!([{ "name": "words", "type": "LongCounter", "value": "8" }]);
    let sums = json!({
        "job-accumulators": [],
        "user-task-accumulators": words,
        "serialized-user-task-accumulators": {},
    });
    assert_eq!(fixture.json(&format!("/jobs/{RUNNING}/accumulators")), sums);
}

#[test]
fn exceptions_are_newest_first_and_limited() {
    let fixture = Fixture::new();
    let nothing = json!({
        "root-exception": null,
        "timestamp": null,
        "all-exceptions": [],
        "truncated": false,
        "exceptionHistory": { "entries": [], "truncated": false },
    });
    assert_eq!(fixture.json(&format!("/jobs/{RUNNING}/exceptions")), nothing);
    let message = "guest trapped\n  at count";
    let all = fixture.json(&format!("/jobs/{FAILED}/exceptions"));
    assert_eq!((&all["root-exception"], &all["timestamp"]), (&json!(message), &json!(4000)));
    let task = json!([{
        "exception": message,
        "task": "count (1/2)",
        "location": "10.0.0.7:6121",
        "endpoint": "10.0.0.7:6121",
        "timestamp": 3900,
        "taskManagerId": "tm-1",
    }]);
    assert_eq!(all["all-exceptions"], task);
    let global = json!({
        "exceptionName": "guest trapped",
        "stacktrace": message,
        "timestamp": 4000,
        "failureLabels": {},
        "concurrentExceptions": [],
    });
    assert_eq!(all["exceptionHistory"]["entries"][0], global);
    assert_eq!(all["exceptionHistory"]["entries"][1]["taskName"], "count (1/2)");
    let one = fixture.json(&format!("/jobs/{FAILED}/exceptions?maxExceptions=1"));
    assert_eq!(one["exceptionHistory"]["entries"].as_array().unwrap().len(), 1);
    assert_eq!((&one["truncated"], &one["all-exceptions"]), (&json!(true), &json!([])));
    assert_eq!(fixture.get(&format!("/jobs/{FAILED}/exceptions?maxExceptions=-1")).status, 400);
}

#[test]
fn results_are_there_when_the_job_has_ended() {
    let fixture = Fixture::new();
    let result = fixture.json(&format!("/jobs/{RUNNING}/execution-result"));
    assert_eq!(result, json!({ "status": { "id": "IN_PROGRESS" } }));
    let expected = json!({
        "status": { "id": "COMPLETED" },
        "job-execution-result": {
            "id": FAILED,
            "name": "word-count",
            "application-status": "FAILED",
            "accumulator-results": { "words": 16 },
            "net-runtime": 3000,
            "failure-cause": {
                "class": "guest trapped",
                "stack-trace": "guest trapped\n  at count",
            },
            "start-time": 1000,
            "end-time": 4000,
        },
    });
    assert_eq!(fixture.json(&format!("/jobs/{FAILED}/execution-result")), expected);
}

#[test]
fn jobs_are_cancelled_by_patch() {
    let fixture = Fixture::new();
    for path in [format!("/jobs/{RUNNING}?mode=cancel"), format!("/jobs/{RUNNING}")] {
        let answer = fixture.send("PATCH", &path, "", b"");
        assert_eq!((answer.status, answer.body.as_str()), (202, "{}"));
    }
    assert_eq!(*fixture.dispatcher.cancelled.lock().unwrap(), [JobId(1), JobId(1)]);
    let ended = fixture.send("PATCH", &format!("/jobs/{FAILED}"), "", b"");
    assert_eq!(ended.status, 409);
    for mode in ["stop", "explode"] {
        let answer = fixture.send("PATCH", &format!("/jobs/{RUNNING}?mode={mode}"), "", b"");
        assert_eq!(answer.status, 400);
        assert!(answer.error().contains(mode), "{answer:?}");
    }
}

#[test]
fn specs_are_run_as_they_are_written() {
    let fixture = Fixture::new();
    let id = "07".repeat(32);
    let spec = r#"{"name": "a",  "factor": 1.50}"#;
    let body = format!(
        r#"{{"spec": {spec}, "plugins": {{"words": "{id}"}},
            "configuration": {{"parallelism.default": "3"}}, "arguments": ["--x"]}}"#
    );
    let answer = fixture.post_json("/jobs", &body);
    let expected = json!({ "jobid": "00000000000000000000000000000abc" });
    assert_eq!((answer.status, answer.json()), (202, expected));
    let request = fixture.dispatcher.requests.lock().unwrap().pop().unwrap();
    assert_eq!(request.spec.as_deref(), Some(spec));
    assert_eq!(request.plugins["words"].to_string(), id);
    assert_eq!(request.configuration["parallelism.default"], "3");
    assert_eq!(request.arguments, ["--x"]);
}

#[test]
fn wrong_submissions_are_told_what_is_wrong_and_where() {
    let fixture = Fixture::new();
    let check = |body: &str, expected: &str| {
        let answer = fixture.post_json("/jobs", body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.error().contains(expected), "{body}: {answer:?}");
    };
    check("", "no body");
    check("{\"spec\": {},\n ]", "line 2 column 2");
    check("{}", "missing field `spec`");
    check("{\"spec\": 7}", "`spec` is no job spec");
    check("{\"spec\": {}, \"plugin\": {}}", "unknown field `plugin`");
    check("{\"spec\": {}, \"plugins\": {\"a\": \"b\"}}", "plugins.a: `b` is no plugin id");
    let answer = fixture.post_json("/jobs", "{\"spec\": {}, \"arguments\": [\"--wrong\"]}");
    let all = json!({ "errors": ["sources.a: no path", "sinks.b: no connector"] });
    assert_eq!((answer.status, answer.json()), (400, all));
}

#[test]
fn checkpoints_are_answered_for_as_without_checkpointing() {
    let fixture = Fixture::new();
    let get = |path: &str| fixture.get(&format!("/jobs/{RUNNING}/{path}"));
    let disabled = "Checkpointing has not been enabled.";
    assert_eq!(get("checkpoints").json(), json!({ "errors": [disabled] }));
    assert_eq!(get("checkpoints").status, 404);
    assert!(get("checkpoints/config").error().contains("is not enabled for this job"));
    assert!(get("checkpoints/details/1").error().contains("was not enabled"));
    assert!(get("savepoints/12").error().contains("12"));
    let savepoint = fixture.post_json(&format!("/jobs/{RUNNING}/savepoints"), "{}");
    assert_eq!((savepoint.status, savepoint.error().as_str()), (404, disabled));
    let unknown = fixture.get(&format!("/jobs/{}/checkpoints", "9".repeat(32)));
    assert!(unknown.error().contains("no job"), "{unknown:?}");
}
