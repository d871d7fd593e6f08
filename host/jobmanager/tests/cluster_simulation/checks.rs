//! The laws that hold after every turn of the JobManager, in every process, and at the end.

use std::collections::{BTreeMap, BTreeSet};

use crossbeam_channel::TryRecvError;
use sandbar_connectors::Split;
use sandbar_jobmanager::execution_graph::transitions::is_deployed;
use sandbar_jobmanager::{
    Execution, ExecutionGraph, ExecutionVertex, RestartStrategyOptions, SlotId, SlotManager,
    SlotSharing, TaskRef,
};
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::{
    ClusterOverview, JobInformation, JobView, LinkId, TaskAttempt, TaskDescriptor, TaskLocation,
    TaskManagerView,
};

use crate::control::Term;
use crate::drawn_job::MAX_PARALLELISM;
use crate::processes::is_source;
use crate::seen::is_starved;
use crate::world::{Job, World};

impl World {
    /// What holds after every turn of the JobManager.
    pub(crate) fn check_turn(&mut self) {
        let Some(term) = &self.term else { return };
        if let Err(broken) = check_job_manager(term) {
            self.fail(broken);
        }
    }

    /// In the processes, whatever the JobManager believes: a slot holds tasks of one job, one of
    /// each vertex; and nothing runs for long that the JobManager has given up.
    pub(crate) fn check_processes(&mut self) {
        let (now, grace) = (self.now, self.plan.grace());
        let mut broken = None;
        for process in self.processes.values_mut() {
            let mut slots: BTreeMap<(Option<&LinkId>, u32), TaskAttempt> = BTreeMap::new();
            for (attempt, task) in &mut process.tasks {
                let over = self.deployed_over.get(attempt);
                let other = *slots.entry((over, task.slot)).or_insert(*attempt);
                let is_same = other == *attempt;
                if other.job != attempt.job || (other.vertex == attempt.vertex && !is_same) {
                    broken = Some(format!("{attempt} and {other} share a slot of {}", process.id));
                }
                if is_live(self.term.as_ref(), attempt, &process.id.0) {
                    task.given_up = None;
                    continue;
                }
                let since = *task.given_up.get_or_insert(now);
                if process.hung_until.is_none() && now - since > grace {
                    broken = Some(format!("{attempt} runs {} ms after its end", now - since));
                }
            }
        }
        broken.into_iter().for_each(|broken| self.fail(broken));
    }

    pub(crate) fn check_deployment(&mut self, attempt: TaskAttempt, slot: u32, link: LinkId) {
        if self.deployed_over.contains_key(&attempt) {
            self.fail(format!("{attempt} is deployed again"));
        }
        let process = self.links.get(&link).and_then(|link| self.processes.get(&link.process));
        if process.is_some_and(|process| slot >= process.slots) {
            self.fail(format!("{attempt} is deployed to slot {slot}, which is not there"));
        }
    }

    /// A TaskManager registered: it hears of the term that it linked to, and runs nothing of any
    /// link before, or is about to end it.
    pub(crate) fn check_registered(&mut self, process: u64, link: LinkId, token: u64) {
        if self.links.get(&link).is_none_or(|link| link.term != token) {
            self.fail(format!("term {token} answers on a link of another"));
        }
        let Some(known) = self.processes.get(&process) else { return };
        if known.tasks.values().any(|task| !task.is_cancelled) {
            self.fail(format!("{} registers and runs tasks", known.id));
        }
    }

    pub(crate) fn check_cancel(&mut self, attempt: TaskAttempt, link: LinkId) {
        if self.deployed_over.get(&attempt) != Some(&link) {
            self.fail(format!("{attempt} is cancelled where it never was"));
        }
    }

    pub(crate) fn check_release(&mut self, process: u64, job: JobId) {
        let Some(known) = self.processes.get(&process) else { return };
        let mut of_job = known.tasks.keys().filter(|attempt| attempt.job == job);
        if of_job.any(|attempt| self.deployed_over.get(attempt) == known.link.as_ref()) {
            self.fail(format!("job {job} is released and runs"));
        }
    }

