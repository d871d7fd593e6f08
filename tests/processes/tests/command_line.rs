//! The command line against a cluster of processes, as features.md has it: what it prints, when it
//! returns, and what it leaves behind.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sandbar_processes::cluster::words_of_the_book;
use sandbar_processes::process::command;
use sandbar_processes::{Cluster, Process, Rest, eventually, guest, jobs, root};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs a command to its end.
fn sandbar(folder: &Path, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().unwrap()
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = sandbar(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn write(folder: &Path, name: &str, spec: &Value) -> String {
    std::fs::write(folder.join(name), spec.to_string()).unwrap();
    name.to_owned()
}

/// The id in `Job has been submitted with JobID ...`.
fn job_id(printed: &str) -> String {
    let line = printed.lines().find(|line| line.contains("JobID")).unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn a_detached_run_returns_at_once_and_its_job_goes_on_without_it() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let file = write(cluster.folder(), "job.json", &jobs::endless("endless", 2));
    let address = cluster.rest().address();
    let printed = succeeds(cluster.folder(), &["run", "-d", "-m", address, &file]);
    let job = job_id(&printed);
    assert_eq!(job.len(), 32, "{printed}");
    cluster.await_tasks(&job, "RUNNING");
    let listed = succeeds(cluster.folder(), &["list", "-m", address]);
    assert!(listed.contains(&job) && listed.contains("endless (RUNNING)"), "{listed}");
    let told = succeeds(cluster.folder(), &["cancel", "-m", address, &job]);
    assert!(told.contains(&format!("Cancelled job {job}.")), "{told}");
    assert_eq!(cluster.job(&job)["state"], "CANCELED");
    let all = succeeds(cluster.folder(), &["list", "-a", "-m", address]);
    assert!(all.contains("(CANCELED)"), "{all}");
}

#[test]
fn an_attached_run_ends_with_its_job_and_has_its_exit_code() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let address = cluster.rest().address();
    let good = write(cluster.folder(), "good.json", &jobs::count_words("good", 2, 1000));
    succeeds(cluster.folder(), &["run", "-t", "remote", "-m", address, &good]);
    assert!(!cluster.printed().is_empty());
    let mut spec = jobs::count_words("bad", 1, 1000);
    spec["plugins"] = json!({ "faults": { "path": guest("guest-faults") } });
    spec["operators"][0] =
        json!({ "name": "count", "plugin": "faults", "operator": "panic", "inputs": ["words"] });
    let bad = write(cluster.folder(), "bad.json", &spec);
    let output = sandbar(cluster.folder(), &["run", "-m", address, &bad]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("job \"bad\""), "{error}");
}

#[test]
fn a_client_that_is_killed_or_interrupted_leaves_its_job_alone() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let address = cluster.rest().address().to_owned();
    for (name, signal) in [("killed", Signal::KILL), ("interrupted", Signal::INT)] {
        let file = write(cluster.folder(), name, &jobs::apart(name, 1));
        let path = format!("{file}.json");
        std::fs::rename(cluster.folder().join(&file), cluster.folder().join(&path)).unwrap();
        let mut client = Process::start(cluster.folder(), name, &["run", "-m", &address, &path]);
        let running = eventually("the job runs", || {
            let all = cluster.rest().get("/jobs/overview");
            let jobs = all["jobs"].as_array().unwrap().clone();
            jobs.into_iter().find(|job| job["name"] == name && job["state"] == "RUNNING")
        });
        let job = running["jid"].as_str().unwrap();
        eventually("the client stays with it", || client.stdout().contains(job).then_some(()));
        client.signal(signal);
        client.wait();
        assert_eq!(cluster.job(job)["state"], "RUNNING", "{name}");
    }
}

