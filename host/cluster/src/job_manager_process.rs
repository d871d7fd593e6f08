//! The JobManager as a process: its loop, the Dispatcher, the RPC port for TaskManagers and the
//! REST port for everybody else.
//!
//! Law: it ends when its loop does, whoever told it to, and lets go of TaskManagers and clients
//! that are being answered first.

use std::hash::{BuildHasher, RandomState};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use sandbar_config::options::{cluster, memory};
use sandbar_config::{Configuration, ResourceProvider};
use sandbar_jobmanager::job_manager::Event;
use sandbar_jobmanager::{
    JobManager, JobManagerHandle, JobManagerOptions, SlotManagerOptions, Standalone, WorkerProvider,
};
use sandbar_model::{Clock, SystemClock};
use sandbar_rest::{RestHandle, RestLimits, RestOptions, RestServer};
use sandbar_rpc::FencingToken;
use sandbar_rpc::grpc::{ServerHandle, serve};
use sandbar_wasm::Engine;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::dispatcher::{Dispatcher, DispatcherParts, UnboundDispatcher};
use crate::log_buffer::LogBuffer;
use crate::process_provider::{ProcessProvider, WorkerCommand};
use crate::settings;
use crate::tls;

/// Threads that carry messages of TaskManagers.
const RPC_THREADS: usize = 2;
/// Events of links that wait for the loop; TaskManagers wait when there are more.
const LINK_EVENTS_MAX: usize = 1024;
/// Heartbeats that are sent more often leave no time for work.
const HEARTBEAT_INTERVAL_MIN: Duration = Duration::from_millis(10);
/// How long TaskManagers may take to hang up when the cluster ends.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// How a JobManager process is made.
pub struct JobManagerProcessOptions {
    /// The cluster's configuration.
    pub configuration: Configuration,
    /// Where compiled plugins are kept when no option says.
    pub cache_folder: Option<PathBuf>,
    /// The log of this process.
    pub log: LogBuffer,
    /// How a TaskManager is started, for `sandbar.resource.provider: process`. Addresses and
    /// slots are added to it.
    pub worker_command: WorkerCommand,
}

impl std::fmt::Debug for JobManagerProcessOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobManagerProcessOptions").finish_non_exhaustive()
    }
}

/// A JobManager that serves.
pub struct JobManagerProcess {
    dispatcher: Arc<Dispatcher>,
    job_manager: JobManagerHandle,
    rest: RestHandle,
    rest_scheme: &'static str,
    rpc: ServerHandle,
    runtime: Runtime,
    thread: JoinHandle<std::io::Result<()>>,
}

impl std::fmt::Debug for JobManagerProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobManagerProcess").field("rpc", &self.rpc).finish_non_exhaustive()
    }
}

impl JobManagerProcess {
    /// Starts all parts and serves.
    ///
    /// # Errors
    /// A wrong option, a port that is taken, or no threads.
    pub fn start(options: JobManagerProcessOptions) -> anyhow::Result<JobManagerProcess> {
        let configuration = options.configuration;
        let engine_options = settings::engine(&configuration, options.cache_folder)?;
        let engine = Engine::new(engine_options).context("cannot make the sandbox engine")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(RPC_THREADS)
            .thread_name("rpc")
            .enable_all()
            .build()
            .context("cannot start the threads of the RPC server")?;

        let (link_events, mut links) = mpsc::channel(LINK_EVENTS_MAX);
        let rpc = runtime.block_on(listen(&configuration, link_events))?;
        let unbound = UnboundDispatcher::new(DispatcherParts {
            engine,
            configuration: configuration.clone(),
            clock: Arc::clone(&clock),
            log: options.log,
        });
        let handle: Arc<OnceLock<JobManagerHandle>> = Arc::default();
        let provider = provider(&configuration, options.worker_command, rpc.address(), &handle)?;
        let (manager, job_manager) = JobManager::new(JobManagerOptions {
            provider,
            plugins: unbound.plugin_bytes(),
            ..job_manager_options(&configuration, clock)?
        });
        // Set once, here.
        let _ = handle.set(job_manager.clone());
        let dispatcher = Arc::new(unbound.bind(job_manager.clone()));
        let events = job_manager.events().clone();
        runtime.spawn(async move {
            while let Some(event) = links.recv().await {
                if events.send(Event::Link(event)).await.is_err() {
                    return;
                }
            }
        });
        let gateway: Arc<Dispatcher> = Arc::clone(&dispatcher);
        let rest_options = rest_options(&configuration)?;
        let rest_scheme = if rest_options.tls.is_some() { "https" } else { "http" };
        let rest = RestServer::start(&rest_options, gateway)?;
        let thread = std::thread::Builder::new()
            .name("jobmanager".to_owned())
            .spawn(move || manager.run())
            .context("cannot start the thread of the JobManager")?;
        tracing::info!(rest = %rest.local_address(), rpc = %rpc.address(), "JobManager started");
        Ok(JobManagerProcess { dispatcher, job_manager, rest, rest_scheme, rpc, runtime, thread })
    }

    /// Where the REST API is served.
    pub fn rest_address(&self) -> SocketAddr {
        self.rest.local_address()
    }

    /// The same as a URL: with the scheme that it is served over.
    pub fn rest_url(&self) -> String {
        format!("{}://{}", self.rest_scheme, self.rest.local_address())
    }

    /// Where TaskManagers are expected.
    pub fn rpc_address(&self) -> SocketAddr {
        self.rpc.address()
    }

    /// Takes jobs.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Watches jobs, and ends the cluster.
    pub fn job_manager(&self) -> &JobManagerHandle {
        &self.job_manager
    }