    /// Every task that a deployment starts knows its own place.
    pub(crate) fn check_locations(
        &mut self,
        process: u64,
        job: &JobInformation,
        tasks: &[TaskDescriptor],
        locations: &[TaskLocation],
    ) {
        let Some(known) = self.processes.get(&process) else { return };
        for task in tasks {
            let mut own = locations.iter().filter(|location| {
                (location.vertex, location.subtask) == (task.vertex, task.subtask)
            });
            let is_right = own.next().is_some_and(|own| {
                own.attempt == task.attempt
                    && own.task_manager == known.id
                    && own.data_address == format!("process-{process}:1")
            });
            if !is_right || own.next().is_some() {
                return self.fail(format!("job {}: {task:?} is not at {locations:?}", job.job));
            }
        }
    }

    pub(crate) fn check_views(
        &mut self,
        overview: &ClusterOverview,
        jobs: &[JobView],
        workers: &[TaskManagerView],
    ) {
        let ended = overview.jobs_finished + overview.jobs_cancelled + overview.jobs_failed;
        let term = self.term.as_ref().map(|term| term.token);
        let submitted = self.jobs.iter().filter(|job| job.term == term).count();
        let counted = (ended + overview.jobs_running) as usize;
        if counted != submitted || jobs.len() != submitted {
            self.fail(format!("{submitted} jobs were submitted: {overview:?}"));
        }
        let silent_max = self.plan.heartbeat_timeout + self.plan.heartbeat_interval;
        let silent = workers.iter().find(|worker| self.now - worker.last_heartbeat > silent_max);
        if let Some(silent) = silent {
            self.fail(format!("{silent:?} is silent for more than {silent_max} ms"));
        }
        let free: u32 = workers.iter().map(|worker| worker.free_slots).sum();
        let is_right = workers.len() == overview.task_managers as usize;
        if !is_right || free != overview.slots_available {
            self.fail(format!("{overview:?} is not what {workers:?} say"));
        }
    }

    /// A job's end has been told: whether its history allows it.
    pub(crate) fn check_ended(&mut self, index: usize) {
        let job = &self.jobs[index];
        let Some(view) = &job.ended else { return };
        self.seen.note_end(job, view);
        let states: Vec<ExecutionState> =
            view.vertices.iter().flat_map(|v| &v.subtasks).map(|subtask| subtask.state).collect();
        let is_allowed = match view.status {
            JobStatus::Canceled => job.was_cancelled,
            JobStatus::Finished => {
                !job.was_cancelled && states.iter().all(|state| *state == ExecutionState::Finished)
            }
            JobStatus::Failed => !job.was_cancelled && is_fatal(job, view),
            JobStatus::Initializing
            | JobStatus::Created
            | JobStatus::Running
            | JobStatus::Restarting
            | JobStatus::Failing
            | JobStatus::Cancelling => false,
        };
        let is_over = states.iter().all(|state| state.is_terminal()) && view.end_time.is_some();
        let splits =
            if view.status == JobStatus::Finished { self.check_splits(job, view) } else { Ok(()) };
        let exceptions = check_exceptions(view);
        if !is_allowed || !is_over {
            self.fail(format!("it must not end so: {job:?}"));
        }
        splits.and(exceptions).unwrap_or_else(|broken| self.fail(broken));
    }

    /// A job that finished has read every split once, in the attempts that finished.
    fn check_splits(&self, job: &Job, view: &JobView) -> Result<(), String> {
        for vertex in &view.vertices {
            let mut read = Vec::new();
            for (subtask, of_subtask) in (0..).zip(&vertex.subtasks) {
                let (job, vertex, attempt) = (job.id, vertex.id, of_subtask.attempt);
                let attempt = TaskAttempt { job, vertex, subtask, attempt };
                let splits = self.finished.get(&attempt);
                let splits = splits.ok_or_else(|| format!("{attempt} never finished"))?;
                for split in splits {
                    let split: Split = serde_json::from_str(split).map_err(|e| e.to_string())?;
                    read.push(split.id);
                }
            }
            read.sort();
            let of_source = is_source(&job.graph, vertex.id.index()).then_some(job.splits);
            let expected =
                (0..of_source.unwrap_or(0)).map(|split| format!("{}-{split}", vertex.id.0));
            if read != expected.collect::<Vec<_>>() {
                return Err(format!("job {} finished and read {read:?}", job.id));
            }
        }
        Ok(())
    }

