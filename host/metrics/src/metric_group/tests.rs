//! Groups show what is alive in them, and have an end.

use super::*;

fn show(group: &MetricGroup) -> Vec<String> {
    let show_one = |metric: MetricSnapshot| {
        let value = match metric.value {
            MetricValue::Counter(sum) => sum.to_string(),
            MetricValue::Gauge(value) => value.to_string(),
            MetricValue::Histogram(histogram) => format!("{} values", histogram.count),
        };
        format!("{}: {} = {value}", metric.scope, metric.name)
    };
    group.snapshot().into_iter().map(show_one).collect()
}

#[test]
fn a_snapshot_shows_all_groups_that_are_alive() {
    let root = MetricGroup::root("taskmanager", &[("tm_id", "tm-1")]);
    let job = root.group("job", &[("job_name", "count")]).unwrap();
    let task = job.group("task", &[("subtask_index", "0")]).unwrap();
    let other = job.group("task", &[("subtask_index", "1")]).unwrap();
    drop(job);
    root.gauge("slots").unwrap().set(1.5);
    task.counter("numRecordsIn").unwrap().add(3);
    task.counter("numRecordsIn").unwrap().add(4);
    other.histogram("latency").unwrap().observe(1.0);
    let first = "taskmanager.job.task tm_id=tm-1 job_name=count subtask_index=0: numRecordsIn = 7";
    let second =
        "taskmanager.job.task tm_id=tm-1 job_name=count subtask_index=1: latency = 1 values";
    assert_eq!(show(&root), ["taskmanager tm_id=tm-1: slots = 1.5", first, second]);
    drop(other);
    assert_eq!(show(&root), ["taskmanager tm_id=tm-1: slots = 1.5", first]);
    drop(task);
    assert_eq!(show(&root), ["taskmanager tm_id=tm-1: slots = 1.5"]);
}

#[test]
fn the_same_kind_and_variables_are_the_same_group() {
    let root = MetricGroup::root("taskmanager", &[]);
    let first = root.group("job", &[("job_id", "1")]).unwrap();
    let again = root.group("job", &[("job_id", "1")]).unwrap();
    first.counter("restarts").unwrap().increment();
    assert_eq!(again.counter("restarts").unwrap().get(), 1);
    assert_eq!(show(&root).len(), 1);
}

fn check_refused<T: std::fmt::Debug>(result: Result<T, MetricError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn what_cannot_be_registered_is_refused() {
    let root = MetricGroup::root("taskmanager", &[("tm_id", "a")]);
    root.counter("rows").unwrap();
    check_refused(
        root.gauge("rows"),
        "metric rows in taskmanager tm_id=a is a counter, not a gauge; choose another name",
    );
    check_refused(root.counter(""), "a metric name has 0 bytes; it must have 1 to 255");
    check_refused(
        root.counter(&"n".repeat(256)),
        "a metric name has 256 bytes; it must have 1 to 255",
    );
    for index in 1..METRICS_PER_GROUP_MAX {
        root.counter(&format!("m{index}")).unwrap();
    }
    root.counter("rows").unwrap();
    check_refused(
        root.histogram("one-more"),
        "metric one-more is one too many; taskmanager tm_id=a has 1000 metrics",
    );
}

#[test]
fn long_variables_are_cut_between_characters() {
    let name = "ü".repeat(VARIABLE_BYTES_MAX);
    let root = MetricGroup::root("task", &[("task_name", &format!("x{name}"))]);
    let cut = &root.scope().variables[0].1;
    assert_eq!(cut.len(), VARIABLE_BYTES_MAX - 1);
}

#[test]
fn dead_groups_make_room() {
    let root = MetricGroup::root("taskmanager", &[]);
    let open = |index: usize| root.group("job", &[("job_id", &index.to_string())]);
    let alive: Vec<_> = (0..GROUPS_PER_GROUP_MAX).map(|index| open(index).unwrap()).collect();
    check_refused(
        open(GROUPS_PER_GROUP_MAX),
        "group job is one too many; taskmanager has 10000 groups",
    );
    drop(alive);
    open(GROUPS_PER_GROUP_MAX).unwrap();
}