#[test]
fn jobs_of_plugins_run_on_the_cluster_with_files_named_from_here() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let address = cluster.rest().address();
    let book = root().join("examples/word-count/data/opticks.txt");
    std::fs::copy(book, cluster.folder().join("book.txt")).unwrap();
    let plugin = guest("word-count");
    let plugin = plugin.to_str().unwrap();
    let run = ["run", "-p", "2", "-m", address, "-t", "remote", plugin, "--", "book.txt", "all"];
    succeeds(cluster.folder(), &run);
    assert_eq!(cluster.printed(), words_of_the_book());
    let listed = succeeds(cluster.folder(), &["plugin", "list", "-m", address]);
    assert!(listed.contains("word_count.wasm"), "{listed}");
}

#[test]
fn a_job_on_a_cluster_of_its_own_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let file = write(folder.path(), "job.json", &jobs::count_words("own", 2, 1000));
    for arguments in [
        ["run-application", "-Dparallelism.default=2", &file],
        ["run", "--target=per-job", &file],
        ["run", "--target=application", &file],
    ] {
        let printed = succeeds(folder.path(), &arguments);
        let counts = printed.lines().filter_map(|line| line.split_once('\t'));
        let sum: u64 = counts.map(|(_, count)| count.parse::<u64>().unwrap()).sum();
        assert_eq!(sum, 1000, "{arguments:?}: {printed}");
        await_no_process(folder.path());
    }
    let output = sandbar(folder.path(), &["run", "-t", "kubernetes-session", &file]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("local, remote, application and per-job"), "{error}");
}

#[test]
fn a_detached_application_goes_on_alone_and_ends_its_cluster() {
    let folder = TempDir::new().unwrap();
    let file = write(folder.path(), "job.json", &jobs::apart("alone", 1));
    let run = ["run-application", "--detached", "--json", &file];
    let printed: Value = serde_json::from_str(&succeeds(folder.path(), &run)).unwrap();
    let rest = Rest::new(printed["rest"].as_str().unwrap());
    let job = printed["jid"].as_str().unwrap();
    eventually("it runs", || {
        (rest.get(&format!("/jobs/{job}"))["state"] == "RUNNING").then_some(())
    });
    rest.ask("PATCH", &format!("/jobs/{job}"), None);
    await_no_process(folder.path());
}

#[test]
fn an_application_ends_with_the_command_that_stays_with_it_however_that_ends() {
    for signal in [Signal::TERM, Signal::KILL, Signal::INT] {
        let folder = TempDir::new().unwrap();
        let file = write(folder.path(), "job.json", &jobs::apart("stays", 1));
        let mut client = Process::start(folder.path(), "client", &["run-application", &file]);
        eventually("it runs", || client.stderr().contains("JobID").then_some(()));
        client.signal(signal);
        client.wait();
        drop(client);
        await_no_process(folder.path());
    }
}

/// Waits until no process of `sandbar` works in this folder.
fn await_no_process(folder: &Path) {
    let folder = folder.canonicalize().unwrap();
    eventually("no process is left", || {
        let all = std::fs::read_dir("/proc").unwrap();
        let works_here = |entry: std::fs::DirEntry| {
            std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder)
        };
        (!all.filter_map(Result::ok).any(works_here)).then_some(())
    });
}

#[test]
fn a_cluster_is_started_shown_and_stopped_without_a_trace() {
    let folder = TempDir::new().unwrap();
    let start = [
        "cluster",
        "start",
        "--task-managers=2",
        "--slots=2",
        "-Drest.port=0",
        "-Djobmanager.rpc.port=0",
    ];
    succeeds(folder.path(), &start);
    let again = sandbar(folder.path(), &start);
    assert_eq!(again.status.code(), Some(1));
    let shown: Value =
        serde_json::from_str(&succeeds(folder.path(), &["cluster", "status", "--json"])).unwrap();
    assert_eq!(shown["overview"]["slots-total"], 4, "{shown:#}");
    succeeds(folder.path(), &["cluster", "stop"]);
    await_no_process(folder.path());
    assert_eq!(sandbar(folder.path(), &["cluster", "status"]).status.code(), Some(1));
}

