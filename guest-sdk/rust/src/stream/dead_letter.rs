//! What the host makes of a record that an operator with the policy `dead-letter` refused.

use serde::{Deserialize, Serialize};

/// A refused record, from [`crate::DataStream::dead_letters`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The operator that refused it.
    pub operator: String,
    /// Number of its subtask, from 1.
    pub subtask: u32,
    /// Why.
    pub message: String,
    /// Timestamp of the record in milliseconds since the Unix epoch; none if it had none.
    pub timestamp: Option<i64>,
    /// The record's value, if that is UTF-8.
    #[serde(default)]
    pub value: Option<String>,
    /// The record's value in hexadecimal digits, otherwise.
    #[serde(default, rename = "value-hex")]
    pub value_hex: Option<String>,
}
