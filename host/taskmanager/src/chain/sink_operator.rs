//! The sink operator: the end of a chain, feeding a native writer.

use std::sync::Arc;

use sandbar_connectors::{ConnectorError, SinkWriter};
use sandbar_metrics::Counter;
use sandbar_model::{RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use super::operator::Operator;
use crate::error::TaskError;
use crate::metrics::OperatorMetrics;
use crate::watermark_valve::WatermarkStatus;

pub(crate) struct SinkOperator {
    name: String,
    writer: Box<dyn SinkWriter>,
    metrics: OperatorMetrics,
    written: Arc<Counter>,
}

impl SinkOperator {
    pub(crate) fn new(
        name: String,
        writer: Box<dyn SinkWriter>,
        metrics: OperatorMetrics,
        written: Arc<Counter>,
    ) -> SinkOperator {
        SinkOperator { name, writer, metrics, written }
    }

    fn named(&self, result: Result<(), ConnectorError>) -> Result<(), TaskError> {
        result.map_err(|error| TaskError::of_connector(&self.name, error))
    }
}

impl Operator for SinkOperator {
    fn process(&mut self, _input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.metrics.io.num_records_in.add(batch.len() as i64);
        let result = self.writer.write(batch);
        self.named(result)?;
        self.written.add(batch.len() as i64);
        Ok(())
    }

    fn on_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        Err(TaskError::without_key(&self.name, records, 0))
    }

    fn on_watermark(&mut self, _watermark: Watermark) -> Result<(), TaskError> {
        Ok(())
    }

    fn on_status(&mut self, _status: WatermarkStatus) -> Result<(), TaskError> {
        Ok(())
    }

    fn on_processing_time(&mut self, _now_ms: i64) -> Result<(), TaskError> {
        Ok(())
    }

    fn next_processing_timer(&self) -> Option<i64> {
        None
    }

    fn flush(&mut self) -> Result<(), TaskError> {
        let flushed = self.writer.flush();
        self.named(flushed)
    }

    fn before_checkpoint(&mut self, _checkpoint_id: u64) -> Result<(), TaskError> {
        Ok(())
    }

    fn query_state(&mut self, _query: &StateQuery) -> Result<Option<StateAnswer>, TaskError> {
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), TaskError> {
        let finished = self.writer.finish();
        self.named(finished)
    }

    fn close(&mut self) -> Result<(), TaskError> {
        Ok(())
    }
}
