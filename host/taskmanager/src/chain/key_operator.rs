//! The native key operator: sets the key of each record by a rule, in front of a hash partitioner.

use std::ops::Range;

use sandbar_model::job_graph::{ErrorPolicy, KeyRule};
use sandbar_model::{RecordBatch, RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use super::operator::Operator;
use super::outputs::Outputs;
use crate::error::TaskError;
use crate::watermark_valve::WatermarkStatus;

pub(crate) struct KeyOperator {
    name: String,
    rule: KeyRule,
    /// Of the operators behind, to which records without a key go unless it is to fail.
    policy: ErrorPolicy,
    keyed: RecordBatch,
    /// Records without a key, with the reasons as their keys.
    refused: RecordBatch,
    outputs: Outputs,
}

impl KeyOperator {
    pub(crate) fn new(
        name: String,
        rule: KeyRule,
        policy: ErrorPolicy,
        outputs: Outputs,
    ) -> KeyOperator {
        let (keyed, refused) = (RecordBatch::new(), RecordBatch::new());
        KeyOperator { name, rule, policy, keyed, refused, outputs }
    }

    fn key_by<'a, K: AsRef<[u8]>>(
        &mut self,
        batch: RecordBatchView<'a>,
        key: impl Fn(&'a [u8]) -> Result<K, String>,
    ) -> Result<(), TaskError> {
        self.keyed.clear();
        self.refused.clear();
        for index in 0..batch.len() {
            let (timestamp, value) = (batch.timestamps[index], batch.value(index));
            match key(value) {
                Ok(key) => self.keyed.push_keyed(timestamp, key.as_ref(), value),
                Err(reason) => self.refused.push_keyed(timestamp, reason.as_bytes(), value),
            }
            if self.policy == ErrorPolicy::Fail && !self.refused.is_empty() {
                return Err(TaskError::without_key(&self.name, self.refused.view(), 0));
            }
        }
        self.outputs.emit(0, self.keyed.view())?;
        if self.refused.is_empty() { Ok(()) } else { self.outputs.refuse(self.refused.view()) }
    }
}

/// The bytes at a fixed place.
fn bytes_key(place: Range<usize>, value: &[u8]) -> Result<&[u8], String> {
    value.get(place.clone()).ok_or_else(|| {
        let (Range { start, end }, length) = (place, value.len());
        format!("its {length} bytes have no key at the bytes from {start} to {end}")
    })
}

/// A text keys as itself, anything else as its JSON.
fn json_key(pointer: &str, value: &[u8]) -> Result<String, String> {
    let json: serde_json::Value = serde_json::from_slice(value)
        .map_err(|error| format!("cannot take the key {pointer} from what is no JSON: {error}"))?;
    match json.pointer(pointer) {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(format!("it has nothing at the key {pointer}")),
    }
}

impl Operator for KeyOperator {
    fn process(&mut self, _input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        match self.rule.clone() {
            // The value column is the key column too: nothing is copied.
            KeyRule::Value => self.outputs.emit(0, batch.keyed_by_value()),
            KeyRule::Json(pointer) => self.key_by(batch, |value| json_key(&pointer, value)),
            KeyRule::Bytes { start, end } => {
                self.key_by(batch, |value| bytes_key(start as usize..end as usize, value))
            }
        }
    }

    fn on_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.outputs.refuse(records)
    }

    fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError> {
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
        self.outputs.query_state(query)
    }

    fn finish(&mut self) -> Result<(), TaskError> {
        self.outputs.finish()
    }

    fn close(&mut self) -> Result<(), TaskError> {
        self.outputs.close()
    }
}
