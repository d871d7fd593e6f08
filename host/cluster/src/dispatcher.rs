//! The Dispatcher of a cluster: takes jobs and plugins from outside, prepares jobs and hands them
//! to the JobManager's loop. Owns the uploaded plugins.
//!
//! Law: what a client sends is checked here, whole; the loop gets only jobs that can run.

mod metrics;
mod plugin_store;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sandbar_config::Configuration;
use sandbar_jobmanager::{JobManagerHandle, PluginBytes};
use sandbar_model::job_graph::JobGraph;
use sandbar_model::{Clock, JobId, PluginId};
use sandbar_rpc::dispatcher::RunRequest;
use sandbar_rpc::state_query::StateQuery;
use sandbar_rpc::{
    ClusterOverview, DispatcherGateway, GatewayError, JobView, RequestedRequirements,
    RequirementsError, StoredPlugin, TaskManagerId, TaskManagerView,
};
use sandbar_wasm::{Engine, PluginError};

use self::plugin_store::PluginStore;
use crate::log_buffer::LogBuffer;
use crate::prepare::{JobLoader, JobSource, PrepareError, PreparedJob};
use crate::settings;
use crate::submission::{new_job_id, submission};
use crate::submitted_job::{OwnPlugin, SubmittedJob};

/// Jobs that have not ended, at a time.
const JOBS_MAX: u32 = 10_000;

/// What a Dispatcher is made of.
pub struct DispatcherParts {
    /// Loads plugins, to see what they are.
    pub engine: Engine,
    /// The cluster's configuration.
    pub configuration: Configuration,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The log of this process.
    pub log: LogBuffer,
}

/// The Dispatcher.
pub struct Dispatcher {
    job_manager: JobManagerHandle,
    parts: DispatcherParts,
    plugins: Arc<PluginStore>,
    /// Submissions are one after the other.
    submitting: Mutex<()>,
}

/// A Dispatcher whose JobManager is not there yet.
pub struct UnboundDispatcher {
    parts: DispatcherParts,
    plugins: Arc<PluginStore>,
}

impl UnboundDispatcher {
    /// Makes it.
    pub fn new(parts: DispatcherParts) -> UnboundDispatcher {
        UnboundDispatcher { parts, plugins: Arc::default() }
    }

    /// Where TaskManagers get plugins.
    pub fn plugin_bytes(&self) -> PluginBytes {
        let plugins = Arc::clone(&self.plugins);
        Arc::new(move |id| plugins.bytes(id))
    }

    /// Hands jobs to this JobManager.
    pub fn bind(self, job_manager: JobManagerHandle) -> Dispatcher {
        let (parts, plugins) = (self.parts, self.plugins);
        tracing::info!("Dispatcher started");
        Dispatcher { job_manager, parts, plugins, submitting: Mutex::default() }
    }
}

impl Dispatcher {
    /// Starts a job that is prepared.
    ///
    /// # Errors
    /// A source that cannot find its input, or a wrong option.
    pub fn submit(&self, job: PreparedJob) -> Result<JobId, GatewayError> {
        let id = new_job_id();
        let submission = submission(id, &job).map_err(|error| invalid(format!("{error:#}")))?;
        // While this is held, a job that holds plugins is one that the JobManager knows.
        let _submitting = self.submitting.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.job_manager.overview().jobs_running;
        if running >= JOBS_MAX {
            return Err(GatewayError::Conflict(format!(
                "there are {running} jobs that have not ended, and a cluster takes no more; \
                 submit again when some have"
            )));
        }
        self.release_ended();
        self.plugins.hold(id, job.plugin_bytes)?;
        match self.job_manager.submit(submission) {
            true => Ok(id),
            false => Err(GatewayError::Internal("the cluster is ending".to_owned())),
        }
    }

