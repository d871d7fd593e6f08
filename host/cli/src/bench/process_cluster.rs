//! A cluster of processes for a benchmark: a JobManager and TaskManagers of this binary on free
//! ports, and what they use up. Dropping it kills them.

use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rest::RestClient;
use sandbar_rest::message::plugin::JobSubmitRequest;
use serde_json::Value;
use tempfile::TempDir;

use super::usage;

/// How long the processes may take to find each other.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// How often to look.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// The cluster.
pub(super) struct ProcessCluster {
    pub(super) client: RestClient,
    job_manager: Child,
    workers: Vec<Child>,
    _folder: TempDir,
}

impl ProcessCluster {
    /// Starts this many TaskManagers with this many slots each, and waits until they are there.
    pub(super) fn start(
        workers: u32,
        slots: u32,
        options: &[String],
    ) -> anyhow::Result<ProcessCluster> {
        let folder = TempDir::new().context("cannot make a folder")?;
        let file = folder.path().join("addresses.json");
        let log = folder.path().join("log");
        let job_manager = command("jobmanager", &log)?
            .args(["-Drest.port=0", "-Djobmanager.rpc.port=0", "--addresses-file"])
            .arg(&file)
            .args(options)
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start a JobManager")?;
        let until = Instant::now() + START_TIME_MAX;
        let addresses =
            wait("the JobManager to serve", until, || Ok(std::fs::read_to_string(&file).ok()));
        let addresses = addresses.with_context(|| read_log(&log))?;
        let addresses: Value = serde_json::from_str(&addresses)?;
        let address = |name: &str| addresses[name].as_str().unwrap_or_default().to_owned();
        let client = RestClient::new(&address("rest"))?;
        let rpc = address("rpc");
        let port = rpc.rsplit(':').next().unwrap_or_default();
        let mut cluster =
            ProcessCluster { client, job_manager, workers: Vec::new(), _folder: folder };
        for _ in 0..workers {
            let worker = command("taskmanager", &log)?
                .args(["--slots", &slots.to_string()])
                .args(["-Djobmanager.rpc.address=127.0.0.1".to_owned()])
                .arg(format!("-Djobmanager.rpc.port={port}"))
                .args(options)
                .stdout(Stdio::piped())
                .spawn()
                .context("cannot start a TaskManager")?;
            cluster.workers.push(worker);
        }
        wait("the TaskManagers to register", until, || {
            let there = cluster.client.overview()?.taskmanagers;
            Ok((there >= workers).then_some(()))
        })
        .with_context(|| read_log(&log))?;
        Ok(cluster)
    }

    /// What the print sinks of a TaskManager write; once for each.
    pub(super) fn output_of(&mut self, worker: usize) -> Option<ChildStdout> {
        self.workers.get_mut(worker)?.stdout.take()
    }

    /// Starts a job.
    pub(super) fn submit(&self, spec: &Value) -> anyhow::Result<JobId> {
        Ok(self.client.submit(&JobSubmitRequest::new(spec.to_string())?)?)
    }

    /// Waits for the end of a job, which is to finish; the seconds from its start to its end.
    pub(super) fn await_finished(&self, job: JobId) -> anyhow::Result<f64> {
        loop {
            let shown = self.client.job(job)?;
            if shown.state == JobStatus::Finished {
                return Ok(shown.duration as f64 / 1e3);
            }
            if shown.state.is_terminal() {
                let why = self.client.job_exceptions(job)?.root_exception;
                bail!("the job ended {}: {}", shown.state, why.unwrap_or_default());
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// User and system time of all processes so far, in seconds.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        self.pids().map(|pid| usage::cpu_seconds(&pid)).sum()
    }

    /// Resident memory of all processes now, in kilobytes.
    pub(super) fn rss_kb(&self) -> anyhow::Result<u64> {
        self.pids().map(|pid| usage::status_kb(&pid, "VmRSS:")).sum()
    }

    /// Open files of all processes now.
    pub(super) fn open_files(&self) -> anyhow::Result<usize> {
        self.pids().map(|pid| usage::open_files(&pid)).sum()
    }

    fn pids(&self) -> impl Iterator<Item = String> {
        [&self.job_manager].into_iter().chain(&self.workers).map(|child| child.id().to_string())
    }
}

impl Drop for ProcessCluster {
    fn drop(&mut self) {
        for child in [&mut self.job_manager].into_iter().chain(&mut self.workers) {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn command(verb: &str, log: &Path) -> anyhow::Result<Command> {
    let itself = std::env::current_exe().context("cannot find this program")?;
    let log = std::fs::File::options().append(true).create(true).open(log)?;
    let mut command = Command::new(itself);
    command.arg(verb).stdin(Stdio::null()).stderr(log);
    Ok(command)
}

fn read_log(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn wait<T>(
    what: &str,
    until: Instant,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if Instant::now() > until {
            bail!("waited for {what} for {START_TIME_MAX:?}");
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}
