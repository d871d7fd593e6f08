//! What a running cluster shows of itself: metrics, back pressure, logs and configuration.

use sandbar_processes::{Cluster, eventually, guest, jobs};
use serde_json::{Value, json};

#[test]
fn prometheus_finds_the_metrics_of_cluster_jobs_and_tasks() {
    let cluster = Cluster::with_workers(1, 1, &[]);
    let job = cluster.submit(&jobs::endless("job", 1));
    cluster.await_tasks(&job, "RUNNING");
    let records = "flink_taskmanager_job_task_numRecordsIn{";
    let text = eventually("records are counted", || {
        let (status, text) = cluster.rest().text("GET", "/metrics", None);
        assert_eq!(status, 200);
        text.contains(records).then_some(text)
    });
    for line in [
        "flink_jobmanager_numRegisteredTaskManagers 1",
        "flink_jobmanager_taskSlotsTotal 1",
        "flink_jobmanager_numRunningJobs 1",
        "job_name=\"job\"",
        "flink_taskmanager_job_task_guestTimeMsPerSecond{",
        "flink_taskmanager_job_task_currentInputWatermark{",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
}

#[test]
fn a_task_manager_serves_its_own_metrics() {
    let mut cluster = Cluster::start(&["-Dheartbeat.interval=500ms"]);
    cluster.add_worker(1, &["-Dmetrics.reporter.prom.port=0"]);
    cluster.await_workers(1);
    let job = cluster.submit(&jobs::endless("job", 1));
    cluster.await_tasks(&job, "RUNNING");
    let log = cluster.workers[0].stderr();
    let line = log.lines().find(|line| line.contains("serving /metrics")).unwrap();
    let address = line.rsplit("address=").next().unwrap().trim();
    let of_worker = sandbar_processes::Rest::new(address);
    eventually("records are counted there", || {
        let (status, text) = of_worker.text("GET", "/metrics", None);
        let counted = "flink_taskmanager_job_task_numRecordsOut{";
        let sample = text.lines().find(|sample| sample.starts_with(counted))?;
        (status == 200 && !sample.ends_with(" 0")).then_some(())
    });
    assert_eq!(of_worker.refused("GET", "/jobs", None).0, 404);
}

#[test]
fn the_same_option_set_three_ways_is_shown_and_secrets_are_masked() {
    let folder = tempfile::TempDir::new().unwrap();
    let value = |cluster: &Cluster, key: &str| {
        let all = cluster.rest().get("/jobmanager/config");
        let entry = all.as_array().unwrap().iter().find(|entry| entry["key"] == key);
        entry.map_or(Value::Null, |entry| entry["value"].clone())
    };
    let files = [
        ("flat.yaml", "parallelism.default: 7\nuser.password: hush\n"),
        ("nested.yaml", "parallelism:\n  default: 7\nuser:\n  password: hush\n"),
    ];
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let cluster = Cluster::start(&["--config", path.to_str().unwrap()]);
        assert_eq!(value(&cluster, "parallelism.default"), "7", "{name}");
        assert_eq!(value(&cluster, "user.password"), "******", "{name}");
        assert_eq!(value(&cluster, "slot.request.timeout"), "5 min", "{name}");
    }
    let cluster = Cluster::start(&["-Dparallelism.default=7"]);
    assert_eq!(value(&cluster, "parallelism.default"), "7");
}

#[test]
fn logs_of_all_processes_are_read_over_rest() {
    let cluster = Cluster::with_workers(1, 1, &[]);
    let (status, text) = cluster.rest().text("GET", "/jobmanager/log", None);
    assert!(status == 200 && text.contains("TaskManager registered"), "{text}");
    let all = cluster.rest().get("/taskmanagers");
    let id = all["taskmanagers"][0]["id"].as_str().unwrap();
    let (of_worker, log) = cluster.rest().text("GET", &format!("/taskmanagers/{id}/log"), None);
    assert!(of_worker == 200 && log.contains("registered at the JobManager"), "{log}");
    let list = cluster.rest().get(&format!("/taskmanagers/{id}/logs"));
    assert_eq!(list["logs"][0]["name"], "taskmanager.log");
    let (of_nobody, _) = cluster.rest().refused("GET", "/taskmanagers/nobody/log", None);
    assert_eq!(of_nobody, 404);
}

#[test]
fn the_states_of_a_task_and_the_graph_of_a_job_are_shown() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let job = cluster.submit(&jobs::count_words("job", 2, 1000));
    let done = cluster.await_state(&job, "FINISHED");
    for state in ["CREATED", "RUNNING", "FINISHED"] {
        assert!(done["timestamps"][state].as_i64().unwrap() > 0, "{state}: {done:#}");
    }
    assert_eq!(done["vertices"].as_array().unwrap().len(), 2);
    let plan = cluster.rest().get(&format!("/jobs/{job}/plan"));
    assert_eq!(plan["plan"]["nodes"].as_array().unwrap().len(), 2);
    let tasks = cluster.tasks(&job);
    assert_eq!(tasks.len(), 4);
    assert!(tasks.iter().all(|task| task["status"] == "FINISHED"), "{tasks:#?}");
    let result = cluster.rest().get(&format!("/jobs/{job}/execution-result"));
    assert_eq!(result["status"]["id"], json!("COMPLETED"), "{result:#}");
}

