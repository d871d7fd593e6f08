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
mod virtual_clock;

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
  sandbar run job.toml --virtual-clock     an hour of timers at once, the same in every run

With the targets application and per-job, a JobManager is started that runs this job alone, and that
starts TaskManagers on this machine as the job needs them; per-job checks the job here first.

In this process, records that print sinks write go to standard output; on a cluster they go to the
output of its TaskManagers. Progress and summary go to standard error. Ctrl-C cancels a job in this
process; a second Ctrl-C ends the process at once. A job on a cluster goes on after Ctrl-C, unless
execution.shutdown-on-attached-exit is true.

A virtual clock stands still while any task of the job has something to do, and then moves to the
next time that a task waits for: a processing-time timer or window, a source's rate, a watermark
interval, an idle timeout. So they fire at exactly their times, and nobody waits for them. While the
sources stdin and socket wait for their input it stands still, too. A source without an end needs a
pace (the rate of datagen), or time would never move. A task that has nothing to do sends what its
buffers hold, whatever execution.buffer-timeout says. Delays of restarts go by the machine's clock.

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
    /// Give the job a virtual clock, which moves when all tasks are idle, to the next thing that is
    /// due. It starts at START, by default 1970-01-01T00:00:00Z. In this process only.
    #[arg(
        long,
        value_name = "START",
        num_args(0..=1),
        default_missing_value = "1970-01-01T00:00:00Z",
        value_parser = virtual_clock::parse
    )]
    virtual_clock: Option<i64>,
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
        virtual_clock::check(args, target)?;
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
    let target = target::choose(args.target, &configuration, args.needing_cluster())?;
    virtual_clock::check(args, target)?;
    match target {
        ExecutionTarget::Local => local::run(args, configuration),
        ExecutionTarget::Remote => remote::run(args, &configuration),
        target @ (ExecutionTarget::Application | ExecutionTarget::PerJob) => {
            application::run(args, &configuration, target)
        }
    }
}
