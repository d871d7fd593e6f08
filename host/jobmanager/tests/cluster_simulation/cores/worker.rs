//! A simulated TaskManager: a process with tasks that open, run, and end by themselves.

use std::collections::BTreeMap;

use sandbar_model::status::ExecutionState;
use sandbar_rpc::TaskAttempt;

use crate::random::Random;

/// A process. Its name may be that of one before it; the generation never is.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) generation: u64,
    pub(crate) slots: u32,
    pub(crate) is_alive: bool,
    /// Tasks that have not ended.
    pub(crate) tasks: BTreeMap<TaskAttempt, Task>,
    /// When the last order to it arrives: a link keeps its order.
    pub(crate) last_delivery: i64,
}

/// A task that has not ended.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) slot: u32,
    state: ExecutionState,
    is_cancelled: bool,
}

impl Worker {
    pub(crate) fn new(generation: u64, slots: u32) -> Worker {
        Worker { generation, slots, is_alive: true, tasks: BTreeMap::new(), last_delivery: 0 }
    }

    /// Ends the process and everything in it.
    pub(crate) fn die(&mut self) {
        self.is_alive = false;
        self.tasks.clear();
    }

    pub(crate) fn deploy(&mut self, task: TaskAttempt, slot: u32) -> Result<(), String> {
        let fresh = Task { slot, state: ExecutionState::Deploying, is_cancelled: false };
        if slot >= self.slots {
            return Err(format!("{task} was deployed to slot {slot} of {}", self.slots));
        }
        match self.tasks.insert(task, fresh) {
            None => Ok(()),
            Some(_) => Err(format!("{task} was deployed twice")),
        }
    }

    pub(crate) fn cancel(&mut self, task: TaskAttempt) {
        if let Some(running) = self.tasks.get_mut(&task) {
            running.is_cancelled = true;
        }
    }

    /// Takes a task one step on; none if it has ended before, or goes on as it is.
    pub(crate) fn step(
        &mut self,
        task: TaskAttempt,
        random: &mut Random,
        failures: u32,
        is_endless: bool,
    ) -> Option<ExecutionState> {
        let running = self.tasks.get_mut(&task)?;
        let next = if running.is_cancelled {
            // A cancel may come too late, or in the middle of something that then fails.
            let ends = [
                ExecutionState::Canceled,
                ExecutionState::Canceled,
                ExecutionState::Canceled,
                ExecutionState::Finished,
                ExecutionState::Failed,
            ];
            *random.pick(&ends)
        } else if random.chance(failures) {
            ExecutionState::Failed
        } else {
            match running.state {
                ExecutionState::Deploying => ExecutionState::Initializing,
                ExecutionState::Initializing => ExecutionState::Running,
                ExecutionState::Running if is_endless => return None,
                ExecutionState::Created
                | ExecutionState::Scheduled
                | ExecutionState::Running
                | ExecutionState::Finished
                | ExecutionState::Canceling
                | ExecutionState::Canceled
                | ExecutionState::Failed => ExecutionState::Finished,
            }
        };
        running.state = next;
        if next.is_terminal() {
            self.tasks.remove(&task);
        }
        Some(next)
    }
}
