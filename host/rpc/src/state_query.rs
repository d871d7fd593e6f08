//! Questions for the keyed state of a running job, and what a task answers.

use serde::{Deserialize, Serialize};

/// Most bytes of values in one answer.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Asks for what a key has in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateQuery {
    /// Uid or name of the operator; a task is asked by uid.
    pub operator: String,
    /// Name of the state.
    pub state: String,
    /// The key.
    pub key: QueryKey,
    /// One entry of a map state; all of them without.
    pub user_key: Option<QueryKey>,
}

/// A key as somebody writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueryKey {
    /// Text; for keys of another type than text what their JSON looks like.
    Text(String),
    /// JSON.
    Json(String),
    /// The bytes of the key.
    Bytes(serde_bytes::ByteBuf),
}

/// What a task answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateAnswer {
    /// JSON that shows it.
    Found(String),
    /// The key has nothing there.
    Absent,
    /// The operator has no such state; it has these.
    NoState(Vec<String>),
    /// The question is wrong.
    Invalid(String),
    /// Another subtask has the key, whose bytes are these.
    Elsewhere(serde_bytes::ByteBuf),
    /// The task cannot answer.
    Unavailable(String),
}
