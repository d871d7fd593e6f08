//! Metrics: what tasks count while they run, in groups that say whose it is, for REST and for
//! Prometheus to read at any time.
//!
//! Law: counting never locks, allocates or waits; only registering and reading do. Must not know
//! who counts or who reads.

pub mod histogram;
pub mod io_metrics;
pub mod metric;
pub mod metric_group;
pub mod prometheus;

pub use histogram::{Histogram, HistogramSnapshot};
pub use io_metrics::{OperatorIoMetrics, ShuffleBufferMetrics, ShuffleInputMetrics, TaskIoMetrics};
pub use metric::{Counter, Gauge, Meter, Metric, MetricValue};
pub use metric_group::{MetricError, MetricGroup, MetricSnapshot, Scope};
