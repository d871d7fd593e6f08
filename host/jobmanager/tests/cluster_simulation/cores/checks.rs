//! The laws that hold after every step, and at the end.

use std::collections::{BTreeMap, BTreeSet};

use sandbar_jobmanager::execution_graph::transitions::is_deployed;
use sandbar_jobmanager::{Execution, ExecutionVertex, RestartStrategyOptions};
use sandbar_model::VertexId;
use sandbar_model::job_graph::JobVertex;
use sandbar_model::status::{ExecutionState, JobStatus};

use super::world::{Job, World};
use crate::checks::check_graph;

impl World {
    /// What holds after every step.
    pub(crate) fn check_step(&self) -> Result<(), String> {
        self.check_processes()?;
        self.jobs.iter().try_for_each(|job| self.check_job(job))
    }

    /// What holds when nothing is left to happen.
    pub(crate) fn check_end(&self) -> Result<(), String> {
        for job in &self.jobs {
            check_ended(job)?;
        }
        if self.manager.slots_available() != self.manager.slots_total() {
            return Err("slots are allocated and no job runs".to_owned());
        }
        let tasks: usize = self.workers.values().map(|worker| worker.tasks.len()).sum();
        if tasks > 0 { Err(format!("{tasks} tasks outlive their jobs")) } else { Ok(()) }
    }

    /// In the processes, whatever the JobManager believes: no subtask runs twice, and a slot holds
    /// tasks of one job, one of each vertex.
    fn check_processes(&self) -> Result<(), String> {
        let mut subtasks = BTreeSet::new();
        for (id, worker) in &self.workers {
            let mut slots = BTreeMap::new();
            let mut vertices = BTreeSet::new();
            for (task, running) in &worker.tasks {
                if !subtasks.insert((task.job, task.vertex, task.subtask)) {
                    return Err(format!("{task} runs beside another attempt"));
                }
                if *slots.entry(running.slot).or_insert(task.job) != task.job {
                    return Err(format!("slot {} of {id} has two jobs", running.slot));
                }
                if !vertices.insert((running.slot, task.vertex)) {
                    return Err(format!("slot {} of {id} has two of a vertex", running.slot));
                }
            }
        }
        Ok(())
    }

    fn check_job(&self, job: &Job) -> Result<(), String> {
        let (id, status) = (job.execution.job(), job.execution.status());
        let terminal = status.is_terminal().then_some(status);
        if terminal != job.completed {
            return Err(format!("job {id} is {status} and completed as {:?}", job.completed));
        }
        check_graph(&job.execution, &self.manager)?;
        for vertex in vertices(job) {
            let current = vertex.current();
            let is_live = !current.state.is_terminal();
            if terminal.is_some() && is_live {
                return Err(format!("job {id} is {status} and a task is {}", current.state));
            }
            let owner = current.slot.as_ref().and_then(|slot| self.manager.owner(slot));
            if is_deployed(current.state) && owner != Some(id) {
                return Err(format!("a task of job {id} runs in a slot of {owner:?}"));
            }
            let earlier: Vec<&Execution> = vertex.earlier().collect();
            let is_one_by_one = earlier.windows(2).all(|two| two[0].attempt + 1 == two[1].attempt);
            let is_next = earlier.last().is_none_or(|last| last.attempt + 1 == current.attempt);
            let are_over = earlier.iter().all(|attempt| attempt.state.is_terminal());
            if !(is_one_by_one && is_next && are_over) {
                return Err(format!("attempts of a task of job {id} overlap: {vertex:?}"));
            }
        }
        Ok(())
    }
}

fn vertices(job: &Job) -> impl Iterator<Item = &ExecutionVertex> {
    (0..).map(VertexId).map(|id| job.execution.subtasks(id)).take_while(|v| !v.is_empty()).flatten()
}

/// Whether the state that a job ended in is one that its history allows.
fn check_ended(job: &Job) -> Result<(), String> {
    let execution = &job.execution;
    let (id, status) = (execution.job(), execution.status());
    let restarts = execution.restarts() - execution.rescales();
    let is_allowed = match status {
        JobStatus::Canceled => job.was_cancelled,
        JobStatus::Finished => {
            let mut states = vertices(job).map(ExecutionVertex::state);
            !job.was_cancelled && states.all(|state| state == ExecutionState::Finished)
        }
        JobStatus::Failed => {
            let is_fatal = match job.restart_strategy {
                RestartStrategyOptions::None => restarts == 0,
                RestartStrategyOptions::FixedDelay(fixed) => restarts == fixed.attempts,
                RestartStrategyOptions::FailureRate(rate) => {
                    restarts + 1 >= rate.max_failures_per_interval
                }
                RestartStrategyOptions::ExponentialDelay(_) => false,
            };
            // Before it runs, a failure of the job as a whole is final.
            let has_run = execution.timestamps().contains_key(&JobStatus::Running);
            let Some(failure) = execution.failure() else {
                return Err(format!("job {id} failed without a reason"));
            };
            // So is the want of slots to one that is scheduled adaptively.
            let is_starved = execution.requirements().is_some()
                && failure.cause.contains("NoResourceAvailableException");
            !job.was_cancelled && (is_fatal || !has_run || is_starved)
        }
        JobStatus::Initializing
        | JobStatus::Created
        | JobStatus::Running
        | JobStatus::Restarting
        | JobStatus::Failing
        | JobStatus::Cancelling => false,
    };
    if is_allowed { Ok(()) } else { Err(format!("job {id} ended as {status}: {job:?}")) }
}

/// What the seeds did, so that a simulation that stopped to try something is noticed.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    ends: BTreeSet<JobStatus>,
    waits: u32,
    restarts: u32,
    partial_restarts: u32,
    /// Of jobs that are scheduled adaptively.
    rescales: u32,
    /// Jobs that ran at less or more than they were submitted with.
    resized: u32,
    ignored: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, world: &World) {
        for job in &world.jobs {
            self.ends.insert(job.execution.status());
            self.waits += u32::from(job.has_waited);
            self.restarts += u32::from(job.execution.restarts() > 0);
            let attempts: BTreeSet<u32> =
                vertices(job).map(|vertex| vertex.current().attempt).collect();
            self.partial_restarts += u32::from(attempts.len() > 1);
            self.rescales += u32::from(job.execution.rescales() > 0);
            let is_other =
                |vertex: &JobVertex| vertex.parallelism != job.submitted[vertex.id.index()];
            let resized = job.execution.graph().vertices.iter().any(is_other);
            self.resized += u32::from(resized);
            self.ignored += job.execution.ignored_events();
        }
    }

    pub(crate) fn check_all(&self) {
        let ends = BTreeSet::from([JobStatus::Finished, JobStatus::Failed, JobStatus::Canceled]);
        assert_eq!(self.ends, ends);
        let counts =
            [self.waits, self.restarts, self.partial_restarts, self.rescales, self.resized];
        assert!(counts.iter().all(|count| *count > 20) && self.ignored > 1_000, "{self:?}");
    }
}
