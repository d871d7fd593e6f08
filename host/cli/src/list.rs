//! `sandbar list`: the jobs of a cluster, in the groups and lines of Flink's `flink list`.
//!
//! Source: Flink, `CliFrontend.listJobs`.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sandbar_model::status::JobStatus;
use sandbar_rest::message::job::JobSummary;
use serde_json::json;

use crate::cluster_client::ClientArgs;
use crate::{output, problems};

/// Arguments of `sandbar list`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar list                     jobs that run, and those that do not yet
  sandbar list -a                  those that have ended too
  sandbar list -r -m 10.0.0.7:8081 jobs that run on another cluster
  sandbar list --json | jq -r '.jobs[].jid'

Times are this machine's. Below a job that waits is what it waits for.")]
pub(crate) struct ListArgs {
    /// Jobs that run, restart, or are being ended.
    #[arg(short, long)]
    running: bool,
    /// Jobs that do not run yet.
    #[arg(short, long)]
    scheduled: bool,
    /// All jobs, those that have ended too.
    #[arg(short, long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClientArgs,
}

/// Where a job is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Running,
    Scheduled,
    Terminated,
}

impl Group {
    const ALL: [Group; 3] = [Group::Running, Group::Scheduled, Group::Terminated];

    fn of(status: JobStatus) -> Group {
        match status {
            JobStatus::Created | JobStatus::Initializing => Group::Scheduled,
            JobStatus::Running
            | JobStatus::Failing
            | JobStatus::Cancelling
            | JobStatus::Restarting => Group::Running,
            JobStatus::Finished | JobStatus::Canceled | JobStatus::Failed => Group::Terminated,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Group::Running => "------------------ Running/Restarting Jobs -------------------",
            Group::Scheduled => "----------------------- Scheduled Jobs -----------------------",
            Group::Terminated => "---------------------- Terminated Jobs -----------------------",
        }
    }

    /// What is printed in place of an empty group.
    fn nothing(self) -> Option<&'static str> {
        match self {
            Group::Running => Some("No running jobs."),
            Group::Scheduled => Some("No scheduled jobs."),
            Group::Terminated => None,
        }
    }
}

/// The line below a group.
const END: &str = "--------------------------------------------------------------";

/// Runs the verb.
pub(crate) fn execute(args: &ListArgs) -> anyhow::Result<ExitCode> {
    problems::in_json(args.json, list(args))
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.cluster.client()?;
    let is_wanted = |group: Group| match group {
        Group::Running => args.running || args.all || !args.scheduled,
        Group::Scheduled => args.scheduled || args.all || !args.running,
        Group::Terminated => args.all,
    };
    if !args.json {
        output::line("Waiting for response...")?;
    }
    let mut jobs = client.jobs()?.jobs;
    jobs.retain(|job| is_wanted(Group::of(job.state)));
    jobs.sort_by_key(|job| job.start_time);
    if args.json {
        output::json(&json!({ "jobs": jobs }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let zone = TimeZone::system();
    for group in Group::ALL.into_iter().filter(|group| is_wanted(*group)) {
        group_lines(group, &jobs, &zone).iter().try_for_each(|line| output::line(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines of a group of jobs.
fn group_lines(group: Group, jobs: &[JobSummary], zone: &TimeZone) -> Vec<String> {
    let members = jobs.iter().filter(|job| Group::of(job.state) == group);
    let lines: Vec<String> = members.flat_map(|job| job_lines(job, zone)).collect();
    if lines.is_empty() {
        return group.nothing().map(str::to_owned).into_iter().collect();
    }
    let (title, end) = ([group.title().to_owned()], [END.to_owned()]);
    title.into_iter().chain(lines).chain(end).collect()
}

/// The line of a job, and one with what it waits for.
pub(crate) fn job_lines(job: &JobSummary, zone: &TimeZone) -> Vec<String> {
    let JobSummary { jid, name, state, start_time, waiting_for, .. } = job;
    let name = output::printable(name);
    let line = format!("{} : {jid} : {name} ({state})", date(*start_time, zone));
    let waiting = waiting_for.iter().map(|reason| format!("    waits: {reason}"));
    [line].into_iter().chain(waiting).collect()
}

/// Milliseconds since the Unix epoch as Flink writes them: `dd.MM.yyyy HH:mm:ss`.
pub(crate) fn date(ms: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(timestamp) => timestamp.to_zoned(zone.clone()).strftime("%d.%m.%Y %H:%M:%S").to_string(),
        Err(_) => ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn job(name: &str, state: JobStatus, waiting_for: Option<&str>) -> JobSummary {
        JobSummary {
            jid: "0".repeat(32),
            name: name.to_owned(),
            state,
            start_time: 1_700_000_000_000,
            end_time: -1,
            duration: 0,
            last_modification: 0,
            tasks: BTreeMap::new(),
            waiting_for: waiting_for.map(str::to_owned),
        }
    }

    #[test]
    fn lines_are_flinks() {
        let jobs = [
            job("words", JobStatus::Running, Some("needs 8 slots, has 4")),
            job("late", JobStatus::Created, None),
        ];
        let expected = [
            "------------------ Running/Restarting Jobs -------------------",
            "14.11.2023 22:13:20 : 00000000000000000000000000000000 : words (RUNNING)",
            "    waits: needs 8 slots, has 4",
            "--------------------------------------------------------------",
        ];
        assert_eq!(group_lines(Group::Running, &jobs, &TimeZone::UTC), expected);
        assert_eq!(group_lines(Group::Scheduled, &jobs, &TimeZone::UTC).len(), 3);
        assert_eq!(group_lines(Group::Running, &[], &TimeZone::UTC), ["No running jobs."]);
        assert_eq!(group_lines(Group::Scheduled, &[], &TimeZone::UTC), ["No scheduled jobs."]);
        assert!(group_lines(Group::Terminated, &jobs, &TimeZone::UTC).is_empty());
    }

    #[test]
    fn no_time_makes_a_line_fail() {
        assert_eq!(date(0, &TimeZone::UTC), "01.01.1970 00:00:00");
        assert_eq!(date(i64::MAX, &TimeZone::UTC), i64::MAX.to_string());
    }
}
