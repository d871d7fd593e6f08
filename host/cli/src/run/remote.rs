//! A job on a cluster that is there: prepared here, so that what is wrong is said in its place,
//! then submitted, and attended unless `-d` says otherwise.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use sandbar_config::Configuration;
use sandbar_config::options::cluster::{
    CLIENT_TIMEOUT, EXECUTION_ATTACHED, EXECUTION_SHUTDOWN_ON_ATTACHED_EXIT,
};
use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rest::RestClient;
use serde_json::json;

use super::attached::{Attached, Leave};
use super::progress::Progress;
use super::shown_job::ShownResult;
use super::submission::Submitter;
use super::{RunArgs, summary};
use crate::signals::{EXIT_INTERRUPTED, Signals};
use crate::{cluster_client, output};

/// Beginnings of the keys that decide what a job's graph is and whether it is right: on a cluster
/// its values hold.
const KEYS_OF_CLUSTER: [&str; 4] =
    ["parallelism.", "pipeline.", "sandbar.capabilities", "sandbar.plugin.bytes."];

/// Submits the job and, unless it is to be left alone, stays with it.
pub(super) fn run(args: &RunArgs, configuration: &Configuration) -> anyhow::Result<ExitCode> {
    // What is wrong with the arguments is said before the cluster is asked.
    args.job.source()?;
    let client = cluster_client::client(args.jobmanager.as_deref(), configuration)?;
    let is_attached = !args.detached && configuration.get(&EXECUTION_ATTACHED)?;
    let prepared = args.job.prepare_with(&for_cluster(configuration, &client)?)?;
    let signals = match is_attached {
        true => Some(Signals::listen().context("cannot listen for Ctrl-C")?),
        false => None,
    };
    let submitter = Submitter { client: &client, is_quiet: args.quiet };
    let job = submitter.submit(&args.job, &prepared)?;
    tell_submitted(args, &prepared.graph.name, job, is_attached)?;
    let Some(signals) = signals else { return Ok(ExitCode::SUCCESS) };
    let attached = Attached {
        client: &client,
        job,
        signals: &signals,
        patience: configuration.get(&CLIENT_TIMEOUT)?,
        is_canceled_on_exit: configuration.get(&EXECUTION_SHUTDOWN_ON_ATTACHED_EXIT)?,
    };
    let progress = (!args.quiet).then(|| Progress::new(std::io::stderr().is_terminal()));
    match attached.attend(progress)? {
        Leave::Ended { result, job: shown, is_interrupted } => {
            summary::report(args, &result, &shown)?;
            Ok(exit_code(&result, is_interrupted))
        }
        Leave::Interrupted(shown) => {
            let address = client.address();
            output::note(format!(
                "job {job} goes on without this command; cancel it with `sandbar cancel -m \
                 {address} {job}`"
            ));
            if args.json {
                let status = shown.map(|shown| shown.status.to_string());
                let left = json!({
                    "jid": job.to_string(), "name": prepared.graph.name, "state": status,
                });
                output::line(&left.to_string())?;
            }
            Ok(ExitCode::from(EXIT_INTERRUPTED))
        }
    }
}

/// The configuration that the job will have on the cluster, as far as its graph depends on it.
fn for_cluster(
    configuration: &Configuration,
    client: &RestClient,
) -> anyhow::Result<Configuration> {
    let is_of_cluster = |key: &str| KEYS_OF_CLUSTER.iter().any(|begin| key.starts_with(begin));
    let own = configuration.iter().filter(|(key, _)| !is_of_cluster(key));
    let mut together = Configuration::from_pairs(own);
    let of_cluster = client.configuration()?.into_iter().filter(|entry| is_of_cluster(&entry.key));
    together.merge(Configuration::from_pairs(of_cluster.map(|entry| (entry.key, entry.value))));
    Ok(together)
}

/// The id is the result of a detached run; for an attached one it is a note.
fn tell_submitted(args: &RunArgs, name: &str, job: JobId, is_attached: bool) -> anyhow::Result<()> {
    let message = format!("Job has been submitted with JobID {job}");
    match (is_attached, args.json) {
        (false, true) => {
            output::line(&json!({ "jid": job.to_string(), "name": name }).to_string())?;
        }
        (true, true) if !args.quiet => output::say(message),
        (true, false) if !args.quiet => output::line(&message)?,
        (true, _) => {}
        (false, false) => output::line(&message)?,
    }
    Ok(())
}

fn exit_code(result: &ShownResult, is_interrupted: bool) -> ExitCode {
    match result.status {
        JobStatus::Finished => ExitCode::SUCCESS,
        JobStatus::Canceled if is_interrupted => ExitCode::from(EXIT_INTERRUPTED),
        JobStatus::Canceled => {
            output::error(format!("job {} was cancelled by somebody else", result.job));
            ExitCode::FAILURE
        }
        JobStatus::Created
        | JobStatus::Running
        | JobStatus::Failing
        | JobStatus::Failed
        | JobStatus::Cancelling
        | JobStatus::Initializing
        | JobStatus::Restarting => ExitCode::FAILURE,
    }
}
