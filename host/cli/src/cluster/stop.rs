//! `sandbar cluster stop`: ends a cluster that `start` started, and its jobs.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use sandbar_cluster::rest_client;
use sandbar_config::Configuration;

use super::process;
use super::state::{self, ClusterState, StateArgs, StateFolder};
use crate::configuration::ConfigurationArgs;
use crate::output;

/// How long the processes may take to end in order, jobs and all.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// How long the JobManager may take to answer that it ends: its process is ours to end otherwise.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// Arguments of `sandbar cluster stop`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar cluster stop
  sandbar cluster stop --state-dir second

Its jobs are cancelled. Processes that do not end by themselves get SIGTERM after 20 s, or at once
if the JobManager does not answer for 5 s, then SIGKILL. Logs stay.")]
pub(crate) struct StopArgs {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &StopArgs) -> anyhow::Result<ExitCode> {
    let path = args.state.path()?;
    // Before the folder is opened, which would make one that is not there.
    let missing = format!(
        "no cluster was started from folder {}; give --state-dir if it was another",
        path.display()
    );
    if state::read(&path)?.is_none() {
        bail!(missing);
    }
    let folder = StateFolder::open(path.clone())?;
    let Some(state) = state::read(&path)? else { bail!(missing) };
    if state.identities().iter().any(process::ProcessIdentity::is_alive) {
        stop(&state, &args.configuration.load()?)?;
        output::line(&format!("Stopped the cluster at {}.", state.address()))?;
    } else {
        output::line(&format!("The cluster at {} had ended already.", state.address()))?;
    }
    folder.forget()?;
    Ok(ExitCode::SUCCESS)
}

/// Ends all processes.
fn stop(state: &ClusterState, configuration: &Configuration) -> anyhow::Result<()> {
    let processes = state.identities();
    let is_told = match &state.rest {
        Some(rest) => match shut_down(rest, configuration) {
            Ok(()) => true,
            Err(error) => {
                output::note(format!("{error:#}; its processes are ended with SIGTERM"));
                false
            }
        },
        None => false,
    };
    if is_told && process::await_end(&processes, STOP_TIME_MAX) {
        return Ok(());
    }
    let left = state.processes.iter().filter(|process| process.identity.is_alive());
    let left: Vec<&str> = left.map(|process| process.name.as_str()).collect();
    if is_told {
        let names = left.join(", ");
        output::note(format!("{names} did not end within {} s: SIGTERM", STOP_TIME_MAX.as_secs()));
    }
    if !process::end(&processes) {
        bail!("processes that SIGKILL does not end are left: {}", left.join(", "));
    }
    Ok(())
}

fn shut_down(rest: &str, configuration: &Configuration) -> anyhow::Result<()> {
    let client = rest_client(configuration, rest)?.with_answer_time_max(ANSWER_TIME_MAX);
    Ok(client.shut_down_cluster()?)
}
