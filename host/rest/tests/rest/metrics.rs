//! Metrics by name and aggregated.

use serde_json::{Value, json};

use crate::exchange::Fixture;
use crate::fake_dispatcher::{FAILED, RUNNING};

fn vertex(fixture: &Fixture) -> String {
    let job = fixture.json(&format!("/jobs/{RUNNING}"));
    format!("/jobs/{RUNNING}/vertices/{}", job["vertices"][0]["id"].as_str().unwrap())
}

#[test]
fn names_come_without_get_and_values_with_it() {
    let fixture = Fixture::new();
    let path = vertex(&fixture);
    let names = fixture.json(&format!("{path}/subtasks/0/metrics"));
    assert_eq!(names[0], json!({ "id": "backPressuredTimeMsPerSecond" }));
    let values = fixture.json(&format!("{path}/metrics?get=1.numRecordsIn,0.numRecordsIn,7.x"));
    let expected = json!([
        { "id": "1.numRecordsIn", "value": "30" },
        { "id": "0.numRecordsIn", "value": "10" },
    ]);
    assert_eq!(values, expected);
    let one = fixture.json(&format!("{path}/subtasks/1/metrics?get=numRecordsIn"));
    assert_eq!(one, json!([{ "id": "numRecordsIn", "value": "30" }]));
    let watermarks = fixture.json(&format!("{path}/watermarks"));
    assert_eq!(watermarks[1], json!({ "id": "1.currentInputWatermark", "value": "1700" }));
}

#[test]
fn subtasks_are_chosen_and_aggregated() {
    let fixture = Fixture::new();
    let path = format!("{}/subtasks/metrics", vertex(&fixture));
    let check = |query: &str, expected: Value| {
        assert_eq!(fixture.json(&format!("{path}?{query}")), expected, "{query}");
    };
    let all = json!([{ "id": "numRecordsIn", "min": 10.0, "max": 30.0, "avg": 20.0, "sum": 40.0 }]);
    check("get=numRecordsIn", all);
    check(
        "get=numRecordsIn&agg=max,sum",
        json!([{ "id": "numRecordsIn", "max": 30.0, "sum": 40.0 }]),
    );
    check("get=numRecordsIn&agg=SUM&subtasks=1-3", json!([{ "id": "numRecordsIn", "sum": 30.0 }]));
    check("get=numRecordsIn&agg=sum&subtasks=0,1", json!([{ "id": "numRecordsIn", "sum": 40.0 }]));
    check("get=nothing", json!([]));
    assert_eq!(fixture.json(&path)[0], json!({ "id": "backPressuredTimeMsPerSecond" }));
    for query in ["agg=median&get=a", "subtasks=x", "subtasks=3-1", "subtasks=0-99999999999"] {
        assert_eq!(fixture.get(&format!("{path}?{query}")).status, 400, "{query}");
    }
}

#[test]
fn jobs_have_metrics_of_their_states() {
    let fixture = Fixture::new();
    let get = "get=numRestarts,runningTime,uptime";
    let running = fixture.json(&format!("/jobs/{RUNNING}/metrics?{get}"));
    let expected = json!([
        { "id": "numRestarts", "value": "1" },
        { "id": "runningTime", "value": "8800" },
        { "id": "uptime", "value": "9000" },
    ]);
    assert_eq!(running, expected);
    let failed = fixture.json(&format!("/jobs/{FAILED}/metrics?{get}"));
    assert_eq!(failed[2]["value"], "-1");
    let both = fixture.json("/jobs/metrics?get=numRestarts&agg=sum,max");
    assert_eq!(both, json!([{ "id": "numRestarts", "max": 1.0, "sum": 1.0 }]));
    let one = fixture.json(&format!("/jobs/metrics?get=numRestarts&agg=sum&jobs={FAILED}"));
    assert_eq!(one, json!([{ "id": "numRestarts", "sum": 0.0 }]));
    assert_eq!(fixture.get("/jobs/metrics?jobs=seven").status, 400);
}

#[test]
fn task_managers_have_metrics_of_their_process() {
    let fixture = Fixture::new();
    let name = "Status.JVM.Memory.Heap.Used";
    let one = fixture.json(&format!("/taskmanagers/tm-1/metrics?get={name}"));
    assert_eq!(one, json!([{ "id": name, "value": "1024" }]));
    let all = fixture.json(&format!("/taskmanagers/metrics?get={name}&agg=avg&taskmanagers=tm-1"));
    assert_eq!(all, json!([{ "id": name, "avg": 1024.0 }]));
    let none = fixture.json(&format!("/taskmanagers/metrics?get={name}&taskmanagers=tm-2"));
    assert_eq!(none, json!([]));
}
