//! Metrics: lists by name, sums over subtasks, and aggregates.

use std::collections::BTreeSet;

use sandbar_rpc::{MetricTable, SubtaskView};
use serde::{Deserialize, Serialize};

/// A metric, and its value if it was asked for by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub id: String,
    /// Its value as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Answers `?get=a,b` with the values of those that are there, and no `get` with all names.
pub(crate) fn select(metrics: &MetricTable, get: &[String]) -> Vec<Metric> {
    if get.is_empty() {
        let names = metrics.iter().map(|(name, _)| name.to_owned());
        return names.map(|id| Metric { id, value: None }).collect();
    }
    let found = get.iter().filter_map(|name| Some((name, metrics.get(name)?)));
    found.map(|(id, value)| Metric { id: id.clone(), value: Some(value_text(value)) }).collect()
}

/// Beyond it a float is no whole number of Flink's type `long`.
const LONG_MAX: f64 = 9_223_372_036_854_775_808.0;

/// A value as Flink prints it: whole numbers without a point and with all digits, because clients
/// compare watermarks with the least `long`.
pub(crate) fn value_text(value: f64) -> String {
    let is_long = value.fract() == 0.0 && value.abs() <= LONG_MAX;
    if is_long { whole(value).to_string() } else { value.to_string() }
}

/// A metric over many subtasks, TaskManagers or jobs; what was not asked for is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AggregatedMetric {
    /// Its name.
    pub id: String,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg: Option<f64>,
    /// The sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<f64>,
}

/// How to aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Min,
    Max,
    Avg,
    Sum,
}

impl Aggregation {
    pub(crate) const ALL: [Aggregation; 4] =
        [Aggregation::Min, Aggregation::Max, Aggregation::Avg, Aggregation::Sum];

    /// Reads a mode of `?agg=`, in any case as Flink does.
    pub(crate) fn parse(text: &str) -> Option<Aggregation> {
        match text.to_ascii_lowercase().as_str() {
            "min" => Some(Aggregation::Min),
            "max" => Some(Aggregation::Max),
            "avg" => Some(Aggregation::Avg),
            "sum" => Some(Aggregation::Sum),
            _ => None,
        }
    }
}

/// Answers `?get=a,b&agg=min,max` over several sets of metrics, and no `get` with all names. A
/// value that is no number, such as NaN, takes no part.
pub(crate) fn aggregate(
    sets: &[&MetricTable],
    get: &[String],
    modes: &[Aggregation],
) -> Vec<AggregatedMetric> {
    let nothing = |id: &str| AggregatedMetric {
        id: id.to_owned(),
        min: None,
        max: None,
        avg: None,
        sum: None,
    };
    if get.is_empty() {
        let names: BTreeSet<&str> =
            sets.iter().flat_map(|set| set.iter().map(|(name, _)| name)).collect();
        return names.into_iter().map(nothing).collect();
    }
    let modes = if modes.is_empty() { &Aggregation::ALL[..] } else { modes };
    let one = |id: &String| {
        let values = sets.iter().filter_map(|set| set.get(id));
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let sum: f64 = values.iter().sum();
        let mut metric = nothing(id);
        for mode in modes {
            match mode {
                Aggregation::Min => metric.min = values.iter().copied().reduce(f64::min),
                Aggregation::Max => metric.max = values.iter().copied().reduce(f64::max),
                // An f64 counts subtasks exactly up to 2^53.
                Aggregation::Avg => metric.avg = Some(sum / values.len() as f64),
                Aggregation::Sum => metric.sum = Some(sum),
            }
        }
        (!values.is_empty()).then_some(metric)
    };
    get.iter().filter_map(one).collect()
}

/// What went through a task or a vertex. Source: Flink's `IOMetricsInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IoMetrics {
    /// Bytes read.
    pub read_bytes: i64,
    /// Whether every subtask has reported them.
    pub read_bytes_complete: bool,
    /// Bytes written.
    pub write_bytes: i64,
    /// Whether every subtask has reported them.
    pub write_bytes_complete: bool,
    /// Records read.
    pub read_records: i64,
    /// Whether every subtask has reported them.
    pub read_records_complete: bool,
    /// Records written.
    pub write_records: i64,
    /// Whether every subtask has reported them.
    pub write_records_complete: bool,
    /// Milliseconds of back pressure.
    pub accumulated_backpressured_time: i64,
    /// Milliseconds without work.
    pub accumulated_idle_time: i64,
    /// Milliseconds of work.
    pub accumulated_busy_time: f64,
}

impl IoMetrics {
    /// Sums over subtasks, current attempts only.
    pub(crate) fn of<'a>(subtasks: impl IntoIterator<Item = &'a SubtaskView> + Clone) -> IoMetrics {
        let total = |name: &str| {
            let values = subtasks.clone().into_iter().map(|subtask| subtask.metrics.get(name));
            let add = |(sum, all): (f64, bool), value: Option<f64>| {
                (sum + value.unwrap_or(0.0), all && value.is_some())
            };
            values.fold((0.0, true), add)
        };
        let (read_bytes, read_bytes_complete) = total("numBytesIn");
        let (write_bytes, write_bytes_complete) = total("numBytesOut");
        let (read_records, read_records_complete) = total("numRecordsIn");
        let (write_records, write_records_complete) = total("numRecordsOut");
        IoMetrics {
            read_bytes: whole(read_bytes),
            read_bytes_complete,
            write_bytes: whole(write_bytes),
            write_bytes_complete,
            read_records: whole(read_records),
            read_records_complete,
            write_records: whole(write_records),
            write_records_complete,
            accumulated_backpressured_time: whole(total("accumulateBackPressuredTimeMs").0),
            accumulated_idle_time: whole(total("accumulateIdleTimeMs").0),
            accumulated_busy_time: total("accumulateBusyTimeMs").0,
        }
    }
}

/// A count that travelled as a float.
pub(crate) fn whole(value: f64) -> i64 {
    // `as` saturates, and makes 0 of NaN.
    value as i64
}

#[cfg(test)]
mod tests;
