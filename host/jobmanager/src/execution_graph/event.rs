//! What an execution graph hears, and what it commands: two closed sets, and the names of waits.

use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_rpc::{ParallelismBounds, TaskAttempt};

use crate::slot_manager::SlotId;

/// Names a wait for slots, so that a timer that outlived its reason is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotRequestId(pub u64);

/// Names a wait before a restart, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RestartId(pub u64);

/// Names a wait of the adaptive scheduler, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WaitId(pub u64);

/// What happens to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The job's master is ready: INITIALIZING becomes CREATED.
    Initialized,
    /// The job is to run: CREATED becomes RUNNING, its tasks SCHEDULED.
    Start,
    /// The job has these slots, besides those it had.
    SlotsAllocated(Vec<SlotId>),
    /// The job does not have these slots any more, and what ran there is gone.
    SlotsLost {
        /// The slots.
        slots: Vec<SlotId>,
        /// Why; becomes the cause of the tasks' failure.
        reason: String,
    },
    /// A TaskManager reports the state of an attempt.
    TaskState {
        /// The attempt.
        task: TaskAttempt,
        /// Its state.
        state: ExecutionState,
        /// Why, for FAILED.
        error: Option<String>,
    },
    /// The time of [`Command::ScheduleRestart`] is over.
    RestartDue(RestartId),
    /// `slot.request.timeout` is over since [`Command::RequestSlots`].
    SlotRequestTimedOut(SlotRequestId),
    /// The time of [`Command::Wait`] is over.
    WaitOver(WaitId),
    /// The bounds of the vertices' parallelism are these, in the order of the graph. For a job
    /// that is scheduled adaptively, and neither ends nor has to start; they have been checked.
    Requirements(Vec<ParallelismBounds>),
    /// Something failed that is no task: all tasks are restarted, or the job fails.
    GlobalFailure(String),
    /// The user cancels the job.
    Cancel,
}

/// An attempt and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedTask {
    /// The attempt.
    pub task: TaskAttempt,
    /// The slot.
    pub slot: SlotId,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The job needs this many slots in all. After `slot.request.timeout`,
    /// [`Event::SlotRequestTimedOut`] is due.
    RequestSlots {
        /// Number of slots, with those it has.
        slots: u32,
        /// Names the wait.
        request: SlotRequestId,
    },
    /// The job would like this many slots in all, and takes fewer.
    DeclareSlots(u32),
    /// The job does not need these slots any more.
    FreeSlots(Vec<SlotId>),
    /// [`Event::WaitOver`] is due after this time.
    Wait {
        /// Names the wait.
        wait: WaitId,
        /// Milliseconds.
        after_ms: u64,
    },
    /// Start these attempts, in this order: receivers come first, so that they are there when
    /// records come.
    Deploy(Vec<PlacedTask>),
    /// Cancel these attempts; each is to report how it ended.
    Cancel(Vec<PlacedTask>),
    /// [`Event::RestartDue`] is due after this time.
    ScheduleRestart {
        /// Names the wait.
        restart: RestartId,
        /// Milliseconds.
        after_ms: u64,
    },
    /// The job needs none of its slots any more.
    ReleaseSlots,
    /// The job has ended in this state.
    Complete(JobStatus),
}
