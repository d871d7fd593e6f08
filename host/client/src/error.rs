//! Why a job was not run, or its end is not known.

use sandbar_cluster::PrepareError;
use sandbar_model::JobId;
use sandbar_rest::ClientError;

/// Why a job was not run, or its end is not known. That a job failed is no error, but its result.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// Everything that is wrong with the job.
    #[error(transparent)]
    Job(#[from] PrepareError),
    /// The cluster is not there, or says no.
    #[error(transparent)]
    Cluster(#[from] ClientError),
    /// An option is wrong, or the cluster in this process cannot be made.
    #[error("{0}")]
    Setup(String),
    /// A file or folder of the job cannot be told to a cluster.
    #[error("{0}")]
    Submission(String),
    /// The cluster was out of reach for longer than `client.timeout`. The job was not touched.
    #[error("lost the cluster at {address}: {reason}; job {job} itself was not touched")]
    Lost {
        /// `host:port`.
        address: String,
        /// The job.
        job: JobId,
        /// The last attempt.
        reason: ClientError,
    },
}

impl EnvError {
    /// With all causes in one line.
    pub(crate) fn setup(error: impl std::fmt::Display) -> EnvError {
        EnvError::Setup(format!("{error:#}"))
    }
}
