//! The endpoint of a JobManager: one loop over one closed set of events, which owns the slot
//! manager, the TaskManagers' links and the master of each job, and executes what these decide.
//!
//! Law: nothing here blocks. A TaskManager that takes no more messages, or is not heard of for
//! `heartbeat.timeout`, is given up, and what ran there has failed.

mod archive;
mod execution;
mod handle;
mod inspection;
mod job_master;
mod links;
mod options;
mod requirements;
mod sources;
mod splits;
mod state_queries;
mod task_managers;
mod timers;
mod watermark_alignment;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sandbar_model::JobId;
use sandbar_rpc::state_query::StateQuery;
use sandbar_rpc::{
    ClusterOverview, JobView, LinkEvent, RequestedRequirements, RequirementsError, TaskManagerId,
    TaskManagerView, ToTaskManager,
};
use tokio::sync::mpsc;

use self::archive::JobArchive;
pub use self::handle::JobManagerHandle;
pub use self::inspection::Kept;
use self::job_master::JobMaster;
pub use self::job_master::Submission;
pub use self::options::{JobManagerOptions, PluginBytes, Standalone, WorkerProvider};
pub use self::splits::SplitCoordinator;
use self::state_queries::StateQueries;
pub use self::state_queries::{QUERY_TIME_MAX, QueryResult};
use self::task_managers::TaskManagers;
use self::timers::{Timer, Timers};
use crate::execution_graph::{Command, Event as ExecutionEvent};
use crate::slot_manager::{SlotCommand, SlotManager};

/// Events that wait for the loop; whoever sends more waits.
pub const EVENTS_MAX: usize = 4096;

/// Where an answer goes. Nobody may wait for it any more.
pub type Reply<T> = crossbeam_channel::Sender<T>;

/// What the loop hears.
#[derive(Debug)]
pub enum Event {
    /// Something happened on a link to a TaskManager.
    Link(LinkEvent),
    /// Run a job.
    Submit(Box<Submission>),
    /// Cancel a job. The answer is its state before, or none if there is no such job.
    Cancel(JobId, Reply<Option<JobView>>),
    /// Change the bounds of the parallelism of a job's vertices.
    Requirements(JobId, RequestedRequirements, Reply<Result<(), RequirementsError>>),
    /// Show a job.
    Job(JobId, Reply<Option<JobView>>),
    /// Show all jobs, oldest first.
    Jobs(Reply<Vec<JobView>>),
    /// Answer when a job has ended; at once for a job that there is not.
    Wait(JobId, Reply<Option<JobView>>),
    /// Show all TaskManagers.
    TaskManagers(Reply<Vec<TaskManagerView>>),
    /// Ask a TaskManager for its log. There is no answer if it is not there.
    TaskManagerLog(TaskManagerId, Reply<String>),
    /// Ask a job for the state of a key. There is no answer if the task gives none.
    QueryState(JobId, StateQuery, Reply<QueryResult>),
    /// TaskManagers that the provider started have ended before they registered.
    WorkersFailed(u32),
    /// Show the cluster's numbers.
    Overview(Reply<ClusterOverview>),
    /// End all TaskManagers, then the loop.
    Stop,
}

/// A decision that is to be executed.
enum Work {
    /// With the loss that it follows from, if it does.
    Slot(SlotCommand, Arc<str>),
    Execution(JobId, Command),
    Lost(TaskManagerId, String),
    /// It said goodbye.
    Left(TaskManagerId),
}

/// The endpoint.
pub struct JobManager {
    options: JobManagerOptions,
    events: mpsc::Receiver<Event>,
    slots: SlotManager,
    task_managers: TaskManagers,
    jobs: BTreeMap<JobId, JobMaster>,
    archive: JobArchive,
    state_queries: StateQueries,
    timers: Timers,
    work: VecDeque<Work>,
    /// Why slots were lost last: becomes the reason of what ran in them.
    loss: Arc<str>,
    heartbeats: u64,
    stopping: bool,
}

