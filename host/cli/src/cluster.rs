//! `sandbar cluster`: a cluster of processes on this machine.

mod launch;
mod process;
mod start;
pub(crate) mod state;
mod status;
mod stop;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Arguments of `sandbar cluster`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar cluster start     a JobManager and a TaskManager in the background
  sandbar cluster status    their processes, slots and jobs
  sandbar cluster stop      end them

What is started is remembered in a folder, which holds one cluster: $XDG_STATE_HOME/sandbar or
~/.local/state/sandbar, unless --state-dir names another. Its folder log has what the processes
print.")]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    verb: ClusterVerb,
}

#[derive(Debug, Subcommand)]
enum ClusterVerb {
    /// Starts a JobManager and TaskManagers in the background.
    Start(start::StartArgs),
    /// Ends a cluster that was started, with its jobs.
    Stop(stop::StopArgs),
    /// Shows the processes of a cluster, its TaskManagers and its jobs.
    Status(status::StatusArgs),
}

/// Runs the verb.
pub(crate) fn execute(args: &ClusterArgs) -> anyhow::Result<ExitCode> {
    match &args.verb {
        ClusterVerb::Start(args) => start::execute(args),
        ClusterVerb::Stop(args) => stop::execute(args),
        ClusterVerb::Status(args) => status::execute(args),
    }
}
