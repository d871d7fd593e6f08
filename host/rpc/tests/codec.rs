//! Messages as bytes: what is none is refused, however it is made.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeMap;

use sandbar_model::job_graph::{
    Connector, ErrorPolicy, JobGraph, JobVertex, OperatorBody, OperatorNode,
};
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::grpc::{decode, encode};
use sandbar_rpc::{JobInformation, ToJobManager, ToTaskManager};
use serde_json::Value;

fn heartbeat() -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&ToTaskManager::Heartbeat { sequence: 1 }, &mut bytes).unwrap();
    bytes
}

#[test]
fn bytes_behind_a_message_are_refused() {
    let mut bytes = heartbeat();
    assert!(decode::<ToTaskManager>(bytes.as_slice()).is_ok());
    bytes.push(0xc0);
    let error = decode::<ToTaskManager>(bytes.as_slice()).unwrap_err();
    assert!(error.to_string().contains("bytes behind the message"), "{error}");
}

#[test]
fn a_message_that_ends_early_is_refused() {
    let bytes = heartbeat();
    for length in 0..bytes.len() {
        assert!(decode::<ToTaskManager>(&bytes[..length]).is_err(), "{length}");
    }
}

/// What tokio gives a worker.
const STACK_BYTES: usize = 2 << 20;

/// As deep as JSON can be read.
const JSON_NESTING_MAX: usize = 128;

#[test]
fn options_that_nest_as_deep_as_json_may_get_through() {
    let json = format!("{{\"a\":{}1{}}}", "[".repeat(126), "]".repeat(126));
    let options: BTreeMap<String, Value> = serde_json::from_str(&json).unwrap();
    let deeper = format!("{}1{}", "[".repeat(JSON_NESTING_MAX), "]".repeat(JSON_NESTING_MAX));
    assert!(serde_json::from_str::<Value>(&deeper).is_err());
    let operator = OperatorNode {
        uid: "lines".to_owned(),
        name: "lines".to_owned(),
        body: OperatorBody::Source(Connector { name: "files".to_owned(), options }),
        outputs: Vec::new(),
        on_error: ErrorPolicy::Fail,
        dead_letter_output: None,
        watermarks: None,
    };
    let vertex = JobVertex {
        id: VertexId(0),
        name: "lines".to_owned(),
        parallelism: 1,
        max_parallelism: 1,
        slot_sharing_group: "default".to_owned(),
        operators: vec![operator],
    };
    let graph = JobGraph {
        name: "job".to_owned(),
        configuration: BTreeMap::new(),
        arguments: Vec::new(),
        vertices: vec![vertex],
        edges: Vec::new(),
    };
    let (plugins, base_folder) = (BTreeMap::new(), None);
    let job = Box::new(JobInformation { job: JobId(1), graph, plugins, base_folder });
    let message = ToTaskManager::Deploy { job, tasks: Vec::new(), locations: Vec::new() };
    let decoding = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes).unwrap();
        decode::<ToTaskManager>(bytes.as_slice()).unwrap() == message
    });
    assert!(decoding.unwrap().join().unwrap());
}

#[test]
fn a_message_that_nests_deeply_is_refused_and_costs_no_stack() {
    // {"Deploy": {"job": {"graph": {"vertices": [{"operators": [{"body": {"source":
    // {"options": {"a": [[[...]]]}}}}]}]}}}} with maps of one entry, lists of one item.
    let mut bytes = Vec::new();
    let open = |out: &mut Vec<u8>, key: &str| {
        out.extend_from_slice(&[0x81, 0xa0 | key.len() as u8]);
        out.extend_from_slice(key.as_bytes());
    };
    for name in ["Deploy", "job", "graph", "vertices"] {
        open(&mut bytes, name);
    }
    bytes.push(0x91);
    open(&mut bytes, "operators");
    bytes.push(0x91);
    for name in ["body", "source", "options", "a"] {
        open(&mut bytes, name);
    }
    bytes.resize(bytes.len() + 1_000_000, 0x91);
    let decoding = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let refused = decode::<ToTaskManager>(bytes.as_slice()).is_err();
        refused && decode::<ToJobManager>(bytes.as_slice()).is_err()
    });
    assert!(decoding.unwrap().join().unwrap());
}
