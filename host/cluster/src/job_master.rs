//! The endpoint of one job: a thread with one loop over one closed set of events. It asks the
//! execution graph what to do and does it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};
use sandbar_jobmanager::{Command, ExecutionGraph, TaskRef};
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_taskmanager::{JobDeployment, TaskDeployment, TaskExecutor, TaskStateChange};

use crate::job_client::{JobBoard, JobResult};

/// What a job master hears.
#[derive(Debug)]
pub(crate) enum Event {
    /// A task's state changed.
    Task(TaskStateChange),
    /// The user cancels the job.
    Cancel,
}

pub(crate) struct JobMaster {
    pub(crate) job: Arc<JobDeployment>,
    pub(crate) executor: Arc<TaskExecutor>,
    pub(crate) board: Arc<JobBoard>,
    pub(crate) cancels: Receiver<()>,
}

impl JobMaster {
    /// Runs the job to its end.
    pub(crate) fn run(self) {
        let started = Instant::now();
        let mut execution = ExecutionGraph::new(&self.job.graph);
        // Each task reports at most five times, so this never fills for long.
        let (reports, task_events) = crossbeam_channel::bounded(1024);
        let mut errors: HashMap<TaskRef, String> = HashMap::new();
        let mut commands = execution.start();
        self.board.set_status(execution.status());
        let mut ended = self.execute(&mut execution, commands, &reports);
        while ended.is_none() {
            commands = match self.next_event(&task_events) {
                Some(Event::Task(change)) => self.on_task(&mut execution, change, &mut errors),
                Some(Event::Cancel) => execution.on_cancel(),
                None => break,
            };
            self.board.set_status(execution.status());
            ended = self.execute(&mut execution, commands, &reports);
        }
        self.executor.release_job(self.job.id);
        let failure = execution.failure().map(|failure| failure.cause.clone());
        self.board.complete(JobResult {
            job: self.job.id,
            name: self.job.graph.name.clone(),
            status: ended.unwrap_or(JobStatus::Failed),
            failure,
            runtime: started.elapsed(),
        });
    }

    fn next_event(&self, task_events: &Receiver<TaskStateChange>) -> Option<Event> {
        crossbeam_channel::select! {
            recv(task_events) -> change => change.ok().map(Event::Task),
            recv(self.cancels) -> cancel => cancel.ok().map(|()| Event::Cancel),
        }
    }

    fn on_task(
        &self,
        execution: &mut ExecutionGraph,
        change: TaskStateChange,
        errors: &mut HashMap<TaskRef, String>,
    ) -> Vec<Command> {
        let task = TaskRef { vertex: change.task.vertex, subtask: change.task.subtask };
        let cause = change.error.map(|error| {
            let vertex = &self.job.graph.vertices[task.vertex.index()];
            let cause = format!(
                "job \"{}\", task \"{}\" ({}/{}): {error}",
                self.job.graph.name,
                vertex.name,
                task.subtask + 1,
                vertex.parallelism
            );
            errors.insert(task, cause.clone());
            cause
        });
        tracing::debug!(?task, state = ?change.state, "task state");
        self.board.set_task_state(task, change.state);
        execution.on_task_state(task, change.state, cause)
    }

    /// Executes commands; those that fail at once are events of their own.
    fn execute(
        &self,
        execution: &mut ExecutionGraph,
        commands: Vec<Command>,
        reports: &Sender<TaskStateChange>,
    ) -> Option<JobStatus> {
        let mut pending = std::collections::VecDeque::from(commands);
        let mut ended = None;
        while let Some(command) = pending.pop_front() {
            match command {
                Command::Deploy(task) => {
                    if let Err(error) = self.deploy(task, reports) {
                        let cause = format!("no thread can be started for a task: {error}");
                        let state = ExecutionState::Failed;
                        pending.extend(execution.on_task_state(task, state, Some(cause)));
                    }
                }
                Command::CancelTasks => self.executor.cancel_job(self.job.id),
                Command::Complete(status) => ended = Some(status),
            }
        }
        ended
    }

    fn deploy(&self, task: TaskRef, reports: &Sender<TaskStateChange>) -> std::io::Result<()> {
        let deployment = TaskDeployment {
            job: Arc::clone(&self.job),
            vertex: task.vertex,
            subtask: task.subtask,
        };
        let handle = self.executor.submit(deployment, reports.clone())?;
        self.board.add_task(task, handle);
        Ok(())
    }
}
