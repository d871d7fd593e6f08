//! What a TaskManager tells of its tasks and its process: metrics by Flink's names.

use std::collections::BTreeMap;

use sandbar_metrics::{Counter, MetricValue};

use crate::task_executor::TaskHandle;

/// The metrics of a task. Those of a guest's own are `<uid>.<name>`.
pub(super) fn metrics_of(handle: &TaskHandle) -> BTreeMap<String, f64> {
    let io = &handle.metrics.io;
    let counters: [(&str, &Counter); 5] = [
        ("numRecordsIn", &io.num_records_in),
        ("numRecordsOut", &io.num_records_out),
        ("numBytesIn", &io.num_bytes_in),
        ("numBytesOut", &io.num_bytes_out),
        ("numBuffersOut", &io.num_buffers_out),
    ];
    let mut metrics: BTreeMap<String, f64> =
        counters.iter().map(|(name, counter)| ((*name).to_owned(), counter.get() as f64)).collect();
    let times = [
        ("accumulateIdleTimeMs", handle.control.idle()),
        ("accumulateBackPressuredTimeMs", handle.control.back_pressured()),
    ];
    metrics.extend(times.map(|(name, time)| (name.to_owned(), time.as_secs_f64() * 1e3)));
    let mut refused = 0.0;
    for (uid, operator) in handle.metrics.operators() {
        refused += operator.io.num_records_refused.get() as f64;
        for (name, metric) in operator.guest() {
            let value = match metric.read() {
                MetricValue::Counter(sum) => sum as f64,
                MetricValue::Gauge(value) => value,
                MetricValue::Histogram(histogram) => histogram.sum,
            };
            metrics.insert(format!("{uid}.{name}"), value);
        }
    }
    metrics.insert("numRecordsRefused".to_owned(), refused);
    metrics
}

/// The metrics of this process; empty where there is no `/proc`.
pub(super) fn metrics_of_process() -> BTreeMap<String, f64> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let mut metrics = BTreeMap::new();
    if let Some(resident) = kilobytes("VmRSS:") {
        metrics.insert("Status.Process.Memory.RSS".to_owned(), resident * 1024.0);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        metrics.insert("Status.Process.FileDescriptors".to_owned(), files.count() as f64);
    }
    metrics
}