    /// Serves until the cluster is ended, by a client or by [`JobManagerHandle::stop`].
    ///
    /// # Errors
    /// The JobManager's loop failed.
    pub fn run_to_end(self) -> anyhow::Result<()> {
        let JobManagerProcess { rest, rpc, runtime, thread, .. } = self;
        let ended = thread.join();
        rest.stop();
        runtime.block_on(async {
            if tokio::time::timeout(STOP_TIME_MAX, rpc.stop()).await.is_err() {
                tracing::warn!("TaskManagers did not hang up in time");
            }
        });
        runtime.shutdown_timeout(STOP_TIME_MAX);
        match ended {
            Ok(ended) => ended.context("the JobManager's loop ended"),
            Err(_) => Err(anyhow!("the JobManager's loop panicked; its log says where")),
        }
    }
}

async fn listen(
    configuration: &Configuration,
    events: mpsc::Sender<sandbar_rpc::LinkEvent>,
) -> anyhow::Result<ServerHandle> {
    let host = configuration.get(&cluster::JOBMANAGER_BIND_HOST)?;
    let port = configuration.get(&cluster::JOBMANAGER_RPC_PORT)?;
    let found = (host.as_str(), port).to_socket_addrs().map(|mut found| found.next());
    let address = match found {
        Ok(Some(address)) => address,
        Ok(None) | Err(_) => {
            let option = cluster::JOBMANAGER_BIND_HOST.key();
            return Err(anyhow!("{option}: \"{host}\" is no address of this machine"));
        }
    };
    let tls = tls::internal(configuration)?;
    if !address.ip().is_loopback() && tls.is_none() {
        tracing::warn!(
            %address,
            "the RPC port is open to everyone who reaches this address, and whoever reaches it can \
             take part in the cluster; set jobmanager.bind-host to 127.0.0.1 unless the network is \
             closed, or ask for certificates with security.ssl.internal.enabled"
        );
    }
    serve(address, events, tls.as_ref()).await.with_context(|| {
        format!(
            "cannot listen for TaskManagers on {host}:{port}; choose another address with \
             jobmanager.bind-host or another port with jobmanager.rpc.port (0 for any)"
        )
    })
}

fn rest_options(configuration: &Configuration) -> anyhow::Result<RestOptions> {
    let plugin_bytes = configuration.get(&sandbar_config::options::guest::PLUGIN_BYTES_MAX)?;
    let limits = RestLimits {
        // With room for the envelope of the form.
        upload_bytes_max: plugin_bytes.bytes_usize().saturating_add(64 << 10),
        ..RestLimits::default()
    };
    Ok(RestOptions {
        bind_address: configuration.get(&cluster::REST_BIND_ADDRESS)?,
        port: configuration.get(&cluster::REST_PORT)?,
        limits,
        tls: tls::rest_server(configuration)?,
    })
}

/// The options but for provider and plugins.
fn job_manager_options(
    configuration: &Configuration,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<JobManagerOptions> {
    let heartbeat_interval = configuration.get(&cluster::HEARTBEAT_INTERVAL)?;
    let heartbeat_timeout = configuration.get(&cluster::HEARTBEAT_TIMEOUT)?;
    if heartbeat_interval < HEARTBEAT_INTERVAL_MIN || heartbeat_timeout <= heartbeat_interval {
        bail!(
            "heartbeat.interval is {heartbeat_interval:?} and heartbeat.timeout \
             {heartbeat_timeout:?}: the interval must be at least {HEARTBEAT_INTERVAL_MIN:?}, and \
             the timeout longer"
        );
    }
    let has_provider = configuration.get(&cluster::RESOURCE_PROVIDER)? == ResourceProvider::Process;
    let idle = configuration.get(&cluster::TASK_MANAGER_TIMEOUT)?.as_millis() as u64;
    let slots = configuration.get(&memory::TASK_SLOTS)?;
    Ok(JobManagerOptions {
        clock,
        token: FencingToken(RandomState::new().hash_one(0)),
        heartbeat_interval,
        heartbeat_timeout,
        slot_request_timeout: configuration.get(&cluster::SLOT_REQUEST_TIMEOUT)?,
        archive_max: configuration.get(&cluster::JOBSTORE_MAX_CAPACITY)?.get() as usize,
        archive_expiration: configuration.get(&cluster::JOBSTORE_EXPIRATION_TIME)?,
        slots: SlotManagerOptions {
            evenly_spread_out_slots: configuration.get(&cluster::EVENLY_SPREAD_OUT_SLOTS)?,
            task_manager_timeout_ms: has_provider.then_some(idle),
            slots_per_worker: has_provider.then_some(slots),
        },
        provider: Box::new(Standalone),
        plugins: Arc::new(|_| None),
    })
}

fn provider(
    configuration: &Configuration,
    command: WorkerCommand,
    job_manager: SocketAddr,
    handle: &Arc<OnceLock<JobManagerHandle>>,
) -> anyhow::Result<Box<dyn WorkerProvider>> {
    Ok(match configuration.get(&cluster::RESOURCE_PROVIDER)? {
        ResourceProvider::Standalone => Box::new(Standalone),
        ResourceProvider::Process => {
            let max = configuration.get(&cluster::PROVIDER_TASK_MANAGERS_MAX)?.get();
            let slots = configuration.get(&memory::TASK_SLOTS)?.get();
            let command = command.with_cluster(job_manager, slots);
            Box::new(ProcessProvider::new(command, max as usize, Arc::clone(handle)))
        }
    })
}
