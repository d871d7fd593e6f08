//! Wiring: the parts of the runtime put together into something that runs jobs: the processes of a
//! cluster, and the MiniCluster, which is all of them in one process.
//!
//! Law: no decisions here; they are in `sandbar-graph` and `sandbar-jobmanager`.

pub mod dispatcher;
pub mod job_client;
pub mod job_manager_process;
pub mod log_buffer;
pub mod mini_cluster;
pub mod prepare;
pub mod process_provider;
pub mod settings;
pub mod submitted_job;
pub mod task_manager_process;
pub mod tls;

mod submission;

pub use dispatcher::Dispatcher;
pub use job_client::{JobClient, JobResult, JobSnapshot, VertexSnapshot};
pub use job_manager_process::{JobManagerProcess, JobManagerProcessOptions};
pub use log_buffer::LogBuffer;
pub use mini_cluster::{MiniCluster, MiniClusterOptions};
pub use prepare::{JobLoader, JobSource, PrepareError, PreparedJob};
pub use submitted_job::{OwnPlugin, SubmittedJob};
pub use task_manager_process::{TaskManagerProcess, TaskManagerProcessOptions};
pub use tls::rest_client;
