//! The graph that a job becomes, as the command line and the REST API show it: chaining,
//! parallelism and slots.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::path::Path;

use sandbar_processes::process::command;
use sandbar_processes::{Cluster, guest};
use serde_json::{Value, json};
use tempfile::TempDir;

/// source -> upper -> longer -> (by key) count -> print, at parallelism 2 unless told.
fn pipeline() -> Value {
    json!({
        "name": "pipeline",
        "plugins": {
            "operators": { "path": guest("guest-operators") },
            "counters": { "path": guest("counters") },
        },
        "sources": [{
            "name": "lines",
            "connector": "datagen",
            "options": { "format": "text", "count": 100 },
        }],
        "operators": [
            { "name": "upper", "plugin": "operators", "operator": "upper", "inputs": ["lines"] },
            {
                "name": "longer",
                "plugin": "operators",
                "operator": "longer-than",
                "config": { "length": 3 },
                "inputs": ["upper"],
            },
            {
                "name": "count",
                "plugin": "counters",
                "operator": "count",
                "inputs": [{ "from": "longer", "key": "value" }],
            },
        ],
        "sinks": [{ "name": "out", "connector": "print", "inputs": ["count"] }],
    })
}

/// What `sandbar info` prints for a job.
fn info(folder: &Path, spec: &Value, arguments: &[&str]) -> String {
    std::fs::write(folder.join("job.json"), spec.to_string()).unwrap();
    let output = command(folder).args(["info", "job.json"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Description and parallelism of each vertex, in order.
fn vertices(folder: &Path, spec: &Value, arguments: &[&str]) -> Vec<(String, u64)> {
    let text = info(folder, spec, &[&["--format", "json"], arguments].concat());
    let plan: Value = serde_json::from_str(&text).unwrap();
    let nodes = plan["plan"]["nodes"].as_array().unwrap().clone();
    let of = |node: &Value| {
        let description = node["description"].as_str().unwrap().to_owned();
        (description, node["parallelism"].as_u64().unwrap())
    };
    nodes.iter().map(of).collect()
}

#[test]
fn operators_are_chained_where_they_may_be_and_not_where_a_job_says_so() {
    let folder = TempDir::new().unwrap();
    let names = |spec: &Value, arguments: &[&str]| -> Vec<String> {
        let all = vertices(folder.path(), spec, &[&["-p", "2"], arguments].concat());
        all.into_iter().map(|(name, _)| name).collect()
    };
    let chained = ["Source: lines -> upper -> longer", "count -> Sink: out"];
    assert_eq!(names(&pipeline(), &[]), chained);
    let off = "-Dpipeline.operator-chaining.enabled=false";
    assert_eq!(names(&pipeline(), &[off]).len(), 5);
    let mut never = pipeline();
    never["operators"][1]["chaining"] = json!("never");
    assert_eq!(names(&never, &[]), ["Source: lines -> upper", "longer", "count -> Sink: out"]);
    let mut head = pipeline();
    head["operators"][1]["chaining"] = json!("head");
    assert_eq!(names(&head, &[]), ["Source: lines -> upper", "longer", "count -> Sink: out"]);
    head["operators"][0]["chaining"] = json!("head");
    assert_eq!(names(&head, &[])[0], "Source: lines");
    let why = info(folder.path(), &never, &["--explain-chaining"]);
    assert!(why.contains("never"), "{why}");
}

#[test]
fn the_chains_of_a_running_job_are_those_that_were_shown_before() {
    let folder = TempDir::new().unwrap();
    let cluster = Cluster::with_workers(1, 2, &["-Dparallelism.default=2"]);
    let job = cluster.submit(&pipeline());
    let done = cluster.await_state(&job, "FINISHED");
    let run: Vec<(String, u64)> = done["vertices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vertex| {
            let name = vertex["name"].as_str().unwrap().to_owned();
            (name, vertex["parallelism"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(run, vertices(folder.path(), &pipeline(), &["-p", "2"]));
}

#[test]
fn parallelism_is_the_operators_then_the_jobs_then_the_clients() {
    let folder = TempDir::new().unwrap();
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    let of = |spec: &Value, arguments: &[&str]| -> Vec<u64> {
        vertices(folder.path(), spec, arguments).into_iter().map(|(_, number)| number).collect()
    };
    assert_eq!(of(&pipeline(), &[]), [cores, cores]);
    assert_eq!(of(&pipeline(), &["-p", "3"]), [3, 3]);
    let mut own = pipeline();
    own["operators"][2]["parallelism"] = json!(1);
    own["sinks"][0]["parallelism"] = json!(1);
    assert_eq!(of(&own, &["-p", "3"]), [3, 1]);
}

#[test]
fn a_job_takes_as_many_slots_as_its_widest_operator() {
    let cluster = Cluster::with_workers(2, 4, &[]);
    let mut spec = pipeline();
    spec["sources"][0]["options"] = json!({ "format": "text", "rate": 10 });
    spec["sources"][0]["parallelism"] = json!(2);
    for index in 0..2 {
        spec["operators"][index]["parallelism"] = json!(2);
    }
    spec["operators"][2]["parallelism"] = json!(6);
    spec["sinks"][0]["parallelism"] = json!(3);
    let job = cluster.submit(&spec);
    cluster.await_tasks(&job, "RUNNING");
    assert_eq!(cluster.tasks(&job).len(), 2 + 6 + 3);
    assert_eq!(cluster.overview("slots-available"), 8 - 6);
    cluster.cancel(&job);
    cluster.await_state(&job, "CANCELED");
}

#[test]
fn slots_and_memory_come_back_when_jobs_end() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let resident = || {
        let path = format!("/proc/{}/status", cluster.workers[0].pid());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap()
    };
    let cycle = || {
        let mut spec = pipeline();
        spec["sources"][0]["options"] = json!({ "format": "text", "rate": 1000 });
        let job = cluster.submit(&spec);
        cluster.await_tasks(&job, "RUNNING");
        cluster.cancel(&job);
        cluster.await_state(&job, "CANCELED");
    };
    // What is compiled and allocated once is there after some of them.
    (0..10).for_each(|_| cycle());
    let before = resident();
    (0..40).for_each(|_| cycle());
    let after = resident();
    assert!(after < before * 1.1 + 2048.0, "{before} kB before, {after} kB after");
    assert_eq!(cluster.overview("slots-available"), 2);
}
