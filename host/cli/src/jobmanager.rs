//! `sandbar jobmanager`: runs the JobManager of a cluster in this process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use sandbar_client::defaults::cache_folder;
use sandbar_cluster::process_provider::WorkerCommand;
use sandbar_cluster::{JobManagerProcess, JobManagerProcessOptions, JobSource, LogBuffer};
use sandbar_config::Configuration;
use sandbar_model::status::JobStatus;
use serde_json::json;

use crate::configuration::{ConfigurationArgs, warn_of_keys};
use crate::run::summary::print_accumulators;
use crate::signals::Signals;
use crate::{output, parent};

/// Arguments of `sandbar jobmanager`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar jobmanager                        serve clients on 127.0.0.1:8081 and TaskManagers on
                                            127.0.0.1:6123
  sandbar jobmanager -Drest.port=0 --addresses-file addresses.json
  sandbar jobmanager -Dsandbar.resource.provider=process
                                            start TaskManagers when jobs need them
  sandbar jobmanager --job job.toml -Dsandbar.resource.provider=process
                                            a cluster of the job's own

Runs until its job ends, `sandbar cluster stop`, DELETE /cluster or a signal; a second signal ends
it at once. Exit code: 0, or 1 when its job did not finish.")]
pub(crate) struct JobManagerArgs {
    /// Write the addresses it serves at to this file, as JSON, once it serves.
    #[arg(long, value_name = "FILE")]
    addresses_file: Option<PathBuf>,
    /// Run this job, a job file or a plugin that defines one, and end with it: the cluster is the
    /// job's alone.
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// End when standard input does: whoever started this holds its other end.
    #[arg(long, hide = true)]
    while_stdin_open: bool,
    /// Arguments for the `define` of a plugin that is the job.
    #[arg(last = true, requires = "job")]
    arguments: Vec<String>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: JobManagerArgs, log: LogBuffer) -> anyhow::Result<ExitCode> {
    let process = JobManagerProcess::start(JobManagerProcessOptions {
        configuration: args.configuration.load()?,
        cache_folder: cache_folder(),
        log,
        worker_command: worker_command(&args.configuration)?,
    })?;
    let (rest, rpc) = (process.rest_address(), process.rpc_address());
    if let Some(path) = &args.addresses_file {
        let addresses = json!({ "rest": rest.to_string(), "rpc": rpc.to_string() });
        // Whoever waits for the file must find it whole.
        let partial = path.with_extension("partial");
        std::fs::write(&partial, addresses.to_string())
            .and_then(|()| std::fs::rename(&partial, path))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let url = process.rest_url();
    output::note(format!("JobManager serves clients on {url}, TaskManagers on {rpc}"));
    let job_manager = process.job_manager().clone();
    let _signals =
        Signals::listen_and(move || job_manager.stop()).context("cannot listen for signals")?;
    if args.while_stdin_open {
        let to_end = process.job_manager().clone();
        parent::on_end(move || to_end.stop()).context("cannot watch standard input")?;
    }
    let Some(path) = &args.job else {
        process.run_to_end()?;
        return Ok(ExitCode::SUCCESS);
    };
    let ended = JobSource::of(path, args.arguments.clone())
        .map_err(anyhow::Error::from)
        .and_then(|source| run_job(&process, &source, &args.configuration.overrides()));
    process.job_manager().stop();
    process.run_to_end()?;
    ended
}

/// Runs the one job of a cluster and waits for its end.
fn run_job(
    process: &JobManagerProcess,
    source: &JobSource,
    overrides: &Configuration,
) -> anyhow::Result<ExitCode> {
    let prepared = process.dispatcher().prepare(source, overrides)?;
    warn_of_keys(&prepared);
    let job = process.dispatcher().submit(prepared)?;
    output::note(format!("Job has been submitted with JobID {job}"));
    let told = process.job_manager().end_of(job).recv().ok().flatten();
    let Some(view) = told else { bail!("the cluster ended before the job") };
    // The cluster ends with the job, and nobody can ask it for its result then.
    print_accumulators(&view.accumulators());
    match (view.status, view.exceptions.first()) {
        (JobStatus::Finished, _) => Ok(ExitCode::SUCCESS),
        (JobStatus::Failed, Some(exception)) => bail!("{}", exception.message),
        (status, _) => bail!("job \"{}\" ended as {status}", view.name),
    }
}

/// How TaskManagers are started: this binary with this configuration.
fn worker_command(configuration: &ConfigurationArgs) -> anyhow::Result<WorkerCommand> {
    let program = std::env::current_exe().context("cannot find the path of this binary")?;
    let mut arguments = vec!["taskmanager".into(), "--while-stdin-open".into()];
    arguments.extend(configuration.to_arguments());
    Ok(WorkerCommand { program, arguments })
}
