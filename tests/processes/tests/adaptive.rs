//! The adaptive scheduler: jobs run on the slots that there are, and are rescaled when these or
//! their requirements change.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeSet;
use std::path::Path;

use sandbar_processes::{Cluster, eventually, jobs};
use serde_json::{Value, json};

const ADAPTIVE: &str = "-Djobmanager.scheduler=adaptive";
const STABLE_AT_ONCE: &str =
    "-Djobmanager.adaptive-scheduler.submission.resource-stabilization-timeout=100ms";
const NO_COOLDOWN: &str =
    "-Djobmanager.adaptive-scheduler.executing.cooldown-after-rescaling=100ms";

/// The parallelism of each vertex, as the job and its plan show it.
fn parallelism(cluster: &Cluster, job: &str) -> Vec<u64> {
    let shown = cluster.job(job);
    let of = |list: &Value| -> Vec<u64> {
        let list = list.as_array().unwrap();
        list.iter().map(|one| one["parallelism"].as_u64().unwrap()).collect()
    };
    let of_vertices = of(&shown["vertices"]);
    assert_eq!(of_vertices, of(&shown["plan"]["nodes"]), "the plan says the same");
    of_vertices
}

/// Waits until a job runs at a parallelism, all its tasks included.
fn await_parallelism(cluster: &Cluster, job: &str, expected: &[u64]) {
    eventually(&format!("job {job} runs at {expected:?}"), || {
        let tasks = cluster.tasks(job);
        let sum: u64 = expected.iter().sum();
        let are_there = parallelism(cluster, job) == expected && tasks.len() as u64 == sum;
        (are_there && tasks.iter().all(|task| task["status"] == "RUNNING")).then_some(())
    });
}

/// The ids of a job's vertices.
fn vertices(cluster: &Cluster, job: &str) -> Vec<String> {
    let shown = cluster.job(job);
    let vertices = shown["vertices"].as_array().unwrap();
    vertices.iter().map(|vertex| vertex["id"].as_str().unwrap().to_owned()).collect()
}

fn requirements(cluster: &Cluster, job: &str, lower: i64, upper: i64) -> Value {
    let bounds = json!({ "parallelism": { "lowerBound": lower, "upperBound": upper } });
    vertices(cluster, job).into_iter().map(|id| (id, bounds.clone())).collect()
}

fn path(job: &str) -> String {
    format!("/jobs/{job}/resource-requirements")
}

#[test]
fn a_job_runs_on_the_slots_there_are_and_grows_when_a_task_manager_joins() {
    let mut cluster = Cluster::with_workers(1, 2, &[ADAPTIVE, STABLE_AT_ONCE, NO_COOLDOWN]);
    let job = cluster.submit(&jobs::endless("job", 4));
    await_parallelism(&cluster, &job, &[2, 2]);
    assert_eq!(cluster.job(&job)["state"], "RUNNING");
    cluster.add_worker(2, &[]);
    await_parallelism(&cluster, &job, &[4, 4]);
    assert_eq!(cluster.overview("slots-available"), 0);
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    assert_eq!(why["root-exception"], Value::Null, "rescaling is no failure");
}

#[test]
fn a_job_shrinks_when_a_task_manager_dies_as_far_as_its_restart_strategy_allows() {
    let options = [ADAPTIVE, STABLE_AT_ONCE, "-Drestart-strategy.type=exponential-delay"];
    let cluster = Cluster::with_workers(2, 2, &options);
    let job = cluster.submit(&jobs::endless("job", 4));
    let doomed = cluster
        .submit_with(&jobs::endless("doomed", 4), &json!({ "restart-strategy.type": "none" }));
    await_parallelism(&cluster, &job, &[4, 4]);
    cluster.workers[1].signal(rustix::process::Signal::KILL);
    await_parallelism(&cluster, &job, &[2, 2]);
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    // Whoever notices first: the JobManager, or the tasks at the other end of a connection.
    assert!(why["root-exception"].as_str().unwrap().contains("TaskManager"), "{why}");
    cluster.cancel(&job);
    await_parallelism(&cluster, &doomed, &[2, 2]);
    cluster.workers[0].signal(rustix::process::Signal::KILL);
    cluster.await_state(&doomed, "FAILED");
}

