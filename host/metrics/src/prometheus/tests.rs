//! What Prometheus gets to read.

use super::*;
use crate::metric_group::MetricGroup;

fn check(root: &MetricGroup, expected: &str) {
    assert_eq!(render(&root.snapshot()), expected);
}

#[test]
fn metrics_have_flinks_names_types_and_labels() {
    let root = MetricGroup::root("taskmanager", &[("tm_id", "tm-1")]);
    let job = root.group("job", &[("job", "count")]).unwrap();
    let tasks: Vec<_> = ["0", "1"]
        .iter()
        .map(|index| job.group("task", &[("subtask_index", index)]).unwrap())
        .collect();
    tasks[0].counter("numRecordsIn").unwrap().add(12);
    tasks[1].counter("numRecordsIn").unwrap().add(-3);
    let operator = tasks[0].group("operator", &[("name", "split")]).unwrap();
    operator.gauge("lag").unwrap().set(1.5);
    check(
        &root,
        r#"# HELP flink_taskmanager_job_task_numRecordsIn numRecordsIn (scope: taskmanager_job_task)
# TYPE flink_taskmanager_job_task_numRecordsIn gauge
flink_taskmanager_job_task_numRecordsIn{job="count",subtask_index="0",tm_id="tm-1"} 12
flink_taskmanager_job_task_numRecordsIn{job="count",subtask_index="1",tm_id="tm-1"} -3
# HELP flink_taskmanager_job_task_operator_lag lag (scope: taskmanager_job_task_operator)
# TYPE flink_taskmanager_job_task_operator_lag gauge
flink_taskmanager_job_task_operator_lag{job="count",name="split",subtask_index="0",tm_id="tm-1"} 1.5
"#,
    );
}

#[test]
fn a_histogram_is_a_summary() {
    let root = MetricGroup::root("taskmanager", &[("tm_id", "a")]);
    let latency = root.histogram("latency").unwrap();
    [4.0, 4.0].iter().for_each(|value| latency.observe(*value));
    check(
        &root,
        r#"# HELP flink_taskmanager_latency latency (scope: taskmanager)
# TYPE flink_taskmanager_latency summary
flink_taskmanager_latency{quantile="0.5",tm_id="a"} 4
flink_taskmanager_latency{quantile="0.75",tm_id="a"} 4
flink_taskmanager_latency{quantile="0.95",tm_id="a"} 4
flink_taskmanager_latency{quantile="0.98",tm_id="a"} 4
flink_taskmanager_latency{quantile="0.99",tm_id="a"} 4
flink_taskmanager_latency{quantile="0.999",tm_id="a"} 4
flink_taskmanager_latency_sum{tm_id="a"} 8
flink_taskmanager_latency_count{tm_id="a"} 2
"#,
    );
}

#[test]
fn what_the_format_does_not_allow_is_escaped_or_replaced() {
    let root = MetricGroup::root("task", &[("9th:name", "a\"b\\c\nd"), ("__x", "ü")]);
    root.gauge("my metric-é\n\\").unwrap().set(f64::INFINITY);
    check(
        &root,
        "# HELP flink_task_my_metric____ my metric-é\\n\\\\ (scope: task)\n\
         # TYPE flink_task_my_metric____ gauge\n\
         flink_task_my_metric____{v9th_name=\"a\\\"b\\\\c\\nd\",v__x=\"ü\"} +Inf\n",
    );
    let bare = MetricGroup::root("task", &[]);
    bare.gauge("a").unwrap().set(f64::NAN);
    bare.gauge("b").unwrap().set(f64::NEG_INFINITY);
    let text = render(&bare.snapshot());
    assert!(text.contains("\nflink_task_a NaN\n") && text.ends_with("\nflink_task_b -Inf\n"));
}

#[test]
fn a_name_has_one_kind_and_an_inner_variable_counts() {
    let root = MetricGroup::root("task", &[("id", "outer")]);
    let first = root.group("operator", &[("id", "inner")]).unwrap();
    let second = root.group("operator", &[("id", "other")]).unwrap();
    first.counter("rows").unwrap().add(1);
    second.histogram("rows").unwrap();
    let text = render(&root.snapshot());
    assert!(text.contains("\nflink_task_operator_rows{id=\"inner\"} 1\n"));
    assert!(text.contains("# TYPE flink_task_operator_rows_histogram summary\n"));
    assert!(text.contains("\nflink_task_operator_rows_histogram_count{id=\"other\"} 0\n"));
}
