//! A job on a cluster of its own: a JobManager that runs this one job, starts TaskManagers on this
//! machine as it needs them, and ends with the job.
//!
//! Law: the cluster's life is the job's; nothing of it is left when this command returns, unless
//! `-d` says that it goes on alone.

use std::fs::File;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sandbar_cluster::rest_client;
use sandbar_config::options::cluster::{
    EXECUTION_ATTACHED, EXECUTION_TARGET, JOBMANAGER_RPC_PORT, RESOURCE_PROVIDER, REST_PORT,
};
use sandbar_config::options::memory::TASK_SLOTS;
use sandbar_config::{Configuration, ExecutionTarget};
use sandbar_model::status::JobStatus;
use sandbar_model::{Clock, SystemClock};
use sandbar_rest::RestClient;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::RunArgs;
use super::progress::Progress;
use super::shown_job::ShownJob;
use crate::cluster::state;
use crate::output;
use crate::signals::{EXIT_INTERRUPTED, Signals};

/// How often the cluster is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long a cluster may take to have the job, when nobody stays with it.
const SUBMISSION_TIME_MAX: Duration = Duration::from_secs(60);
/// What a JobManager logs whose log goes to the user: what a local run logs.
const LOG_FILTER: &str = "warn,guest=info";
/// Environment variable of the log filter.
const LOG_VARIABLE: &str = "SANDBAR_LOG";

/// What the JobManager writes once it serves.
#[derive(Debug, Deserialize)]
struct Addresses {
    rest: String,
}

/// Starts the job's cluster and, unless it is to be left alone, stays until it has ended.
pub(super) fn run(
    args: &RunArgs,
    configuration: &Configuration,
    target: ExecutionTarget,
) -> anyhow::Result<ExitCode> {
    // What is wrong with the arguments is said before anything is started.
    args.job.source()?;
    if args.jobmanager.is_some() {
        bail!("-m names a cluster that is there, but this job is to have its own; leave out -m");
    }
    if target == ExecutionTarget::PerJob {
        args.job.prepare_with(configuration)?;
    }
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let addresses = folder.path().join("addresses.json");
    let is_attached = !args.detached && configuration.get(&EXECUTION_ATTACHED)?;
    let mut command = command(args, configuration, &addresses, is_attached)?;
    if !is_attached {
        leave(args, configuration, &mut command, &addresses)
    } else {
        stay(args, configuration, command, &addresses)
    }
}

fn command(
    args: &RunArgs,
    configuration: &Configuration,
    addresses: &Path,
    is_attached: bool,
) -> anyhow::Result<Command> {
    let binary = std::env::current_exe().context("cannot find the path of this binary")?;
    let mut command = Command::new(binary);
    command.arg("jobmanager").arg("--job").arg(&args.job.job);
    command.arg("--addresses-file").arg(addresses).args(args.job.file_arguments());
    // Several such clusters can be there at once, and TaskManagers come by themselves.
    let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    for (key, value) in [
        (REST_PORT.key(), "0"),
        (JOBMANAGER_RPC_PORT.key(), "0"),
        (RESOURCE_PROVIDER.key(), "process"),
        (TASK_SLOTS.key(), cores.as_str()),
    ] {
        if configuration.text(key).is_none() {
            command.arg(format!("-D{key}={value}"));
        }
    }
    for (key, value) in args.job.overrides().iter() {
        if key != EXECUTION_TARGET.key() {
            command.arg(format!("-D{key}={value}"));
        }
    }
    if is_attached {
        command.arg("--while-stdin-open").stdin(Stdio::piped());
    } else {
        command.stdin(Stdio::null());
    }
    command.arg("--").args(&args.job.arguments);
    Ok(command)
}

