//! The watermarks that an operator's output makes in place of those that the operator gets.
//!
//! Law: Flink's `TimestampsAndWatermarksOperator`: of what comes from before, only the watermark of
//! the end goes on.

use std::sync::Arc;

use sandbar_metrics::Gauge;
use sandbar_model::Watermark;
use sandbar_model::job_graph::WatermarkStrategy;

use crate::deployment::TaskSettings;
use crate::task::control::TaskControl;
use crate::watermark_generator::WatermarkGenerator;
use crate::watermark_valve::ValveOutput;

/// Makes the watermarks of one output.
pub(crate) struct OutputWatermarks {
    generator: WatermarkGenerator,
    control: Arc<TaskControl>,
    /// Whether the source of the task waits if this is ahead of others.
    is_aligned: bool,
    /// Where the watermark is shown.
    shown: Vec<Arc<Gauge>>,
}

impl OutputWatermarks {
    /// None where the strategy makes no watermarks.
    pub(crate) fn new(
        strategy: &WatermarkStrategy,
        settings: &TaskSettings,
        now_ms: i64,
        control: &Arc<TaskControl>,
        shown: Vec<Arc<Gauge>>,
    ) -> Option<OutputWatermarks> {
        let generator =
            WatermarkGenerator::new(strategy, settings.auto_watermark_interval, now_ms)?
                .only_at_end(settings.is_batch);
        let is_aligned = strategy.alignment.is_some();
        Some(OutputWatermarks { generator, control: Arc::clone(control), is_aligned, shown })
    }

    pub(crate) fn on_records(&mut self, timestamps: &[i64]) {
        self.generator.on_records(timestamps);
    }

    pub(crate) fn on_time(&mut self, now_ms: i64) -> ValveOutput {
        if self.generator.next_at().is_none_or(|at| now_ms < at) {
            return ValveOutput::default();
        }
        let output = self.generator.on_time(now_ms, self.control.blocked());
        self.show(output)
    }

    pub(crate) fn on_emitted(&mut self, watermark: Watermark) -> ValveOutput {
        let output = self.generator.on_emitted(watermark);
        self.show(output)
    }

    /// What goes on of a watermark from before.
    pub(crate) fn on_watermark(&mut self, watermark: Watermark) -> ValveOutput {
        if watermark != Watermark::MAX {
            return ValveOutput::default();
        }
        let output = self.generator.on_end();
        self.show(output)
    }

    pub(crate) fn takes_question(&mut self) -> bool {
        self.generator.takes_question()
    }

    pub(crate) fn next_at(&self) -> Option<i64> {
        self.generator.next_at()
    }

    fn show(&self, output: ValveOutput) -> ValveOutput {
        if let Some(watermark) = output.watermark {
            self.shown.iter().for_each(|gauge| gauge.set(watermark.0 as f64));
        }
        if self.is_aligned && (output.watermark.is_some() || output.status.is_some()) {
            self.control.reach(self.generator.current(), self.generator.status());
        }
        output
    }
}
