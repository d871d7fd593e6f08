//! The cluster, the JobManager and TaskManagers.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::exchange::{Fixture, NOW};

#[test]
fn the_overview_is_flinks() {
    let expected = json!({
        "taskmanagers": 1,
        "slots-total": 4,
        "slots-available": 2,
        "jobs-running": 1,
        "jobs-finished": 0,
        "jobs-cancelled": 0,
        "jobs-failed": 1,
        "flink-version": env!("CARGO_PKG_VERSION"),
        "flink-commit": "unknown revision",
    });
    assert_eq!(Fixture::new().json("/overview"), expected);
}

#[test]
fn the_web_page_has_a_title_and_its_options() {
    let fixture = Fixture::new();
    let page = fixture.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("<title>Sandbar</title>"));
    let expected = json!({
        "refresh-interval": 3000,
        "timezone-name": "Coordinated Universal Time",
        "timezone-offset": 0,
        "flink-version": env!("CARGO_PKG_VERSION"),
        "flink-revision": "unknown revision",
        "features": {
            "web-submit": true,
            "web-cancel": true,
            "web-rescale": false,
            "web-history": false,
        },
    });
    assert_eq!(fixture.json("/config"), expected);
}

#[test]
fn the_jobmanager_shows_options_metrics_and_logs() {
    let fixture = Fixture::new();
    let options = json!([
        { "key": "rest.port", "value": "8081" },
        { "key": "store.Password", "value": "******" },
    ]);
    assert_eq!(fixture.json("/jobmanager/config"), options);
    let metrics = json!([{ "id": "taskSlotsTotal", "value": "4" }]);
    assert_eq!(fixture.json("/jobmanager/metrics?get=taskSlotsTotal"), metrics);
    let logs = json!({ "logs": [{ "name": "jobmanager.log", "size": 25, "mtime": NOW }] });
    assert_eq!(fixture.json("/jobmanager/logs"), logs);
    for path in ["/jobmanager/log", "/jobmanager/logs/jobmanager.log"] {
        let log = fixture.get(path);
        assert_eq!(log.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(log.body, "INFO a line\nWARN another\n");
    }
    assert_eq!(fixture.get("/jobmanager/logs/shadow").status, 404);
    assert_eq!(fixture.json("/jobmanager/environment")["classpath"], json!([]));
}

#[test]
fn prometheus_text_has_its_content_type() {
    let metrics = Fixture::new().get("/metrics");
    let expected = Some("text/plain; version=0.0.4; charset=utf-8");
    assert_eq!((metrics.status, metrics.header("content-type")), (200, expected));
    assert!(metrics.body.ends_with("flink_jobmanager_numRunningJobs 1\n"));
}

#[test]
fn task_managers_show_slots_and_memory() {
    let fixture = Fixture::new();
    let resource = |cpu: f64, managed: u64| {
        json!({
            "cpuCores": cpu,
            "taskHeapMemory": 2 * managed,
            "taskOffHeapMemory": 0,
            "managedMemory": managed,
            "networkMemory": 0,
            "extendedResources": {},
        })
    };
    let bytes = 512_u64 << 20;
    let mut expected = json!({
        "id": "tm-1",
        "path": "10.0.0.7:6121",
        "dataPort": 6121,
        "jmxPort": -1,
        "timeSinceLastHeartbeat": 9500,
        "slotsNumber": 4,
        "freeSlots": 2,
        "assignedTasks": 2,
        "totalResource": resource(8.0, 512),
        "freeResource": resource(4.0, 256),
        "hardware": {
            "cpuCores": 8, "physicalMemory": 0, "freeMemory": 0, "managedMemory": bytes,
        },
        "memoryConfiguration": {
            "managedMemory": bytes, "taskHeap": 2 * bytes, "totalFlinkMemory": 3 * bytes,
        },
    });
    assert_eq!(fixture.json("/taskmanagers"), json!({ "taskmanagers": [expected.clone()] }));
    let slot = json!({
        "jobId": "00000000000000000000000000000001",
        "resource": resource(2.0, 128),
        "assignedTasks": 1,
    });
    expected["allocatedSlots"] = json!([slot.clone(), slot]);
    let details = fixture.json("/taskmanagers/tm-1");
    expected["metrics"] = details["metrics"].clone();
    assert_eq!(details, expected);
    assert_eq!(details["metrics"]["heapUsed"], 1024);
    let missing = fixture.get("/taskmanagers/tm-9");
    assert_eq!(missing.status, 404);
    assert!(missing.error().contains("tm-9"), "{missing:?}");
}

#[test]
fn the_cluster_is_ended_after_the_answer() {
    let fixture = Fixture::new();
    let answer = fixture.send("DELETE", "/cluster", "", b"");
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    fixture.dispatcher.await_shut_down();
    assert!(fixture.dispatcher.is_shut_down.load(Ordering::SeqCst));
}
