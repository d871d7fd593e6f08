//! The route table as it is served: every path of it, with and without `/v1`, and its description.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::exchange::Fixture;
use crate::fake_dispatcher::RUNNING;

/// Every path that must be there, with its verbs: Flink's list, as far as it has a meaning here.
const EXPECTED: &[(&str, &str)] = &[
    ("/", "get"),
    ("/cluster", "delete"),
    ("/config", "get"),
    ("/jars", "get"),
    ("/jars/upload", "post"),
    ("/jars/{pluginid}", "delete"),
    ("/jars/{pluginid}/plan", "get post"),
    ("/jars/{pluginid}/run", "post"),
    ("/jobmanager/config", "get"),
    ("/jobmanager/environment", "get"),
    ("/jobmanager/log", "get"),
    ("/jobmanager/logs", "get"),
    ("/jobmanager/logs/{filename}", "get"),
    ("/jobmanager/metrics", "get"),
    ("/jobs", "get post"),
    ("/jobs/metrics", "get"),
    ("/jobs/overview", "get"),
    ("/jobs/{jobid}", "get patch"),
    ("/jobs/{jobid}/accumulators", "get"),
    ("/jobs/{jobid}/checkpoints", "get post"),
    ("/jobs/{jobid}/checkpoints/config", "get"),
    ("/jobs/{jobid}/checkpoints/details/{checkpointid}", "get"),
    ("/jobs/{jobid}/checkpoints/details/{checkpointid}/subtasks/{vertexid}", "get"),
    ("/jobs/{jobid}/config", "get"),
    ("/jobs/{jobid}/exceptions", "get"),
    ("/jobs/{jobid}/execution-result", "get"),
    ("/jobs/{jobid}/metrics", "get"),
    ("/jobs/{jobid}/plan", "get"),
    ("/jobs/{jobid}/resource-requirements", "get put"),
    ("/jobs/{jobid}/savepoints", "post"),
    ("/jobs/{jobid}/savepoints/{triggerid}", "get"),
    ("/jobs/{jobid}/state/{operator}/{state}", "get"),
    ("/jobs/{jobid}/status", "get"),
    ("/jobs/{jobid}/stop", "post"),
    ("/jobs/{jobid}/vertices/{vertexid}", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/accumulators", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/backpressure", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/metrics", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/subtasks/accumulators", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/subtasks/metrics", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/attempts/{attempt}", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/metrics", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/subtasktimes", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/taskmanagers", "get"),
    ("/jobs/{jobid}/vertices/{vertexid}/watermarks", "get"),
    ("/metrics", "get"),
    ("/openapi.json", "get"),
    ("/overview", "get"),
    ("/plugins", "get"),
    ("/plugins/upload", "post"),
    ("/plugins/{pluginid}", "delete"),
    ("/plugins/{pluginid}/plan", "get post"),
    ("/plugins/{pluginid}/run", "post"),
    ("/taskmanagers", "get"),
    ("/taskmanagers/metrics", "get"),
    ("/taskmanagers/{taskmanagerid}", "get"),
    ("/taskmanagers/{taskmanagerid}/log", "get"),
    ("/taskmanagers/{taskmanagerid}/logs", "get"),
    ("/taskmanagers/{taskmanagerid}/logs/{filename}", "get"),
    ("/taskmanagers/{taskmanagerid}/metrics", "get"),
];

#[test]
fn the_description_lists_every_route() {
    let description = Fixture::new().json("/openapi.json");
    assert_eq!(description["openapi"], "3.0.3");
    let paths = description["paths"].as_object().unwrap();
    let verbs = |operations: &Value| -> String {
        operations.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let listed: Vec<(&str, String)> =
        paths.iter().map(|(path, operations)| (path.as_str(), verbs(operations))).collect();
    let expected: Vec<(&str, String)> =
        EXPECTED.iter().map(|(path, names)| (*path, (*names).to_owned())).collect();
    assert_eq!(listed, expected);
    let operations: Vec<&Value> =
        paths.values().flat_map(|path| path.as_object().unwrap().values()).collect();
    let ids: BTreeSet<&str> =
        operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len(), "operation ids are unique");
}

#[test]
fn every_route_is_served_with_and_without_the_version() {
    let fixture = Fixture::new();
    let job = fixture.json(&format!("/jobs/{RUNNING}"));
    let vertex = job["vertices"][0]["id"].as_str().unwrap();
    for (path, verbs) in EXPECTED.iter().filter(|(_, verbs)| verbs.contains("get")) {
        let log = if path.contains("jobmanager") { "jobmanager.log" } else { "taskmanager.log" };
        let path = path
            .replace("{jobid}", RUNNING)
            .replace("{vertexid}", vertex)
            .replace("{subtaskindex}", "0")
            .replace("{attempt}", "0")
            .replace("{taskmanagerid}", "tm-1")
            .replace("{filename}", log)
            .replace("{operator}", "count")
            .replace("{state}", "count?key=a")
            .replace("{pluginid}", &"07".repeat(32));
        let has_answer = !path.contains("checkpoints") && !path.contains("savepoints");
        let plain = fixture.get(&path);
        assert_eq!(plain.status, if has_answer { 200 } else { 404 }, "{path} {verbs}: {plain:?}");
        assert!(!plain.body.contains("Not found"), "{path}: {plain:?}");
        let versioned = fixture.get(&format!("/v1{path}"));
        assert_eq!((versioned.status, &versioned.body), (plain.status, &plain.body), "{path}");
        let head = fixture.send("HEAD", &path, "", b"");
        assert_eq!((head.status, head.body.as_str()), (plain.status, ""), "{path}");
        let length = plain.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()), "{path}");
    }
}

#[test]
fn options_lists_the_verbs_of_a_path() {
    let fixture = Fixture::new();
    for (path, verbs) in EXPECTED {
        let answer = fixture.send("OPTIONS", path, "", b"");
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{path}");
        let allow = answer.header("allow").unwrap().to_ascii_lowercase();
        for verb in verbs.split(' ') {
            assert!(allow.split(", ").any(|allowed| allowed == verb), "{path}: {allow}");
        }
    }
}
