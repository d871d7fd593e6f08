//! What TaskManagers do in the world: they come, connect, hear, report, hang, and end.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::ExecutionState;
use sandbar_rpc::message::{HeartbeatReport, Registration};
use sandbar_rpc::{
    Accumulators, JobInformation, LinkId, TaskAttempt, TaskDescriptor, TaskManagerId, ToJobManager,
    ToTaskManager,
};

use crate::task_manager::{Step, Task, TaskManager};
use crate::transport::Packet;
use crate::world::{Happening, World};

impl World {
    /// A process starts.
    pub(crate) fn join(&mut self, id: TaskManagerId, slots: u32) -> u64 {
        self.number += 1;
        let process = self.number;
        let started = TaskManager::new(id, slots, self.plan.back_off.0);
        self.processes.insert(process, started);
        self.after(0, 20, Happening::Connect(process));
        process
    }

    /// A process tries to connect.
    pub(crate) fn connect(&mut self, process: u64) {
        let now = self.now;
        let Some(known) = self.processes.get_mut(&process) else { return };
        if known.link.is_some() || known.is_stopping {
            return;
        }
        if let Some(until) = known.hung_until {
            return self.at(until + 1, Happening::Connect(process));
        }
        let is_reached = !self.partitions.contains_key(&process);
        let Some(link) = is_reached.then(|| self.open_link(process)).flatten() else {
            return self.back_off(process);
        };
        if let Some(opener) = self.processes.get_mut(&process) {
            opener.opened(link, now, self.plan.answer_max);
        }
        self.at(now + self.plan.answer_max, Happening::Patience(process, link));
        // A task may report between the two; it is not heard before the registration is.
        let late = if self.random.chance(80) { 0 } else { self.random.between(1, 20) };
        self.at(now + late, Happening::Register(process, link));
    }

    fn back_off(&mut self, process: u64) {
        let Some(known) = self.processes.get_mut(&process) else { return };
        let wait = known.back_off;
        known.back_off = (wait * 2).min(self.plan.back_off.1);
        self.at(self.now + wait, Happening::Connect(process));
    }

    pub(crate) fn register(&mut self, process: u64, link: LinkId) {
        let Some(known) = self.processes.get(&process) else { return };
        if known.link != Some(link) {
            return;
        }
        let registration = Registration {
            protocol: known.protocol,
            id: known.id.clone(),
            instance: process,
            data_address: format!("process-{process}:1"),
            slots: known.slots,
            managed_memory_bytes: 1 << 20,
            guest_memory_bytes: 0,
            cpu_cores: 1,
        };
        self.send_up(link, Packet::Message(ToJobManager::Register(registration)));
    }

    /// Something arrives at a machine; a process that hangs does not take it.
    pub(crate) fn arrive(&mut self, process: u64, link: LinkId, packet: Packet<ToTaskManager>) {
        let Some(known) = self.processes.get_mut(&process) else { return };
        if known.hung_until.is_some() {
            known.inbox.push_back((link, packet));
        } else {
            self.take(process, link, packet);
        }
    }

    fn take(&mut self, process: u64, link: LinkId, packet: Packet<ToTaskManager>) {
        let now = self.now;
        let Some(known) = self.processes.get_mut(&process) else { return };
        if known.link != Some(link) {
            return;
        }
        known.last_heard = now;
        match packet {
            Packet::Close(_) => self.lose_link(process),
            Packet::Message(message) => {
                self.taken(link);
                self.obey(process, link, message);
            }
        }
    }