    /// What holds when nothing is left to happen.
    pub(crate) fn check_end(&mut self) {
        let Some(term) = &self.term else { return self.fail("there is no JobManager".to_owned()) };
        let (kept, slots) = (term.manager.kept(), term.manager.slots());
        let is_clean = kept.jobs + kept.strangers + kept.questions == 0 && kept.timers == 1;
        let are_free = slots.slots_available() == slots.slots_total();
        let mut processes = self.processes.values();
        let is_busy = processes.clone().any(|known| !known.tasks.is_empty());
        let at_home = |known: &&crate::task_manager::TaskManager| {
            known.registered == Some(term.token) || self.plan.provider.is_some()
        };
        let are_home = processes.clone().all(|known| at_home(&known));
        let is_counted = self.plan.provider.is_some() || kept.task_managers == processes.len();
        let keeps = processes.find(|known| !known.kept.is_empty() && !known.has_lost_link);
        let keeps = keeps.map(|known| format!("{} keeps {:?}", known.id, known.kept));
        if !is_clean || !are_free || is_busy || !are_home || !is_counted || keeps.is_some() {
            let all: Vec<_> = self.processes.values().collect();
            self.fail(format!("all is over; {kept:?}, slots {slots:?}, {keeps:?}, {all:?}"));
        }
        if self.logs.iter().any(|log| matches!(log.try_recv(), Err(TryRecvError::Empty))) {
            self.fail("a question for a log is never answered".to_owned());
        }
    }
}

/// Whether the JobManager counts on an attempt at a TaskManager of that name.
fn is_live(term: Option<&Term>, attempt: &TaskAttempt, name: &str) -> bool {
    let task = TaskRef { vertex: attempt.vertex, subtask: attempt.subtask };
    let execution = term.and_then(|term| term.manager.execution(attempt.job));
    let Some(subtask) = execution.and_then(|execution| execution.subtask(task)) else {
        return false;
    };
    let current = subtask.current();
    let is_there = current.slot.as_ref().is_some_and(|slot| slot.task_manager.0 == name);
    current.attempt == attempt.attempt && is_deployed(current.state) && is_there
}

fn check_job_manager(term: &Term) -> Result<(), String> {
    let (kept, slots) = (term.manager.kept(), term.manager.slots());
    let known = slots.task_managers() as usize;
    if kept.task_managers != known || kept.links != known {
        return Err(format!("{known} TaskManagers have slots: {kept:?}"));
    }
    let mut used = BTreeMap::new();
    let mut allocated = 0;
    for execution in term.manager.executions() {
        check_execution(execution, slots, &mut used)?;
        let has = slots.slots_of(execution.job()).len() as u32;
        let told = slots.shortage(execution.job()).map_or(has, |shortage| shortage.has);
        check_graph(execution, slots)?;
        if told != has {
            return Err(format!("job {} has {has} slots, told {told}", execution.job()));
        }
        allocated += has;
    }
    if allocated + slots.slots_available() != slots.slots_total() {
        return Err(format!("{allocated} slots are allocated: {slots:?}"));
    }
    // One a region and wait, and those of TaskManagers lost within the timeout of slots.
    if kept.timers > 1 + 200 { Err(format!("timers pile up: {kept:?}")) } else { Ok(()) }
}

