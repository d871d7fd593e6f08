//! The outputs of an operator: for each, all the places its records go to.

use sandbar_model::{RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use super::operator::Operator;
use crate::element::StreamElement;
use crate::error::TaskError;
use crate::exchange::result_partition::ResultPartition;
use crate::metrics::OperatorMetrics;
use crate::watermark_valve::WatermarkStatus;

/// A place that records of an output go to.
pub(crate) enum Target {
    /// The next operator of the chain.
    Chained(Box<dyn Operator>),
    /// Another task.
    Partition(Box<ResultPartition>),
}

/// All outputs of an operator.
#[derive(Default)]
pub(crate) struct Outputs {
    outputs: Vec<Vec<Target>>,
    metrics: OperatorMetrics,
}

impl Outputs {
    pub(crate) fn new(outputs: Vec<Vec<Target>>, metrics: OperatorMetrics) -> Outputs {
        Outputs { outputs, metrics }
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
        self.outputs[output].iter_mut().try_for_each(|target| match target {
            Target::Chained(operator) => operator.process(0, batch),
            Target::Partition(partition) => partition.write(batch),
        })
    }

    /// Hands records that could not be keyed on to all operators behind the outputs.
    pub(crate) fn refuse(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.on_refused(records),
            Target::Partition(partition) => partition.write_refused(records),
        })
    }

    pub(crate) fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.on_watermark(watermark),
            Target::Partition(partition) => {
                partition.broadcast(|| StreamElement::Watermark(watermark))
            }
        })
    }

    pub(crate) fn on_status(&mut self, status: WatermarkStatus) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.on_status(status),
            Target::Partition(partition) => partition.broadcast(|| StreamElement::Status(status)),
        })
    }

    pub(crate) fn on_processing_time(&mut self, now_ms: i64) -> Result<(), TaskError> {
        self.each(|target| match target {
            Target::Chained(operator) => operator.on_processing_time(now_ms),
            Target::Partition(_) => Ok(()),
        })
    }

    pub(crate) fn next_processing_timer(&self) -> Option<i64> {
        let chained = self.outputs.iter().flatten().filter_map(|target| match target {
            Target::Chained(operator) => operator.next_processing_timer(),
            Target::Partition(_) => None,
        });
        chained.min()
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
        for target in self.outputs.iter_mut().flatten() {
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
        self.outputs.iter_mut().flatten().try_for_each(act)
    }
}