    fn obey(&mut self, process: u64, link: LinkId, message: ToTaskManager) {
        let Some(known) = self.processes.get_mut(&process) else { return };
        let is_answer = matches!(
            message,
            ToTaskManager::Registered { .. } | ToTaskManager::Refused(_) | ToTaskManager::NotNow(_)
        );
        if known.registered.is_some() == is_answer {
            let id = known.id.clone();
            return self.fail(format!("{id} hears {message:?} out of place"));
        }
        match message {
            ToTaskManager::Registered { token, heartbeat_timeout_ms } => {
                known.registered = Some(token.0);
                self.seen.moved_to_another_term +=
                    u64::from(known.has_registered_elsewhere(token.0));
                known.terms.insert(token.0);
                known.patience = heartbeat_timeout_ms as i64;
                known.back_off = self.plan.back_off.0;
                let at = self.now + known.patience;
                self.at(at, Happening::Patience(process, link));
                self.check_registered(process, link, token.0);
            }
            ToTaskManager::Refused(_) => {
                self.seen.refused += 1;
                self.end_process(process);
            }
            ToTaskManager::NotNow(_) => self.lose_link(process),
            ToTaskManager::Heartbeat { sequence } => {
                if sequence <= known.last_sequence {
                    self.fail(format!("heartbeat {sequence} comes out of order"));
                }
                self.answer_heartbeat(process, link, sequence);
            }
            ToTaskManager::Deploy { job, tasks, locations } => {
                self.check_locations(process, &job, &tasks, &locations);
                self.deploy(process, &job, &tasks);
            }
            ToTaskManager::Cancel(attempts) => {
                for attempt in attempts {
                    self.check_cancel(attempt, link);
                    self.cancel_task(process, attempt);
                }
            }
            ToTaskManager::Release(job) => {
                known.kept.remove(&job);
                self.check_release(process, job);
            }
            ToTaskManager::Split { request, split } => self.on_split(process, request, split),
            ToTaskManager::Plugin { .. } => self.fail("a plugin that nobody asked for".to_owned()),
            ToTaskManager::AlignSource { .. } => {
                self.fail("a bound for a source that is in no group".to_owned());
            }
            ToTaskManager::ReadLog { request } => {
                let text = format!("log of {process}");
                self.send_up(link, Packet::Message(ToJobManager::Log { request, text }));
            }
            ToTaskManager::QueryState { .. } => {
                self.fail("a query of state that nobody asked for".to_owned());
            }
            ToTaskManager::Shutdown => {
                self.seen.shut_down += 1;
                known.is_stopping = true;
                self.cancel_all(process);
                self.end_if_done(process);
            }
        }
    }

    fn answer_heartbeat(&mut self, process: u64, link: LinkId, sequence: u64) {
        let Some(known) = self.processes.get_mut(&process) else { return };
        known.last_sequence = sequence;
        let metrics = BTreeMap::from([("numRecordsIn".to_owned(), 1.0)]);
        let running = known.tasks.keys().take(2);
        let tasks = running.map(|task| (*task, metrics.clone())).collect();
        let report = HeartbeatReport { sequence, tasks, process: BTreeMap::new() };
        self.send_up(link, Packet::Message(ToJobManager::Heartbeat(report)));
    }

    fn deploy(&mut self, process: u64, information: &JobInformation, tasks: &[TaskDescriptor]) {
        let job = information.job;
        let is_endless = self.jobs.iter().any(|known| known.id == job && known.is_endless);
        for task in tasks {
            let (vertex, subtask, attempt) = (task.vertex, task.subtask, task.attempt);
            let attempt = TaskAttempt { job, vertex, subtask, attempt };
            let is_source = is_source(&information.graph, vertex.index());
            let Some(known) = self.processes.get_mut(&process) else { return };
            known.kept.insert(job);
            let fresh = Task::new(task.slot, is_source, is_endless);
            let is_out_of_range = task.slot >= known.slots;
            if known.tasks.insert(attempt, fresh).is_some() || is_out_of_range {
                self.fail(format!("{attempt} cannot be deployed to slot {}", task.slot));
            }
            self.report(process, attempt, ExecutionState::Deploying, None);
            self.after(1, 40, Happening::TaskStep(process, attempt));
        }
    }

    fn cancel_task(&mut self, process: u64, attempt: TaskAttempt) {
        let known = self.processes.get_mut(&process);
        if let Some(task) = known.and_then(|known| known.tasks.get_mut(&attempt)) {
            task.is_cancelled = true;
            self.after(0, self.plan.cancel_max, Happening::TaskStep(process, attempt));
        }
    }

    fn cancel_all(&mut self, process: u64) {
        let Some(known) = self.processes.get_mut(&process) else { return };
        for attempt in known.cancel_all() {
            self.after(0, self.plan.cancel_max, Happening::TaskStep(process, attempt));
        }
    }

    fn on_split(&mut self, process: u64, request: u64, split: Result<Option<String>, String>) {
        let Some(known) = self.processes.get_mut(&process) else { return };
        let Some(attempt) = known.questions.remove(&request) else {
            return self.fail(format!("split {request} was not asked for"));
        };
        // Whoever asked may have ended.
        let Some(task) = known.tasks.get_mut(&attempt) else { return };
        task.is_asking = false;
        match split {
            Ok(Some(split)) => task.splits.push(split),
            Ok(None) => task.has_no_more = true,
            // Over a link that lives, the JobManager counts on whoever asks.
            Err(reason) => return self.fail(format!("{attempt} gets no split: {reason}")),
        }
        self.after(0, 40, Happening::TaskStep(process, attempt));
    }

