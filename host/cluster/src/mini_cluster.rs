//! The MiniCluster: a JobManager and a TaskManager in this process, each with its own loop, joined
//! by a link that is a function call each way. What runs is what runs in a cluster.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use crossbeam_channel::Sender;
use sandbar_config::Configuration;
use sandbar_connectors::Console;
use sandbar_jobmanager::slot_manager::SLOTS_PER_TASK_MANAGER_MAX;
use sandbar_jobmanager::{
    JobManager, JobManagerHandle, JobManagerOptions, SlotManagerOptions, SlotSharing, Standalone,
};
use sandbar_model::{Clock, SystemClock};
use sandbar_rpc::message::Registration;
use sandbar_rpc::{FencingToken, LinkEvent, LinkId, PROTOCOL_VERSION, TaskManagerId, ToJobManager};
use sandbar_taskmanager::task_manager::Message;
use sandbar_taskmanager::{
    JobManagerLink, LocalPlugins, TaskExecutor, TaskManager, TaskManagerParts, VirtualClock,
};
use sandbar_wasm::Engine;

use crate::job_client::JobClient;
use crate::prepare::{JobLoader, PreparedJob};
use crate::settings;
use crate::submission::{new_job_id, submission};

/// How often the parts of a MiniCluster tell each other of their metrics.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(250);
/// They cannot lose each other; this only bounds a wait that has no end.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// The one link.
const LINK: LinkId = LinkId(0);
/// Name of the one TaskManager.
const LOCAL: &str = "local";

/// How a MiniCluster is made.
#[derive(Clone)]
pub struct MiniClusterOptions {
    /// The cluster's configuration.
    pub configuration: Configuration,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Where print sinks write.
    pub console: Console,
    /// Where compiled plugins are kept when no option says; none keeps them in memory only.
    pub cache_folder: Option<PathBuf>,
}

impl std::fmt::Debug for MiniClusterOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MiniClusterOptions").finish_non_exhaustive()
    }
}

/// Runs jobs in this process. Dropping it cancels what runs.
pub struct MiniCluster {
    configuration: Configuration,
    engine: Engine,
    executor: Arc<TaskExecutor>,
    job_manager: JobManagerHandle,
    local_plugins: LocalPlugins,
    task_manager: Sender<Message>,
    /// The JobManager's and the TaskManager's, until they are waited for.
    threads: [Option<JoinHandle<()>>; 2],
    has_virtual_clock: bool,
}

impl std::fmt::Debug for MiniCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MiniCluster").field("executor", &self.executor).finish_non_exhaustive()
    }
}

impl MiniCluster {
    /// Makes a cluster without jobs.
    ///
    /// # Errors
    /// A wrong option, an engine that does not fit the machine, or no thread for a loop.
    pub fn new(options: MiniClusterOptions) -> anyhow::Result<MiniCluster> {
        MiniCluster::start(options, None)
    }

    /// Makes a cluster without jobs whose processing time is virtual, in place of the options'
    /// clock: it starts at `start_ms`, in milliseconds since the Unix epoch, and moves to the next
    /// thing that is due exactly when all tasks of all jobs are idle. Heartbeats, the delays of
    /// restarts and all else between JobManager and TaskManager go by the machine's clock.
    ///
    /// # Errors
    /// As [`MiniCluster::new`].
    pub fn with_virtual_clock(
        options: MiniClusterOptions,
        start_ms: i64,
    ) -> anyhow::Result<MiniCluster> {
        let clock = Arc::new(VirtualClock::new(start_ms));
        let options = MiniClusterOptions { clock: Arc::<VirtualClock>::clone(&clock), ..options };
        MiniCluster::start(options, Some(clock))
    }

    fn start(
        options: MiniClusterOptions,
        virtual_clock: Option<Arc<VirtualClock>>,
    ) -> anyhow::Result<MiniCluster> {
        let configuration = options.configuration;
        let engine_options = settings::engine(&configuration, options.cache_folder)?;
        let engine = Engine::new(engine_options).context("cannot make the sandbox engine")?;
        let executor = TaskExecutor::new(
            Arc::clone(&options.clock),
            options.console,
            engine.stack_bytes_max(),
        );
        let has_virtual_clock = virtual_clock.is_some();
        let executor = Arc::new(match virtual_clock {
            Some(clock) => executor.with_virtual_clock(clock),
            None => executor,
        });
        let local_plugins = LocalPlugins::default();
        let link = Arc::new(JobManagerLink::new());
        let parts = TaskManagerParts {
            id: TaskManagerId(LOCAL.to_owned()),
            engine: engine.clone(),
            executor: Arc::clone(&executor),
            settings_of: settings::of_job(),
            // A job takes as many slots as it needs, each with the share of a TaskManager's slot.
            slots: settings::slot_budget(&configuration)?,
            local: local_plugins.clone(),
            clock: Arc::clone(&options.clock),
            log: Arc::new(String::new),
        };
        let (task_manager, task_manager_events) = TaskManager::new(parts, Arc::clone(&link));
        let (manager, job_manager) = JobManager::new(job_manager_options());
        let threads = [
            spawn("jobmanager", move || {
                if let Err(error) = manager.run() {
                    tracing::error!(%error, "the JobManager ended");
                }
            })?,
            spawn("taskmanager", move || task_manager.run())?,
        ];
        join(&job_manager, &link, &task_manager_events, &configuration)?;
        Ok(MiniCluster {
            configuration,
            engine,
            executor,
            job_manager,
            local_plugins,
            task_manager: task_manager_events,
            threads: threads.map(Some),
            has_virtual_clock,
        })
    }

