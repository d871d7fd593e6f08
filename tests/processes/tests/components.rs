//! The parts of a JobManager process and what passes between them: which parts there are, the
//! states of a task from its making to its end, and who makes the graph of a job.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::path::Path;

use sandbar_processes::process::command;
use sandbar_processes::{Cluster, Process, Rest, eventually, guest, jobs, root};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How many lines of the JobManager's log hold this.
fn lines_with(log: &str, part: &str) -> usize {
    log.lines().filter(|line| line.contains(part)).count()
}

#[test]
fn a_job_manager_is_a_resource_manager_a_dispatcher_and_a_job_master_for_each_job() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let log = || cluster.rest().text("GET", "/jobmanager/log", None).1;
    assert_eq!(lines_with(&log(), "JobMaster started"), 0);
    let submitted = ["one", "two"].map(|name| cluster.submit(&jobs::apart(name, 1)));
    submitted.iter().for_each(|job| cluster.await_tasks(job, "RUNNING"));
    let told = log();
    for (part, expected) in
        [("ResourceManager started", 1), ("Dispatcher started", 1), ("JobMaster started", 2)]
    {
        assert_eq!(lines_with(&told, part), expected, "{part}:\n{told}");
    }
    for job in &submitted {
        let of_job = told.lines().filter(|line| line.contains("JobMaster") && line.contains(job));
        assert_eq!(of_job.count(), 1, "{job}:\n{told}");
    }
    // One ends, and the other parts have nothing to do with it.
    cluster.cancel(&submitted[0]);
    cluster.await_state(&submitted[0], "CANCELED");
    assert_eq!(cluster.job(&submitted[1])["state"], "RUNNING");
}

/// When a thing entered these states, which must be in this order.
#[track_caller]
fn check_order(timestamps: &Value, states: &[&str]) {
    let entered = |state: &&str| timestamps[*state].as_i64().unwrap();
    let times: Vec<i64> = states.iter().map(entered).collect();
    assert!(times.iter().all(|time| *time > 0) && times.is_sorted(), "{timestamps:#}");
}

/// The timestamps of each subtask of a job.
fn times_of_tasks(cluster: &Cluster, job: &str) -> Vec<Value> {
    let details = cluster.job(job);
    let vertices = details["vertices"].as_array().unwrap().iter();
    let of_vertex = |vertex: &Value| {
        let id = vertex["id"].as_str().unwrap();
        let times = cluster.rest().get(&format!("/jobs/{job}/vertices/{id}/subtasktimes"));
        times["subtasks"].as_array().unwrap().clone()
    };
    let subtasks = vertices.flat_map(of_vertex);
    subtasks.map(|subtask| subtask["timestamps"].clone()).collect()
}

#[test]
fn a_task_goes_through_its_states_in_order_and_says_when() {
    let mut cluster = Cluster::start(&[]);
    let mut spec = jobs::endless("slow", 2);
    spec["sources"][0]["options"] = json!({ "rate": 1000, "count": 500 });
    let job = cluster.submit(&spec);
    eventually("it waits for slots", || cluster.job(&job)["waiting-for"].as_str().map(drop));
    cluster.await_tasks(&job, "SCHEDULED");
    for times in times_of_tasks(&cluster, &job) {
        check_order(&times, &["CREATED", "SCHEDULED"]);
        assert_eq!(times["DEPLOYING"], 0, "{times:#}");
    }
    check_order(&cluster.job(&job)["timestamps"], &["INITIALIZING", "CREATED", "RUNNING"]);
    cluster.add_worker(2, &[]);
    cluster.await_tasks(&job, "RUNNING");
    assert_eq!(cluster.job(&job)["timestamps"]["FINISHED"], 0);
    let done = cluster.await_state(&job, "FINISHED");
    check_order(&done["timestamps"], &["INITIALIZING", "CREATED", "RUNNING", "FINISHED"]);
    let tasks = times_of_tasks(&cluster, &job);
    assert_eq!(tasks.len(), 4);
    let states = ["CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING", "FINISHED"];
    tasks.iter().for_each(|times| check_order(times, &states));
    // The job runs from before its tasks are scheduled until the last has ended.
    let of_job = |state: &str| done["timestamps"][state].as_i64().unwrap();
    for times in &tasks {
        assert!(times["SCHEDULED"].as_i64().unwrap() >= of_job("CREATED"));
        assert!(times["FINISHED"].as_i64().unwrap() <= of_job("FINISHED"));
    }
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_graph_of_a_job_is_made_without_a_cluster() {
    let folder = TempDir::new().unwrap();
    let book = root().join("examples/word-count/data/opticks.txt");
    let plugin = guest("word-count");
    // Nobody listens at that port.
    let info = ["info", "-Drest.port=9", "-p2", "--format=json", plugin.to_str().unwrap(), "--"];
    let text = succeeds(folder.path(), &[&info[..], &[book.to_str().unwrap()]].concat());
    let plan: Value = serde_json::from_str(&text).unwrap();
    let nodes = plan["plan"]["nodes"].as_array().unwrap();
    assert!(nodes.len() >= 2 && nodes[0]["parallelism"] == 2, "{plan:#}");
}

#[test]
fn an_application_makes_its_graph_and_its_clients_need_no_plugin() {
    let (host, client) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::fs::copy(guest("word-count"), host.path().join("job.wasm")).unwrap();
    std::fs::write(host.path().join("book.txt"), "to be or not to be").unwrap();
    // There are no TaskManagers, so the job waits to be looked at.
    let run = [
        "jobmanager",
        "--job",
        "job.wasm",
        "--addresses-file=addresses.json",
        "-Drest.port=0",
        "-Djobmanager.rpc.port=0",
        "--",
        "book.txt",
    ];
    let mut application = Process::start(host.path(), "application", &run);
    let text = eventually("it serves", || {
        assert!(application.is_running(), "{}", application.stderr());
        std::fs::read_to_string(host.path().join("addresses.json")).ok()
    });
    let addresses: Value = serde_json::from_str(&text).unwrap();
    let address = addresses["rest"].as_str().unwrap();
    let rest = Rest::new(address);
    let job = eventually("its job is there", || {
        let all = rest.get("/jobs/overview");
        all["jobs"][0]["jid"].as_str().map(str::to_owned)
    });
    let listed = succeeds(client.path(), &["list", "-m", address]);
    assert!(listed.contains(&job) && listed.contains("word-count"), "{listed}");
    let plan = rest.get(&format!("/jobs/{job}/plan"));
    assert!(plan["plan"]["nodes"].as_array().unwrap().len() >= 2, "{plan:#}");
    let told = succeeds(client.path(), &["cancel", "-m", address, &job]);
    assert!(told.contains(&format!("Cancelled job {job}")), "{told}");
    application.wait();
    assert_eq!(std::fs::read_dir(client.path()).unwrap().count(), 0);
}