/// A job has the slots that it believes to have, and no more than it has a use for; with adaptive
/// scheduling its tasks are those of one graph, and all in one attempt.
pub(crate) fn check_graph(execution: &ExecutionGraph, slots: &SlotManager) -> Result<(), String> {
    let (id, graph) = (execution.job(), execution.graph());
    if execution.status().is_terminal() {
        return Ok(());
    }
    let owned = slots.slots_of(id);
    let is_known = |slot: &SlotId| execution.has_slot(slot);
    let is_needed = owned.len() as u32 <= execution.required_slots()
        || owned.len() as u32 <= SlotSharing::of(graph).required_slots();
    if !owned.iter().all(is_known) || !is_needed {
        return Err(format!("job {id} has {owned:?}: {execution:?}"));
    }
    if execution.requirements().is_none() {
        return Ok(());
    }
    let mut attempts = BTreeSet::new();
    for vertex in &graph.vertices {
        let subtasks = execution.subtasks(vertex.id);
        if subtasks.len() as u32 != vertex.parallelism || vertex.max_parallelism != MAX_PARALLELISM
        {
            return Err(format!("job {id} does not run its graph: {execution:?}"));
        }
        attempts.extend(subtasks.iter().map(|subtask| subtask.current().attempt));
    }
    if attempts.len() > 1 {
        return Err(format!("tasks of job {id} are in the attempts {attempts:?}"));
    }
    Ok(())
}

fn vertices(execution: &ExecutionGraph) -> impl Iterator<Item = (VertexId, &ExecutionVertex)> {
    let ids = (0..).map(VertexId).map(|id| (id, execution.subtasks(id)));
    let of_vertex = ids.take_while(|(_, subtasks)| !subtasks.is_empty());
    of_vertex.flat_map(|(id, subtasks)| subtasks.iter().map(move |subtask| (id, subtask)))
}

fn check_execution<'a>(
    execution: &'a ExecutionGraph,
    slots: &SlotManager,
    used: &mut BTreeMap<&'a SlotId, (JobId, BTreeSet<VertexId>)>,
) -> Result<(), String> {
    let (id, status) = (execution.job(), execution.status());
    if status.is_terminal() {
        return Err(format!("job {id} is {status} and goes on"));
    }
    for (vertex, subtask) in vertices(execution) {
        let current = subtask.current();
        if let Some(slot) = current.slot.as_ref().filter(|_| is_deployed(current.state)) {
            if slots.owner(slot) != Some(id) {
                return Err(format!("a task of job {id} runs in {slot}, which is not its own"));
            }
            let (owner, of_slot) = used.entry(slot).or_insert_with(|| (id, BTreeSet::new()));
            if *owner != id || !of_slot.insert(vertex) {
                return Err(format!("{slot} of job {id} is used twice"));
            }
        }
        let mut last: Option<&Execution> = None;
        for attempt in subtask.earlier().chain([current]) {
            let is_next = last
                .is_none_or(|last| last.attempt + 1 == attempt.attempt && last.state.is_terminal());
            if !is_next {
                return Err(format!("attempts of a task of job {id} overlap: {subtask:?}"));
            }
            last = Some(attempt);
        }
    }
    Ok(())
}

/// Whether the restart strategy had no restart left.
fn is_fatal(job: &Job, view: &JobView) -> bool {
    let restarts = view.restarts - view.rescales;
    let is_over = match job.restart_strategy {
        RestartStrategyOptions::None => restarts == 0,
        RestartStrategyOptions::FixedDelay(fixed) => restarts == fixed.attempts,
        RestartStrategyOptions::FailureRate(rate) => restarts + 1 >= rate.max_failures_per_interval,
        RestartStrategyOptions::ExponentialDelay(_) => false,
    };
    is_starved(view) || is_over && !view.exceptions.is_empty()
}

/// Every failure has a reason that the simulation gave, and one of a lost TaskManager names it.
fn check_exceptions(view: &JobView) -> Result<(), String> {
    for exception in &view.exceptions {
        let (text, at) = (&exception.message, exception.task_manager.as_ref());
        let is_lost = at.is_some_and(|at| text.contains(&format!("TaskManager {at} is lost: ")));
        let is_ours = text.contains("simulated failure of ");
        if !is_lost && !is_ours && !text.contains("NoResourceAvailableException") {
            return Err(format!("job {} has a failure of no known reason: {exception:?}", view.id));
        }
    }
    Ok(())
}
