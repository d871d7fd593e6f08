//! The gateway of the Dispatcher: all that REST, and through it every client, may ask of a
//! cluster. Calls may block for as long as a plugin takes to compile; async callers use threads
//! made for that.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::plugin::PluginDescription;
use sandbar_model::{JobId, PluginId};

use crate::id::TaskManagerId;
use crate::job_view::{JobView, TaskManagerView};
use crate::resource_requirements::RequestedRequirements;
use crate::state_query::StateQuery;

/// Why a request was not done. Each kind has an HTTP status of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// There is no such job, plugin or TaskManager: 404.
    #[error("{0}")]
    NotFound(String),
    /// The request is wrong; one message each: 400.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
    /// The request does not fit the state of what it names: 409.
    #[error("{0}")]
    Conflict(String),
    /// It is too large: 413.
    #[error("{0}")]
    TooLarge(String),
    /// What could do it does not answer: 503.
    #[error("{0}")]
    Unavailable(String),
    /// The cluster failed at it: 500.
    #[error("{0}")]
    Internal(String),
}

/// A plugin that was uploaded.
#[derive(Clone, Debug)]
pub struct StoredPlugin {
    /// The hash of its bytes, which names it.
    pub id: PluginId,
    /// The name of the file it was uploaded as.
    pub file_name: String,
    /// When, in milliseconds since the Unix epoch.
    pub uploaded: i64,
    /// Its size.
    pub bytes: u64,
    /// What it says of itself; none for a plugin whose operators depend on a job's arguments.
    pub description: Option<PluginDescription>,
    /// Whether it defines a job.
    pub defines_job: bool,
}

/// A job to run.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RunRequest {
    /// The job spec as JSON; none to run the job that `plugin` defines.
    pub spec: Option<String>,
    /// The uploaded plugin that defines the job.
    pub plugin: Option<PluginId>,
    /// Plugins that the spec names, by the name it gives them. Those it does not list must be
    /// paths that the JobManager can read.
    pub plugins: BTreeMap<String, PluginId>,
    /// Arguments for `define`.
    pub arguments: Vec<String>,
    /// Options that win over the job's own.
    pub configuration: BTreeMap<String, String>,
    /// Where relative paths of the job's connectors start from; none for the folder that each
    /// process was started in.
    pub base_folder: Option<String>,
}

/// Numbers of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ClusterOverview {
    /// Registered TaskManagers.
    pub task_managers: u32,
    /// Slots of all of them.
    pub slots_total: u32,
    /// Those that no job has.
    pub slots_available: u32,
    /// Jobs that have not ended.
    pub jobs_running: u32,
    /// Jobs that ended with their input.
    pub jobs_finished: u32,
    /// Jobs that were cancelled.
    pub jobs_cancelled: u32,
    /// Jobs that failed.
    pub jobs_failed: u32,
}

/// The Dispatcher, to those outside.
pub trait DispatcherGateway: Send + Sync {
    /// Numbers of the cluster.
    fn overview(&self) -> ClusterOverview;

    /// All jobs, running and archived, oldest first.
    fn jobs(&self) -> Vec<JobView>;

    /// One job.
    ///
    /// # Errors
    /// `NotFound`.
    fn job(&self, job: JobId) -> Result<JobView, GatewayError>;

    /// Cancels a job. Returns at once.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` for a job that has ended.
    fn cancel_job(&self, job: JobId) -> Result<(), GatewayError>;

    /// Changes the bounds of the parallelism of a job's vertices, all of them at once. Returns at
    /// once; the job is rescaled when its scheduler's rules allow.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, or `Conflict` for a job that has ended or is not scheduled
    /// adaptively.
    fn update_resource_requirements(
        &self,
        job: JobId,
        requested: RequestedRequirements,
    ) -> Result<(), GatewayError>;

    /// Starts a job.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn run(&self, request: RunRequest) -> Result<JobId, GatewayError>;

    /// The graph that a request would run.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn plan(&self, request: RunRequest) -> Result<JobGraph, GatewayError>;

    /// Stores a plugin. Storing it again changes nothing.
    ///
    /// # Errors
    /// `Invalid` for what is no plugin, `TooLarge`.
    fn upload_plugin(&self, file_name: &str, bytes: Vec<u8>) -> Result<StoredPlugin, GatewayError>;

    /// All plugins, oldest first.
    fn plugins(&self) -> Vec<StoredPlugin>;

    /// Forgets a plugin. Jobs that run it are not touched.
    ///
    /// # Errors
    /// `NotFound`.
    fn delete_plugin(&self, plugin: PluginId) -> Result<(), GatewayError>;

    /// All TaskManagers that are registered, oldest first.
    fn task_managers(&self) -> Vec<TaskManagerView>;

    /// The effective options of the JobManager. Secrets are in it: whoever shows it masks them.
    fn configuration(&self) -> BTreeMap<String, String>;

    /// The JobManager's metrics as Prometheus text.
    fn prometheus(&self) -> String;

    /// The newest lines of the JobManager's log.
    fn log(&self) -> String;

    /// The newest lines of a TaskManager's log.
    ///
    /// # Errors
    /// `NotFound`.
    fn task_manager_log(&self, task_manager: &TaskManagerId) -> Result<String, GatewayError>;

    /// Asks a running job for the keyed state of a key; the answer is JSON.
    ///
    /// # Errors
    /// `NotFound` for a job that does not run, an operator or state that it has not, and a key
    /// without state; `Invalid` for a key that does not fit; `Unavailable` if the task does not
    /// answer in time.
    fn query_state(&self, job: JobId, query: StateQuery) -> Result<String, GatewayError>;

    /// Ends the cluster: cancels all jobs and ends its processes.
    fn shut_down(&self);
}
