//! The execution graph: the attempts of each subtask, their slots, and the state of the job that
//! follows from them. Pure: [`ExecutionGraph::handle`] takes an [`Event`] and the time and returns
//! [`Command`]s, to be executed in their order; all it knows can be looked at.
//!
//! Laws: a subtask has at most one attempt that is not terminal; reports of others are ignored. A
//! job completes once, when no attempt of it is left. What cannot be is ignored and counted.
//! Source: Flink, `DefaultScheduler`, `DefaultExecutionGraph`, `ExecutionFailureHandler`.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::{ParallelismBounds, TaskAttempt};

use crate::failover_region::{FailoverRegions, FailoverStrategy, RegionId};
use crate::restart_strategy::RestartStrategy;
use crate::slot_manager::{SlotId, SlotShortage};
use crate::slot_sharing::SlotSharing;
use crate::task_ref::TaskRef;
use adaptive::Adaptive;
use failure_history::FailureHistory;
use scheduling::Slots;

pub use adaptive::AdaptiveOptions;
pub use event::{Command, Event, PlacedTask, RestartId, SlotRequestId, WaitId};
pub use execution_vertex::{EARLIER_ATTEMPTS_MAX, Execution, ExecutionVertex};
pub use failure_history::{CAUSE_BYTES_MAX, FAILURES_MAX, Failure};

mod adaptive;
mod event;
mod execution_vertex;
mod failover;
mod failure_history;
mod scheduling;
pub mod transitions;

/// `jobmanager.scheduler`: who decides on the parallelism of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduler {
    /// The job alone: it waits until there are slots for all of it.
    #[default]
    Default,
    /// The slots that there are. All of the job is restarted by any failure.
    Adaptive(AdaptiveOptions),
}

/// How a job is scheduled, and deals with failures.
#[derive(Clone, Debug)]
pub struct ExecutionGraphOptions {
    /// What decides on its parallelism.
    pub scheduler: Scheduler,
    /// Whether and when it is restarted.
    pub restart_strategy: RestartStrategy,
    /// What of it is restarted.
    pub failover_strategy: FailoverStrategy,
}

/// Where a region stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Its tasks are created, deployed, or have ended.
    Settled,
    /// Its tasks are SCHEDULED, and lack slots.
    Waiting(SlotRequestId),
    /// Its tasks end, or have, and run again when the time has come.
    Restarting { restart: RestartId, is_due: bool },
}

/// The state of a job at run.
///
/// Its owner, the job master, does for each command:
/// - `RequestSlots`: `SlotManager::set_requirement`, and a timer for `SlotRequestTimedOut`.
///   `SlotCommand::Allocated` and `Lost` come back as `SlotsAllocated` and `SlotsLost`.
/// - `Deploy`, `Cancel`: a message to each TaskManager; what it reports comes back as `TaskState`.
///   If a message cannot be sent, the TaskManager is unregistered, which gives `SlotsLost`.
/// - `DeclareSlots`, `FreeSlots`: `SlotManager::set_requirement` and `release_slots`, the latter
///   without slots that it has again by then.
/// - `Wait`: a timer for `WaitOver`.
/// - `ScheduleRestart`: a timer for `RestartDue`. Timers need not be stopped: late ones are
///   ignored.
/// - `ReleaseSlots`: `SlotManager::free_slots`.
/// - `Complete`: archives the job. No command follows but `ReleaseSlots`, for slots that come late.
#[derive(Clone, Debug)]
pub struct ExecutionGraph {
    job: JobId,
    status: JobStatus,
    timestamps: BTreeMap<JobStatus, i64>,
    /// With the parallelism that it runs at.
    graph: Arc<JobGraph>,
    adaptive: Option<Adaptive>,
    /// `vertices[vertex][subtask]`.
    vertices: Vec<Vec<ExecutionVertex>>,
    slots: Slots,
    regions: FailoverRegions,
    /// One a region.
    phases: Vec<Phase>,
    restart_strategy: RestartStrategy,
    failures: FailureHistory,
    failure: Option<Failure>,
    suppressed_by: Option<String>,
    restarts: u32,
    rescales: u32,
    ignored_events: u64,
    /// Numbers waits.
    next_wait: u64,
}

