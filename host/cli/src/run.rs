//! `sandbar run`: runs a job in this process or on a cluster, and stays with it to its end unless
//! it is told not to.

mod application;
mod attached;
mod local;
mod progress;
mod remote;
mod shown_job;
pub(crate) mod summary;
mod target;

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use sandbar_config::ExecutionTarget;

use crate::job_arguments::JobArguments;
use crate::problems;

/// Arguments of `sandbar run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar run job.toml                     run a job file in this process
  sandbar run -p 4 words.wasm -- book.txt  run a job plugin with an argument, parallelism 4
  sandbar run -Dexecution.buffer-timeout='5 ms' job.toml
  sandbar run --json job.toml | tail -1    the summary for a script
  sandbar run -t remote job.toml           on the cluster at rest.address:rest.port, and stay
  sandbar run -d job.toml                  the same, and return once it is submitted
  sandbar run -d -m 10.0.0.7:8081 job.toml on another cluster
  sandbar run -t application job.toml      on a cluster of its own, which ends with the job

With the targets application and per-job, a JobManager is started that runs this job alone, and that
starts TaskManagers on this machine as the job needs them; per-job checks the job here first.

In this process, records that print sinks write go to standard output; on a cluster they go to the
output of its TaskManagers. Progress and summary go to standard error. Ctrl-C cancels a job in this
process; a second Ctrl-C ends the process at once. A job on a cluster goes on after Ctrl-C, unless
execution.shutdown-on-attached-exit is true.

On a cluster -D and -p go with the job, and the cluster's own configuration holds for the rest; a
file given with --config says here only where the cluster is. Relative paths of the job's
connectors start from the folder of the job file or, for a job plugin, from the working folder.

Exit code: 0 when the job FINISHED, or was submitted with -d; 1 when it FAILED or somebody else
cancelled it, or when the cluster is lost; 130 after Ctrl-C.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    job: JobArguments,
    /// Where to run: local, remote, application or per-job; by default the option
    /// execution.target says, and remote with -d or -m.
    #[arg(short, long, value_parser = target::parse)]
    target: Option<ExecutionTarget>,
    /// Return once the job is submitted to the cluster.
    #[arg(short, long)]
    detached: bool,
    /// Where the cluster's REST API is; by default the options rest.address and rest.port say.
    #[arg(short = 'm', long, value_name = "HOST:PORT")]
    jobmanager: Option<String>,
    /// Print the summary, or what is wrong, as one line of JSON at the end of standard output.
    #[arg(long)]
    json: bool,
    /// Show neither progress nor summary.
    #[arg(short, long)]
    quiet: bool,
}

impl RunArgs {
    /// The argument that only a cluster can obey, if one is given.
    fn needing_cluster(&self) -> Option<&'static str> {
        match self {
            RunArgs { detached: true, .. } => Some("-d"),
            RunArgs { jobmanager: Some(_), .. } => Some("-m"),
            RunArgs { detached: false, jobmanager: None, .. } => None,
        }
    }
}

/// Runs the verb `run-application`, which is `run -t application`. Source: Flink's command line.
pub(crate) fn execute_application(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let run = || {
        let target = args.target.unwrap_or(ExecutionTarget::Application);
        if !matches!(target, ExecutionTarget::Application | ExecutionTarget::PerJob) {
            bail!(
                "run-application gives a job a cluster of its own, with the target application or \
                 per-job; use `sandbar run` for others"
            );
        }
        application::run(args, &args.job.configuration()?, target)
    };
    problems::in_json(args.json, run())
}

/// Runs the verb.
pub(crate) fn execute(args: &RunArgs) -> anyhow::Result<ExitCode> {
    problems::in_json(args.json, run(args))
}

fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let configuration = args.job.configuration()?;
    match target::choose(args.target, &configuration, args.needing_cluster())? {
        ExecutionTarget::Local => local::run(args, configuration),
        ExecutionTarget::Remote => remote::run(args, &configuration),
        target @ (ExecutionTarget::Application | ExecutionTarget::PerJob) => {
            application::run(args, &configuration, target)
        }
    }
}
