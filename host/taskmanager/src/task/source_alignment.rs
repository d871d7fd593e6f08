//! A source's side of watermark alignment: tells how far it has come once an interval, and knows
//! whether it is too far ahead. Source: Flink's `SourceOperator`.

use std::sync::Arc;

use sandbar_model::job_graph::WatermarkAlignment;
use sandbar_model::{VertexId, Watermark};
use sandbar_wasm::{GuestMetric, MetricKind};

use super::Task;
use super::control::TaskControl;
use crate::deployment::JobDeployment;
use crate::metrics::OperatorMetrics;
use crate::watermark_valve::WatermarkStatus;

/// Flink's name of how far a source is ahead of the slowest of its group, in milliseconds.
const DRIFT: &str = "watermarkAlignmentDrift";

/// Keeps a subtask near the slowest of its group.
pub(super) struct SourceAlignment {
    alignment: WatermarkAlignment,
    job: Arc<JobDeployment>,
    vertex: VertexId,
    subtask: u32,
    control: Arc<TaskControl>,
    /// None if it cannot be registered.
    drift: Option<GuestMetric>,
    next_at: i64,
}

impl SourceAlignment {
    pub(super) fn new(
        task: &Task,
        alignment: &WatermarkAlignment,
        metrics: &OperatorMetrics,
    ) -> SourceAlignment {
        SourceAlignment {
            next_at: task.clock.now_ms().saturating_add(alignment.update_interval_ms),
            alignment: alignment.clone(),
            job: Arc::clone(&task.deployment.job),
            vertex: task.deployment.vertex,
            subtask: task.deployment.subtask,
            control: Arc::clone(&task.control),
            drift: metrics.declare(DRIFT, MetricKind::Gauge).ok(),
        }
    }

    /// Whether the source is to pause.
    pub(super) fn is_ahead(&self, watermark: Watermark) -> bool {
        watermark > self.control.watermark_bound()
    }

    /// When [`SourceAlignment::on_time`] is to be called.
    pub(super) fn next_at(&self) -> i64 {
        self.next_at
    }

    /// Tells where the source is, if it is time to. One without a watermark is nowhere yet, and
    /// nobody waits for one that is idle.
    pub(super) fn on_time(&mut self, now_ms: i64, current: Watermark, status: WatermarkStatus) {
        if now_ms < self.next_at {
            return;
        }
        self.next_at = now_ms.saturating_add(self.alignment.update_interval_ms);
        if let (Some(GuestMetric::Gauge(set)), Some(drift)) = (&self.drift, self.drift_of(current))
        {
            set(drift as f64);
        }
        match status {
            WatermarkStatus::Idle => self.ask(Watermark::MAX),
            WatermarkStatus::Active if current == Watermark::MIN => {}
            WatermarkStatus::Active => self.ask(current),
        }
    }

    /// Says that nobody need wait for this source any more.
    pub(super) fn on_end(&self) {
        self.tell(Watermark::MAX);
    }

    /// Tells, and expects a bound for it.
    fn ask(&self, watermark: Watermark) {
        self.control.ask_for_bound(|| self.tell(watermark));
    }

    fn tell(&self, watermark: Watermark) {
        self.job.splits.on_watermark(self.vertex, self.subtask, watermark);
    }

    /// How far a watermark is ahead of the slowest; none where there is no bound.
    fn drift_of(&self, watermark: Watermark) -> Option<i64> {
        let bound =
            Some(self.control.watermark_bound()).filter(|bound| *bound != Watermark::MAX)?;
        let slowest = bound.0.saturating_sub(self.alignment.max_drift_ms);
        Some(watermark.0.saturating_sub(slowest))
    }
}