impl ExecutionGraph {
    /// Makes the graph of a job whose master is being made: INITIALIZING since `now`, in
    /// milliseconds.
    pub fn new(
        job: JobId,
        graph: &JobGraph,
        options: ExecutionGraphOptions,
        now: i64,
    ) -> ExecutionGraph {
        let subtasks = |parallelism: u32| vec![ExecutionVertex::new(now); parallelism as usize];
        let graph = Arc::new(graph.clone());
        let (adaptive, failover_strategy) = match options.scheduler {
            Scheduler::Default => (None, options.failover_strategy),
            Scheduler::Adaptive(waits) => {
                (Some(Adaptive::new(waits, &graph)), FailoverStrategy::Full)
            }
        };
        let regions = FailoverRegions::of(&graph, failover_strategy);
        ExecutionGraph {
            job,
            status: JobStatus::Initializing,
            timestamps: BTreeMap::from([(JobStatus::Initializing, now)]),
            vertices: graph.vertices.iter().map(|vertex| subtasks(vertex.parallelism)).collect(),
            slots: Slots::new(SlotSharing::of(&graph)),
            phases: vec![Phase::Settled; regions.len()],
            regions,
            restart_strategy: options.restart_strategy,
            failures: FailureHistory::default(),
            failure: None,
            suppressed_by: None,
            restarts: 0,
            rescales: 0,
            ignored_events: 0,
            next_wait: 0,
            graph,
            adaptive,
        }
    }

