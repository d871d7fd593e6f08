//! Starts the processes of a cluster and waits until they are one: the JobManager serves, and all
//! TaskManagers have registered.
//!
//! Law: a launch that does not succeed leaves no process behind.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sandbar_cluster::rest_client;
use sandbar_config::Configuration;
use sandbar_rest::RestClient;
use serde::Deserialize;

use super::process::{self, ProcessIdentity};
use super::state::{ClusterProcess, ClusterState, StateFolder};

/// How often the cluster is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Lines of a log that an error shows.
const TAIL_LINES: usize = 20;
/// Bytes of a log that are read for them.
const TAIL_BYTES: u64 = 16 * 1024;

/// A cluster to start.
pub(super) struct Launch<'a> {
    /// The binary `sandbar`.
    pub(super) binary: &'a Path,
    pub(super) folder: &'a StateFolder,
    /// Arguments for every process.
    pub(super) arguments: Vec<OsString>,
    /// What they make of these.
    pub(super) configuration: &'a Configuration,
    pub(super) task_managers: u32,
    /// Of each TaskManager, as its argument has it.
    pub(super) slots: Option<&'a str>,
    /// How long all of it may take.
    pub(super) timeout: Duration,
}

/// Who watches a launch: is told what it waits for, may wait a while, and says whether to give up.
pub(super) type Watch<'a> = &'a mut dyn FnMut(&str, Duration) -> bool;

/// What the JobManager writes once it serves.
#[derive(Debug, Deserialize)]
struct Addresses {
    rest: String,
    rpc: String,
}

/// The processes, as far as they are started.
#[derive(Default)]
struct Launched {
    state: ClusterState,
    children: Vec<Child>,
}

/// Whether what is waited for is there.
enum Look<T> {
    There(T),
    /// What is missing.
    Waits(String),
}

