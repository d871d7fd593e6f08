//! `sandbar cluster start`: a JobManager and TaskManagers on this machine, in the background.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::launch::Launch;
use super::process::ProcessIdentity;
use super::state::{self, ClusterState, StateArgs, StateFolder};
use crate::cluster_client::parse_duration;
use crate::configuration::ConfigurationArgs;
use crate::output;
use crate::signals::{EXIT_INTERRUPTED, Signals};

/// TaskManagers that one command starts at most: far more than a machine has use for.
const TASK_MANAGERS_MAX: i64 = 256;

/// Arguments of `sandbar cluster start`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar cluster start                            a JobManager and a TaskManager
  sandbar cluster start --task-managers 2 --slots 4
  sandbar cluster start --slots auto               a slot for each core
  sandbar cluster start -Drest.port=0              at a port that is free
  sandbar cluster start --config config.yaml
  sandbar cluster start --state-dir second -Drest.port=0 -Djobmanager.rpc.port=0

Returns when the REST API answers and all TaskManagers have registered. The processes go on when
the terminal is closed; `sandbar cluster stop` ends them. Whoever reaches the REST API can run code
on this machine: it listens on 127.0.0.1 unless rest.bind-address says otherwise.")]
pub(crate) struct StartArgs {
    /// How many TaskManagers.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(0..=TASK_MANAGERS_MAX)
    )]
    task_managers: u32,
    /// Slots of each TaskManager, or auto for one a core; by default the option
    /// taskmanager.numberOfTaskSlots says.
    #[arg(long, value_name = "N|auto", value_parser = parse_slots)]
    slots: Option<String>,
    /// How long the start may take: seconds, or a number with a unit.
    #[arg(long, value_name = "TIME", default_value = "30", value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

fn parse_slots(text: &str) -> Result<String, String> {
    match (text, text.parse::<u32>()) {
        ("auto", _) | (_, Ok(1..)) => Ok(text.to_owned()),
        (_, Ok(0) | Err(_)) => Err("give a number from 1 on, or auto for one a core".to_owned()),
    }
}

/// Runs the verb.
pub(crate) fn execute(args: &StartArgs) -> anyhow::Result<ExitCode> {
    // What is wrong with the configuration is said once, and not by every process in its log.
    let configuration = args.configuration.load()?;
    let path = args.state.path()?;
    let folder = StateFolder::open(path.clone())?;
    if let Some(state) = state::read(&path)? {
        refuse_second(&state)?;
    }
    let binary = std::env::current_exe().context("cannot find the binary sandbar")?;
    let signals = Signals::listen().context("cannot listen for Ctrl-C")?;
    let launch = Launch {
        binary: &binary,
        folder: &folder,
        arguments: args.configuration.to_arguments(),
        configuration: &configuration,
        task_managers: args.task_managers,
        slots: args.slots.as_deref(),
        timeout: args.timeout,
    };
    let is_terminal = std::io::stderr().is_terminal();
    let launched = launch.launch(&mut |waits_for, interval| {
        if is_terminal {
            output::replace_line(&format!("starting: {}", first_line(waits_for)));
        }
        signals.wait(interval)
    });
    if is_terminal {
        output::replace_line("");
    }
    let Some(state) = launched? else {
        output::note("the cluster was not started; its processes were ended");
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    };
    lines(&state, &folder).iter().try_for_each(|line| output::line(line))?;
    Ok(ExitCode::SUCCESS)
}

/// A folder holds one cluster; one of which nothing lives is forgotten by the launch.
fn refuse_second(state: &ClusterState) -> anyhow::Result<()> {
    let alive = state.identities().iter().filter(|process| process.is_alive()).count();
    let (all, address) = (state.processes.len(), state.address());
    match alive {
        0 => Ok(()),
        _ if alive == all => bail!(
            "a cluster runs already, at {address}; end it with `sandbar cluster stop`, or give \
             --state-dir to start another beside it"
        ),
        _ => bail!(
            "of a cluster at {address} {alive} of {all} processes still run; end them with \
             `sandbar cluster stop`"
        ),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// What is to be known of a cluster that was started.
fn lines(state: &ClusterState, folder: &StateFolder) -> Vec<String> {
    let process = |process: &super::state::ClusterProcess| {
        let ProcessIdentity { pid, .. } = process.identity;
        format!("  {:<16} pid {pid}", process.name)
    };
    let head = format!("Cluster started at {}", state.address());
    let logs = format!("  logs in {}", folder.logs().display());
    [head].into_iter().chain(state.processes.iter().map(process)).chain([logs]).collect()
}

#[cfg(test)]
mod tests {
    use super::parse_slots;

    #[test]
    fn slots_are_a_number_or_auto() {
        assert_eq!(parse_slots("auto").unwrap(), "auto");
        assert_eq!(parse_slots("8").unwrap(), "8");
        for wrong in ["0", "-1", "all", ""] {
            assert!(parse_slots(wrong).is_err(), "{wrong}");
        }
    }
}
