//! Jobs on a cluster: what they compute, how they fail, and that they leave each other alone.

use rustix::process::Signal;
use sandbar_processes::cluster::words_of_the_book;
use sandbar_processes::{Cluster, eventually, guest, jobs, root};
use serde_json::{Value, json};

/// A job whose operator does something at its first record.
fn faulty(name: &str, operator: &str, configuration: &Value) -> Value {
    let mut job = jobs::misbehaving(name, operator);
    job["configuration"] = configuration.clone();
    job["sources"][0]["options"]["rate"] = json!(10);
    job
}

#[test]
fn words_are_counted_across_processes_as_in_one() {
    let cluster = Cluster::with_workers(2, 2, &["-Dcluster.evenly-spread-out-slots=true"]);
    let spec = json!({
        "name": "word-count",
        "plugins": {
            "text-tools": { "path": guest("text-tools") },
            "counters": { "path": guest("counters") },
        },
        "sources": [{
            "name": "lines",
            "connector": "files",
            "options": {
                "path": root().join("examples/word-count/data/opticks.txt"),
                "split-size": "64 KiB",
            },
        }],
        "operators": [
            { "name": "words", "plugin": "text-tools", "operator": "words", "inputs": ["lines"] },
            {
                "name": "count",
                "plugin": "counters",
                "operator": "count",
                "inputs": [{ "from": "words", "key": "value" }],
            },
        ],
        "sinks": [{ "name": "out", "connector": "print", "inputs": ["count"] }],
    });
    let options = json!({ "parallelism.default": 4.to_string() });
    let job = cluster.submit_with(&spec, &options);
    let done = cluster.await_state(&job, "FINISHED");
    assert_eq!(cluster.printed(), words_of_the_book());
    assert!(cluster.workers.iter().all(|worker| !worker.stdout().is_empty()));
    // Both TaskManagers took part, and records crossed between them.
    let counting = &done["vertices"][1];
    assert_eq!(counting["metrics"]["read-records"], 99_935, "{counting:#}");
}

#[test]
fn jobs_have_ids_of_their_own_and_one_is_cancelled_alone() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let (first, second) =
        (cluster.submit(&jobs::apart("one", 1)), { cluster.submit(&jobs::apart("two", 1)) });
    assert_ne!(first, second);
    cluster.await_tasks(&first, "RUNNING");
    cluster.await_tasks(&second, "RUNNING");
    let before = cluster.job(&second);
    cluster.cancel(&first);
    cluster.await_state(&first, "CANCELED");
    let after = cluster.job(&second);
    assert_eq!((&after["state"], &after["start-time"]), (&json!("RUNNING"), &before["start-time"]));
    let (status, errors) = cluster.rest().refused("PATCH", &format!("/jobs/{first}"), None);
    assert_eq!(status, 409, "{errors:?}");
}

#[test]
fn a_guest_that_fails_fails_its_job_alone() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let neighbour = cluster.submit(&jobs::apart("neighbour", 1));
    cluster.await_tasks(&neighbour, "RUNNING");
    let before = cluster.job(&neighbour)["start-time"].clone();
    let failing = cluster.submit(&faulty("failing", "panic", &json!({})));
    cluster.await_state(&failing, "FAILED");
    let why = cluster.rest().get(&format!("/jobs/{failing}/exceptions"));
    let text = why["root-exception"].as_str().unwrap();
    assert!(text.contains("failing") && text.contains("faulty"), "{text}");
    let after = cluster.job(&neighbour);
    assert_eq!((&after["state"], &after["start-time"]), (&json!("RUNNING"), &before));
    assert_eq!(cluster.overview("taskmanagers"), 1);
}

#[test]
fn a_guest_that_never_returns_is_cancelled_and_costs_no_process() {
    let cluster = Cluster::with_workers(1, 1, &[]);
    let job = cluster.submit(&faulty("stuck", "loop", &json!({})));
    cluster.await_tasks(&job, "RUNNING");
    let started = std::time::Instant::now();
    cluster.cancel(&job);
    cluster.await_state(&job, "CANCELED");
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(cluster.overview("slots-available"), 1);
    let next = cluster.submit(&jobs::count_words("next", 1, 100));
    cluster.await_state(&next, "FINISHED");
}

#[test]
fn a_job_is_restarted_as_often_as_its_strategy_says_and_attempts_are_shown() {
    let cluster = Cluster::with_workers(1, 1, &[]);
    let restarts = json!({
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 2,
        "restart-strategy.fixed-delay.delay": "10 ms",
    });
    let job = cluster.submit(&faulty("again", "panic", &restarts));
    let failed = cluster.await_state(&job, "FAILED");
    let tasks = cluster.tasks(&job);
    assert!(tasks.iter().all(|task| task["attempt"] == 2), "{tasks:#?}");
    let vertex = failed["vertices"][0]["id"].as_str().unwrap();
    let path =
        |attempt: u32| format!("/jobs/{job}/vertices/{vertex}/subtasks/0/attempts/{attempt}");
    for attempt in 0..3 {
        assert_eq!(cluster.rest().get(&path(attempt))["attempt"], attempt);
    }
    assert_eq!(cluster.rest().refused("GET", &path(3), None).0, 404);
}

