//! What goes over the wire, with Flink's field names in Flink's order, and how it is made of what
//! the Dispatcher shows. Times are milliseconds since the Unix epoch; -1 where there is none.
//!
//! Source: Flink, `flink-runtime/src/main/java/org/apache/flink/runtime/rest/messages`.

pub mod accumulator;
pub mod cluster;
pub mod job;
pub mod job_exceptions;
pub mod job_result;
pub mod metric;
pub mod plan;
pub mod plugin;
pub mod resource_requirements;
pub mod task_manager;
pub mod vertex;
pub mod vertex_report;

use serde::{Deserialize, Serialize};

/// The body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// One message each; never empty.
    pub errors: Vec<String>,
}

/// The body where there is nothing to say: `{}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptyResponse {}