#[test]
fn the_time_of_a_task_is_busy_idle_or_back_pressured() {
    let cluster = Cluster::with_workers(1, 1, &["-Dheartbeat.interval=500ms"]);
    let job = cluster.submit(&jobs::endless("job", 1));
    cluster.await_tasks(&job, "RUNNING");
    let vertex = cluster.job(&job)["vertices"][0]["id"].as_str().unwrap().to_owned();
    let names = "busyTimeMsPerSecond,idleTimeMsPerSecond,backPressuredTimeMsPerSecond";
    let path = format!("/jobs/{job}/vertices/{vertex}/subtasks/0/metrics?get={names}");
    eventually("the three make a second", || {
        let metrics = cluster.rest().get(&path);
        let values = metrics.as_array().unwrap().iter();
        let values: Vec<f64> =
            values.map(|metric| metric["value"].as_str().unwrap().parse().unwrap()).collect();
        let sum: f64 = values.iter().sum();
        (values.len() == 3 && (950.0..=1050.0).contains(&sum)).then_some(())
    });
}

#[test]
fn a_slow_operator_is_seen_as_back_pressure_of_what_feeds_it() {
    let cluster = Cluster::with_workers(1, 1, &["-Dheartbeat.interval=500ms"]);
    let job = cluster.submit(&jobs::stuck("slow"));
    cluster.await_tasks(&job, "RUNNING");
    let vertex = cluster.job(&job)["vertices"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/jobs/{job}/vertices/{vertex}/backpressure");
    eventually("the source is back pressured", || {
        let shown = cluster.rest().get(&path);
        let ratio = shown["subtasks"][0]["ratio"].as_f64().unwrap_or(0.0);
        (shown["backpressure-level"] == "high" && ratio > 0.5).then_some(())
    });
    cluster.cancel(&job);
    cluster.await_state(&job, "CANCELED");
}

#[test]
fn records_that_cross_between_processes_go_over_one_connection_each_way() {
    let options = ["-Dcluster.evenly-spread-out-slots=true", "-Dheartbeat.interval=500ms"];
    let cluster = Cluster::with_workers(2, 4, &options);
    let job = cluster.submit(&jobs::endless("job", 8));
    cluster.await_tasks(&job, "RUNNING");
    let vertex = cluster.job(&job)["vertices"][1]["id"].as_str().unwrap().to_owned();
    let get = "get=numBytesInRemotePerSecond&agg=sum";
    let path = format!("/jobs/{job}/vertices/{vertex}/subtasks/metrics?{get}");
    eventually("bytes cross", || {
        let metrics = cluster.rest().get(&path);
        (metrics[0]["sum"].as_f64().unwrap_or(0.0) > 0.0).then_some(())
    });
    let all = cluster.rest().get("/taskmanagers");
    let ports: Vec<u64> = all["taskmanagers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|worker| worker["dataPort"].as_u64().unwrap())
        .collect();
    // State 01 is ESTABLISHED; the sockets of the listening side, whose own port is the data port.
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    for port in ports {
        let own = format!(":{port:04X}");
        let open = table.lines().filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1).is_some_and(|local| local.ends_with(&own)) && fields[3] == "01"
        });
        assert_eq!(open.count(), 1, "port {port}");
    }
}

#[test]
fn the_time_of_guests_is_a_part_of_the_busy_time() {
    let cluster = Cluster::with_workers(1, 1, &["-Dheartbeat.interval=500ms"]);
    let spec = json!({
        "name": "guests",
        "plugins": { "operators": { "path": guest("guest-operators") } },
        "sources": [{ "name": "lines", "connector": "datagen", "options": { "format": "text" } }],
        "operators": [
            { "name": "upper", "plugin": "operators", "operator": "upper", "inputs": ["lines"] },
        ],
        "sinks": [{ "name": "out", "connector": "discard", "inputs": ["upper"] }],
    });
    let job = cluster.submit(&spec);
    cluster.await_tasks(&job, "RUNNING");
    let vertex = cluster.job(&job)["vertices"][0]["id"].as_str().unwrap().to_owned();
    let names = "guestTimeMsPerSecond,busyTimeMsPerSecond";
    let path = format!("/jobs/{job}/vertices/{vertex}/subtasks/0/metrics?get={names}");
    eventually("guests work", || {
        let metrics = cluster.rest().get(&path);
        let value = |name: &str| -> Option<f64> {
            let found = metrics.as_array()?.iter().find(|metric| metric["id"] == name)?;
            found["value"].as_str()?.parse().ok()
        };
        let (in_guest, busy) = (value("guestTimeMsPerSecond")?, value("busyTimeMsPerSecond")?);
        assert!(in_guest <= busy + 50.0, "{in_guest} of {busy}");
        (in_guest > 100.0).then_some(())
    });
}
