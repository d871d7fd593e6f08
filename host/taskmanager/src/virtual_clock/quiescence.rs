//! Decides when virtual time moves, and to when. Pure.
//!
//! Law: time moves only when every task waits, none of them was told anything since it last
//! looked, and none waits for something outside; then to the first time that a task waits for.
//! Tasks that wait for the same time go on one after the other, in their order in the graph.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::TaskAttempt;

/// What a task waits for, besides being woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    /// A time in milliseconds since the Unix epoch; the last that there is stands for never.
    pub(crate) due_ms: Option<i64>,
    /// Whether something outside the job may wake it at any moment, so that time must not move.
    pub(crate) on_outside: bool,
}

/// A subtask, in the order of jobs and their graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TaskKey {
    job: JobId,
    vertex: VertexId,
    subtask: u32,
}

impl TaskKey {
    fn of(attempt: TaskAttempt) -> TaskKey {
        TaskKey { job: attempt.job, vertex: attempt.vertex, subtask: attempt.subtask }
    }
}

/// What a task is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// It has not started, or has failed and may run again.
    Awaited,
    /// It works, or is about to. If it was woken meanwhile, it looks again before it waits.
    Busy { woken: bool },
    /// It waits.
    Waiting(Wait),
    /// It has read its input to the end.
    Finished,
}

#[derive(Clone, Copy, Debug)]
struct TaskRecord {
    /// None before the first.
    attempt: Option<u32>,
    activity: Activity,
}

impl TaskRecord {
    fn awaited(attempt: Option<u32>) -> TaskRecord {
        TaskRecord { attempt, activity: Activity::Awaited }
    }

    fn is_at_rest(&self) -> bool {
        match self.activity {
            Activity::Awaited | Activity::Busy { .. } => false,
            Activity::Waiting(_) | Activity::Finished => true,
        }
    }
}

/// Virtual time, and what the tasks that it is for are about.
#[derive(Debug)]
pub(super) struct Quiescence {
    now_ms: i64,
    /// All subtasks of all jobs that have been deployed and not released.
    tasks: BTreeMap<TaskKey, TaskRecord>,
}

impl Quiescence {
    pub(super) fn new(start_ms: i64) -> Quiescence {
        Quiescence { now_ms: start_ms, tasks: BTreeMap::new() }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// These attempts are about to start: until they and all other subtasks of the graph have
    /// started, time stands still.
    pub(super) fn on_deploy(
        &mut self,
        job: JobId,
        graph: &JobGraph,
        attempts: impl IntoIterator<Item = TaskAttempt>,
    ) {
        let parallelism = |vertex: VertexId| {
            graph.vertices.get(vertex.index()).map_or(0, |vertex| vertex.parallelism)
        };
        self.tasks.retain(|key, _| key.job != job || key.subtask < parallelism(key.vertex));
        for vertex in &graph.vertices {
            for subtask in 0..vertex.parallelism {
                let key = TaskKey { job, vertex: vertex.id, subtask };
                self.tasks.entry(key).or_insert(TaskRecord::awaited(None));
            }
        }
        for attempt in attempts {
            self.tasks.insert(TaskKey::of(attempt), TaskRecord::awaited(Some(attempt.attempt)));
        }
    }

    /// An attempt starts.
    pub(super) fn on_start(&mut self, task: TaskAttempt) {
        let activity = Activity::Busy { woken: false };
        let attempt = Some(task.attempt);
        self.tasks.insert(TaskKey::of(task), TaskRecord { attempt, activity });
    }

    /// A task has nothing to do. If it is to look again at once, it is busy still.
    pub(super) fn on_wait(&mut self, task: TaskAttempt, wait: Wait) {
        let now_ms = self.now_ms;
        let Some(record) = self.current(task) else { return };
        let due_ms = wait.due_ms.filter(|due_ms| *due_ms < i64::MAX);
        let is_due = due_ms.is_some_and(|due_ms| due_ms <= now_ms);
        record.activity = match record.activity {
            Activity::Busy { woken: false } if !is_due => {
                Activity::Waiting(Wait { due_ms, ..wait })
            }
            Activity::Busy { .. } => Activity::Busy { woken: false },
            other @ (Activity::Awaited | Activity::Waiting(_) | Activity::Finished) => other,
        };
    }

    /// Something was said to a task.
    pub(super) fn on_wake(&mut self, task: TaskAttempt) {
        let Some(record) = self.current(task) else { return };
        record.activity = match record.activity {
            Activity::Busy { .. } => Activity::Busy { woken: true },
            Activity::Waiting(_) => Activity::Busy { woken: false },
            other @ (Activity::Awaited | Activity::Finished) => other,
        };
    }

    /// A task has ended.
    pub(super) fn on_end(&mut self, task: TaskAttempt, has_finished: bool) {
        if let Some(record) = self.current(task) {
            record.activity = if has_finished { Activity::Finished } else { Activity::Awaited };
        }
    }

    /// A job has ended.
    pub(super) fn on_release(&mut self, job: JobId) {
        self.tasks.retain(|key, _| key.job != job);
    }

    /// Whether this attempt waits.
    pub(super) fn is_waiting(&self, task: TaskAttempt) -> bool {
        let record = self.tasks.get(&TaskKey::of(task));
        record.is_some_and(|record| {
            record.attempt == Some(task.attempt) && matches!(record.activity, Activity::Waiting(_))
        })
    }

    /// Moves time if it is to move, and returns the one task that goes on.
    pub(super) fn advance(&mut self) -> Option<TaskAttempt> {
        if !self.tasks.values().all(TaskRecord::is_at_rest) {
            return None;
        }
        let due = |(key, record): (&TaskKey, &TaskRecord)| match record.activity {
            Activity::Waiting(Wait { due_ms, .. }) => Some((due_ms?, *key)),
            Activity::Awaited | Activity::Busy { .. } | Activity::Finished => None,
        };
        let (due_ms, key) = self.tasks.iter().filter_map(due).min()?;
        let on_outside = |record: &TaskRecord| {
            matches!(record.activity, Activity::Waiting(Wait { on_outside: true, .. }))
        };
        if due_ms > self.now_ms && self.tasks.values().any(on_outside) {
            return None;
        }
        self.now_ms = self.now_ms.max(due_ms);
        let record = self.tasks.get_mut(&key)?;
        record.activity = Activity::Busy { woken: false };
        let TaskKey { job, vertex, subtask } = key;
        Some(TaskAttempt { job, vertex, subtask, attempt: record.attempt? })
    }

    /// The record of a task, unless another attempt of it is the current one.
    fn current(&mut self, task: TaskAttempt) -> Option<&mut TaskRecord> {
        let record = self.tasks.get_mut(&TaskKey::of(task));
        record.filter(|record| record.attempt == Some(task.attempt))
    }
}

#[cfg(test)]
mod tests;
