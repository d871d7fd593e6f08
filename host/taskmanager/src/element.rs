//! Stream elements: what travels through a channel, in order. Records and the control elements
//! between them share one queue, so that nothing overtakes anything.

use sandbar_model::{RecordBatch, Watermark};

use crate::watermark_valve::WatermarkStatus;

/// One element of a stream.
#[derive(Debug)]
pub enum StreamElement {
    /// Records.
    Batch(Box<RecordBatch>),
    /// Records that the operator before the edge could not key: the error policy of the operator
    /// behind decides. Where records have their keys, these have why they were refused.
    Refused(Box<RecordBatch>),
    /// No record at or before this will follow.
    Watermark(Watermark),
    /// Whether watermarks are to be waited for.
    Status(WatermarkStatus),
    /// Nothing will follow.
    EndOfInput,
}
