//! The model of a TaskManager process: it connects, registers, obeys, reports, and gives up a
//! JobManager that it does not hear of, as `host/cluster` and `host/taskmanager` do it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sandbar_model::JobId;
use sandbar_model::status::ExecutionState;
use sandbar_rpc::{LinkId, TaskAttempt, TaskManagerId, ToTaskManager};

use crate::random::Random;
use crate::transport::Packet;

/// A process. Its name may be that of one before it; its number never is.
#[derive(Debug)]
pub(crate) struct TaskManager {
    pub(crate) id: TaskManagerId,
    pub(crate) slots: u32,
    pub(crate) protocol: u32,
    /// The term whose provider started it.
    pub(crate) started_by: Option<u64>,
    /// Whether the provider has let it go.
    pub(crate) is_released: bool,
    pub(crate) link: Option<LinkId>,
    /// The term it is registered at.
    pub(crate) registered: Option<u64>,
    /// All the terms it was registered at.
    pub(crate) terms: BTreeSet<u64>,
    /// When it last heard of the JobManager, and how long it waits for more.
    pub(crate) last_heard: i64,
    pub(crate) patience: i64,
    pub(crate) back_off: i64,
    pub(crate) hung_until: Option<i64>,
    /// What arrived while it hung.
    pub(crate) inbox: VecDeque<(LinkId, Packet<ToTaskManager>)>,
    /// Tasks that have not ended.
    pub(crate) tasks: BTreeMap<TaskAttempt, Task>,
    pub(crate) questions: BTreeMap<u64, TaskAttempt>,
    pub(crate) last_sequence: u64,
    /// Jobs of which something is kept until they are released.
    pub(crate) kept: BTreeSet<JobId>,
    /// Whether it ends when its tasks have.
    pub(crate) is_stopping: bool,
    /// Whether a link of it was lost: what it keeps is not released then.
    pub(crate) has_lost_link: bool,
}

/// A task that has not ended.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) slot: u32,
    pub(crate) state: ExecutionState,
    pub(crate) is_cancelled: bool,
    pub(crate) is_source: bool,
    pub(crate) is_endless: bool,
    /// Ids of the splits that it read.
    pub(crate) splits: Vec<String>,
    pub(crate) is_asking: bool,
    pub(crate) has_no_more: bool,
    /// Since when the JobManager has given it up.
    pub(crate) given_up: Option<i64>,
}

/// What a task does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It enters a state.
    Enter(ExecutionState),
    /// It asks for a split.
    Ask,
    /// It waits.
    Wait,
}

impl TaskManager {
    pub(crate) fn new(id: TaskManagerId, slots: u32, back_off: i64) -> TaskManager {
        TaskManager {
            id,
            slots,
            protocol: sandbar_rpc::PROTOCOL_VERSION,
            started_by: None,
            is_released: false,
            link: None,
            registered: None,
            terms: BTreeSet::new(),
            last_heard: 0,
            patience: 0,
            back_off,
            hung_until: None,
            inbox: VecDeque::new(),
            tasks: BTreeMap::new(),
            questions: BTreeMap::new(),
            last_sequence: 0,
            kept: BTreeSet::new(),
            is_stopping: false,
            has_lost_link: false,
        }
    }

    /// A link is open; nothing has been heard over it.
    pub(crate) fn opened(&mut self, link: LinkId, now: i64, patience: i64) {
        (self.link, self.last_heard, self.patience) = (Some(link), now, patience);
        self.last_sequence = 0;
    }

    /// It could not have noticed before that it was given up.
    pub(crate) fn has_been_held_up(&mut self) {
        self.tasks.values_mut().for_each(|task| task.given_up = None);
    }

    pub(crate) fn has_registered_elsewhere(&self, term: u64) -> bool {
        self.terms.iter().any(|other| *other != term)
    }

    /// Cancels everything; says what there is to cancel.
    pub(crate) fn cancel_all(&mut self) -> Vec<TaskAttempt> {
        self.tasks.values_mut().for_each(|task| task.is_cancelled = true);
        self.tasks.keys().copied().collect()
    }
}

impl Task {
    pub(crate) fn new(slot: u32, is_source: bool, is_endless: bool) -> Task {
        Task {
            slot,
            state: ExecutionState::Deploying,
            is_cancelled: false,
            is_source,
            is_endless,
            splits: Vec::new(),
            is_asking: false,
            has_no_more: false,
            given_up: None,
        }
    }

    /// What it does next, with this chance to fail, in percent.
    pub(crate) fn next(&self, random: &mut Random, failures: u32) -> Step {
        if self.is_cancelled {
            // A cancel may come too late, or in the middle of something that then fails.
            let ends = [
                ExecutionState::Canceled,
                ExecutionState::Canceled,
                ExecutionState::Canceled,
                ExecutionState::Finished,
                ExecutionState::Failed,
            ];
            return Step::Enter(*random.pick(&ends));
        }
        if random.chance(failures) {
            return Step::Enter(ExecutionState::Failed);
        }
        match self.state {
            ExecutionState::Deploying => Step::Enter(ExecutionState::Initializing),
            ExecutionState::Initializing => Step::Enter(ExecutionState::Running),
            ExecutionState::Running if self.is_source && !self.has_no_more => {
                if self.is_asking {
                    Step::Wait
                } else {
                    Step::Ask
                }
            }
            ExecutionState::Running if self.is_endless => Step::Wait,
            ExecutionState::Created
            | ExecutionState::Scheduled
            | ExecutionState::Running
            | ExecutionState::Finished
            | ExecutionState::Canceling
            | ExecutionState::Canceled
            | ExecutionState::Failed => Step::Enter(ExecutionState::Finished),
        }
    }
}
