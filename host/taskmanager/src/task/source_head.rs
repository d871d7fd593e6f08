//! The head of a source's chain: gives records their timestamps, makes watermarks of them, and
//! sends both to the source's outputs.

use std::sync::Arc;

use sandbar_connectors::SplitRun;
use sandbar_metrics::Gauge;
use sandbar_model::job_graph::{ErrorPolicy, OperatorNode};
use sandbar_model::{RecordBatch, RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use super::Task;
use super::control::TaskControl;
use super::source_alignment::SourceAlignment;
use crate::chain::{DeadLetter, Operator, Outputs};
use crate::error::{TaskError, record_preview};
use crate::timestamp_assigner::{TimestampAssigner, Untimed};
use crate::watermark_generator::WatermarkGenerator;
use crate::watermark_valve::{ValveElement, ValveOutput, WatermarkStatus};

/// The outputs of a source as the head of a chain, and the watermarks that it sends to them.
pub(super) struct SourceHead {
    /// As the job names it.
    name: String,
    /// 0-based.
    subtask: u32,
    outputs: Outputs,
    assigner: Option<TimestampAssigner>,
    policy: ErrorPolicy,
    dead_letters: Option<usize>,
    generator: Option<WatermarkGenerator>,
    alignment: Option<SourceAlignment>,
    /// Whether it is aligned by the watermarks of an operator in its chain, not by its own.
    is_aligned_behind: bool,
    shown: [Arc<Gauge>; 2],
    control: Arc<TaskControl>,
}

impl SourceHead {
    pub(super) fn new(task: &Task, node: &OperatorNode, outputs: Outputs) -> SourceHead {
        let strategy = node.watermarks.as_ref();
        let settings = &task.deployment.job.settings;
        let interval = settings.auto_watermark_interval;
        let now_ms = task.clock.now_ms();
        let generator =
            strategy.and_then(|strategy| WatermarkGenerator::new(strategy, interval, now_ms));
        let generator = generator.map(|made| made.only_at_end(settings.is_batch));
        let rule = strategy.and_then(|strategy| strategy.timestamp.clone());
        let shown = [
            &task.metrics.io.current_output_watermark,
            &outputs.metrics().io.current_output_watermark,
        ];
        let own = strategy.and_then(|strategy| strategy.alignment.as_ref());
        let behind = task.deployment.vertex().operators[1..].iter();
        let mut behind = behind.filter_map(|behind| behind.watermarks.as_ref()?.alignment.as_ref());
        let group = own.or_else(|| behind.next());
        let alignment = group.map(|group| SourceAlignment::new(task, group, outputs.metrics()));
        SourceHead {
            alignment,
            is_aligned_behind: own.is_none(),
            name: node.name.clone(),
            subtask: task.deployment.subtask,
            shown: shown.map(Arc::clone),
            outputs,
            assigner: rule.map(TimestampAssigner::new),
            policy: node.on_error,
            dead_letters: node.dead_letter_output.map(|output| output as usize),
            generator,
            control: Arc::clone(&task.control),
        }
    }

    /// How far it is, for its alignment; none where nobody makes watermarks.
    fn reached(&self) -> Option<(Watermark, WatermarkStatus)> {
        if self.is_aligned_behind {
            return Some(self.control.reached());
        }
        self.generator.as_ref().map(|generator| (generator.current(), generator.status()))
    }

    /// A split is read from here on.
    pub(super) fn on_split(&mut self, split: &str) {
        if let Some(generator) = &mut self.generator {
            generator.add_split(split);
        }
    }

    /// All splits have been read to their end.
    pub(super) fn on_splits_read(&mut self) {
        if let Some(generator) = &mut self.generator {
            generator.remove_all_splits();
        }
    }

    /// Whether it is to wait for slower sources.
    pub(super) fn is_ahead(&self) -> bool {
        let Some(alignment) = &self.alignment else { return false };
        self.reached().is_some_and(|(watermark, _)| alignment.is_ahead(watermark))
    }

    /// Sends what a poll has read.
    pub(super) fn emit(
        &mut self,
        batch: &mut RecordBatch,
        runs: &[SplitRun],
    ) -> Result<(), TaskError> {
        let untimed =
            self.assigner.as_ref().map_or_else(Vec::new, |assigner| assigner.assign(batch));
        if let Some(generator) = &mut self.generator {
            note(generator, &batch.timestamps, runs);
        }
        if untimed.is_empty() {
            return self.outputs.emit(0, batch.view());
        }
        let timed = self.refuse(batch.view(), &untimed)?;
        self.outputs.emit(0, timed.view())
    }

    /// Applies the policy to records without event time, and returns the others.
    fn refuse(
        &mut self,
        batch: RecordBatchView<'_>,
        untimed: &[Untimed],
    ) -> Result<RecordBatch, TaskError> {
        let mut timed = RecordBatch::new();
        let mut next = 0;
        for Untimed { index, message } in untimed {
            (next..*index).for_each(|index| timed.push_from(batch, index));
            next = index + 1;
            let value = batch.value(*index);
            match (self.policy, self.dead_letters) {
                (ErrorPolicy::Fail, _) => {
                    return Err(TaskError::WithoutTimestamp {
                        operator: self.name.clone(),
                        message: message.clone(),
                        record: record_preview(value),
                    });
                }
                (ErrorPolicy::DeadLetter, Some(output)) => {
                    let timestamp = batch.timestamps[*index];
                    let subtask = self.subtask + 1;
                    let letter = DeadLetter::new(&self.name, subtask, message, timestamp, value);
                    self.outputs.emit(output, letter.to_batch().view())?;
                }
                (ErrorPolicy::Skip, _) | (ErrorPolicy::DeadLetter, None) => {
                    tracing::debug!(source = %self.name, message, "record skipped");
                }
            }
            self.outputs.metrics().io.num_records_refused.increment();
        }
        (next..batch.len()).for_each(|index| timed.push_from(batch, index));
        Ok(timed)
    }

    fn send(&mut self, output: ValveOutput) -> Result<(), TaskError> {
        for element in output.elements() {
            match element {
                ValveElement::Watermark(watermark) => {
                    self.outputs.on_watermark(watermark)?;
                    self.shown.iter().for_each(|gauge| gauge.set(watermark.0 as f64));
                }
                ValveElement::Status(status) => self.outputs.on_status(status)?,
            }
        }
        Ok(())
    }
}

/// Tells the generator of the records of a poll.
fn note(generator: &mut WatermarkGenerator, timestamps: &[i64], runs: &[SplitRun]) {
    if runs.is_empty() {
        return generator.on_records(timestamps);
    }
    let mut start = 0;
    for SplitRun { split, records, is_last } in runs {
        let end = timestamps.len().min(start + records);
        generator.on_records_of(split, &timestamps[start..end]);
        start = end;
        if *is_last {
            generator.remove_split(split);
        }
    }
}

impl Operator for SourceHead {
    fn process(&mut self, _input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.emit(&mut batch.copy_from(0), &[])
    }

    fn on_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.outputs.refuse(records)
    }

    /// Only that of the end comes from elsewhere.
    fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError> {
        let output = match &mut self.generator {
            Some(generator) if watermark == Watermark::MAX => generator.on_end(),
            Some(_) | None => ValveOutput { watermark: Some(watermark), status: None },
        };
        if let Some(alignment) = self.alignment.as_ref().filter(|_| watermark == Watermark::MAX) {
            alignment.on_end();
        }
        self.send(output)
    }

    fn on_status(&mut self, status: WatermarkStatus) -> Result<(), TaskError> {
        self.outputs.on_status(status)
    }

    fn on_processing_time(&mut self, now_ms: i64) -> Result<(), TaskError> {
        if let Some(generator) = &mut self.generator
            && generator.next_at().is_some_and(|at| at <= now_ms)
        {
            let output = generator.on_time(now_ms, self.control.blocked());
            self.send(output)?;
        }
        self.outputs.on_processing_time(now_ms)?;
        let reached = self.reached();
        if let (Some(alignment), Some((watermark, status))) = (&mut self.alignment, reached) {
            alignment.on_time(now_ms, watermark, status);
        }
        Ok(())
    }

    fn next_processing_timer(&self) -> Option<i64> {
        let look = self.generator.as_ref().and_then(WatermarkGenerator::next_at);
        let report = self.alignment.as_ref().map(SourceAlignment::next_at);
        [look, report, self.outputs.next_processing_timer()].into_iter().flatten().min()
    }

    fn flush(&mut self) -> Result<(), TaskError> {
        self.outputs.flush()
    }

    fn before_checkpoint(&mut self, checkpoint_id: u64) -> Result<(), TaskError> {
        self.outputs.before_checkpoint(checkpoint_id)
    }

    fn query_state(&mut self, query: &StateQuery) -> Result<Option<StateAnswer>, TaskError> {
        self.outputs.query_state(query)
    }

    fn finish(&mut self) -> Result<(), TaskError> {
        self.outputs.finish()
    }

    fn close(&mut self) -> Result<(), TaskError> {
        self.outputs.close()
    }
}
