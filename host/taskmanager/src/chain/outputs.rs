//! The outputs of an operator: for each, all the places its records go to.

use sandbar_model::{RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use super::operator::Operator;
use super::output_watermarks::OutputWatermarks;
use crate::element::StreamElement;
use crate::error::TaskError;
use crate::exchange::result_partition::ResultPartition;
use crate::metrics::OperatorMetrics;
use crate::watermark_valve::{ValveElement, ValveOutput, WatermarkStatus};

/// A place that records of an output go to.
pub(crate) enum Target {
    /// The next operator of the chain.
    Chained(Box<dyn Operator>),
    /// Another task.
    Partition(Box<ResultPartition>),
}

/// One output: its readers, and what makes its watermarks if those from before end here.
struct Output {
    targets: Vec<Target>,
    watermarks: Option<Box<OutputWatermarks>>,
}

/// All outputs of an operator.
#[derive(Default)]
pub(crate) struct Outputs {
    outputs: Vec<Output>,
    metrics: OperatorMetrics,
}

impl Outputs {
    pub(crate) fn new(outputs: Vec<Vec<Target>>, metrics: OperatorMetrics) -> Outputs {
        let output = |targets| Output { targets, watermarks: None };
        Outputs { outputs: outputs.into_iter().map(output).collect(), metrics }
    }

    /// Lets an output, which must exist, make watermarks of its own.
    pub(crate) fn make_watermarks(&mut self, output: usize, watermarks: OutputWatermarks) {
        self.outputs[output].watermarks = Some(Box::new(watermarks));
    }

    /// What the operator counts.
    pub(crate) fn metrics(&self) -> &OperatorMetrics {
        &self.metrics
    }

    /// Number of outputs.
    pub(crate) fn len(&self) -> usize {
        self.outputs.len()
    }

    /// Sends records to all targets of an output, which must exist.
    pub(crate) fn emit(
        &mut self,
        output: usize,
        batch: RecordBatchView<'_>,
    ) -> Result<(), TaskError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.metrics.io.num_records_out.add(batch.len() as i64);
        let Output { targets, watermarks } = &mut self.outputs[output];
        if let Some(watermarks) = watermarks {
            watermarks.on_records(batch.timestamps);
        }
        targets.iter_mut().try_for_each(|target| match target {
            Target::Chained(operator) => operator.process(0, batch),
            Target::Partition(partition) => partition.write(batch),
        })
    }

    /// Sends a watermark of the guest's on; false if the output is none that takes such.
    pub(crate) fn emit_watermark(
        &mut self,
        output: usize,
        watermark: Watermark,
    ) -> Result<bool, TaskError> {
        let Output { targets, watermarks: Some(watermarks) } = &mut self.outputs[output] else {
            return Ok(false);
        };
        send(targets, watermarks.on_emitted(watermark))?;
        Ok(true)
    }

    /// Whether the guest is to be asked for watermarks; says so once a period.
    pub(crate) fn takes_question(&mut self) -> bool {
        let makers = self.outputs.iter_mut().filter_map(|output| output.watermarks.as_mut());
        makers.fold(false, |asks, watermarks| watermarks.takes_question() | asks)
    }

    /// Hands records that could not be keyed on to all operators behind the outputs.
    pub(crate) fn refuse(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.on_refused(records),
            Target::Partition(partition) => partition.write_refused(records),
        })
    }

    pub(crate) fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError> {
        self.outputs.iter_mut().try_for_each(|Output { targets, watermarks }| {
            let output = match watermarks {
                Some(watermarks) => watermarks.on_watermark(watermark),
                None => ValveOutput { watermark: Some(watermark), status: None },
            };
            send(targets, output)
        })
    }

    pub(crate) fn on_status(&mut self, status: WatermarkStatus) -> Result<(), TaskError> {
        let forwarding = self.outputs.iter_mut().filter(|output| output.watermarks.is_none());
        let status = ValveOutput { watermark: None, status: Some(status) };
        forwarding.into_iter().try_for_each(|output| send(&mut output.targets, status))
    }

    pub(crate) fn on_processing_time(&mut self, now_ms: i64) -> Result<(), TaskError> {
        for Output { targets, watermarks } in &mut self.outputs {
            if let Some(watermarks) = watermarks {
                send(targets, watermarks.on_time(now_ms))?;
            }
        }
        self.each(|target| match target {
            Target::Chained(operator) => operator.on_processing_time(now_ms),
            Target::Partition(_) => Ok(()),
        })
    }

    pub(crate) fn next_processing_timer(&self) -> Option<i64> {
        let of_output = |output: &Output| {
            let chained = output.targets.iter().filter_map(|target| match target {
                Target::Chained(operator) => operator.next_processing_timer(),
                Target::Partition(_) => None,
            });
            let look = output.watermarks.as_ref().and_then(|watermarks| watermarks.next_at());
            chained.chain(look).min()
        };
        self.outputs.iter().filter_map(of_output).min()
    }

    pub(crate) fn flush(&mut self) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.flush(),
            Target::Partition(partition) => partition.flush(),
        })
    }

    pub(crate) fn before_checkpoint(&mut self, checkpoint_id: u64) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.before_checkpoint(checkpoint_id),
            Target::Partition(_) => Ok(()),
        })
    }

    pub(crate) fn query_state(
        &mut self,
        query: &StateQuery,
    ) -> Result<Option<StateAnswer>, TaskError> {
        for target in self.outputs.iter_mut().flat_map(|output| &mut output.targets) {
            let found = match target {
                Target::Chained(operator) => operator.query_state(query)?,
                Target::Partition(_) => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    pub(crate) fn finish(&mut self) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.finish(),
            Target::Partition(partition) => partition.broadcast(|| StreamElement::EndOfInput),
        })
    }

    pub(crate) fn close(&mut self) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.close(),
            Target::Partition(partition) => partition.await_delivery(),
        })
    }

    fn each(
        &mut self,
        act: impl FnMut(&mut Target) -> Result<(), TaskError>,
    ) -> Result<(), TaskError> {
        self.outputs.iter_mut().flat_map(|output| &mut output.targets).try_for_each(act)
    }
}

/// Sends what event time does to all readers of an output.
fn send(targets: &mut [Target], output: ValveOutput) -> Result<(), TaskError> {
    for element in output.elements() {
        for target in &mut *targets {
            match (&mut *target, element) {
                (Target::Chained(operator), ValveElement::Watermark(watermark)) => {
                    operator.on_watermark(watermark)?;
                }
                (Target::Chained(operator), ValveElement::Status(status)) => {
                    operator.on_status(status)?;
                }
                (Target::Partition(partition), ValveElement::Watermark(watermark)) => {
                    partition.broadcast(|| StreamElement::Watermark(watermark))?;
                }
                (Target::Partition(partition), ValveElement::Status(status)) => {
                    partition.broadcast(|| StreamElement::Status(status))?;
                }
            }
        }
    }
    Ok(())
}
