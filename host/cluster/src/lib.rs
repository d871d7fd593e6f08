//! Wiring: the parts of the runtime put together into something that runs jobs. The MiniCluster
//! is all of them in one process.
//!
//! Law: no decisions here; they are in `sandbar-graph` and `sandbar-jobmanager`.

pub mod job_client;
pub mod mini_cluster;
pub mod prepare;
pub mod settings;

pub use job_client::{JobClient, JobResult, JobSnapshot, VertexSnapshot};
pub use mini_cluster::{MiniCluster, MiniClusterOptions};
pub use prepare::{JobLoader, JobSource, PrepareError, PreparedJob};