/// Stays: what the job prints and what goes wrong comes out here.
fn stay(
    args: &RunArgs,
    configuration: &Configuration,
    mut command: Command,
    addresses: &Path,
) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen().context("cannot listen for Ctrl-C")?;
    if std::env::var_os(LOG_VARIABLE).is_none() {
        command.env(LOG_VARIABLE, LOG_FILTER);
    }
    // However this command ends, the JobManager finds its standard input ended, and ends too.
    let mut child = command.spawn().context("cannot start the JobManager")?;
    let mut life = child.stdin.take();
    let started = Instant::now();
    let mut progress = (!args.quiet).then(|| Progress::new(std::io::stderr().is_terminal()));
    let mut client = None;
    let mut last = None;
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot look at the JobManager")? {
            break status;
        }
        if client.is_none() {
            client = client_of(addresses, configuration)?;
        }
        if let Some(job) = client.as_ref().and_then(look) {
            if let Some(progress) = &mut progress {
                progress.show(started.elapsed(), &job);
            }
            last = Some(job.status);
        }
        match life.is_some() {
            true => drop(signals.wait(LOOK_INTERVAL)),
            false => std::thread::sleep(LOOK_INTERVAL),
        }
        if signals.is_interrupted() {
            life = None;
        }
    };
    if let Some(progress) = &mut progress {
        progress.clear();
    }
    if signals.is_interrupted() {
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    let code = if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.json {
        let state = match last {
            _ if status.success() => JobStatus::Finished,
            Some(JobStatus::Cancelling | JobStatus::Canceled) => JobStatus::Canceled,
            Some(_) | None => JobStatus::Failed,
        };
        output::line(&json!({ "state": state.to_string() }).to_string())?;
    }
    Ok(code)
}

/// Returns once the cluster has the job; it goes on alone.
fn leave(
    args: &RunArgs,
    configuration: &Configuration,
    command: &mut Command,
    addresses: &Path,
) -> anyhow::Result<ExitCode> {
    let log = log_file()?;
    let output =
        File::create_new(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut child = command
        .stdout(output.try_clone().context("cannot open a log twice")?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .context("cannot start the JobManager")?;
    let started = Instant::now();
    let (client, job) = loop {
        if let Some(status) = child.try_wait().context("cannot look at the JobManager")? {
            if status.success() {
                output::note(format!("the job has ended already; {} is its log", log.display()));
                return Ok(ExitCode::SUCCESS);
            }
            bail!("the JobManager ended ({status}): {}", read(&log).trim());
        }
        let client = client_of(addresses, configuration)?;
        let jobs = client.as_ref().and_then(|client| client.jobs().ok());
        let job = jobs.and_then(|jobs| jobs.jobs.into_iter().next());
        if let (Some(client), Some(job)) = (client, job) {
            break (client, job);
        }
        if started.elapsed() > SUBMISSION_TIME_MAX {
            end(&mut child);
            bail!("the JobManager has no job after {SUBMISSION_TIME_MAX:?}: {}", read(&log).trim());
        }
        std::thread::sleep(LOOK_INTERVAL);
    };
    if args.json {
        let left = json!({
            "jid": job.jid, "name": job.name, "rest": client.address(), "log": log,
        });
        output::line(&left.to_string())?;
    } else {
        output::line(&format!("Job has been submitted with JobID {}", job.jid))?;
        output::note(format!("its cluster is {}, its log {}", client.url(), log.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

/// A client of the cluster, once it serves.
fn client_of(
    addresses: &Path,
    configuration: &Configuration,
) -> anyhow::Result<Option<RestClient>> {
    let Ok(text) = std::fs::read_to_string(addresses) else { return Ok(None) };
    let Addresses { rest } = serde_json::from_str(&text).context("no addresses")?;
    rest_client(configuration, &rest).map(Some)
}

/// The one job of a cluster. One that ends meanwhile is not to be seen any more.
fn look(client: &RestClient) -> Option<ShownJob> {
    let job = client.jobs().ok()?.jobs.into_iter().next()?;
    let id = u128::from_str_radix(&job.jid, 16).ok()?;
    client.job(sandbar_model::JobId(id)).ok().map(ShownJob::from)
}

/// Where the log of a cluster goes that is left alone.
fn log_file() -> anyhow::Result<PathBuf> {
    let folder = state::folder_of_user().context("there is no HOME to keep a log in; set HOME")?;
    let folder = folder.join("applications");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let name = format!("{}-{}.log", SystemClock.now_ms(), std::process::id());
    Ok(folder.join(name))
}