#[test]
fn requirements_change_the_parallelism_and_the_finished_output_is_exact() {
    let cluster = Cluster::with_workers(2, 2, &[ADAPTIVE, STABLE_AT_ONCE, NO_COOLDOWN]);
    let folder = cluster.folder().join("out");
    let job = cluster.submit(&counts_to(&folder));
    await_parallelism(&cluster, &job, &[4, 4]);
    let as_submitted = requirements(&cluster, &job, 1, 4);
    assert_eq!(cluster.rest().get(&path(&job)), as_submitted);

    let one = requirements(&cluster, &job, 1, 1);
    assert_eq!(cluster.rest().ask("PUT", &path(&job), Some(&one)), json!({}));
    assert_eq!(cluster.rest().get(&path(&job)), one);
    await_parallelism(&cluster, &job, &[1, 1]);
    assert_eq!(cluster.overview("slots-available"), 3);
    cluster.rest().ask("PUT", &path(&job), Some(&as_submitted));
    await_parallelism(&cluster, &job, &[4, 4]);
    cluster.await_state(&job, "FINISHED");
    check_counts(&folder);
    // What a job needed is shown when it has ended, and is not changed any more.
    assert_eq!(cluster.rest().get(&path(&job)), as_submitted);
    let (status, errors) = cluster.rest().refused("PUT", &path(&job), Some(&one));
    assert_eq!(status, 409);
    assert!(errors[0].contains("is FINISHED"), "{errors:?}");
}

#[test]
fn the_process_provider_follows_the_requirements_of_a_job() {
    let cluster = Cluster::start(&[
        ADAPTIVE,
        STABLE_AT_ONCE,
        NO_COOLDOWN,
        "-Dsandbar.resource.provider=process",
        "-Dtaskmanager.numberOfTaskSlots=1",
        "-Dresourcemanager.taskmanager-timeout=300ms",
        "-Dheartbeat.interval=200ms",
    ]);
    let job = cluster.submit(&jobs::endless("job", 1));
    await_parallelism(&cluster, &job, &[1, 1]);
    cluster.rest().ask("PUT", &path(&job), Some(&requirements(&cluster, &job, 1, 3)));
    await_parallelism(&cluster, &job, &[3, 3]);
    assert_eq!(cluster.overview("taskmanagers"), 3);
    cluster.rest().ask("PUT", &path(&job), Some(&requirements(&cluster, &job, 1, 1)));
    await_parallelism(&cluster, &job, &[1, 1]);
    cluster.await_workers(1);
    assert_eq!(cluster.job(&job)["state"], "RUNNING");
}

#[test]
fn vertices_that_a_forward_edge_connects_may_differ() {
    let cluster = Cluster::with_workers(2, 2, &[ADAPTIVE, STABLE_AT_ONCE, NO_COOLDOWN]);
    let folder = cluster.folder().join("out");
    let mut spec = counts_to(&folder);
    spec["configuration"] = json!({ "pipeline.operator-chaining.enabled": false });
    let job = cluster.submit(&spec);
    await_parallelism(&cluster, &job, &[4, 4, 4]);
    let mut body = requirements(&cluster, &job, 1, 4);
    let ids = vertices(&cluster, &job);
    for (id, bound) in ids.iter().zip([3, 2, 4]) {
        body[id]["parallelism"]["upperBound"] = json!(bound);
    }
    cluster.rest().ask("PUT", &path(&job), Some(&body));
    await_parallelism(&cluster, &job, &[3, 2, 4]);
    let plan = &cluster.job(&job)["plan"]["nodes"];
    let ships = [1, 2].map(|node: usize| plan[node]["inputs"][0]["ship_strategy"].clone());
    assert_eq!(ships, ["HASH", "RESCALE"]);
    cluster.await_state(&job, "FINISHED");
    check_counts(&folder);
}

/// Counts 8,000 made-up words of 97, for some seconds, into files.
fn counts_to(folder: &Path) -> Value {
    let mut spec = jobs::count_words("count", 4, 8_000);
    spec["sources"][0]["options"]["rate"] = json!(2_000);
    spec["sinks"][0] = json!({
        "name": "out",
        "connector": "files",
        "options": { "path": folder },
        "inputs": ["count"],
        "parallelism": 4,
    });
    spec
}

