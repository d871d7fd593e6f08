//! A native function as an operator of a chain.

use sandbar_model::job_graph::OperatorNode;
use sandbar_model::{RecordBatch, RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use super::native::NativeFunction;
use super::operator::Operator;
use super::outputs::Outputs;
use crate::error::TaskError;
use crate::metrics::OperatorMetrics;
use crate::state_query::AskedState;
use crate::watermark_valve::WatermarkStatus;

pub(crate) struct NativeOperator {
    name: String,
    uid: String,
    function: Box<dyn NativeFunction>,
    emitted: RecordBatch,
    outputs: Outputs,
    metrics: OperatorMetrics,
}

impl NativeOperator {
    pub(crate) fn new(
        node: &OperatorNode,
        function: Box<dyn NativeFunction>,
        outputs: Outputs,
        metrics: OperatorMetrics,
    ) -> NativeOperator {
        let (name, uid) = (node.name.clone(), node.uid.clone());
        NativeOperator { name, uid, function, emitted: RecordBatch::new(), outputs, metrics }
    }

    fn emit(&mut self) -> Result<(), TaskError> {
        let emitted = self.outputs.emit(0, self.emitted.view());
        self.emitted.clear();
        emitted
    }
}

impl Operator for NativeOperator {
    fn process(&mut self, input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.metrics.io.num_records_in.add(batch.len() as i64);
        self.function.process(input, batch, &mut self.emitted).map_err(|(index, message)| {
            TaskError::Native { operator: self.name.clone(), index, message }
        })?;
        self.emit()
    }

    fn on_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        Err(TaskError::without_key(&self.name, records, 0))
    }

    fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError> {
        self.function.on_watermark(watermark.0, &mut self.emitted).map_err(|message| {
            let (operator, watermark) = (self.name.clone(), watermark.0);
            TaskError::NativeWatermark { operator, watermark, message }
        })?;
        self.emit()?;
        self.outputs.on_watermark(watermark)
    }

    fn on_status(&mut self, status: WatermarkStatus) -> Result<(), TaskError> {
        self.outputs.on_status(status)
    }

    fn on_processing_time(&mut self, now_ms: i64) -> Result<(), TaskError> {
        self.outputs.on_processing_time(now_ms)
    }

    fn next_processing_timer(&self) -> Option<i64> {
        self.outputs.next_processing_timer()
    }

    fn flush(&mut self) -> Result<(), TaskError> {
        self.outputs.flush()
    }

    fn before_checkpoint(&mut self, checkpoint_id: u64) -> Result<(), TaskError> {
        self.outputs.before_checkpoint(checkpoint_id)
    }

    fn query_state(&mut self, query: &StateQuery) -> Result<Option<StateAnswer>, TaskError> {
        if query.operator != self.uid {
            return self.outputs.query_state(query);
        }
        let Some(state) = self.function.keyed_state() else {
            return Ok(Some(StateAnswer::NoState(Vec::new())));
        };
        let asked = AskedState::find(state, query);
        Ok(Some(asked.map_or_else(|answer| answer, |asked| asked.answer(state))))
    }

    fn finish(&mut self) -> Result<(), TaskError> {
        self.function.finish(&mut self.emitted);
        self.emit()?;
        self.outputs.finish()
    }

    fn close(&mut self) -> Result<(), TaskError> {
        self.outputs.close()
    }
}
