//! The role of an operator in a running chain.

use sandbar_model::{RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use crate::error::TaskError;
use crate::watermark_valve::WatermarkStatus;

/// An operator at work. Called by the task's thread only; every call forwards to the outputs what
/// follows from it before it returns.
pub(crate) trait Operator: Send {
    /// Processes records of an input.
    fn process(&mut self, input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError>;

    /// Applies the operator's error policy to records that it would have read, had the operator in
    /// front of it found their keys. In place of keys they have the reasons.
    fn on_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError>;

    /// Moves event time on: first everything that the watermark triggers, then the watermark.
    fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError>;

    /// Forwards a change of status.
    fn on_status(&mut self, status: WatermarkStatus) -> Result<(), TaskError>;

    /// Fires processing-time timers that are due.
    fn on_processing_time(&mut self, now_ms: i64) -> Result<(), TaskError>;

    /// When the next processing-time timer of this operator or one behind it is due.
    fn next_processing_timer(&self) -> Option<i64>;

    /// Sends what output buffers hold.
    fn flush(&mut self) -> Result<(), TaskError>;

    /// A snapshot of the host's state follows: write to it what is cached elsewhere, then tell the
    /// operators behind. Records may be emitted, and belong before the checkpoint.
    fn before_checkpoint(&mut self, checkpoint_id: u64) -> Result<(), TaskError>;

    /// Answers a question for the keyed state of this operator or of one behind it, by its uid;
    /// none if that is none of them. State is that after all records processed so far: what is
    /// cached of the key elsewhere is written first.
    fn query_state(&mut self, query: &StateQuery) -> Result<Option<StateAnswer>, TaskError>;

    /// The input has ended, the last watermark has passed: emit the rest, then end the outputs.
    fn finish(&mut self) -> Result<(), TaskError>;

    /// Releases what the operator holds; nothing is emitted. Called after `finish` only.
    fn close(&mut self) -> Result<(), TaskError>;
}