/// The files have each word once, and all that were counted.
fn check_counts(folder: &Path) {
    let mut words = BTreeSet::new();
    let mut sum = 0;
    for part in std::fs::read_dir(folder).unwrap() {
        let file = part.unwrap().path();
        assert!(!file.file_name().unwrap().to_str().unwrap().starts_with('.'), "{file:?}");
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let (word, count) = line.split_once('\t').unwrap();
            assert!(words.insert(word.to_owned()), "{word} was counted twice");
            sum += count.parse::<u64>().unwrap();
        }
    }
    assert_eq!((words.len(), sum), (97, 8_000));
}

#[test]
fn a_job_below_its_lower_bounds_waits_and_then_fails() {
    let timeout = "-Djobmanager.adaptive-scheduler.submission.resource-wait-timeout=300ms";
    let cluster = Cluster::start(&[ADAPTIVE, timeout]);
    let job = cluster.submit(&jobs::endless("job", 4));
    cluster.await_state(&job, "FAILED");
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    let text = why["root-exception"].as_str().unwrap();
    for part in ["NoResourceAvailable", "needs 1 slot, has 0", "resource-wait-timeout"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn wrong_requirements_are_refused_and_change_nothing() {
    let cluster = Cluster::with_workers(1, 4, &[ADAPTIVE]);
    let job = cluster.submit(&jobs::endless("job", 2));
    await_parallelism(&cluster, &job, &[2, 2]);
    let before = cluster.rest().get(&path(&job));
    let ids = vertices(&cluster, &job);
    let with = |lower: Value, upper: Value| {
        let mut body = before.clone();
        body[&ids[1]] = json!({ "parallelism": { "lowerBound": lower, "upperBound": upper } });
        body
    };
    let mut unknown = before.clone();
    unknown["0123456789abcdef0123456789abcdef"] = before[&ids[0]].clone();
    let mut missing = before.clone();
    missing.as_object_mut().unwrap().remove(&ids[1]);
    let wrong = [
        (with(json!(3), json!(2)), "the lower bound 3 is above the upper bound 2"),
        (with(json!(1), json!(129)), "above its max parallelism 128"),
        (with(json!(0), json!(2)), "must be from 1"),
        (with(json!(1), json!(0)), "must be from 1"),
        (with(json!(-2), json!(2)), "must be from 1"),
        (with(json!(1), json!(99_999_999_999_i64)), "above its max parallelism"),
        (with(json!("1"), json!(2)), "the body is wrong"),
        (with(json!(1), Value::Null), "the body is wrong"),
        (unknown, "no vertex 0123456789abcdef0123456789abcdef"),
        (missing, "is missing"),
        (json!({}), "is missing"),
        (json!([]), "the body is wrong"),
    ];
    for (body, expected) in wrong {
        let (status, errors) = cluster.rest().refused("PUT", &path(&job), Some(&body));
        assert_eq!(status, 400, "{body}: {errors:?}");
        assert!(errors.iter().any(|error| error.contains(expected)), "{expected}: {errors:?}");
    }
    let (status, errors) = cluster.rest().refused("PUT", &path(&job), None);
    assert!(status == 400 && errors[0].contains("no body"), "{errors:?}");
    assert_eq!(cluster.rest().get(&path(&job)), before);
    let nobody = "/jobs/00000000000000000000000000000000/resource-requirements";
    assert_eq!(cluster.rest().refused("PUT", nobody, Some(&before)).0, 404);
    assert_eq!(cluster.rest().refused("GET", nobody, None).0, 404);
    // The default of the upper bound is the max parallelism.
    cluster.rest().ask("PUT", &path(&job), Some(&with(json!(-1), json!(-1))));
    let shown = &cluster.rest().get(&path(&job))[&ids[1]];
    assert_eq!(*shown, json!({ "parallelism": { "lowerBound": 1, "upperBound": 128 } }));
}

#[test]
fn under_the_default_scheduler_requirements_are_refused() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let job = cluster.submit(&jobs::endless("job", 2));
    cluster.await_tasks(&job, "RUNNING");
    let body = requirements(&cluster, &job, 1, 1);
    for (verb, sent) in [("PUT", Some(&body)), ("GET", None)] {
        let (status, errors) = cluster.rest().refused(verb, &path(&job), sent);
        assert_eq!(status, 409);
        assert!(errors[0].contains("jobmanager.scheduler: default"), "{errors:?}");
    }
    assert_eq!(parallelism(&cluster, &job), [2, 2]);
}
