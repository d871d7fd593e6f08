//! The endpoint of a TaskManager: one loop over one closed set of events. It deploys and cancels
//! what the JobManager says, and reports what becomes of it.
//!
//! Law: whatever the JobManager sends, the loop never blocks on a plugin, a guest or a socket;
//! every attempt it is told to run ends in exactly one report of a terminal state.

mod deployer;
pub mod job_manager_link;
mod plugin_store;
mod report;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use sandbar_model::status::ExecutionState;
use sandbar_model::{Clock, JobId, Watermark};
use sandbar_rpc::message::HeartbeatReport;
use sandbar_rpc::state_query::{StateAnswer, StateQuery};
use sandbar_rpc::{Accumulators, TaskAttempt, TaskManagerId, ToJobManager, ToTaskManager};
use sandbar_wasm::{Capabilities, Engine};

use self::deployer::{Deployer, Deployment};
use self::job_manager_link::JobManagerLink;
pub use self::plugin_store::LocalPlugins;
use self::plugin_store::PluginStore;
use self::report::TaskReports;
use crate::deployment::TaskSettings;
use crate::slot_table::{SlotBudget, SlotTable};
use crate::task::control::StateQuestion;
use crate::task_executor::{TaskExecutor, TaskHandle, TaskStateChange};

/// What tasks have to tell and the loop has not heard; a task that has more waits.
const EVENTS_MAX: usize = 4096;
/// Messages of the JobManager that the loop has not heard. A queue of their own, which tasks cannot
/// fill: a JobManager does not wait, and gives up a TaskManager that takes no more. Room for an
/// answer to each task of the largest process.
const MESSAGES_MAX: usize = 1 << 16;

/// What the loop hears from outside.
#[derive(Debug)]
pub enum Message {
    /// The JobManager speaks.
    FromJobManager(ToTaskManager),
    /// The link to the JobManager is gone, and has been closed: everything is cancelled.
    LinkLost(String),
    /// End the loop once all tasks have ended.
    Stop,
}

/// What the loop hears.
#[derive(Debug)]
enum Event {
    /// From outside.
    Message(Message),
    /// A task's state changed.
    Task(Box<TaskStateChange>),
    /// A task could not be started.
    NotStarted(TaskAttempt, String),
}

/// Reads the settings of a job's tasks, and what it grants its guests, from its options.
pub type SettingsOf = Arc<
    dyn Fn(&BTreeMap<String, String>) -> Result<(TaskSettings, Capabilities), String> + Send + Sync,
>;

/// Reads the newest lines of a log.
pub type ReadLog = Arc<dyn Fn() -> String + Send + Sync>;

/// What a TaskManager is made of.
pub struct TaskManagerParts {
    /// Its name.
    pub id: TaskManagerId,
    /// Loads plugins.
    pub engine: Engine,
    /// Runs tasks.
    pub executor: Arc<TaskExecutor>,
    /// Reads a job's options.
    pub settings_of: SettingsOf,
    /// What each of its slots may use.
    pub slots: SlotBudget,
    /// Plugins that need not be fetched.
    pub local: LocalPlugins,
    /// Time, for lags.
    pub clock: Arc<dyn Clock>,
    /// Reads the newest lines of this process's log.
    pub log: ReadLog,
}

/// The endpoint.
pub struct TaskManager {
    link: Arc<JobManagerLink>,
    deployer: Deployer,
    executor: Arc<TaskExecutor>,
    clock: Arc<dyn Clock>,
    log: ReadLog,
    reports: TaskReports,
    messages: Receiver<Message>,
    events: Receiver<Event>,
    /// Attempts that have not reported a terminal state; those being deployed have no handle.
    tasks: HashMap<TaskAttempt, Option<TaskHandle>>,
    /// Attempts that were cancelled while they were being deployed.
    cancelled_early: HashSet<TaskAttempt>,
    stopping: bool,
}

