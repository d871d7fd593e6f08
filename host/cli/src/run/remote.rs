//! A job on a cluster that is there: prepared here, so that what is wrong is said in its place,
//! then submitted, and attended unless `-d` says otherwise.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use sandbar_client::cluster_client::{client, configuration_on};
use sandbar_client::{JobResult, Submitter};
use sandbar_config::Configuration;
use sandbar_config::options::cluster::{
    CLIENT_TIMEOUT, EXECUTION_ATTACHED, EXECUTION_SHUTDOWN_ON_ATTACHED_EXIT,
};
use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use serde_json::json;

use super::attached::{Attached, Leave};
use super::progress::Progress;
use super::{RunArgs, summary};
use crate::loaded_plugin::size;
use crate::output;
use crate::signals::{EXIT_INTERRUPTED, Signals};

/// Submits the job and, unless it is to be left alone, stays with it.
pub(super) fn run(args: &RunArgs, configuration: &Configuration) -> anyhow::Result<ExitCode> {
    // What is wrong with the arguments is said before the cluster is asked.
    let source = args.job.source()?;
    let client = client(args.jobmanager.as_deref(), configuration)?;
    let is_attached = !args.detached && configuration.get(&EXECUTION_ATTACHED)?;
    let prepared = args.job.prepare_with(&configuration_on(&client, configuration)?)?;
    let signals = match is_attached {
        true => Some(Signals::listen().context("cannot listen for Ctrl-C")?),
        false => None,
    };
    let on_upload = |path: &Path, bytes: usize| {
        if !args.quiet {
            output::say(format!("Uploading plugin {}, {}", path.display(), size(bytes)));
        }
    };
    let submitter = Submitter { client: &client, on_upload: &on_upload };
    let job = submitter.submit(&source, &args.job.overrides(), &prepared)?;
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

fn exit_code(result: &JobResult, is_interrupted: bool) -> ExitCode {
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
