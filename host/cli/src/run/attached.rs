//! Staying with a job on a cluster: looks at it until it ends, until Ctrl-C, or until the cluster
//! has not been reached for too long.
//!
//! Law: nothing here touches the job but a Ctrl-C that is to cancel it.

use std::time::{Duration, Instant};

use anyhow::bail;
use sandbar_client::JobResult;
use sandbar_client::cluster_client::job_result;
use sandbar_model::JobId;
use sandbar_rest::{ClientError, RestClient};

use super::progress::Progress;
use super::shown_job::ShownJob;
use crate::output;
use crate::signals::Signals;

/// How often a job is looked at that has just been submitted: many end soon.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(200);
/// How often a job is looked at that has run for a while.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// How long that takes.
const SETTLING_TIME: Duration = Duration::from_secs(10);

/// A command that stays with a job.
pub(super) struct Attached<'a> {
    pub(super) client: &'a RestClient,
    pub(super) job: JobId,
    pub(super) signals: &'a Signals,
    /// How long the cluster may be out of reach.
    pub(super) patience: Duration,
    /// Whether Ctrl-C cancels the job.
    pub(super) is_canceled_on_exit: bool,
}

/// Why the command stays no longer.
pub(super) enum Leave {
    /// The job has ended.
    Ended {
        /// How.
        result: JobResult,
        /// The last look at it.
        job: ShownJob,
        /// Whether Ctrl-C cancelled it.
        is_interrupted: bool,
    },
    /// Ctrl-C, which leaves the job alone; with the last look at it.
    Interrupted(Option<ShownJob>),
}

/// What one look at the job shows.
enum Look {
    Runs(ShownJob),
    Ended(ShownJob, JobResult),
}

impl Attached<'_> {
    /// Stays with the job.
    ///
    /// # Errors
    /// The cluster is lost, or does not know the job any more.
    pub(super) fn attend(&self, mut progress: Option<Progress>) -> anyhow::Result<Leave> {
        let started = Instant::now();
        let mut is_interrupted = false;
        let mut last = None;
        let mut lost: Option<Instant> = None;
        loop {
            if self.signals.is_interrupted() && !is_interrupted {
                if !self.is_canceled_on_exit {
                    clear(&mut progress);
                    return Ok(Leave::Interrupted(last));
                }
                is_interrupted = self.cancel()?;
            }
            match self.look() {
                Ok(Look::Ended(job, result)) => {
                    clear(&mut progress);
                    return Ok(Leave::Ended { result, job, is_interrupted });
                }
                Ok(Look::Runs(job)) => {
                    if lost.take().is_some() {
                        clear(&mut progress);
                        output::note(format!("{} is back", self.client.address()));
                    }
                    if let Some(progress) = &mut progress {
                        progress.show(started.elapsed(), &job);
                    }
                    last = Some(job);
                }
                Err(error) if error.is_loss() => {
                    if lost.is_none() {
                        clear(&mut progress);
                        self.tell_lost(&error);
                    }
                    let since = *lost.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.patience {
                        return Err(self.give_up(&error));
                    }
                }
                Err(error) => {
                    clear(&mut progress);
                    return Err(anyhow::Error::from(error));
                }
            }
            self.pause(started.elapsed());
        }
    }

    fn look(&self) -> Result<Look, ClientError> {
        let details = self.client.job(self.job)?;
        if !details.state.is_terminal() {
            return Ok(Look::Runs(ShownJob::from(details)));
        }
        let end = self.client.job_execution_result(self.job)?;
        let result = job_result(self.job, &details, end);
        Ok(Look::Ended(ShownJob::from(details), result))
    }

    /// Asks for the job to be cancelled. Whether that was heard; if not, it is to be asked again.
    fn cancel(&self) -> anyhow::Result<bool> {
        match self.client.cancel_job(self.job) {
            Ok(()) => Ok(true),
            Err(error) if error.is_loss() => Ok(false),
            // It ended by itself; the next look shows how.
            Err(ClientError::Refused { status: 409, .. }) => Ok(true),
            Err(error) => bail!("job {} cannot be cancelled: {error}", self.job),
        }
    }

    /// Waits for the next look; the first Ctrl-C ends the wait.
    fn pause(&self, attended: Duration) {
        let interval = match attended < SETTLING_TIME {
            true => LOOK_INTERVAL_MIN,
            false => LOOK_INTERVAL_MAX,
        };
        if self.signals.is_interrupted() {
            std::thread::sleep(LOOK_INTERVAL_MIN);
        } else {
            self.signals.wait(interval);
        }
    }

    fn tell_lost(&self, error: &ClientError) {
        output::warning(format!(
            "{error}; trying again for {} s, and the job goes on meanwhile if the cluster does",
            self.patience.as_secs_f64()
        ));
    }

    fn give_up(&self, error: &ClientError) -> anyhow::Error {
        let (job, address) = (self.job, self.client.address());
        anyhow::anyhow!(
            "lost the cluster at {address} for {} s: {error}; job {job} itself was not touched: \
             look at it with `sandbar list -m {address}` when the cluster can be reached",
            self.patience.as_secs_f64()
        )
    }
}

fn clear(progress: &mut Option<Progress>) {
    if let Some(progress) = progress {
        progress.clear();
    }
}
