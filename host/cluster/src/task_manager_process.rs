//! The TaskManager as a process: its loop, the exchange's port, and the link to the JobManager,
//! which it makes again whenever it is lost.
//!
//! Law: it ends when it is told to, or when no JobManager has taken it for
//! `taskmanager.registration.timeout`; whatever else happens to the link, it tries again. What ran
//! for a JobManager that is gone is cancelled.

mod registration;

use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use crossbeam_channel::Sender;
use sandbar_config::options::{cluster, memory, network};
use sandbar_config::{CompressionCodec, Configuration};
use sandbar_connectors::Console;
use sandbar_metrics::prometheus;
use sandbar_model::{Clock, SystemClock};
use sandbar_rest::{MetricsServer, RestHandle};
use sandbar_rpc::message::Registration;
use sandbar_rpc::{PROTOCOL_VERSION, TaskManagerId, TlsSettings};

use sandbar_taskmanager::task_manager::Message;
use sandbar_taskmanager::{
    Compression, JobManagerLink, LocalPlugins, NetworkEnvironment, NetworkOptions, TaskExecutor,
    TaskManager, TaskManagerParts,
};
use sandbar_wasm::Engine;
use tokio::sync::watch;

use self::registration::{Ending, Registrar};
use crate::log_buffer::LogBuffer;
use crate::settings;
use crate::tls;

/// Threads that carry messages of the JobManager.
const RPC_THREADS: usize = 1;

/// How a TaskManager process is made.
pub struct TaskManagerProcessOptions {
    /// Its configuration.
    pub configuration: Configuration,
    /// Where print sinks write.
    pub console: Console,
    /// Where compiled plugins are kept when no option says.
    pub cache_folder: Option<PathBuf>,
    /// The log of this process.
    pub log: LogBuffer,
}

impl std::fmt::Debug for TaskManagerProcessOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskManagerProcessOptions").finish_non_exhaustive()
    }
}

/// A TaskManager that has not registered yet.
pub struct TaskManagerProcess {
    registrar: Registrar,
    messages: Sender<Message>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
    _metrics: Option<RestHandle>,
}

impl std::fmt::Debug for TaskManagerProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskManagerProcess").finish_non_exhaustive()
    }
}

/// Ends a TaskManager process from another thread.
#[derive(Clone, Debug)]
pub struct StopTaskManager {
    messages: Sender<Message>,
    stop: watch::Sender<bool>,
}

impl StopTaskManager {
    /// Cancels all tasks and ends the process once they have ended. A second call changes nothing.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        // The loop may have ended already.
        let _ = self.messages.try_send(Message::Stop);
    }
}

impl TaskManagerProcess {
    /// Makes all parts and listens for other TaskManagers.
    ///
    /// # Errors
    /// A wrong option, a port that is taken, or no threads.
    pub fn start(options: TaskManagerProcessOptions) -> anyhow::Result<TaskManagerProcess> {
        let configuration = options.configuration;
        let id = name(&configuration)?;
        let engine_options = settings::engine(&configuration, options.cache_folder)?;
        let engine = Engine::new(engine_options).context("cannot make the sandbox engine")?;
        let tls = tls::internal(&configuration)?;
        let network_options = network_options(&configuration, id.clone(), tls.clone())?;
        let network = NetworkEnvironment::start(network_options, Arc::default())
            .context("cannot listen for other TaskManagers (taskmanager.data.port)")?;
        let job_manager = job_manager_address(&configuration)?;
        let data_address = data_address(&configuration, network.address(), &job_manager)?;
        let executor = Arc::new(
            TaskExecutor::new(Arc::new(SystemClock), options.console, engine.stack_bytes_max())
                .with_network(Arc::new(network)),
        );
        let metrics = serve_metrics(&configuration, &executor);
        let link = Arc::new(JobManagerLink::new());
        let log = options.log;
        let parts = TaskManagerParts {
            id: id.clone(),
            engine,
            executor,
            settings_of: settings::of_job(),
            slots: settings::slot_budget(&configuration)?,
            local: LocalPlugins::default(),
            clock: Arc::new(SystemClock),
            log: Arc::new(move || log.text()),
        };
        let (task_manager, messages) = TaskManager::new(parts, Arc::clone(&link));
        let (stop, stopped) = watch::channel(false);
        let ended = stop.clone();
        let thread = std::thread::Builder::new()
            .name("taskmanager".to_owned())
            .spawn(move || {
                // Also when the loop panics.
                let _ended = Ended(ended);
                task_manager.run();
            })
            .context("cannot start the thread of the TaskManager")?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(RPC_THREADS)
            .thread_name("rpc")
            .enable_all()
            .build()
            .context("cannot start the threads of the RPC client")?;
        tracing::info!(task_manager = %id, data = data_address, "TaskManager started");
        let registrar = Registrar {
            runtime,
            job_manager,
            tls,
            timeout: configuration.get(&cluster::TASKMANAGER_REGISTRATION_TIMEOUT)?,
            link,
            messages: messages.clone(),
            stopped,
            registration: Registration {
                protocol: PROTOCOL_VERSION,
                id,
                instance: instance(),
                data_address,
                slots: configuration.get(&memory::TASK_SLOTS)?.get(),
                managed_memory_bytes: settings::managed_memory(&configuration)?,
                guest_memory_bytes: settings::guest_memory(&configuration)?,
                cpu_cores: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            },
        };
        Ok(TaskManagerProcess { registrar, messages, stop, thread, _metrics: metrics })
    }

