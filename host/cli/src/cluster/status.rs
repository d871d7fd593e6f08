//! `sandbar cluster status`: the processes of a cluster, its TaskManagers and its jobs.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use jiff::tz::TimeZone;
use sandbar_cluster::rest_client;
use sandbar_rest::message::cluster::ClusterOverviewWithVersion;
use sandbar_rest::message::job::JobSummary;
use sandbar_rest::message::task_manager::TaskManager;
use sandbar_rest::{ClientError, RestClient};
use serde_json::{Value, json};

use super::state::{self, ClusterProcess, ClusterState, StateArgs};
use crate::configuration::ConfigurationArgs;
use crate::list::job_lines;
use crate::{output, problems};

/// Arguments of `sandbar cluster status`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar cluster status                      the cluster that was started here
  sandbar cluster status -m 10.0.0.7:8081     any cluster
  sandbar cluster status --json | jq .overview

Exit code: 0 when the cluster answers and all processes that were started live, 1 otherwise.")]
pub(crate) struct StatusArgs {
    /// Where the cluster's REST API is; by default that of the cluster that was started here.
    #[arg(short = 'm', long, value_name = "HOST:PORT", conflicts_with = "state_dir")]
    jobmanager: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// What a cluster says of itself.
struct Answer {
    overview: ClusterOverviewWithVersion,
    task_managers: Vec<TaskManager>,
    jobs: Vec<JobSummary>,
}

/// Runs the verb.
pub(crate) fn execute(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    problems::in_json(args.json, status(args))
}

fn status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let state = match &args.jobmanager {
        Some(rest) => ClusterState { rest: Some(rest.clone()), processes: Vec::new() },
        None => started(&args.state)?,
    };
    let answer = match &state.rest {
        Some(rest) => Some(ask(&rest_client(&args.configuration.load()?, rest)?)),
        None => None,
    };
    if args.json {
        output::json(&to_json(&state, answer.as_ref()))?;
    } else {
        lines(&state, answer.as_ref()).iter().try_for_each(|line| output::line(line))?;
        if let Some(Err(error)) = &answer {
            output::error(error);
        }
    }
    let is_whole = state.processes.iter().all(|process| process.identity.is_alive());
    let is_well = is_whole && matches!(answer, Some(Ok(_)));
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cluster that was started from the folder.
fn started(args: &StateArgs) -> anyhow::Result<ClusterState> {
    let path = args.path()?;
    let Some(state) = state::read(&path)? else {
        bail!(
            "no cluster was started from folder {}; start one with `sandbar cluster start`, or \
             name one with -m host:port",
            path.display()
        );
    };
    Ok(state)
}

fn ask(client: &RestClient) -> Result<Answer, ClientError> {
    Ok(Answer {
        overview: client.overview()?,
        task_managers: client.task_managers()?.taskmanagers,
        jobs: client.jobs()?.jobs,
    })
}

fn lines(state: &ClusterState, answer: Option<&Result<Answer, ClientError>>) -> Vec<String> {
    let process = |process: &ClusterProcess| {
        let ClusterProcess { name, identity, log } = process;
        let pid = identity.pid;
        match identity.is_alive() {
            true => format!("  {name:<16} pid {pid}"),
            false => format!("  {name:<16} has ended; see {}", log.display()),
        }
    };
    let mut lines = vec![format!("Cluster at {}", state.address())];
    lines.extend(state.processes.iter().map(process));
    if let Some(Ok(answer)) = answer {
        lines.extend(answer_lines(answer));
    }
    lines
}

fn answer_lines(answer: &Answer) -> Vec<String> {
    let Answer { overview, task_managers, jobs } = answer;
    let mut lines = vec![format!(
        "{}, {}, {} free",
        output::plural(overview.taskmanagers as usize, "TaskManager"),
        output::plural(overview.slots_total as usize, "slot"),
        overview.slots_available
    )];
    lines.extend(task_managers.iter().map(|one| {
        let TaskManager { id, path, slots_number, free_slots, .. } = one;
        let slots = output::plural(*slots_number as usize, "slot");
        format!("  {id} at {path}, {slots}, {free_slots} free")
    }));
    lines.push(format!(
        "Jobs: {} running, {} finished, {} cancelled, {} failed",
        overview.jobs_running,
        overview.jobs_finished,
        overview.jobs_cancelled,
        overview.jobs_failed
    ));
    let zone = TimeZone::system();
    let running = jobs.iter().filter(|job| !job.state.is_terminal());
    lines.extend(running.flat_map(|job| job_lines(job, &zone)).map(|line| format!("  {line}")));
    lines
}

fn to_json(state: &ClusterState, answer: Option<&Result<Answer, ClientError>>) -> Value {
    let process = |process: &ClusterProcess| {
        json!({
            "name": process.name,
            "pid": process.identity.pid,
            "alive": process.identity.is_alive(),
            "log": process.log,
        })
    };
    let (answer, error) = match answer {
        Some(Ok(answer)) => (Some(answer), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, Some("the JobManager does not serve yet".to_owned())),
    };
    json!({
        "address": state.rest,
        "processes": state.processes.iter().map(process).collect::<Vec<_>>(),
        "overview": answer.map(|answer| &answer.overview),
        "taskmanagers": answer.map(|answer| &answer.task_managers),
        "jobs": answer.map(|answer| &answer.jobs),
        "errors": error.into_iter().collect::<Vec<_>>(),
    })
}