#[test]
fn clients_do_not_wait_long_for_a_job_manager_that_hangs() {
    let cluster = Cluster::start(&[]);
    let address = cluster.rest().address().to_owned();
    cluster.job_manager.signal(Signal::STOP);
    let started = Instant::now();
    let output = sandbar(cluster.folder(), &["list", "-m", &address]);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    for part in [&*address, "GET /jobs/overview", "within 15s", "hangs"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_cluster_whose_job_manager_hangs_is_stopped_all_the_same() {
    let folder = TempDir::new().unwrap();
    let start = ["cluster", "start", "-Drest.port=0", "-Djobmanager.rpc.port=0"];
    succeeds(folder.path(), &start);
    let shown: Value =
        serde_json::from_str(&succeeds(folder.path(), &["cluster", "status", "--json"])).unwrap();
    let processes = shown["processes"].as_array().unwrap();
    let job_manager = processes.iter().find(|process| process["name"] == "jobmanager").unwrap();
    let pid = Pid::from_raw(job_manager["pid"].as_i64().unwrap() as i32).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let started = Instant::now();
    succeeds(folder.path(), &["cluster", "stop"]);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    await_no_process(folder.path());
}

#[test]
fn a_run_in_its_own_process_warns_of_options_that_only_a_cluster_heeds() {
    let folder = TempDir::new().unwrap();
    let mut job = jobs::count_words("job", 1, 10);
    job["configuration"] = json!({ "slot.request.timeout": "1 s", "parallelism.default": 1 });
    let file = write(folder.path(), "job.json", &job);
    let output = sandbar(folder.path(), &["run", "-Dheartbeat.timeout=9s", &file]);
    assert!(output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    for key in ["heartbeat.timeout", "slot.request.timeout"] {
        let warning = format!("option `{key}` has no effect in a run in this process");
        assert!(error.contains(&warning), "{error}");
    }
    assert!(!error.contains("parallelism.default"), "{error}");
}

#[test]
fn all_that_is_wrong_with_a_job_is_said_at_once() {
    let folder = TempDir::new().unwrap();
    let mut job = jobs::count_words("job", 1, 10);
    job["plugins"]["missing"] = json!({ "path": "missing.wasm" });
    job["operators"][0]["plugin"] = json!("missing");
    job["sources"][0]["connector"] = json!("no-such");
    job["configuration"] = json!({ "restart-strategy.fixed-delay.attempts": "many" });
    let file = write(folder.path(), "job.json", &job);
    let output = sandbar(folder.path(), &["job", "validate", "--json", &file]);
    assert_eq!(output.status.code(), Some(1));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors: Vec<&str> =
        shown["errors"].as_array().unwrap().iter().map(|error| error.as_str().unwrap()).collect();
    assert_eq!(errors.len(), 3, "{errors:#?}");
    for part in ["restart-strategy.fixed-delay.attempts", "missing.wasm", "no-such"] {
        assert!(errors.iter().any(|error| error.contains(part)), "{part}: {errors:#?}");
    }
}

#[test]
fn a_vertex_has_one_id_in_the_plan_and_over_rest() {
    let cluster = Cluster::with_workers(1, 1, &[]);
    let file = write(cluster.folder(), "job.json", &jobs::endless("endless", 1));
    let text = succeeds(cluster.folder(), &["info", "--format", "json", &file]);
    let plan: Value = serde_json::from_str(&text).unwrap();
    let job = cluster.submit(&jobs::endless("endless", 1));
    let shown = cluster.rest().get(&format!("/jobs/{job}/plan"));
    let ids = |of: &Value| -> Vec<String> {
        let nodes = of["plan"]["nodes"].as_array().unwrap();
        let id = |node: &Value| node["id"].as_str().unwrap().to_owned();
        let mut ids: Vec<String> = nodes.iter().map(id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&plan), ids(&shown));
}
