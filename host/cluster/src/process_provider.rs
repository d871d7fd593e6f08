//! The provider that starts TaskManagers as processes of this machine, and ends those that idle.
//!
//! Law: a process is waited for by a thread of its own, so the JobManager's loop never is; one that
//! ends before it was told to gives its place back.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sandbar_jobmanager::{JobManagerHandle, WorkerProvider};
use sandbar_rpc::TaskManagerId;

/// How a TaskManager is started.
#[derive(Clone, Debug, Default)]
pub struct WorkerCommand {
    /// The binary.
    pub program: PathBuf,
    /// Arguments that come first.
    pub arguments: Vec<OsString>,
}

impl WorkerCommand {
    /// Adds where the JobManager is and how many slots it expects.
    pub(crate) fn with_cluster(mut self, job_manager: SocketAddr, slots: u32) -> WorkerCommand {
        let address = match job_manager.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.to_string(),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip.to_string(),
        };
        for option in [
            format!("-Djobmanager.rpc.address={address}"),
            format!("-Djobmanager.rpc.port={}", job_manager.port()),
            format!("-Dtaskmanager.numberOfTaskSlots={slots}"),
        ] {
            self.arguments.push(option.into());
        }
        self
    }
}

/// The processes that have not ended, by TaskManager; true once they have registered and were let
/// go.
type Running = Arc<Mutex<HashMap<TaskManagerId, bool>>>;

/// Starts TaskManagers.
#[derive(Debug)]
pub struct ProcessProvider {
    command: WorkerCommand,
    /// Processes at a time.
    max: usize,
    job_manager: Arc<OnceLock<JobManagerHandle>>,
    running: Running,
    started: u64,
}

impl ProcessProvider {
    /// Makes a provider of at most `max` processes. Those that fail are told to `job_manager`.
    pub fn new(
        command: WorkerCommand,
        max: usize,
        job_manager: Arc<OnceLock<JobManagerHandle>>,
    ) -> ProcessProvider {
        ProcessProvider { command, max, job_manager, running: Arc::default(), started: 0 }
    }

    fn start(&mut self) -> std::io::Result<()> {
        self.started += 1;
        let id = TaskManagerId(format!("worker-{}-{}", std::process::id(), self.started));
        let mut child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .arg(format!("-Dtaskmanager.resource-id={id}"))
            // It ends when this process does, whichever way: then its standard input ends.
            .stdin(Stdio::piped())
            .spawn()?;
        tracing::info!(task_manager = %id, pid = child.id(), "TaskManager process started");
        lock(&self.running).insert(id.clone(), false);
        let watch = Watch {
            id,
            _life: child.stdin.take(),
            child,
            running: Arc::clone(&self.running),
            job_manager: Arc::clone(&self.job_manager),
        };
        std::thread::Builder::new().name("worker".to_owned()).spawn(move || watch.run())?;
        Ok(())
    }
}

impl WorkerProvider for ProcessProvider {
    fn request(&mut self, workers: u32) -> u32 {
        let room = self.max.saturating_sub(lock(&self.running).len());
        let started = (workers as usize).min(room);
        if started < workers as usize {
            tracing::warn!(
                max = self.max,
                "no more TaskManagers are started: sandbar.resource.task-managers.max are there"
            );
        }
        for index in 0..started {
            if let Err(error) = self.start() {
                let program = self.command.program.display();
                tracing::error!(%program, %error, "a TaskManager process cannot be started");
                return workers - index as u32;
            }
        }
        workers - started as u32
    }

    fn released(&mut self, worker: &TaskManagerId) {
        if let Some(released) = lock(&self.running).get_mut(worker) {
            *released = true;
        }
    }
}

/// Waits for the end of a process.
struct Watch {
    id: TaskManagerId,
    _life: Option<ChildStdin>,
    child: Child,
    running: Running,
    job_manager: Arc<OnceLock<JobManagerHandle>>,
}

impl Watch {
    fn run(mut self) {
        let ended = self.child.wait();
        let released = lock(&self.running).remove(&self.id).unwrap_or(false);
        match ended {
            Ok(status) if released => {
                tracing::info!(task_manager = %self.id, %status, "TaskManager process ended");
            }
            Ok(status) => {
                tracing::warn!(task_manager = %self.id, %status, "TaskManager process died");
            }
            Err(error) => {
                tracing::warn!(task_manager = %self.id, %error, "TaskManager process not waited");
            }
        }
        let Some(job_manager) = self.job_manager.get().filter(|_| !released) else { return };
        let registered = job_manager.task_managers().iter().any(|known| known.id == self.id);
        if !registered {
            job_manager.workers_failed(1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