impl std::fmt::Debug for JobManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobManager").field("jobs", &self.jobs.len()).finish_non_exhaustive()
    }
}

impl JobManager {
    /// Makes an endpoint and the handle that speaks to it.
    pub fn new(options: JobManagerOptions) -> (JobManager, JobManagerHandle) {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let mut timers = Timers::default();
        let first = options.clock.now_ms() + milliseconds(options.heartbeat_interval);
        timers.set(first, Timer::Heartbeat);
        let manager = JobManager {
            slots: SlotManager::new(options.slots),
            archive: JobArchive::new(options.archive_max),
            options,
            events,
            task_managers: TaskManagers::default(),
            jobs: BTreeMap::new(),
            state_queries: StateQueries::default(),
            timers,
            work: VecDeque::new(),
            loss: Arc::from(""),
            heartbeats: 0,
            stopping: false,
        };
        (manager, JobManagerHandle::new(sender))
    }

    /// Runs the loop on this thread until [`Event::Stop`], or until there is no handle any more.
    ///
    /// # Errors
    /// The operating system's, when there can be no timer.
    pub fn run(mut self) -> std::io::Result<()> {
        tracing::info!("ResourceManager started");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        loop {
            let wait = (self.next_timer() - self.now()).max(0);
            let wait = Duration::from_millis(wait.unsigned_abs().min(60_000));
            let received =
                runtime.block_on(async { tokio::time::timeout(wait, self.events.recv()).await });
            let goes_on = match received {
                Ok(Some(event)) => self.step(Some(event)),
                Ok(None) => self.step(Some(Event::Stop)),
                Err(_elapsed) => self.step(None),
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// One turn of the loop: takes an event, if there is one, does what is due, and executes all
    /// that follows. Returns whether the loop goes on; if not, TaskManagers have been told to end.
    ///
    /// For whoever owns time and transport, such as a simulation; [`JobManager::run`] is this in a
    /// loop. The events of the handle are not heard here.
    pub fn step(&mut self, event: Option<Event>) -> bool {
        if let Some(event) = event {
            self.on_event(event);
        }
        self.on_time();
        self.execute();
        if self.stopping {
            for worker in self.task_managers.all() {
                // One that takes no more messages finds its link gone.
                let _ = worker.send(ToTaskManager::Shutdown);
            }
        }
        !self.stopping
    }

    /// When a turn is due at the latest, in milliseconds of the clock.
    pub fn next_timer(&self) -> i64 {
        // There is always one for heartbeats.
        self.timers.next_at().unwrap_or(i64::MAX)
    }

    fn now(&self) -> i64 {
        self.options.clock.now_ms()
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Link(event) => self.on_link(event),
            Event::Submit(submission) => self.on_submit(*submission),
            Event::Cancel(job, reply) => {
                answer(&reply, self.view(job));
                self.tell(job, ExecutionEvent::Cancel);
            }
            Event::Requirements(job, requested, reply) => {
                answer(&reply, self.on_requirements(job, &requested));
            }
            Event::Job(job, reply) => answer(&reply, self.view(job)),
            Event::Jobs(reply) => {
                let running = self.jobs.values().map(JobMaster::view);
                let mut all: Vec<JobView> = self.archive.jobs().cloned().chain(running).collect();
                all.sort_by_key(|job| (job.start_time, job.id));
                answer(&reply, all);
            }
            Event::Wait(job, reply) => match self.jobs.get_mut(&job) {
                Some(master) => master.waiters.push(reply),
                None => answer(&reply, self.archive.job(job).cloned()),
            },
            Event::TaskManagers(reply) => {
                let slots = &self.slots;
                let free = |id: &TaskManagerId| slots.slot_use(id).map_or(0, |usage| usage.free);
                let views = self.task_managers.all().map(|worker| worker.view(free(&worker.id)));
                answer(&reply, views.collect());
            }
            Event::TaskManagerLog(id, reply) => {
                if let Some(request) = self.task_managers.ask(&id, reply) {
                    self.send(&id, ToTaskManager::ReadLog { request });
                }
            }
            Event::QueryState(job, query, reply) => self.on_query_state(job, query, reply),
            Event::WorkersFailed(workers) => self.slots.on_workers_failed(workers),
            Event::Overview(reply) => answer(&reply, self.overview()),
            Event::Stop => self.stopping = true,
        }
    }

    fn overview(&self) -> ClusterOverview {
        let ended = self.archive.counts();
        ClusterOverview {
            task_managers: self.slots.task_managers(),
            slots_total: self.slots.slots_total(),
            slots_available: self.slots.slots_available(),
            jobs_running: self.jobs.len() as u32,
            jobs_finished: ended.finished,
            jobs_cancelled: ended.canceled,
            jobs_failed: ended.failed,
        }
    }

    fn view(&self, job: JobId) -> Option<JobView> {
        match self.jobs.get(&job) {
            Some(master) => Some(master.view()),
            None => self.archive.job(job).cloned(),
        }
    }

    fn on_submit(&mut self, submission: Submission) {
        let (job, now) = (submission.information.job, self.now());
        self.jobs.insert(job, JobMaster::new(submission, now));
        self.tell(job, ExecutionEvent::Initialized);
        self.tell(job, ExecutionEvent::Start);
    }

    /// Tells a job's execution graph of something and queues what it decides.
    fn tell(&mut self, job: JobId, event: ExecutionEvent) {
        let now = self.options.clock.now_ms();
        if let Some(master) = self.jobs.get_mut(&job) {
            let commands = master.handle(event, now);
            self.work.extend(commands.into_iter().map(|command| Work::Execution(job, command)));
        }
    }

    /// Does what is due.
    fn on_time(&mut self) {
        let now = self.now();
        while let Some(timer) = self.timers.take_due(now) {
            match timer {
                Timer::Heartbeat => self.send_heartbeats(now),
                Timer::SlotRequest(job, request) => {
                    self.tell(job, ExecutionEvent::SlotRequestTimedOut(request));
                }
                Timer::Wait(job, wait) => self.tell(job, ExecutionEvent::WaitOver(wait)),
                Timer::Restart(job, restart) => {
                    self.tell(job, ExecutionEvent::RestartDue(restart));
                }
            }
        }
    }

    fn send_heartbeats(&mut self, now: i64) {
        self.heartbeats += 1;
        let sequence = self.heartbeats;
        let timeout = milliseconds(self.options.heartbeat_timeout);
        for worker in self.task_managers.all() {
            let silent_ms = now - worker.last_heartbeat;
            if silent_ms > timeout {
                let reason = format!("it was not heard of for {silent_ms} ms");
                self.work.push_back(Work::Lost(worker.id.clone(), reason));
            } else if !worker.send(ToTaskManager::Heartbeat { sequence }) {
                let reason = "it takes no more messages".to_owned();
                self.work.push_back(Work::Lost(worker.id.clone(), reason));
            }
        }
        self.task_managers.expire_strangers(now - timeout);
        self.state_queries.expire(now);
        self.archive.expire(now - milliseconds(self.options.archive_expiration));
        let commands = self.slots.on_timer(now);
        self.queue_slots(commands);
        self.timers.set(now + milliseconds(self.options.heartbeat_interval), Timer::Heartbeat);
    }
}

/// The longest duration of a timer, about 3,000 years: added to any time, it is still a time.
const MILLISECONDS_MAX: i64 = 100_000_000_000_000;

/// Answers, unless nobody waits any more.
fn answer<T>(reply: &Reply<T>, value: T) {
    let _ = reply.try_send(value);
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(MILLISECONDS_MAX).min(MILLISECONDS_MAX)
}
