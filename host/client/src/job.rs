//! A job that a program has started, in its process or on a cluster.

use std::time::{Duration, Instant};

use sandbar_cluster::{JobClient, JobResult, MiniCluster};
use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rest::{ClientError, RestClient};

use crate::cluster_client::job_result;
use crate::error::EnvError;

/// How often a job on a cluster is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// A job. Dropping it cancels a local job, and leaves a job on a cluster alone.
#[derive(Debug)]
pub struct Job(Place);

#[derive(Debug)]
enum Place {
    Local {
        job: JobClient,
        /// Runs it, until it is dropped.
        _cluster: Box<MiniCluster>,
    },
    Remote {
        client: RestClient,
        id: JobId,
        /// How long the cluster may be out of reach.
        patience: Duration,
    },
}

impl Job {
    pub(crate) fn local(cluster: MiniCluster, job: JobClient) -> Job {
        Job(Place::Local { job, _cluster: Box::new(cluster) })
    }

    pub(crate) fn remote(client: RestClient, id: JobId, patience: Duration) -> Job {
        Job(Place::Remote { client, id, patience })
    }

    /// Its id.
    pub fn id(&self) -> JobId {
        match &self.0 {
            Place::Local { job, .. } => job.id(),
            Place::Remote { id, .. } => *id,
        }
    }

    /// Its state.
    ///
    /// # Errors
    /// The cluster is not there, or has forgotten the job.
    pub fn status(&self) -> Result<JobStatus, EnvError> {
        match &self.0 {
            Place::Local { job, .. } => Ok(job.snapshot().status),
            Place::Remote { client, id, .. } => Ok(client.job(*id)?.state),
        }
    }

    /// Cancels it. Returns at once; [`Job::wait`] tells when it has ended.
    ///
    /// # Errors
    /// The cluster is not there, or the job has ended.
    pub fn cancel(&self) -> Result<(), EnvError> {
        match &self.0 {
            Place::Local { job, .. } => {
                job.cancel();
                Ok(())
            }
            Place::Remote { client, id, .. } => Ok(client.cancel_job(*id)?),
        }
    }

    /// Waits for its end, however it ends.
    ///
    /// # Errors
    /// [`EnvError::Lost`], or a cluster that has forgotten the job.
    pub fn wait(&self) -> Result<JobResult, EnvError> {
        match &self.0 {
            Place::Local { job, .. } => Ok(job.wait()),
            Place::Remote { client, id, patience } => attend(client, *id, *patience),
        }
    }
}

fn attend(client: &RestClient, job: JobId, patience: Duration) -> Result<JobResult, EnvError> {
    let mut lost: Option<Instant> = None;
    loop {
        match look(client, job) {
            Ok(Some(result)) => return Ok(result),
            Ok(None) => lost = None,
            Err(error) if error.is_loss() => {
                if lost.get_or_insert_with(Instant::now).elapsed() >= patience {
                    let address = client.address().to_owned();
                    return Err(EnvError::Lost { address, job, reason: error });
                }
            }
            Err(error) => return Err(EnvError::from(error)),
        }
        // The cluster tells of an end only when it is asked.
        std::thread::sleep(LOOK_INTERVAL);
    }
}

fn look(client: &RestClient, job: JobId) -> Result<Option<JobResult>, ClientError> {
    let details = client.job(job)?;
    if !details.state.is_terminal() {
        return Ok(None);
    }
    let end = client.job_execution_result(job)?;
    Ok(Some(job_result(job, &details, end)))
}
