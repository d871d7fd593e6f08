//! What whoever drives a JobManager step by step may look at, to check what it does.
//!
//! Law: looking changes nothing.

use sandbar_model::JobId;

use super::JobManager;
use crate::execution_graph::ExecutionGraph;
use crate::slot_manager::SlotManager;

/// How many of each thing a JobManager keeps. All go back to what the cluster needs when nothing
/// happens: none but the TaskManagers, their links, and the timer of heartbeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Jobs that have not ended.
    pub jobs: usize,
    /// TaskManagers that have registered.
    pub task_managers: usize,
    /// Links that lead to them.
    pub links: usize,
    /// Links whose TaskManager has not registered.
    pub strangers: usize,
    /// Questions that TaskManagers have not answered.
    pub questions: usize,
    /// Timers.
    pub timers: usize,
}

impl JobManager {
    /// The slots.
    pub fn slots(&self) -> &SlotManager {
        &self.slots
    }

    /// The jobs that have not ended.
    pub fn executions(&self) -> impl Iterator<Item = &ExecutionGraph> {
        self.jobs.values().map(|master| master.execution())
    }

    /// A job that has not ended.
    pub fn execution(&self, job: JobId) -> Option<&ExecutionGraph> {
        self.jobs.get(&job).map(|master| master.execution())
    }

    /// How much it keeps.
    pub fn kept(&self) -> Kept {
        let (links, strangers, questions) = self.task_managers.kept();
        Kept {
            jobs: self.jobs.len(),
            task_managers: self.task_managers.all().count(),
            links,
            strangers,
            questions: questions + self.state_queries.len(),
            timers: self.timers.len(),
        }
    }
}