impl std::fmt::Debug for TaskManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskManager").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl TaskManager {
    /// Makes the endpoint of a process that speaks to its JobManager by `link`. What it is told
    /// goes to the sender that comes with it.
    pub fn new(
        parts: TaskManagerParts,
        link: Arc<JobManagerLink>,
    ) -> (TaskManager, Sender<Message>) {
        let (told, messages) = crossbeam_channel::bounded(MESSAGES_MAX);
        let (sender, events) = crossbeam_channel::bounded(EVENTS_MAX);
        let plugins = Arc::new(PluginStore::new(parts.engine, Arc::clone(&link), parts.local));
        let deployer = Deployer {
            id: parts.id,
            plugins,
            link: Arc::clone(&link),
            executor: Arc::clone(&parts.executor),
            settings_of: parts.settings_of,
            slots: Arc::new(SlotTable::new(parts.slots)),
            events: sender,
        };
        let manager = TaskManager {
            link,
            deployer,
            executor: parts.executor,
            clock: parts.clock,
            log: parts.log,
            reports: TaskReports::default(),
            messages,
            events,
            tasks: HashMap::new(),
            cancelled_early: HashSet::new(),
            stopping: false,
        };
        (manager, told)
    }

    /// Runs the loop until [`Message::Stop`] or [`ToTaskManager::Shutdown`], and all tasks ended.
    pub fn run(mut self) {
        while !(self.stopping && self.tasks.is_empty()) {
            let event = crossbeam_channel::select! {
                recv(self.messages) -> message => message.map(Event::Message),
                recv(self.events) -> event => event,
            };
            match event {
                Ok(event) => self.on_event(event),
                Err(_) => break,
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Message(Message::FromJobManager(message)) => self.on_message(message),
            Event::Message(Message::LinkLost(reason)) => {
                tracing::warn!(reason, "the JobManager is gone: all tasks are cancelled");
                self.cancel_all();
            }
            Event::Message(Message::Stop) => self.stop(),
            Event::Task(change) => self.on_task(*change),
            Event::NotStarted(task, error) => {
                self.end(task, ExecutionState::Failed, Some(error));
            }
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.cancel_all();
    }

    fn on_message(&mut self, message: ToTaskManager) {
        match message {
            ToTaskManager::Registered { .. } => {
                tracing::info!("registered at the JobManager");
            }
            ToTaskManager::Refused(reason) => {
                tracing::error!(reason, "the JobManager refuses this TaskManager");
                self.stop();
            }
            ToTaskManager::NotNow(reason) => {
                tracing::warn!(reason, "the JobManager does not take this TaskManager now");
            }
            ToTaskManager::Heartbeat { sequence } => self.report(sequence),
            ToTaskManager::Deploy { job, tasks, locations } => {
                let deployment = Deployment { job: *job, tasks, locations };
                for task in deployment.attempts() {
                    self.tasks.insert(task, None);
                    self.send_state(task, ExecutionState::Deploying, None);
                }
                let attempts: Vec<TaskAttempt> = deployment.attempts().collect();
                let information = &deployment.job;
                let announced = attempts.iter().copied();
                self.executor.announce(information.job, &information.graph, announced);
                if let Err(error) = self.deployer.deploy(deployment) {
                    let why = format!("no thread can be started for its deployment: {error}");
                    let failed = |task| self.end(task, ExecutionState::Failed, Some(why.clone()));
                    attempts.into_iter().for_each(failed);
                }
            }
            ToTaskManager::Cancel(attempts) => {
                attempts.into_iter().for_each(|task| self.cancel(task))
            }
            ToTaskManager::Release(job) => self.release(job),
            answer @ (ToTaskManager::Split { .. } | ToTaskManager::Plugin { .. }) => {
                self.link.answer(answer);
            }
            ToTaskManager::AlignSource { task, max_watermark } => {
                if let Some(Some(handle)) = self.tasks.get(&task) {
                    handle.control.bound_watermark(Watermark(max_watermark));
                }
            }
            ToTaskManager::ReadLog { request } => {
                self.link.send(ToJobManager::Log { request, text: (self.log)() });
            }
            ToTaskManager::QueryState { request, task, query } => {
                self.query_state(request, task, query);
            }
            ToTaskManager::Shutdown => self.stop(),
        }
    }

    /// Lets a task answer a question for its state, when it is between two batches.
    fn query_state(&self, request: u64, task: TaskAttempt, query: StateQuery) {
        let link = Arc::clone(&self.link);
        let reply = move |answer| {
            link.send(ToJobManager::State { request, answer });
        };
        match self.tasks.get(&task) {
            Some(Some(handle)) => handle.control.ask(StateQuestion::new(query, reply)),
            Some(None) | None => {
                reply(StateAnswer::Unavailable("the task does not run".to_owned()))
            }
        }
    }

    fn on_task(&mut self, change: TaskStateChange) {
        let TaskStateChange { task, state, error, handle } = change;
        let error = error.map(|error| error.to_string());
        if state.is_terminal() {
            self.tasks.insert(task, Some(handle));
            return self.end(task, state, error);
        }
        if self.cancelled_early.remove(&task) {
            handle.control.cancel();
        }
        self.tasks.insert(task, Some(handle));
        self.send_state(task, state, error);
    }

    fn end(&mut self, task: TaskAttempt, state: ExecutionState, error: Option<String>) {
        self.cancelled_early.remove(&task);
        let handle = self.tasks.remove(&task).flatten();
        let now = self.clock.now_ms();
        let told = handle.map(|handle| {
            (self.reports.metrics_of(task, &handle, now), report::accumulators_of(&handle))
        });
        self.reports.forget(task);
        let (mut metrics, accumulators) = told.unwrap_or_default();
        // A task that has ended has no rates.
        metrics.retain(|name, _| !name.ends_with("PerSecond"));
        self.link.send(ToJobManager::TaskState { task, state, error, metrics, accumulators });
    }

    /// Tells of a state that is not terminal.
    fn send_state(&self, task: TaskAttempt, state: ExecutionState, error: Option<String>) {
        let metrics = BTreeMap::new();
        let accumulators = Accumulators::default();
        self.link.send(ToJobManager::TaskState { task, state, error, metrics, accumulators });
    }

    fn cancel(&mut self, task: TaskAttempt) {
        match self.tasks.get(&task) {
            Some(Some(handle)) => handle.control.cancel(),
            Some(None) => {
                self.cancelled_early.insert(task);
            }
            // It has ended, and its report is on its way.
            None => {}
        }
    }

    fn cancel_all(&mut self) {
        let tasks: Vec<TaskAttempt> = self.tasks.keys().copied().collect();
        tasks.into_iter().for_each(|task| self.cancel(task));
    }

    fn release(&self, job: JobId) {
        self.executor.release_job(job);
        self.deployer.release(job);
    }

    fn report(&mut self, sequence: u64) {
        let now = self.clock.now_ms();
        let running =
            self.tasks.iter().filter_map(|(task, handle)| Some((*task, handle.as_ref()?)));
        let tasks = running
            .map(|(task, handle)| (task, self.reports.metrics_of(task, handle, now)))
            .collect();
        let process = report::metrics_of_process();
        self.link.send(ToJobManager::Heartbeat(HeartbeatReport { sequence, tasks, process }));
    }
}
