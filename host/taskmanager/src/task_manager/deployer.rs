//! Makes tasks of what the JobManager sends. Fetching and compiling plugins takes as long as it
//! takes, so each deployment has a thread of its own until its tasks run.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::Sender;
use sandbar_connectors::{ConnectorError, Split};
use sandbar_model::{JobId, VertexId, Watermark};
use sandbar_rpc::{
    JobInformation, TaskAttempt, TaskDescriptor, TaskLocation, TaskManagerId, ToJobManager,
    ToTaskManager,
};

use super::job_manager_link::JobManagerLink;
use super::plugin_store::PluginStore;
use super::{Event, SettingsOf};
use crate::deployment::{JobDeployment, SplitProvider, TaskDeployment};
use crate::slot_table::SlotTable;
use crate::task_executor::TaskExecutor;

/// What the JobManager sent.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) job: JobInformation,
    pub(super) tasks: Vec<TaskDescriptor>,
    pub(super) locations: Vec<TaskLocation>,
}

impl Deployment {
    /// Its tasks.
    pub(super) fn attempts(&self) -> impl Iterator<Item = TaskAttempt> + '_ {
        self.tasks.iter().map(|task| attempt_of(self.job.job, task))
    }
}

fn attempt_of(job: JobId, task: &TaskDescriptor) -> TaskAttempt {
    TaskAttempt { job, vertex: task.vertex, subtask: task.subtask, attempt: task.attempt }
}

/// Starts the tasks of deployments.
pub(super) struct Deployer {
    pub(super) id: TaskManagerId,
    pub(super) plugins: Arc<PluginStore>,
    pub(super) link: Arc<JobManagerLink>,
    pub(super) executor: Arc<TaskExecutor>,
    pub(super) settings_of: SettingsOf,
    pub(super) slots: Arc<SlotTable>,
    pub(super) events: Sender<Event>,
}

impl Deployer {
    /// Starts the tasks of a deployment; what becomes of each is an event.
    ///
    /// # Errors
    /// The operating system's, when no thread can be started for it.
    pub(super) fn deploy(&self, deployment: Deployment) -> std::io::Result<()> {
        let starter = Starter {
            id: self.id.clone(),
            plugins: Arc::clone(&self.plugins),
            link: Arc::clone(&self.link),
            executor: Arc::clone(&self.executor),
            settings_of: Arc::clone(&self.settings_of),
            slots: Arc::clone(&self.slots),
            events: self.events.clone(),
        };
        let thread = std::thread::Builder::new().name("deployer".to_owned());
        thread.spawn(move || starter.start(&deployment)).map(|_detached| ())
    }

    /// Forgets what is kept for a job.
    pub(super) fn release(&self, job: JobId) {
        self.plugins.release(job);
        self.slots.release(job);
    }
}

struct Starter {
    id: TaskManagerId,
    plugins: Arc<PluginStore>,
    link: Arc<JobManagerLink>,
    executor: Arc<TaskExecutor>,
    settings_of: SettingsOf,
    slots: Arc<SlotTable>,
    events: Sender<Event>,
}

impl Starter {
    fn start(&self, deployment: &Deployment) {
        // All tasks of a deployment belong to one attempt of one region, or of the whole job.
        let mut jobs: HashMap<u32, Arc<JobDeployment>> = HashMap::new();
        for task in &deployment.tasks {
            let attempt = attempt_of(deployment.job.job, task);
            let prepared = match jobs.get(&task.attempt) {
                Some(job) => Ok(Arc::clone(job)),
                None => self.prepare(deployment, task.attempt),
            };
            let started = prepared.and_then(|job| {
                jobs.insert(task.attempt, Arc::clone(&job));
                let subtask = TaskDeployment {
                    slot: self.slots.memory(job.id, task.slot),
                    job,
                    vertex: task.vertex,
                    subtask: task.subtask,
                };
                let events = self.events.clone();
                // The loop ends only after its tasks have, so somebody listens.
                let report = move |change| drop(events.send(Event::Task(Box::new(change))));
                self.executor
                    .submit(subtask, report)
                    .map_err(|error| format!("no thread can be started for it: {error}"))
            });
            if let Err(error) = started {
                // As above.
                let _ = self.events.send(Event::NotStarted(attempt, error));
            }
        }
    }

    /// The data addresses of the tasks that run elsewhere.
    fn peers(&self, deployment: &Deployment) -> HashMap<(VertexId, u32), String> {
        let elsewhere =
            deployment.locations.iter().filter(|location| location.task_manager != self.id);
        elsewhere
            .map(|location| ((location.vertex, location.subtask), location.data_address.clone()))
            .collect()
    }

    fn prepare(&self, deployment: &Deployment, attempt: u32) -> Result<Arc<JobDeployment>, String> {
        let job = &deployment.job;
        let (settings, granted) = (self.settings_of)(&job.graph.configuration)?;
        let mut plugins = HashMap::new();
        for (name, plugin) in &job.plugins {
            plugins.insert(name.clone(), self.plugins.load(job.job, name, *plugin, granted)?);
        }
        let splits = RemoteSplits { link: Arc::clone(&self.link), job: job.job, attempt };
        Ok(Arc::new(JobDeployment {
            id: job.job,
            attempt,
            graph: job.graph.clone(),
            plugins,
            splits: Arc::new(splits),
            settings,
            peers: Arc::new(self.peers(deployment)),
            base_folder: job.base_folder.as_ref().map(Into::into),
        }))
    }
}

/// Asks the JobManager for splits, and tells it watermarks.
struct RemoteSplits {
    link: Arc<JobManagerLink>,
    job: JobId,
    attempt: u32,
}

impl SplitProvider for RemoteSplits {
    fn on_watermark(&self, vertex: VertexId, subtask: u32, watermark: Watermark) {
        let task = TaskAttempt { job: self.job, vertex, subtask, attempt: self.attempt };
        self.link.send(ToJobManager::SourceWatermark { task, watermark: watermark.0 });
    }

    fn next_split(&self, vertex: VertexId, subtask: u32) -> Result<Option<Split>, ConnectorError> {
        let task = TaskAttempt { job: self.job, vertex, subtask, attempt: self.attempt };
        let answer = self.link.ask(|request| ToJobManager::NextSplit { request, task });
        let split = match answer {
            Ok(ToTaskManager::Split { split, .. }) => split,
            Ok(other) => Err(format!("the JobManager answered {other:?}")),
            Err(error) => Err(error),
        };
        let failed = |message: String| ConnectorError::Enumerator { message };
        match split.map_err(failed)? {
            None => Ok(None),
            Some(json) => match serde_json::from_str(&json) {
                Ok(parsed) => Ok(Some(parsed)),
                Err(error) => Err(failed(format!("a split does not parse: {error}"))),
            },
        }
    }
}
