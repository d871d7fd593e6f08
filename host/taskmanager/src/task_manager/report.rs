//! What a TaskManager tells of its tasks and its process: metrics by Flink's names. Owns what the
//! last report said, from which it makes rates.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use sandbar_metrics::{Counter, MetricValue};
use sandbar_rpc::{Accumulators, TaskAttempt};

use crate::task::control::TaskTimes;
use crate::task_executor::TaskHandle;

/// Shortest time that rates are made over; a report that comes sooner repeats the last ones.
const RATE_TIME_MIN: Duration = Duration::from_millis(100);

/// The reports of tasks.
#[derive(Debug, Default)]
pub(super) struct TaskReports {
    last: HashMap<TaskAttempt, LastReport>,
}

/// What a task's last report was made of.
#[derive(Debug)]
struct LastReport {
    at: Instant,
    times: TaskTimes,
    guest: Duration,
    counts: [i64; RATED.len()],
    rates: BTreeMap<String, f64>,
}

/// Counters that have a rate, `<name>PerSecond`.
const RATED: [&str; 5] =
    ["numRecordsIn", "numRecordsOut", "numBytesIn", "numBytesOut", "numBytesInRemote"];

impl TaskReports {
    /// The metrics of a task now. Those of a guest's own are `<uid>.<name>`.
    pub(super) fn metrics_of(
        &mut self,
        task: TaskAttempt,
        handle: &TaskHandle,
        now_ms: i64,
    ) -> BTreeMap<String, f64> {
        let mut metrics = counts_of(handle);
        let times = handle.control.times();
        publish(handle, &times);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        metrics.extend([
            ("accumulateBusyTimeMs".to_owned(), milliseconds(times.busy)),
            ("accumulateIdleTimeMs".to_owned(), milliseconds(times.idle)),
            ("accumulateBackPressuredTimeMs".to_owned(), milliseconds(times.back_pressured)),
        ]);
        let (inputs, outputs) = handle.metrics.look_at_queues();
        metrics.extend([
            ("inputQueueLength".to_owned(), inputs.elements as f64),
            ("inputQueueSize".to_owned(), inputs.bytes as f64),
            ("outputQueueLength".to_owned(), outputs.elements as f64),
            ("outputQueueSize".to_owned(), outputs.bytes as f64),
        ]);
        metrics.extend(self.rates_of(task, handle, times));
        let input = handle.metrics.io.current_input_watermark.get();
        let output = handle.metrics.io.current_output_watermark.get();
        metrics.insert("currentInputWatermark".to_owned(), input);
        metrics.insert("currentOutputWatermark".to_owned(), output);
        // A source has no input: it is behind by what it sends.
        let watermark = if input > i64::MIN as f64 { input } else { output };
        if watermark > i64::MIN as f64 && watermark < i64::MAX as f64 {
            metrics.insert("watermarkLag".to_owned(), now_ms as f64 - watermark);
        }
        metrics
    }

    /// Forgets a task that has ended.
    pub(super) fn forget(&mut self, task: TaskAttempt) {
        self.last.remove(&task);
    }

    fn rates_of(
        &mut self,
        task: TaskAttempt,
        handle: &TaskHandle,
        times: TaskTimes,
    ) -> BTreeMap<String, f64> {
        let now = Instant::now();
        let io = &handle.metrics.io;
        let counts = [
            io.num_records_in.get(),
            io.num_records_out.get(),
            io.num_bytes_in.get(),
            io.num_bytes_out.get(),
            handle.metrics.shuffle.num_bytes_in_remote.get(),
        ];
        let last = self.last.get(&task);
        // Until there was a report, all that it did it did since it began.
        let began = times.busy + times.idle + times.back_pressured;
        let span = last.map_or(began, |last| now - last.at);
        if let Some(last) = last.filter(|_| span < RATE_TIME_MIN) {
            return last.rates.clone();
        }
        let seconds = span.as_secs_f64().max(1e-3);
        let mut rates = BTreeMap::new();
        for (index, name) in RATED.into_iter().enumerate() {
            let before = last.map_or(0, |last| last.counts[index]);
            rates.insert(format!("{name}PerSecond"), (counts[index] - before) as f64 / seconds);
        }
        let guest = handle.control.guest();
        let (before, guest_before) =
            last.map_or((TaskTimes::default(), Duration::ZERO), |last| (last.times, last.guest));
        for (name, spent, earlier) in [
            ("guestTimeMsPerSecond", guest, guest_before),
            ("busyTimeMsPerSecond", times.busy, before.busy),
            ("idleTimeMsPerSecond", times.idle, before.idle),
            ("backPressuredTimeMsPerSecond", times.back_pressured, before.back_pressured),
        ] {
            let share = spent.saturating_sub(earlier).as_secs_f64() / seconds;
            rates.insert(name.to_owned(), share.min(1.0) * 1e3);
        }
        self.last.insert(task, LastReport { at: now, times, guest, counts, rates: rates.clone() });
        rates
    }
}

fn counts_of(handle: &TaskHandle) -> BTreeMap<String, f64> {
    let (io, shuffle) = (&handle.metrics.io, &handle.metrics.shuffle);
    let counters: [(&str, &Counter); 7] = [
        ("numRecordsIn", &io.num_records_in),
        ("numRecordsOut", &io.num_records_out),
        ("numBytesIn", &io.num_bytes_in),
        ("numBytesOut", &io.num_bytes_out),
        ("numBuffersOut", &io.num_buffers_out),
        ("numBytesInLocal", &shuffle.num_bytes_in_local),
        ("numBytesInRemote", &shuffle.num_bytes_in_remote),
    ];
    let mut metrics: BTreeMap<String, f64> =
        counters.iter().map(|(name, counter)| ((*name).to_owned(), counter.get() as f64)).collect();
    let mut refused = 0.0;
    for (uid, operator) in handle.metrics.operators() {
        refused += operator.io.num_records_refused.get() as f64;
        if let Some((size, entries)) = operator.state_usage() {
            metrics.insert(format!("{uid}.stateSize"), size);
            metrics.insert(format!("{uid}.stateEntries"), entries);
        }
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

/// What the guests of a task have counted, by the names of their counters.
pub(super) fn accumulators_of(handle: &TaskHandle) -> Accumulators {
    let operators = handle.metrics.operators().into_values();
    let metrics = operators.flat_map(|operator| operator.guest());
    Accumulators::of(metrics.filter_map(|(name, metric)| match metric.read() {
        MetricValue::Counter(sum) => Some((name, sum)),
        MetricValue::Gauge(_) | MetricValue::Histogram(_) => None,
    }))
}

/// Brings the counters of the metric group up to date.
fn publish(handle: &TaskHandle, times: &TaskTimes) {
    let io = &handle.metrics.io;
    for (counter, time) in [
        (&io.busy_time_ms, times.busy),
        (&io.idle_time_ms, times.idle),
        (&io.back_pressured_time_ms, times.back_pressured),
    ] {
        let total = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        counter.add(total - counter.get());
    }
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
