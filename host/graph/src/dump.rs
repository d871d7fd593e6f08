//! Graphs for people and programs: as text, as JSON and as DOT. Formats nothing but what the
//! graphs say.

mod chaining;
mod dot;
mod plan;
mod text;

use crate::stream_graph::StreamGraph;

pub use chaining::{explain_chaining_json, explain_chaining_text};
pub use dot::{job_graph_dot, stream_graph_dot};
pub use plan::job_graph_json;
pub use text::{job_graph_text, stream_graph_text};

/// A StreamGraph as JSON, field by field.
pub fn stream_graph_json(graph: &StreamGraph) -> serde_json::Value {
    serde_json::to_value(graph).expect("all keys of a stream graph are strings")
}
