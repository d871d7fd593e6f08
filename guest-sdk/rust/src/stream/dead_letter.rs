//! What the host makes of a record that an operator with the policy `dead-letter` refused.

use serde::{Deserialize, Serialize};

/// A refused record, from [`crate::DataStream::dead_letters`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The operator that refused it.
    pub operator: String,
    /// Index of its subtask.
    pub subtask: u32,
    /// Why.
    pub message: String,
    /// Timestamp of the record in milliseconds since the Unix epoch; none if it had none.
    pub timestamp: Option<i64>,
    /// The record's value: text where it is text, else as the host encodes it.
    pub value: serde_json::Value,
}
