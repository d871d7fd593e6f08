//! The bounds of the parallelism of a job's vertices: how they are shown, set, and refused.

use sandbar_model::{JobId, VertexId};
use sandbar_rpc::{RequestedBounds, RequestedRequirements};
use serde_json::{Value, json};

use crate::exchange::{Exchange, Fixture};
use crate::fake_dispatcher::{FAILED, RUNNING};

fn path(job: &str) -> String {
    format!("/jobs/{job}/resource-requirements")
}

fn put(fixture: &Fixture, job: &str, body: &str) -> Exchange {
    fixture.send("PUT", &path(job), "content-type: application/json\r\n", body.as_bytes())
}

fn bounds(lower: i64, upper: i64) -> Value {
    json!({ "parallelism": { "lowerBound": lower, "upperBound": upper } })
}

/// The ids of the job's two vertices.
fn ids(fixture: &Fixture) -> [String; 2] {
    let shown = fixture.json(&format!("/jobs/{RUNNING}"));
    [0, 1].map(|vertex: usize| shown["vertices"][vertex]["id"].as_str().unwrap().to_owned())
}

#[test]
fn requirements_are_shown_by_vertex_and_taken_in_the_same_form() {
    let fixture = Fixture::new();
    let [source, sink] = ids(&fixture);
    let shown = fixture.json(&path(RUNNING));
    assert_eq!(shown, json!({ source.as_str(): bounds(1, 2), sink.as_str(): bounds(2, 4) }));
    let body = json!({ source.to_uppercase(): bounds(-1, 3), sink.as_str(): bounds(2, -1) });
    let answer = put(&fixture, RUNNING, &body.to_string());
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    let asked = RequestedRequirements::from([
        (VertexId(0), RequestedBounds { lower: -1, upper: 3 }),
        (VertexId(1), RequestedBounds { lower: 2, upper: -1 }),
    ]);
    assert_eq!(*fixture.dispatcher.requirements.lock().unwrap(), [(JobId(1), asked)]);
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let fixture = Fixture::new();
    let [source, sink] = ids(&fixture);
    let unknown = "0123456789abcdef0123456789abcdef";
    let whole = |other: Value| {
        let mut body = json!({ source.as_str(): bounds(1, 2) });
        body[sink.as_str()] = other;
        body.to_string()
    };
    let twice = json!({ source.to_uppercase(): bounds(1, 2), source.as_str(): bounds(1, 2) });
    let lost = json!({ unknown: bounds(1, 2), "sink": bounds(1, 2) });
    for (body, expected) in [
        (String::new(), "no body"),
        ("[".to_owned(), "the body is wrong"),
        ("[]".to_owned(), "the body is wrong"),
        (whole(json!(1)), "the body is wrong"),
        (whole(json!({ "parallelism": 3 })), "the body is wrong"),
        (whole(json!({ "parallelism": { "lowerBound": 1 } })), "upperBound"),
        (whole(json!({ "parallelism": { "lowerBound": 1.5, "upperBound": 2 } })), "wrong"),
        (whole(json!({ "parallelism": { "lowerBound": 1, "upperbound": 2 } })), "upperbound"),
        (lost.to_string(), unknown),
        (twice.to_string(), "is there twice"),
        (json!({ source.as_str(): bounds(1, 2) }).to_string(), "is missing"),
    ] {
        let answer = put(&fixture, RUNNING, &body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.error().contains(expected), "{expected}: {answer:?}");
    }
    let errors = put(&fixture, RUNNING, &lost.to_string()).json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 2, "one message a vertex: {errors}");
    assert!(fixture.dispatcher.requirements.lock().unwrap().is_empty());
}

#[test]
fn jobs_without_requirements_are_refused() {
    let fixture = Fixture::new();
    let answer = fixture.get(&path(FAILED));
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.error().contains("jobmanager.scheduler: adaptive"), "{answer:?}");
    let body: Value = ids(&fixture).into_iter().map(|id| (id, bounds(1, 1))).collect();
    assert_eq!(put(&fixture, FAILED, &body.to_string()).status, 409);
    let nobody = "f".repeat(32);
    assert_eq!(fixture.get(&path(&nobody)).status, 404);
    assert_eq!(put(&fixture, &nobody, &body.to_string()).status, 404);
}
