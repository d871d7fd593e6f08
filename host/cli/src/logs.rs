//! `sandbar logs`: the newest lines that a process of a cluster has logged.

use std::process::ExitCode;

use clap::Args;

use crate::cluster_client::ClientArgs;
use crate::output;

/// Arguments of `sandbar logs`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar logs                      the JobManager's
  sandbar logs tm-1                 those of a TaskManager; `sandbar cluster status` names them
  sandbar logs -m 10.0.0.7:8081 | grep WARN")]
pub(crate) struct LogsArgs {
    /// A TaskManager; without one, the JobManager.
    #[arg(value_name = "TASKMANAGER")]
    task_manager: Option<String>,
    #[command(flatten)]
    cluster: ClientArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &LogsArgs) -> anyhow::Result<ExitCode> {
    let client = args.cluster.client()?;
    let log = match &args.task_manager {
        Some(id) => client.task_manager_log(id)?,
        None => client.log()?,
    };
    if !log.is_empty() {
        output::line(log.strip_suffix('\n').unwrap_or(&log))?;
    }
    Ok(ExitCode::SUCCESS)
}
