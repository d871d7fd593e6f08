//! The MiniCluster: a TaskManager's data plane and a JobMaster per job, in this process.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use sandbar_config::Configuration;
use sandbar_connectors::Console;
use sandbar_model::{Clock, JobId};
use sandbar_taskmanager::{JobDeployment, TaskExecutor};
use sandbar_wasm::Engine;

use crate::job_client::{JobBoard, JobClient};
use crate::job_master::JobMaster;
use crate::prepare::{JobLoader, PreparedJob};
use crate::settings;
use crate::split_coordinator::SplitCoordinator;

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

/// Runs jobs in this process.
#[derive(Debug)]
pub struct MiniCluster {
    configuration: Configuration,
    engine: Engine,
    executor: Arc<TaskExecutor>,
}

impl MiniCluster {
    /// Makes a cluster without jobs.
    ///
    /// # Errors
    /// A wrong option, or an engine that does not fit the machine.
    pub fn new(options: MiniClusterOptions) -> anyhow::Result<MiniCluster> {
        let engine_options = settings::engine(&options.configuration, options.cache_folder)?;
        let engine = Engine::new(engine_options).context("cannot make the sandbox engine")?;
        let executor = TaskExecutor::new(options.clock, options.console, engine.stack_bytes_max());
        let configuration = options.configuration;
        Ok(MiniCluster { configuration, engine, executor: Arc::new(executor) })
    }

    /// Prepares jobs for this cluster; `overrides` win over what a job sets itself.
    pub fn loader<'a>(&'a self, overrides: &'a Configuration) -> JobLoader<'a> {
        JobLoader {
            engine: &self.engine,
            configuration: &self.configuration,
            overrides,
            native: Default::default(),
        }
    }

    /// The engine that plugins are loaded on.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Starts a job.
    ///
    /// # Errors
    /// A source that cannot find its input, a wrong option, or no thread for the job's master.
    pub fn submit(&self, job: PreparedJob) -> anyhow::Result<JobClient> {
        let splits = SplitCoordinator::new(&job.graph, job.base_folder.as_deref())
            .map_err(anyhow::Error::msg)?;
        let settings = settings::task(&job.configuration)?;
        let job = Arc::new(JobDeployment {
            id: new_job_id(),
            attempt: 0,
            graph: job.graph,
            plugins: job.plugins,
            splits: Arc::new(splits),
            settings,
            base_folder: job.base_folder,
        });
        let board = Arc::new(JobBoard::new(Arc::clone(&job)));
        let (cancel, cancels) = crossbeam_channel::bounded(1);
        let master = JobMaster {
            job,
            executor: Arc::clone(&self.executor),
            board: Arc::clone(&board),
            cancels,
        };
        std::thread::Builder::new()
            .name("job-master".to_owned())
            .spawn(move || master.run())
            .context("cannot start a thread for the job")?;
        Ok(JobClient { board, cancel })
    }

    /// Number of tasks that have not ended.
    pub fn running_tasks(&self) -> usize {
        self.executor.running_tasks()
    }
}

/// Random, from the standard library's per-process random keys.
fn new_job_id() -> JobId {
    let half = |salt: u64| u128::from(RandomState::new().hash_one(salt));
    JobId(half(1) << 64 | half(2))
}
