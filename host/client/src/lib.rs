//! What runs jobs for a user: the environments of a Rust program, local and remote, and the way of
//! a job to a cluster, which the command line takes too.
//!
//! Law: a job is prepared here before it is sent, so that what is wrong is said in its place; what
//! then runs is the very bytes that were prepared.

pub mod cluster_client;
pub mod defaults;
pub mod environment;
pub mod error;
pub mod job;
pub mod submission;

pub use environment::Env;
pub use error::EnvError;
pub use job::Job;
pub use sandbar_cluster::{JobResult, JobSource};
pub use sandbar_connectors::Console;
pub use sandbar_model::JobId;
pub use sandbar_model::status::JobStatus;
pub use sandbar_rpc::Accumulators;
pub use submission::Submitter;