impl Launch<'_> {
    /// Starts the cluster; none if the watch gave up.
    ///
    /// # Errors
    /// A process cannot be started or ends, or it takes too long.
    pub(super) fn launch(&self, watch: Watch<'_>) -> anyhow::Result<Option<ClusterState>> {
        let mut launched = Launched::default();
        let outcome = self.launch_all(&mut launched, watch);
        if matches!(outcome, Ok(true)) {
            return Ok(Some(launched.state));
        }
        process::end(&launched.state.identities());
        self.folder.forget()?;
        outcome.map(|_| None)
    }

    /// Whether the cluster is there; if not, the watch gave up.
    fn launch_all(&self, launched: &mut Launched, watch: Watch<'_>) -> anyhow::Result<bool> {
        let deadline = Instant::now() + self.timeout;
        self.folder.forget()?;
        let file = self.folder.addresses();
        let addresses_file = [OsString::from("--addresses-file"), file.clone().into_os_string()];
        self.spawn(launched, "jobmanager", "jobmanager".to_owned(), &addresses_file)?;
        let serves = || look_for_addresses(&file);
        let Some(addresses) = self.until(launched, deadline, serves, watch)? else {
            return Ok(false);
        };
        let client = rest_client(self.configuration, &addresses.rest)?;
        let is_secure = client.url().starts_with("https://");
        let rest = if is_secure { client.url() } else { client.address() };
        launched.state.rest = Some(rest.to_owned());
        self.folder.write(&launched.state)?;
        let arguments = self.task_manager_arguments(&addresses)?;
        for number in 1..=self.task_managers {
            self.spawn(launched, "taskmanager", format!("taskmanager-{number}"), &arguments)?;
        }
        let is_whole = || self.look_for_task_managers(&client);
        Ok(self.until(launched, deadline, is_whole, watch)?.is_some())
    }

    fn task_manager_arguments(&self, addresses: &Addresses) -> anyhow::Result<Vec<OsString>> {
        let (host, port) = addresses.rpc.rsplit_once(':').with_context(|| {
            format!("the JobManager is at `{}`, which is no host:port", addresses.rpc)
        })?;
        let slots = self.slots.iter().flat_map(|slots| ["--slots", slots]).map(OsString::from);
        // Last, so that they win over what the user says of addresses: the port may have been 0.
        let overrides =
            [format!("-Djobmanager.rpc.address={host}"), format!("-Djobmanager.rpc.port={port}")];
        Ok(slots.chain(overrides.map(OsString::from)).collect())
    }

    fn look_for_task_managers(&self, client: &RestClient) -> Look<()> {
        match client.overview() {
            Ok(overview) if overview.taskmanagers >= self.task_managers => Look::There(()),
            Ok(overview) => Look::Waits(format!(
                "{} of {} TaskManagers have registered",
                overview.taskmanagers, self.task_managers
            )),
            Err(error) => Look::Waits(error.to_string()),
        }
    }

    /// Starts a process of its own group, so that what ends this command does not end it.
    fn spawn(
        &self,
        launched: &mut Launched,
        verb: &str,
        name: String,
        arguments: &[OsString],
    ) -> anyhow::Result<()> {
        let log = self.folder.logs().join(format!("{name}.log"));
        let output = new_log(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new(self.binary)
            .arg(verb)
            .args(&self.arguments)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("cannot open a log twice")?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {} {verb}", self.binary.display()))?;
        let identity = match ProcessIdentity::of(child.id()) {
            Ok(identity) => identity,
            Err(error) => {
                // Without a name for it, it could never be ended later.
                let _ = child.kill();
                return Err(error).with_context(|| format!("cannot look at the process {name}"));
            }
        };
        launched.children.push(child);
        launched.state.processes.push(ClusterProcess { name, identity, log });
        self.folder.write(&launched.state)
    }

    /// Waits until something is there; none if the watch gave up.
    fn until<T>(
        &self,
        launched: &mut Launched,
        deadline: Instant,
        mut look: impl FnMut() -> Look<T>,
        watch: Watch<'_>,
    ) -> anyhow::Result<Option<T>> {
        loop {
            launched.check()?;
            let missing = match look() {
                Look::There(thing) => return Ok(Some(thing)),
                Look::Waits(missing) => missing,
            };
            if Instant::now() >= deadline {
                bail!(
                    "the cluster is not there after {} s: {missing}; folder {} has the logs of \
                     its processes, which were ended",
                    self.timeout.as_secs_f64(),
                    self.folder.logs().display()
                );
            }
            if watch(&missing, LOOK_INTERVAL) {
                return Ok(None);
            }
        }
    }
}

impl Launched {
    /// Whether all processes still run.
    ///
    /// # Errors
    /// One does not, with the end of its log.
    fn check(&mut self) -> anyhow::Result<()> {
        for (child, process) in self.children.iter_mut().zip(&self.state.processes) {
            if let Some(status) = child.try_wait().context("cannot look at a process")? {
                return Err(ended(process, status));
            }
        }
        Ok(())
    }
}

fn ended(process: &ClusterProcess, status: ExitStatus) -> anyhow::Error {
    let ClusterProcess { name, log, .. } = process;
    let tail = tail(log).unwrap_or_else(|error| format!("  it cannot be read: {error}"));
    let shown = log.display();
    anyhow::anyhow!("{name} ended with {status}; its log {shown} ends with\n{tail}")
}

/// The JobManager may be about to write the file.
fn look_for_addresses(file: &Path) -> Look<Addresses> {
    let text = std::fs::read(file).unwrap_or_default();
    match serde_json::from_slice(&text) {
        Ok(addresses) => Look::There(addresses),
        Err(_) => Look::Waits("the JobManager does not serve yet".to_owned()),
    }
}

/// Makes an empty log; the one before is kept as `.1`.
fn new_log(path: &Path) -> io::Result<File> {
    let mut before = path.as_os_str().to_owned();
    before.push(".1");
    match std::fs::rename(path, PathBuf::from(before)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => File::options().create(true).append(true).open(path),
    }
}

/// The last lines of a log, each with a margin.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<String> =
        text.lines().rev().take(TAIL_LINES).map(|line| format!("  {line}")).collect();
    lines.reverse();
    Ok(if lines.is_empty() { "  nothing".to_owned() } else { lines.join("\n") })
}

#[cfg(test)]
mod tests;
