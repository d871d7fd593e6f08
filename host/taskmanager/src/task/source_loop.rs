//! The loop of a source task: poll the reader, send what it read, ask for splits.

use std::sync::Arc;

use sandbar_connectors::{ReaderStatus, SourceReader};
use sandbar_metrics::Gauge;
use sandbar_model::{RecordBatch, RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use super::{Pace, Task};
use crate::chain::{Operator, Outputs};
use crate::error::TaskError;
use crate::watermark_generator::WatermarkGenerator;
use crate::watermark_valve::{ValveElement, WatermarkStatus};

/// Runs a source to the end of its input.
pub(super) fn run(
    task: &Task,
    pace: &mut Pace<'_>,
    name: &str,
    mut reader: Box<dyn SourceReader>,
    outputs: Outputs,
) -> Result<(), TaskError> {
    let failed = |error| TaskError::of_connector(name, error);
    let (vertex, subtask) = (task.deployment.vertex, task.deployment.subtask);
    let generator = task.deployment.vertex().operators[0].watermarks.and_then(|strategy| {
        let interval = task.deployment.job.settings.auto_watermark_interval;
        WatermarkGenerator::new(strategy, interval, task.clock.now_ms())
    });
    let output_watermark = Arc::clone(&task.metrics.io.current_output_watermark);
    let mut head = SourceHead { outputs, generator, output_watermark };
    let mut batch = RecordBatch::new();
    loop {
        pace.between_elements(&mut head)?;
        batch.clear();
        let status = reader.poll(&mut batch).map_err(failed)?;
        if !batch.is_empty() {
            task.metrics.io.num_records_in.add(batch.len() as i64);
            head.process(0, batch.view())?;
        }
        match status {
            ReaderStatus::Ready => {}
            ReaderStatus::Pending { wake_at_ms } => {
                let timer = head.next_processing_timer();
                pace.wait(wake_at_ms.into_iter().chain(timer).min());
            }
            ReaderStatus::NeedsSplit => {
                let splits = &task.deployment.job.splits;
                match splits.next_split(vertex, subtask).map_err(failed)? {
                    Some(split) => reader.add_split(split),
                    None => break,
                }
            }
            ReaderStatus::Finished => break,
        }
    }
    head.on_watermark(Watermark::MAX)?;
    head.finish()?;
    head.close()
}

/// The outputs of a source as the head of a chain, and the watermarks that it sends to them.
struct SourceHead {
    outputs: Outputs,
    generator: Option<WatermarkGenerator>,
    output_watermark: Arc<Gauge>,
}

impl Operator for SourceHead {
    fn process(&mut self, _input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        let records = |generator: &mut WatermarkGenerator| generator.on_records(batch.timestamps);
        if let Some(status) = self.generator.as_mut().and_then(records) {
            self.outputs.on_status(status)?;
        }
        self.outputs.emit(0, batch)
    }

    fn on_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.outputs.refuse(records)
    }

    fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError> {
        self.outputs.on_watermark(watermark)?;
        self.output_watermark.set(watermark.0 as f64);
        Ok(())
    }

    fn on_status(&mut self, status: WatermarkStatus) -> Result<(), TaskError> {
        self.outputs.on_status(status)
    }

    fn on_processing_time(&mut self, now_ms: i64) -> Result<(), TaskError> {
        let due = self.generator.as_mut().map(|generator| generator.on_time(now_ms));
        for element in due.unwrap_or_default().elements() {
            match element {
                ValveElement::Watermark(watermark) => self.on_watermark(watermark)?,
                ValveElement::Status(status) => self.outputs.on_status(status)?,
            }
        }
        self.outputs.on_processing_time(now_ms)
    }

    fn next_processing_timer(&self) -> Option<i64> {
        let generator = self.generator.as_ref().map(WatermarkGenerator::next_at);
        generator.into_iter().chain(self.outputs.next_processing_timer()).min()
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
