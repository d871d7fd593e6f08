//! `sandbar cancel`: ends jobs of a cluster, and waits until they have ended.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rest::{ClientError, RestClient};

use crate::cluster_client::{ClientArgs, parse_duration, parse_job_id};
use crate::problems::{self, Problems};
use crate::{output, signals::Signals};

/// How often a job is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Arguments of `sandbar cancel`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar cancel 0123456789abcdef0123456789abcdef
  sandbar cancel --detached 0123456789abcdef0123456789abcdef      do not wait for its end
  sandbar cancel $(sandbar list --json | jq -r '.jobs[].jid')     all jobs

Exit code: 0 when all jobs are CANCELED, or their cluster ended while it cancelled them, or, with
--detached, when they are being cancelled; 1 when one is not there, has ended otherwise, or takes
longer than --timeout.")]
pub(crate) struct CancelArgs {
    /// The jobs: ids of 32 hexadecimal digits, as `sandbar list` shows them.
    #[arg(required = true, value_name = "JOBID", value_parser = parse_job_id)]
    jobs: Vec<JobId>,
    /// Return once the cluster has begun to cancel them.
    #[arg(short, long)]
    detached: bool,
    /// How long to wait for their end: seconds, or a number with a unit.
    #[arg(long, value_name = "TIME", default_value = "60", value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    cluster: ClientArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &CancelArgs) -> anyhow::Result<ExitCode> {
    let client = args.cluster.client()?;
    let mut problems = Vec::new();
    let mut begun = Vec::new();
    for job in &args.jobs {
        output::line(&format!("Cancelling job {job}."))?;
        match client.cancel_job(*job) {
            Ok(()) => begun.push(*job),
            // One job that is not there does not save the others; a cluster that is not does.
            Err(error @ ClientError::Refused { .. }) => {
                problems.extend(problems::messages(&error.into()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !args.detached {
        let signals = Signals::listen().context("cannot listen for Ctrl-C")?;
        let deadline = Instant::now() + args.timeout;
        for job in begun {
            match wait(&client, job, deadline, &signals) {
                Ok(End::Canceled) => output::line(&format!("Cancelled job {job}."))?,
                Ok(End::WithCluster) => output::line(&format!(
                    "Cancelled job {job}: nobody answers at {} any more, as when the cluster was \
                     the job's own.",
                    client.address()
                ))?,
                Err(error) => problems.extend(problems::messages(&error)),
            }
        }
    }
    Problems(problems).into_result()?;
    Ok(ExitCode::SUCCESS)
}

/// How a job that is being cancelled has ended.
enum End {
    Canceled,
    /// The cluster that had begun to cancel it is gone.
    WithCluster,
}

/// Waits until a job is CANCELED, or its cluster has ended: one that is the job's own does.
fn wait(
    client: &RestClient,
    job: JobId,
    deadline: Instant,
    signals: &Signals,
) -> anyhow::Result<End> {
    loop {
        let state = match client.job(job) {
            Ok(details) => details.state,
            Err(ClientError::Unreachable { .. } | ClientError::Broken { .. }) => {
                return Ok(End::WithCluster);
            }
            Err(error) => return Err(error.into()),
        };
        match state {
            JobStatus::Canceled => return Ok(End::Canceled),
            JobStatus::Finished | JobStatus::Failed => {
                bail!("job {job} was {state} before it could be cancelled")
            }
            JobStatus::Initializing
            | JobStatus::Created
            | JobStatus::Running
            | JobStatus::Failing
            | JobStatus::Cancelling
            | JobStatus::Restarting => {}
        }
        if Instant::now() >= deadline {
            bail!(
                "job {job} is still {state}, and goes on being cancelled; look at it with \
                 `sandbar list -a`, or wait longer with --timeout"
            );
        }
        if signals.wait(LOOK_INTERVAL) {
            bail!("job {job} is still {state}, and goes on being cancelled");
        }
    }
}