    /// Takes what happened at `now`, in milliseconds, and says what is to be done.
    pub fn handle(&mut self, event: Event, now: i64) -> Vec<Command> {
        match event {
            Event::Initialized => {
                self.switch_to(JobStatus::Created, now);
                Vec::new()
            }
            Event::Start => self.on_start(now),
            Event::SlotsAllocated(slots) => self.on_slots_allocated(slots, now),
            Event::SlotsLost { slots, reason } => self.on_slots_lost(&slots, reason, now),
            Event::TaskState { task, state, error } => self.on_task_state(task, state, error, now),
            Event::RestartDue(restart) => self.on_restart_due(restart, now),
            Event::SlotRequestTimedOut(request) => self.on_slot_request_timed_out(request, now),
            Event::WaitOver(wait) => self.on_wait_over(wait, now),
            Event::Requirements(bounds) => self.on_requirements(bounds, now),
            Event::GlobalFailure(reason) => self.on_global_failure(reason, now),
            Event::Cancel => self.on_cancel(now),
        }
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// State of the job.
    pub fn status(&self) -> JobStatus {
        self.status
    }

    /// When the job last entered each state, in milliseconds.
    pub fn timestamps(&self) -> &BTreeMap<JobStatus, i64> {
        &self.timestamps
    }

    /// The subtasks of a vertex by index; none for a vertex that the job does not have.
    pub fn subtasks(&self, vertex: VertexId) -> &[ExecutionVertex] {
        self.vertices.get(vertex.index()).map_or(&[], Vec::as_slice)
    }

    /// A subtask; none if the job does not have it.
    pub fn subtask(&self, task: TaskRef) -> Option<&ExecutionVertex> {
        self.subtasks(task.vertex).get(task.subtask as usize)
    }

    /// The slot of an attempt; none unless it is the current one and has been deployed.
    pub fn slot_of(&self, task: TaskAttempt) -> Option<&SlotId> {
        let current = self.subtask(task_ref(task))?.current();
        let is_current = task.job == self.job && task.attempt == current.attempt;
        current.slot.as_ref().filter(|_| is_current)
    }

    /// Whether the job has a slot, as far as it has heard.
    pub fn has_slot(&self, slot: &SlotId) -> bool {
        self.slots.contains(slot)
    }

    /// Why the job failed or is failing.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Why that failure was not followed by a restart.
    pub fn suppressed_by(&self) -> Option<&str> {
        self.suppressed_by.as_deref()
    }

    /// What went wrong, newest first; at most [`FAILURES_MAX`].
    pub fn failures(&self) -> impl ExactSizeIterator<Item = &Failure> {
        self.failures.iter()
    }

    /// How often the job, or a part of it, was restarted.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// How many of its restarts changed its parallelism, and followed from no failure.
    pub fn rescales(&self) -> u32 {
        self.rescales
    }

    /// The graph, with the parallelism that it runs at.
    pub fn graph(&self) -> &Arc<JobGraph> {
        &self.graph
    }

    /// The bounds of each vertex's parallelism; none unless it is scheduled adaptively.
    pub fn requirements(&self) -> Option<&[ParallelismBounds]> {
        self.adaptive.as_ref().map(Adaptive::bounds)
    }

    /// Number of slots that the job needs, or would like to have.
    pub fn required_slots(&self) -> u32 {
        let needed = || self.slots.sharing().required_slots();
        self.adaptive.as_ref().map_or_else(needed, Adaptive::desired_slots)
    }

    /// The slots that tasks wait for; none when no task waits.
    pub fn waiting_for(&self) -> Option<SlotShortage> {
        let is_waiting = match &self.adaptive {
            Some(adaptive) => adaptive.is_waiting(),
            None => self.phases.iter().any(|phase| matches!(phase, Phase::Waiting(_))),
        };
        let has = if self.adaptive.is_some() { self.slots.total() } else { self.slots.filled() };
        let needs = self.required_slots();
        (is_waiting && has < needs).then_some(SlotShortage { needs, has })
    }

    /// How many events, reports and slots were ignored: they were late, twice, or impossible.
    pub fn ignored_events(&self) -> u64 {
        self.ignored_events
    }

    /// Changes the state of the job, if that can be.
    fn switch_to(&mut self, status: JobStatus, now: i64) -> bool {
        let can_be = transitions::after_job(self.status).contains(&status);
        if can_be {
            self.status = status;
            self.timestamps.insert(status, now);
        } else {
            self.ignore();
        }
        can_be
    }

    fn ignore(&mut self) {
        self.ignored_events = self.ignored_events.saturating_add(1);
    }

    fn take_number(&mut self) -> u64 {
        self.next_wait += 1;
        self.next_wait
    }

    fn attempt(&self, task: TaskRef) -> TaskAttempt {
        let attempt = self.subtask(task).map_or(0, |vertex| vertex.current().attempt);
        TaskAttempt { job: self.job, vertex: task.vertex, subtask: task.subtask, attempt }
    }

    fn vertex_mut(&mut self, task: TaskRef) -> Option<&mut ExecutionVertex> {
        self.vertices.get_mut(task.vertex.index())?.get_mut(task.subtask as usize)
    }

    fn is_ended(&self, region: RegionId) -> bool {
        let is_terminal =
            |task: &TaskRef| self.subtask(*task).is_none_or(|vertex| vertex.state().is_terminal());
        self.regions.tasks(region).iter().all(is_terminal)
    }

    /// Ends the job if all its tasks have.
    fn complete(&mut self, now: i64) -> Vec<Command> {
        let mut states = self.vertices.iter().flatten().map(ExecutionVertex::state);
        if !states.clone().all(ExecutionState::is_terminal) {
            return Vec::new();
        }
        let is_finished = states.all(|state| state == ExecutionState::Finished);
        let ended = match self.status {
            JobStatus::Running if is_finished => JobStatus::Finished,
            JobStatus::Failing => JobStatus::Failed,
            JobStatus::Cancelling => JobStatus::Canceled,
            JobStatus::Running
            | JobStatus::Initializing
            | JobStatus::Created
            | JobStatus::Restarting
            | JobStatus::Failed
            | JobStatus::Canceled
            | JobStatus::Finished => return Vec::new(),
        };
        self.switch_to(ended, now);
        self.adaptive.iter_mut().for_each(Adaptive::end);
        self.slots.clear();
        vec![Command::ReleaseSlots, Command::Complete(ended)]
    }
}

fn task_ref(task: TaskAttempt) -> TaskRef {
    TaskRef { vertex: task.vertex, subtask: task.subtask }
}

#[cfg(test)]
mod tests;
