//! One subtask and its attempts.
//!
//! Law: there is one current attempt; the next begins only when it is terminal. States change by
//! the table in `transitions` alone.

use std::collections::{BTreeMap, VecDeque};

use sandbar_model::status::ExecutionState;

use super::transitions::after_task;
use crate::slot_manager::SlotId;

/// Attempts that are kept of a subtask, besides the current one; as in Flink's
/// `web.exception-history-size`.
pub const EARLIER_ATTEMPTS_MAX: usize = 16;

/// One attempt to run a subtask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// 0 for the first.
    pub attempt: u32,
    /// Its state.
    pub state: ExecutionState,
    /// When it entered each state, in milliseconds.
    pub timestamps: BTreeMap<ExecutionState, i64>,
    /// Where it is or was deployed.
    pub slot: Option<SlotId>,
    /// Why, for FAILED.
    pub failure: Option<String>,
}

impl Execution {
    fn new(attempt: u32, now: i64) -> Execution {
        let state = ExecutionState::Created;
        let timestamps = BTreeMap::from([(state, now)]);
        Execution { attempt, state, timestamps, slot: None, failure: None }
    }
}

/// A subtask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionVertex {
    current: Execution,
    /// Oldest first. Invariant: all are terminal, and at most [`EARLIER_ATTEMPTS_MAX`].
    earlier: VecDeque<Execution>,
}

impl ExecutionVertex {
    pub(super) fn new(now: i64) -> ExecutionVertex {
        ExecutionVertex { current: Execution::new(0, now), earlier: VecDeque::new() }
    }

    /// One more subtask of a job that has run before: its first attempt has the number that the
    /// other subtasks' have.
    pub(super) fn scheduled(attempt: u32, now: i64) -> ExecutionVertex {
        let mut vertex =
            ExecutionVertex { current: Execution::new(attempt, now), earlier: VecDeque::new() };
        vertex.switch_to(ExecutionState::Scheduled, now);
        vertex
    }

    /// The current attempt.
    pub fn current(&self) -> &Execution {
        &self.current
    }

    /// The state of the current attempt.
    pub fn state(&self) -> ExecutionState {
        self.current.state
    }

    /// The attempts before, oldest first.
    pub fn earlier(&self) -> impl ExactSizeIterator<Item = &Execution> {
        self.earlier.iter()
    }

    /// Changes the state, if that can be.
    pub(super) fn switch_to(&mut self, state: ExecutionState, now: i64) -> bool {
        let can_be = after_task(self.current.state).contains(&state);
        if can_be {
            self.current.state = state;
            self.current.timestamps.insert(state, now);
        }
        can_be
    }

    pub(super) fn deploy(&mut self, slot: SlotId, now: i64) -> bool {
        let can_be = self.switch_to(ExecutionState::Deploying, now);
        if can_be {
            self.current.slot = Some(slot);
        }
        can_be
    }

    pub(super) fn fail(&mut self, cause: &str, now: i64) -> bool {
        let can_be = self.switch_to(ExecutionState::Failed, now);
        if can_be {
            self.current.failure = Some(cause.to_owned());
        }
        can_be
    }

    /// Begins the next attempt, if the current one is terminal.
    pub(super) fn reset(&mut self, now: i64) -> bool {
        if !self.current.state.is_terminal() {
            return false;
        }
        let next = Execution::new(self.current.attempt.saturating_add(1), now);
        if self.earlier.len() == EARLIER_ATTEMPTS_MAX {
            self.earlier.pop_front();
        }
        self.earlier.push_back(std::mem::replace(&mut self.current, next));
        true
    }
}