    pub(crate) fn step_task(&mut self, process: u64, attempt: TaskAttempt) {
        let has_faults = self.now < self.plan.faults_end;
        let failures = if has_faults { self.plan.task_failures } else { 0 };
        let Some(known) = self.processes.get_mut(&process) else { return };
        if let Some(until) = known.hung_until {
            return self.at(until + 1, Happening::TaskStep(process, attempt));
        }
        let Some(task) = known.tasks.get_mut(&attempt) else { return };
        match task.next(&mut self.random, failures) {
            Step::Wait => {}
            Step::Ask => {
                task.is_asking = true;
                self.number += 1;
                let request = self.number;
                known.questions.insert(request, attempt);
                // A link that is gone has cancelled the task already.
                if let Some(link) = known.link {
                    let question = ToJobManager::NextSplit { request, task: attempt };
                    self.send_up(link, Packet::Message(question));
                }
            }
            Step::Enter(state) if state.is_terminal() => {
                let failed = state == ExecutionState::Failed;
                let why = failed.then(|| format!("simulated failure of {attempt}"));
                self.end_task(process, attempt, state, why);
            }
            Step::Enter(state) => {
                task.state = state;
                self.report(process, attempt, state, None);
                self.after(1, 200, Happening::TaskStep(process, attempt));
            }
        }
    }

    fn end_task(
        &mut self,
        process: u64,
        attempt: TaskAttempt,
        state: ExecutionState,
        why: Option<String>,
    ) {
        let known = self.processes.get_mut(&process);
        let Some(task) = known.and_then(|known| known.tasks.remove(&attempt)) else { return };
        if state == ExecutionState::Finished {
            self.finished.insert(attempt, task.splits);
        }
        self.report(process, attempt, state, why);
        self.end_if_done(process);
    }

    fn report(
        &mut self,
        process: u64,
        task: TaskAttempt,
        state: ExecutionState,
        error: Option<String>,
    ) {
        // Without a link, it is dropped.
        let Some(link) = self.processes.get(&process).and_then(|known| known.link) else { return };
        let metrics = if state.is_terminal() {
            BTreeMap::from([("numRecordsIn".to_owned(), 2.0)])
        } else {
            BTreeMap::new()
        };
        let accumulators = Accumulators::default();
        let report = ToJobManager::TaskState { task, state, error, metrics, accumulators };
        self.send_up(link, Packet::Message(report));
    }

    /// The process hears that its link is gone, or gives it up.
    fn lose_link(&mut self, process: u64) {
        let is_clean = self.random.chance(50);
        let Some(known) = self.processes.get_mut(&process) else { return };
        let Some(link) = known.link.take() else { return };
        known.registered = None;
        known.has_lost_link = true;
        known.questions.clear();
        self.close_by_task_manager(link, is_clean);
        self.cancel_all(process);
        self.back_off(process);
    }

    pub(crate) fn lose_patience(&mut self, process: u64, link: LinkId) {
        let Some(known) = self.processes.get(&process) else { return };
        if known.link != Some(link) {
            return;
        }
        let due = known.last_heard + known.patience;
        if let Some(until) = known.hung_until {
            self.at(until + 1, Happening::Patience(process, link));
        } else if due <= self.now {
            self.seen.patience_lost += 1;
            self.lose_link(process);
        } else {
            self.at(due, Happening::Patience(process, link));
        }
    }

    /// A process that hung goes on, first with what it has not heard.
    pub(crate) fn wake(&mut self, process: u64) {
        let Some(known) = self.processes.get_mut(&process) else { return };
        if known.hung_until.is_none_or(|until| until > self.now) {
            return;
        }
        known.hung_until = None;
        let given_up = known.tasks.values().any(|task| task.given_up.is_some());
        self.seen.woke_given_up += u64::from(given_up);
        known.has_been_held_up();
        for (link, packet) in std::mem::take(&mut known.inbox) {
            self.take(process, link, packet);
        }
    }

    fn end_if_done(&mut self, process: u64) {
        let known = self.processes.get(&process);
        if known.is_some_and(|known| known.is_stopping && known.tasks.is_empty()) {
            self.end_process(process);
        }
    }

    /// The process ends, by itself or by a fault, and what runs in it.
    pub(crate) fn end_process(&mut self, process: u64) {
        let Some(ended) = self.processes.remove(&process) else { return };
        self.partitions.remove(&process);
        let is_clean = ended.is_stopping;
        let links = self.links_of(process);
        links.into_iter().for_each(|link| self.close_by_task_manager(link, is_clean));
        let Some(token) = ended.started_by.filter(|_| !ended.is_released) else { return };
        let is_known = self.term.as_ref().is_some_and(|term| {
            term.token == token && term.manager.slots().slot_use(&ended.id).is_some()
        });
        if !is_known {
            self.workers_failed(token);
        }
    }
}

pub(crate) fn is_source(graph: &JobGraph, vertex: usize) -> bool {
    graph.edges.iter().all(|edge| edge.target.index() != vertex)
}