    /// Prepares jobs for this cluster; `overrides` win over what a job sets itself.
    pub fn loader<'a>(&'a self, overrides: &'a Configuration) -> JobLoader<'a> {
        JobLoader {
            engine: &self.engine,
            configuration: &self.configuration,
            overrides,
            native: BTreeMap::new(),
        }
    }

    /// The engine that plugins are loaded on.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Starts a job.
    ///
    /// # Errors
    /// A source that cannot find its input, or a wrong option; a source with neither end nor pace
    /// where the clock is virtual.
    pub fn submit(&self, job: PreparedJob) -> anyhow::Result<JobClient> {
        check_slots(&job)?;
        if self.has_virtual_clock {
            check_pace(&job)?;
        }
        let id = new_job_id();
        let submission = submission(id, &job)?;
        let name = submission.information.graph.name.clone();
        self.local_plugins.add(id, job.plugins);
        self.job_manager.submit(submission);
        Ok(JobClient::new(self.job_manager.clone(), Arc::clone(&self.executor), id, name))
    }

    /// Number of tasks that have not ended.
    pub fn running_tasks(&self) -> usize {
        self.executor.running_tasks()
    }
}

impl Drop for MiniCluster {
    fn drop(&mut self) {
        let [job_manager, task_manager] = &mut self.threads;
        let join = |thread: &mut Option<JoinHandle<()>>| drop(thread.take().map(JoinHandle::join));
        self.job_manager.stop();
        // A JobManager whose TaskManager ends before it takes that for a loss.
        join(job_manager);
        // The loop may have ended already, told by the JobManager.
        let _ = self.task_manager.send(Message::Stop);
        join(task_manager);
    }
}

fn job_manager_options() -> JobManagerOptions {
    JobManagerOptions {
        clock: Arc::new(SystemClock),
        token: FencingToken(RandomState::new().hash_one(0)),
        heartbeat_interval: HEARTBEAT_INTERVAL,
        heartbeat_timeout: HEARTBEAT_TIMEOUT,
        slot_request_timeout: HEARTBEAT_TIMEOUT,
        archive_max: 1000,
        archive_expiration: HEARTBEAT_TIMEOUT,
        slots: SlotManagerOptions::default(),
        provider: Box::new(Standalone),
        // Its TaskManager has the plugins of its jobs at hand.
        plugins: Arc::new(|_| None),
    }
}

/// Joins the two loops and registers the TaskManager, with as many slots as there can be: a job
/// takes those it needs.
fn join(
    job_manager: &JobManagerHandle,
    link: &JobManagerLink,
    task_manager: &Sender<Message>,
    configuration: &Configuration,
) -> anyhow::Result<()> {
    let to_task_manager = task_manager.clone();
    let send =
        Arc::new(move |message| to_task_manager.try_send(Message::FromJobManager(message)).is_ok());
    job_manager.link(LinkEvent::Opened(LINK, send));
    let to_job_manager = job_manager.clone();
    link.connect(Arc::new(move |message| to_job_manager.link(LinkEvent::Message(LINK, message))));
    link.send(ToJobManager::Register(Registration {
        protocol: PROTOCOL_VERSION,
        id: TaskManagerId(LOCAL.to_owned()),
        instance: 0,
        data_address: String::new(),
        slots: SLOTS_PER_TASK_MANAGER_MAX,
        managed_memory_bytes: settings::managed_memory(configuration)?,
        guest_memory_bytes: settings::guest_memory(configuration)?,
        cpu_cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
    }));
    Ok(())
}

/// Refuses a job for which one process has not slots enough.
fn check_slots(job: &PreparedJob) -> anyhow::Result<()> {
    let required = SlotSharing::of(&job.graph).required_slots();
    if required > SLOTS_PER_TASK_MANAGER_MAX {
        bail!(
            "job \"{}\" needs {required} slots, one process has at most \
             {SLOTS_PER_TASK_MANAGER_MAX}; lower its parallelism",
            job.graph.name
        );
    }
    Ok(())
}

/// Refuses a source behind which virtual time would never move.
fn check_pace(job: &PreparedJob) -> anyhow::Result<()> {
    for source in &job.spec.sources {
        let folder = job.base_folder.as_deref();
        let opened = sandbar_connectors::source(&source.connector, &source.options, folder)?;
        if !opened.is_bounded() && !opened.waits() {
            bail!(
                "source \"{}\" ({}) has neither an end nor a pace, so a virtual clock would never \
                 move: give it a rate, bound it, or run the job without a virtual clock",
                source.name,
                source.connector
            );
        }
    }
    Ok(())
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .with_context(|| format!("cannot start the thread of the {name}"))
}