    /// Prepares a job, over whose own options these win.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn prepare(
        &self,
        source: &JobSource,
        overrides: &Configuration,
    ) -> Result<PreparedJob, PrepareError> {
        let loader = JobLoader {
            engine: &self.parts.engine,
            configuration: &self.parts.configuration,
            overrides,
            native: BTreeMap::new(),
        };
        loader.prepare(source)
    }

    fn prepare_request(&self, request: RunRequest) -> Result<PreparedJob, GatewayError> {
        let source = JobSource::Submitted(self.source(&request)?);
        let prepared = self.prepare(&source, &Configuration::from_pairs(request.configuration));
        prepared.map_err(|PrepareError { problems }| GatewayError::Invalid(problems))
    }

    fn source(&self, request: &RunRequest) -> Result<SubmittedJob, GatewayError> {
        let mut plugins = BTreeMap::new();
        for (name, id) in &request.plugins {
            plugins.insert(name.clone(), self.stored(*id)?.1);
        }
        let own = match request.plugin {
            Some(id) => {
                let (file_name, bytes) = self.stored(id)?;
                Some(OwnPlugin { file_name, bytes })
            }
            None => None,
        };
        if request.spec.is_none() && own.is_none() {
            return Err(invalid("there is neither a job spec nor a plugin to run".to_owned()));
        }
        Ok(SubmittedJob {
            spec: request.spec.clone(),
            own,
            plugins,
            arguments: request.arguments.clone(),
            base_folder: request.base_folder.as_ref().map(PathBuf::from),
        })
    }

    fn stored(&self, id: PluginId) -> Result<(String, Arc<Vec<u8>>), GatewayError> {
        self.plugins.uploaded(id).ok_or_else(|| no_plugin(id))
    }

    /// Lets go of the plugins of jobs that have ended.
    fn release_ended(&self) {
        for job in self.plugins.holders() {
            if self.job_manager.job(job).is_none_or(|view| view.status.is_terminal()) {
                self.plugins.release(job);
            }
        }
    }

    /// What a plugin says of itself.
    fn examine(&self, file_name: &str, bytes: &[u8]) -> Result<StoredPlugin, GatewayError> {
        let refused = |error: PluginError| match matches!(error, PluginError::TooLarge { .. }) {
            true => GatewayError::TooLarge(error.to_string()),
            false => invalid(error.to_string()),
        };
        let granted = settings::capabilities(&self.parts.configuration).map_err(invalid)?;
        let plugin = self.parts.engine.load(file_name, bytes, granted).map_err(refused)?;
        Ok(StoredPlugin {
            id: plugin.id(),
            file_name: file_name.to_owned(),
            uploaded: self.parts.clock.now_ms(),
            bytes: bytes.len() as u64,
            // A job plugin may describe its operators only with the arguments it is run with.
            description: plugin.describe(&[]).ok(),
            defines_job: plugin.defines_job(),
        })
    }
}

fn invalid(problem: String) -> GatewayError {
    GatewayError::Invalid(vec![problem])
}

fn no_plugin(id: PluginId) -> GatewayError {
    GatewayError::NotFound(format!("there is no plugin {id}; upload it first"))
}

impl DispatcherGateway for Dispatcher {
    fn overview(&self) -> ClusterOverview {
        self.job_manager.overview()
    }

    fn jobs(&self) -> Vec<JobView> {
        self.job_manager.jobs()
    }

    fn job(&self, job: JobId) -> Result<JobView, GatewayError> {
        let view = self.job_manager.job(job);
        view.ok_or_else(|| GatewayError::NotFound(format!("there is no job {job}")))
    }

    fn cancel_job(&self, job: JobId) -> Result<(), GatewayError> {
        let before = self.job_manager.cancel(job);
        match before.map(|view| view.status) {
            None => Err(GatewayError::NotFound(format!("there is no job {job}"))),
            Some(status) if status.is_terminal() => Err(GatewayError::Conflict(format!(
                "job {job} has ended as {status} and cannot be cancelled"
            ))),
            Some(_) => Ok(()),
        }
    }

    fn update_resource_requirements(
        &self,
        job: JobId,
        requested: RequestedRequirements,
    ) -> Result<(), GatewayError> {
        let updated = self.job_manager.update_requirements(job, requested);
        let updated =
            updated.ok_or_else(|| GatewayError::Internal("the cluster is ending".to_owned()))?;
        updated.map_err(|error| match error {
            RequirementsError::NoJob => GatewayError::NotFound(format!("there is no job {job}")),
            RequirementsError::Invalid(problems) => GatewayError::Invalid(problems),
            RequirementsError::Ended(_) | RequirementsError::NotAdaptive => {
                GatewayError::Conflict(format!("job {job}: {error}"))
            }
        })
    }

    fn run(&self, request: RunRequest) -> Result<JobId, GatewayError> {
        self.submit(self.prepare_request(request)?)
    }

    fn plan(&self, request: RunRequest) -> Result<JobGraph, GatewayError> {
        self.prepare_request(request).map(|job| job.graph)
    }

    fn upload_plugin(&self, file_name: &str, bytes: Vec<u8>) -> Result<StoredPlugin, GatewayError> {
        let stored = self.examine(file_name, &bytes)?;
        let _submitting = self.submitting.lock().unwrap_or_else(PoisonError::into_inner);
        self.release_ended();
        self.plugins.add(stored, Arc::new(bytes))
    }

    fn plugins(&self) -> Vec<StoredPlugin> {
        self.plugins.list()
    }

    fn delete_plugin(&self, plugin: PluginId) -> Result<(), GatewayError> {
        if self.plugins.delete(plugin) { Ok(()) } else { Err(no_plugin(plugin)) }
    }

    fn task_managers(&self) -> Vec<TaskManagerView> {
        self.job_manager.task_managers()
    }

    fn configuration(&self) -> BTreeMap<String, String> {
        self.parts.configuration.effective()
    }

    fn prometheus(&self) -> String {
        metrics::render(&self.overview(), &self.jobs())
    }

    fn log(&self) -> String {
        self.parts.log.text()
    }

    fn task_manager_log(&self, task_manager: &TaskManagerId) -> Result<String, GatewayError> {
        let log = self.job_manager.task_manager_log(task_manager);
        log.ok_or_else(|| GatewayError::NotFound(format!("there is no TaskManager {task_manager}")))
    }

    fn query_state(&self, job: JobId, query: StateQuery) -> Result<String, GatewayError> {
        self.job_manager.query_state(job, query)
    }

    fn shut_down(&self) {
        self.job_manager.stop();
    }
}
