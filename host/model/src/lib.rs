//! The nouns of the runtime: ids, time, key groups, record batches, plugin descriptions and the
//! job graph. Owns their invariants and nothing else.
//!
//! Law: no I/O, no async, no dependency on another crate of the workspace.

pub mod hex_id;
pub mod id;
pub mod job_graph;
pub mod key_group;
pub mod plugin;
pub mod record_batch;
pub mod status;
pub mod time;

pub use id::{JobId, PluginId, SubtaskIndex, VertexId};
pub use record_batch::{BatchError, RecordBatch, RecordBatchView};
pub use time::{Clock, ManualClock, SystemClock, Watermark};
