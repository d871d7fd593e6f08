//! `sandbar run`: runs a job in this process and stays with it to its end.

mod progress;
pub(crate) mod signals;
mod summary;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sandbar_cluster::{JobClient, JobResult, JobSource, MiniCluster, MiniClusterOptions};
use sandbar_connectors::Console;
use sandbar_model::SystemClock;
use sandbar_model::status::JobStatus;

use crate::configuration::{
    ConfigurationArgs, cache_folder, set_local_parallelism, warn_of_unknown_keys,
};
use crate::output;
use progress::Progress;
use signals::Signals;

/// How often the job is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Exit code after Ctrl-C, as shells have it: 128 + SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

/// Arguments of `sandbar run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar run job.toml                     run a job file
  sandbar run -p 4 words.wasm -- book.txt  run a job plugin with an argument, parallelism 4
  sandbar run -Dexecution.buffer-timeout='5 ms' job.toml
  sandbar run --json job.toml | tail -1    the summary for a script

Records that print sinks write go to standard output, progress and summary to standard error.
Ctrl-C cancels the job; a second Ctrl-C ends the process at once.
Exit code: 0 when the job FINISHED, 1 when it FAILED, 130 when it was cancelled.")]
pub(crate) struct RunArgs {
    /// A job file (.toml or .json), or a plugin (.wasm) that defines a job.
    job: PathBuf,
    /// Arguments for a job plugin's `define`; a job file takes none.
    #[arg(last = true)]
    arguments: Vec<String>,
    /// Parallelism of operators that set none themselves; the number of cores by default.
    #[arg(short, long)]
    parallelism: Option<u32>,
    /// Where to run.
    #[arg(short, long, value_enum, default_value_t = Target::Local)]
    target: Target,
    /// Print the summary as one line of JSON at the end of standard output.
    #[arg(long)]
    json: bool,
    /// Show neither progress nor summary.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Where a job can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// A MiniCluster in this process.
    Local,
}

/// Runs the verb.
pub(crate) fn execute(args: RunArgs) -> anyhow::Result<ExitCode> {
    let Target::Local = args.target;
    let source = JobSource::of(&args.job, args.arguments)?;
    let mut configuration = args.configuration.load()?;
    set_local_parallelism(&mut configuration);
    let mut overrides = args.configuration.overrides()?;
    match args.parallelism {
        Some(0) => bail!("parallelism is 0 but must be at least 1; give -p a larger number"),
        Some(parallelism) => overrides.set("parallelism.default", parallelism.to_string()),
        None => {}
    }
    let cluster = MiniCluster::new(MiniClusterOptions {
        configuration,
        clock: Arc::new(SystemClock),
        console: Console::new(std::io::stdout(), std::io::stderr()),
        cache_folder: cache_folder(),
    })?;
    let prepared = cluster.loader(&overrides).prepare(&source)?;
    warn_of_unknown_keys(&prepared);
    let signals = Signals::listen().context("cannot listen for Ctrl-C")?;
    let name = prepared.graph.name.clone();
    let job = cluster.submit(prepared)?;
    if !args.quiet {
        eprintln!("Job has been submitted with JobID {}", job.id());
    }
    let show = !args.quiet;
    let result =
        attend(&job, &signals, show.then(|| Progress::new(std::io::stderr().is_terminal())));
    let snapshot = job.snapshot();
    if let Some(failure) = &result.failure {
        output::error(failure);
    }
    if show {
        summary::print(&name, &result, &snapshot);
    }
    if args.json {
        output::line(&summary::json(&result, &snapshot).to_string())?;
    }
    Ok(exit_code(&result))
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
        if signals.received() > 0 && !canceled {
            canceled = true;
            job.cancel();
        }
        if let Some(progress) = &mut progress {
            progress.show(started.elapsed(), &job.snapshot());
        }
    }
}

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