    /// What ends it.
    pub fn stopper(&self) -> StopTaskManager {
        StopTaskManager { messages: self.messages.clone(), stop: self.stop.clone() }
    }

    /// Registers, works, and registers again, until it is told to end.
    ///
    /// # Errors
    /// No JobManager has taken it in time, or one refuses it.
    pub fn run_to_end(self) -> anyhow::Result<()> {
        let TaskManagerProcess { mut registrar, messages, thread, .. } = self;
        let ending = registrar.run();
        // Its tasks may still be ending; the loop waits for them.
        let _ = messages.send(Message::Stop);
        if thread.join().is_err() {
            bail!("the TaskManager's loop panicked; its log says where");
        }
        match ending {
            Ending::Stopped => Ok(()),
            Ending::Failed(error) => Err(error),
        }
    }
}

/// Tells, when it is dropped, that the loop has ended.
struct Ended(watch::Sender<bool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// Serves `/metrics`; a TaskManager that finds no port for it does without.
fn serve_metrics(
    configuration: &Configuration,
    executor: &Arc<TaskExecutor>,
) -> Option<RestHandle> {
    let serve = || -> anyhow::Result<RestHandle> {
        let host = configuration.get(&network::TASKMANAGER_BIND_HOST)?;
        let ports = configuration.get(&cluster::METRICS_PORTS)?;
        let executor = Arc::clone(executor);
        let render = move || prometheus::render(&executor.metrics().snapshot());
        let range = ports.first..=ports.last;
        Ok(MetricsServer::start(&host, range, Arc::new(render))?)
    };
    match serve() {
        Ok(handle) => {
            tracing::info!(address = %handle.local_address(), "serving /metrics");
            Some(handle)
        }
        Err(error) => {
            tracing::warn!("no /metrics: {error:#}");
            None
        }
    }
}

/// A number that no other process has, as good as certainly.
fn instance() -> u64 {
    (u64::from(std::process::id()) << 42) ^ SystemClock.now_ms() as u64
}

/// The name of this TaskManager: the one it was given, or one that no other has.
fn name(configuration: &Configuration) -> anyhow::Result<TaskManagerId> {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    if let Some(id) = configuration.get(&cluster::TASKMANAGER_RESOURCE_ID)? {
        return Ok(TaskManagerId(id));
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "taskmanager" } else { host.trim() };
    let (pid, number) = (std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
    Ok(TaskManagerId(format!("{host}-{pid}-{:x}-{number}", SystemClock.now_ms())))
}

fn job_manager_address(configuration: &Configuration) -> anyhow::Result<String> {
    let host = configuration.get(&cluster::JOBMANAGER_RPC_ADDRESS)?;
    Ok(settings::host_port(&host, configuration.get(&cluster::JOBMANAGER_RPC_PORT)?))
}

/// Where other TaskManagers reach this one.
fn data_address(
    configuration: &Configuration,
    bound: std::net::SocketAddr,
    job_manager: &str,
) -> anyhow::Result<String> {
    let port = bound.port();
    let host = match configuration.get(&cluster::TASKMANAGER_HOST)? {
        Some(host) => host,
        None if bound.ip().is_unspecified() => match address_towards(job_manager) {
            Some(address) => address.to_string(),
            None => "127.0.0.1".to_owned(),
        },
        None => bound.ip().to_string(),
    };
    Ok(settings::host_port(&host, port))
}

/// The address of this machine by which packets to a peer leave. Nothing is sent.
fn address_towards(peer: &str) -> Option<IpAddr> {
    let peer = peer.to_socket_addrs().ok()?.next()?;
    let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn network_options(
    configuration: &Configuration,
    id: TaskManagerId,
    tls: Option<TlsSettings>,
) -> anyhow::Result<NetworkOptions> {
    let host = configuration.get(&network::TASKMANAGER_BIND_HOST)?;
    let port = configuration.get(&network::TASKMANAGER_DATA_PORT)?;
    let bind_address = settings::host_port(&host, port);
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    if host != "localhost" && !host.parse().is_ok_and(is_loopback) && tls.is_none() {
        tracing::warn!(
            address = bind_address,
            "the data port is open to everyone who reaches this address; set \
             taskmanager.bind-host to 127.0.0.1 unless the network is closed, or ask for \
             certificates with security.ssl.internal.enabled"
        );
    }
    let cluster_id = configuration.get(&cluster::HIGH_AVAILABILITY_CLUSTER_ID)?;
    let frame_bytes_max = configuration.get(&network::NETWORK_FRAME_BYTES_MAX)?.bytes();
    Ok(NetworkOptions {
        bind_address,
        compression: match configuration.get(&network::NETWORK_COMPRESSION_CODEC)? {
            CompressionCodec::None => Compression::None,
            CompressionCodec::Lz4 => Compression::Lz4,
            CompressionCodec::Zstd => Compression::Zstd,
        },
        frame_bytes_max: u32::try_from(frame_bytes_max).unwrap_or(u32::MAX),
        connect_timeout: configuration.get(&network::NETWORK_CONNECT_TIMEOUT)?,
        unacknowledged_timeout: configuration.get(&network::NETWORK_UNACKNOWLEDGED_TIMEOUT)?,
        connections_max: configuration.get(&network::NETWORK_CONNECTIONS_MAX)?.get() as usize,
        tls,
        ..NetworkOptions::new(id, cluster_id)
    })
}
