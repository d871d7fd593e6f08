//! The execution graph: one state per subtask, and the state of the job that follows from them.
//!
//! ```text
//! CREATED -> RUNNING -> FINISHED                (all tasks finished)
//!               |-> FAILING -> FAILED           (a task failed; the others are cancelled first)
//!               '-> CANCELLING -> CANCELED      (the user cancelled)
//! ```
//! Source: Flink, `JobStatus`, `ExecutionState`, `docs/content/docs/internals/job_scheduling.md`.

use sandbar_model::VertexId;
use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::{ExecutionState, JobStatus};

/// One subtask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskRef {
    /// Its vertex.
    pub vertex: VertexId,
    /// 0-based index.
    pub subtask: u32,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start a task.
    Deploy(TaskRef),
    /// Cancel all tasks that have not ended.
    CancelTasks,
    /// The job has ended in this state.
    Complete(JobStatus),
}

/// Why a job failed: the first task that did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The task.
    pub task: TaskRef,
    /// Its error.
    pub cause: String,
}

/// The state of a job at run.
#[derive(Clone, Debug)]
pub struct ExecutionGraph {
    status: JobStatus,
    /// `tasks[vertex][subtask]`.
    tasks: Vec<Vec<ExecutionState>>,
    failure: Option<Failure>,
}

impl ExecutionGraph {
    /// Makes the graph of a job that has not been started.
    pub fn new(graph: &JobGraph) -> ExecutionGraph {
        let states = |parallelism: u32| vec![ExecutionState::Created; parallelism as usize];
        ExecutionGraph {
            status: JobStatus::Created,
            tasks: graph.vertices.iter().map(|vertex| states(vertex.parallelism)).collect(),
            failure: None,
        }
    }

    /// State of the job.
    pub fn status(&self) -> JobStatus {
        self.status
    }

    /// Why the job failed or is failing.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// States of the subtasks of a vertex.
    pub fn subtasks(&self, vertex: VertexId) -> &[ExecutionState] {
        &self.tasks[vertex.index()]
    }

    /// Starts the job: all its tasks, sinks first so that receivers are there when records come.
    ///
    /// # Panics
    /// If the job has been started before.
    pub fn start(&mut self) -> Vec<Command> {
        assert_eq!(self.status, JobStatus::Created, "a job is started once");
        self.status = JobStatus::Running;
        let mut commands = Vec::new();
        for (vertex, subtasks) in self.tasks.iter_mut().enumerate().rev() {
            for (subtask, state) in subtasks.iter_mut().enumerate() {
                *state = ExecutionState::Deploying;
                let vertex = VertexId(vertex as u32);
                commands.push(Command::Deploy(TaskRef { vertex, subtask: subtask as u32 }));
            }
        }
        commands
    }

    /// Takes the state that a task reports. What comes after a task's terminal state is ignored.
    pub fn on_task_state(
        &mut self,
        task: TaskRef,
        state: ExecutionState,
        cause: Option<String>,
    ) -> Vec<Command> {
        let known = &mut self.tasks[task.vertex.index()][task.subtask as usize];
        if known.is_terminal() {
            return Vec::new();
        }
        *known = state;
        let mut commands = Vec::new();
        if state == ExecutionState::Failed && self.status == JobStatus::Running {
            let cause = cause.unwrap_or_else(|| "it gave no reason".to_owned());
            self.failure = Some(Failure { task, cause });
            self.status = JobStatus::Failing;
            commands.push(Command::CancelTasks);
        }
        commands.extend(self.complete());
        commands
    }

    /// Cancels the job, unless it is about to end anyway.
    pub fn on_cancel(&mut self) -> Vec<Command> {
        match self.status {
            JobStatus::Created => {
                self.status = JobStatus::Canceled;
                vec![Command::Complete(JobStatus::Canceled)]
            }
            JobStatus::Running => {
                self.status = JobStatus::Cancelling;
                std::iter::once(Command::CancelTasks).chain(self.complete()).collect()
            }
            JobStatus::Initializing
            | JobStatus::Restarting
            | JobStatus::Failing
            | JobStatus::Failed
            | JobStatus::Cancelling
            | JobStatus::Canceled
            | JobStatus::Finished => Vec::new(),
        }
    }

    fn complete(&mut self) -> Option<Command> {
        if !self.tasks.iter().flatten().all(|state| state.is_terminal()) {
            return None;
        }
        let all_finished =
            self.tasks.iter().flatten().all(|state| *state == ExecutionState::Finished);
        let ended = match self.status {
            JobStatus::Failing => JobStatus::Failed,
            // Cancelled too late: everything was done.
            JobStatus::Cancelling | JobStatus::Running if all_finished => JobStatus::Finished,
            JobStatus::Cancelling => JobStatus::Canceled,
            JobStatus::Running => JobStatus::Failed,
            JobStatus::Initializing
            | JobStatus::Restarting
            | JobStatus::Created
            | JobStatus::Failed
            | JobStatus::Canceled
            | JobStatus::Finished => {
                return None;
            }
        };
        self.status = ended;
        Some(Command::Complete(ended))
    }
}

#[cfg(test)]
mod tests;