#[test]
fn only_the_region_of_a_lost_task_manager_is_restarted() {
    for (spec, all_restart) in [(jobs::apart("apart", 4), false), (jobs::endless("tied", 4), true)]
    {
        let options = ["-Dcluster.evenly-spread-out-slots=true"];
        let cluster = Cluster::with_workers(2, 4, &options);
        let strategy = json!({
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.delay": "10 ms",
        });
        let job = cluster.submit_with(&spec, &strategy);
        cluster.await_tasks(&job, "RUNNING");
        let subtasks = cluster.tasks(&job).len();
        cluster.workers[0].signal(Signal::KILL);
        let restarted = eventually("it runs again", || {
            let tasks = cluster.tasks(&job);
            let running = tasks.iter().filter(|task| task["status"] == "RUNNING").count();
            let again = tasks.iter().filter(|task| task["attempt"] == 1).count();
            (running == subtasks && again > 0).then_some(again)
        });
        let expected = if all_restart { subtasks } else { subtasks / 2 };
        assert_eq!(restarted, expected, "{}", spec["name"]);
    }
}

#[test]
fn a_task_manager_that_dies_fails_a_job_without_restarts_and_says_why() {
    let mut cluster = Cluster::with_workers(1, 2, &[]);
    let job = cluster.submit(&jobs::endless("job", 2));
    cluster.await_tasks(&job, "RUNNING");
    cluster.workers[0].signal(Signal::KILL);
    cluster.await_state(&job, "FAILED");
    let why = cluster.rest().get(&format!("/jobs/{job}/exceptions"));
    let text = why["root-exception"].as_str().unwrap();
    assert!(text.contains("TaskManager") && text.contains("is lost"), "{text}");
    cluster.add_worker(2, &[]);
    let next = cluster.submit(&jobs::count_words("next", 2, 100));
    cluster.await_state(&next, "FINISHED");
}

#[test]
fn wrong_jobs_are_refused_with_all_that_is_wrong() {
    let cluster = Cluster::start(&[]);
    let mut spec = jobs::endless("wrong", 1);
    spec["sources"][0]["connector"] = json!("fils");
    spec["sinks"][0]["inputs"] = json!(["numbrs"]);
    let body = json!({ "spec": spec });
    let (status, errors) = cluster.rest().refused("POST", "/jobs", Some(&body));
    assert_eq!(status, 400);
    assert!(errors.iter().any(|error| error.contains("numbrs")), "{errors:?}");
    let refused = cluster.rest().refused("POST", "/jobs", Some(&json!({ "spec": 7 })));
    assert_eq!(refused.0, 400, "{refused:?}");
    assert_eq!(cluster.rest().get("/jobs")["jobs"], json!([]));
}

#[test]
fn a_plugin_path_that_is_no_file_is_refused_at_once() {
    let cluster = Cluster::start(&[]);
    for path in ["/dev/zero", "/proc", "/nowhere.wasm"] {
        let mut spec = jobs::count_words("job", 1, 1);
        spec["plugins"]["counters"]["path"] = json!(path);
        let body = json!({ "spec": spec });
        let (status, errors) = cluster.rest().refused("POST", "/jobs", Some(&body));
        assert_eq!(status, 400, "{path}");
        assert!(errors.iter().any(|error| error.contains(path)), "{errors:?}");
    }
}

#[test]
fn what_is_no_plugin_is_refused_and_one_that_is_can_be_run() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let upload = |name: &str, bytes: &[u8]| {
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"plugin\"; filename=\"{name}\"\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--x--\r\n"].concat();
        let url = format!("http://{}/plugins/upload", cluster.rest().address());
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder().http_status_as_error(false).build(),
        );
        let request = agent.post(&url).header("content-type", "multipart/form-data; boundary=x");
        let mut answer = request.send(&body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str::<Value>(&text).unwrap())
    };
    let (refused, why) = upload("junk.wasm", b"\0asm junk");
    assert_eq!(refused, 400, "{why}");
    assert!(why["errors"][0].as_str().unwrap().contains("junk.wasm"), "{why}");
    let bytes = std::fs::read(guest("word-count")).unwrap();
    let (status, answer) = upload("word_count.wasm", &bytes);
    assert_eq!(status, 200, "{answer}");
    let id = answer["id"].as_str().unwrap();
    let book = root().join("examples/word-count/data/opticks.txt");
    let run = json!({ "programArgsList": [book, "all"], "parallelism": 2 });
    let started = cluster.rest().ask("POST", &format!("/plugins/{id}/run"), Some(&run));
    cluster.await_state(started["jobid"].as_str().unwrap(), "FINISHED");
    assert_eq!(cluster.printed(), words_of_the_book());
    cluster.rest().ask("DELETE", &format!("/plugins/{id}"), None);
    assert_eq!(cluster.rest().get("/plugins")["files"], json!([]));
}
