//! A job on a MiniCluster in this process.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use sandbar_client::defaults::{cache_folder, set_local_parallelism};
use sandbar_cluster::{JobClient, JobResult, MiniCluster, MiniClusterOptions, PreparedJob};
use sandbar_config::Configuration;
use sandbar_config::options::is_of_cluster;
use sandbar_connectors::Console;
use sandbar_model::SystemClock;
use sandbar_model::status::JobStatus;

use super::progress::Progress;
use super::shown_job::ShownJob;
use super::{RunArgs, summary};
use crate::configuration::warn_of_keys;
use crate::output;
use crate::signals::{EXIT_INTERRUPTED, Signals};

/// How often the job is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Runs the job to its end.
pub(super) fn run(args: &RunArgs, mut configuration: Configuration) -> anyhow::Result<ExitCode> {
    let source = args.job.source()?;
    set_local_parallelism(&mut configuration);
    let options = MiniClusterOptions {
        configuration,
        clock: Arc::new(SystemClock),
        console: Console::new(std::io::stdout(), std::io::stderr()),
        cache_folder: cache_folder(),
    };
    let cluster = match args.virtual_clock {
        Some(start_ms) => MiniCluster::with_virtual_clock(options, start_ms)?,
        None => MiniCluster::new(options)?,
    };
    let prepared = cluster.loader(&args.job.overrides()).prepare(&source)?;
    warn_of_keys(&prepared);
    warn_of_cluster_keys(&args.job.overrides(), &prepared);
    let signals = Signals::listen().context("cannot listen for Ctrl-C")?;
    let job = cluster.submit(prepared)?;
    let show = !args.quiet;
    if show {
        output::say(format!("Job has been submitted with JobID {}", job.id()));
    }
    let progress = show.then(|| Progress::new(std::io::stderr().is_terminal()));
    let result = attend(&job, &signals, progress);
    let shown = ShownJob::from(job.snapshot());
    summary::report(args, &result, &shown)?;
    Ok(exit_code(&result))
}

/// Warns of options that were given for this job, and that only a cluster heeds. Those of a
/// configuration file are for all that runs with it.
fn warn_of_cluster_keys(overrides: &Configuration, job: &PreparedJob) {
    let of_job = job.spec.configuration.keys().map(String::as_str);
    let keys: BTreeSet<&str> = overrides.iter().map(|(key, _)| key).chain(of_job).collect();
    for key in keys.into_iter().filter(|key| is_of_cluster(key)) {
        output::warning(format!(
            "option `{key}` has no effect in a run in this process, only on a cluster: give -t to \
             run there, or leave it out"
        ));
    }
}

/// Stays with the job: shows progress, passes a Ctrl-C on.
fn attend(job: &JobClient, signals: &Signals, mut progress: Option<Progress>) -> JobResult {
    let started = Instant::now();
    let mut canceled = false;
    loop {
        if let Some(result) = job.wait_timeout(LOOK_INTERVAL) {
            if let Some(progress) = &mut progress {
                progress.clear();
            }
            return result;
        }
        if signals.is_interrupted() && !canceled {
            canceled = true;
            job.cancel();
        }
        if let Some(progress) = &mut progress {
            progress.show(started.elapsed(), &ShownJob::from(job.snapshot()));
        }
    }
}

/// Only Ctrl-C cancels a job in this process.
fn exit_code(result: &JobResult) -> ExitCode {
    match result.status {
        JobStatus::Finished => ExitCode::SUCCESS,
        JobStatus::Canceled => ExitCode::from(EXIT_INTERRUPTED),
        JobStatus::Created
        | JobStatus::Running
        | JobStatus::Failing
        | JobStatus::Failed
        | JobStatus::Cancelling
        | JobStatus::Initializing
        | JobStatus::Restarting => ExitCode::FAILURE,
    }
}
