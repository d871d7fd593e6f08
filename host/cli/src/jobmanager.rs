//! `sandbar jobmanager`: runs the JobManager of a cluster in this process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use sandbar_cluster::process_provider::WorkerCommand;
use sandbar_cluster::{JobManagerProcess, JobManagerProcessOptions, LogBuffer};
use serde_json::json;

use crate::configuration::{ConfigurationArgs, cache_folder};
use crate::output;
use crate::run::signals::Signals;

/// Arguments of `sandbar jobmanager`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar jobmanager                        serve clients on 127.0.0.1:8081 and TaskManagers on
                                            127.0.0.1:6123
  sandbar jobmanager -Drest.port=0 --addresses-file addresses.json
  sandbar jobmanager -Dsandbar.resource.provider=process
                                            start TaskManagers when jobs need them

Runs until `sandbar cluster stop`, DELETE /cluster or a signal; a second signal ends it at once.")]
pub(crate) struct JobManagerArgs {
    /// Write the addresses it serves at to this file, as JSON, once it serves.
    #[arg(long, value_name = "FILE")]
    addresses_file: Option<PathBuf>,
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
    process.run_to_end();
    Ok(ExitCode::SUCCESS)
}

/// How TaskManagers are started: this binary with this configuration.
fn worker_command(configuration: &ConfigurationArgs) -> anyhow::Result<WorkerCommand> {
    let program = std::env::current_exe().context("cannot find the path of this binary")?;
    let mut arguments = vec!["taskmanager".into()];
    arguments.extend(configuration.to_arguments());
    Ok(WorkerCommand { program, arguments })
}
