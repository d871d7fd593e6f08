//! What follows from the states and times of attempts: counts, periods, the state of a vertex, and
//! where things run. Pure.
//!
//! Source: Flink, `JobDetailsHandler`, `ExecutionJobVertex.getAggregateJobVertexState`,
//! `StatusDurationUtils`.

use std::collections::BTreeMap;

use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_rpc::{SubtaskView, TaskManagerId, TaskManagerView};

/// Flink's word for the place of what has none.
pub(crate) const UNASSIGNED: &str = "(unassigned)";

/// Every state of a task.
pub(crate) const EXECUTION_STATES: [ExecutionState; 9] = [
    ExecutionState::Created,
    ExecutionState::Scheduled,
    ExecutionState::Deploying,
    ExecutionState::Initializing,
    ExecutionState::Running,
    ExecutionState::Finished,
    ExecutionState::Canceling,
    ExecutionState::Canceled,
    ExecutionState::Failed,
];

/// Every state of a job.
pub(crate) const JOB_STATUSES: [JobStatus; 9] = [
    JobStatus::Initializing,
    JobStatus::Created,
    JobStatus::Running,
    JobStatus::Failing,
    JobStatus::Failed,
    JobStatus::Cancelling,
    JobStatus::Canceled,
    JobStatus::Finished,
    JobStatus::Restarting,
];

/// The states whose durations Flink reports.
pub(crate) const TIMED_STATES: [ExecutionState; 5] = [
    ExecutionState::Created,
    ExecutionState::Scheduled,
    ExecutionState::Deploying,
    ExecutionState::Initializing,
    ExecutionState::Running,
];

/// How many of the subtasks are in each state; every state is there.
pub(crate) fn state_counts<'a>(
    subtasks: impl IntoIterator<Item = &'a SubtaskView>,
) -> BTreeMap<ExecutionState, u32> {
    let mut counts: BTreeMap<ExecutionState, u32> =
        EXECUTION_STATES.into_iter().map(|state| (state, 0)).collect();
    for subtask in subtasks {
        *counts.entry(subtask.state).or_default() += 1;
    }
    counts
}

/// The one state that stands for all subtasks of a vertex.
pub(crate) fn aggregate_state(counts: &BTreeMap<ExecutionState, u32>) -> ExecutionState {
    let has = |state| counts.get(&state).is_some_and(|count| *count > 0);
    let by_rank = [
        ExecutionState::Failed,
        ExecutionState::Canceling,
        ExecutionState::Canceled,
        ExecutionState::Initializing,
        ExecutionState::Running,
    ];
    if let Some(state) = by_rank.into_iter().find(|state| has(*state)) {
        state
    } else if has(ExecutionState::Finished) {
        let total: u32 = counts.values().sum();
        let is_all = counts.get(&ExecutionState::Finished) == Some(&total);
        if is_all { ExecutionState::Finished } else { ExecutionState::Running }
    } else {
        // All else collapses under CREATED, as in Flink.
        ExecutionState::Created
    }
}

/// When something ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// The first deployment; -1 before it.
    pub(crate) start: i64,
    /// -1 while it runs.
    pub(crate) end: i64,
    /// From start to end, or until now; -1 before the start.
    pub(crate) duration: i64,
}

impl Period {
    const NONE: Period = Period { start: -1, end: -1, duration: -1 };

    /// The period of a group of subtasks, current attempts only.
    pub(crate) fn of<'a>(subtasks: impl IntoIterator<Item = &'a SubtaskView>, now: i64) -> Period {
        let (mut start, mut end, mut has_ended) = (None::<i64>, 0, true);
        for subtask in subtasks {
            if let Some(deployed) = subtask.timestamps.get(&ExecutionState::Deploying) {
                start = Some(start.map_or(*deployed, |earliest| earliest.min(*deployed)));
            }
            has_ended &= subtask.state.is_terminal();
            end = end.max(entered(subtask, subtask.state));
        }
        match start {
            None => Period::NONE,
            Some(start) if has_ended => Period { start, end, duration: end - start },
            Some(start) => Period { start, end: -1, duration: (now - start).max(0) },
        }
    }
}

/// When a subtask entered a state; 0 if it has not.
pub(crate) fn entered(subtask: &SubtaskView, state: ExecutionState) -> i64 {
    subtask.timestamps.get(&state).copied().unwrap_or(0)
}

/// How long an attempt was in each of [`TIMED_STATES`]; -1 for those it has not been in.
pub(crate) fn state_durations(subtask: &SubtaskView, now: i64) -> BTreeMap<ExecutionState, i64> {
    let left = |state: ExecutionState, since: i64| {
        if subtask.state == state {
            return Some(now);
        }
        // States are entered in the order of their numbers, often within one millisecond.
        let later =
            subtask.timestamps.iter().filter(|(other, at)| **other > state && **at >= since);
        later.map(|(_, at)| *at).min()
    };
    let duration = |state: ExecutionState| {
        let since = *subtask.timestamps.get(&state)?;
        Some((left(state, since)? - since).max(0))
    };
    TIMED_STATES.into_iter().map(|state| (state, duration(state).unwrap_or(-1))).collect()
}

/// Where TaskManagers take records: their `host:port`.
pub(crate) struct Locations(BTreeMap<TaskManagerId, String>);

impl Locations {
    pub(crate) fn of(task_managers: Vec<TaskManagerView>) -> Locations {
        Locations(task_managers.into_iter().map(|one| (one.id, one.data_address)).collect())
    }

    /// The address of a TaskManager. One that is gone has only its name left.
    pub(crate) fn endpoint(&self, id: Option<&TaskManagerId>) -> String {
        match id {
            None => UNASSIGNED.to_owned(),
            Some(id) => self.0.get(id).cloned().unwrap_or_else(|| id.to_string()),
        }
    }
}

/// The name of a TaskManager, or Flink's word for none.
pub(crate) fn task_manager_name(id: Option<&TaskManagerId>) -> String {
    id.map_or_else(|| UNASSIGNED.to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;
