//! The JobManager under simulation: the real endpoint, stepped by the virtual clock. Each process
//! of it is a term with a token of its own; what it sends and asks for comes out of an outbox.
//!
//! Law: nothing but `JobManager::step` and its options is used to drive it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use sandbar_jobmanager::job_manager::Event;
use sandbar_jobmanager::{JobManager, JobManagerHandle, JobManagerOptions, WorkerProvider};
use sandbar_model::Clock;
use sandbar_model::time::ManualClock;
use sandbar_rpc::{
    FencingToken, LinkEvent, LinkId, TaskAttempt, TaskManagerId, ToJobManager, ToTaskManager,
};

use crate::plan::{ProviderPlan, duration};
use crate::random::Random;
use crate::transport::Packet;
use crate::world::{Happening, World};

/// What the JobManager does to the world.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A message to a TaskManager.
    Send(LinkId, ToTaskManager),
    /// A link did not take a message.
    NotTaken { is_full: bool },
    /// It dropped its end of a link.
    HungUp(LinkId),
    /// The provider starts TaskManagers.
    Start(u32),
    /// The provider could not start TaskManagers.
    Refused(u32),
    /// A TaskManager is let go.
    Released(TaskManagerId),
}

pub(crate) type Outbox = Arc<Mutex<Vec<Outgoing>>>;

/// A JobManager process.
pub(crate) struct Term {
    pub(crate) token: u64,
    pub(crate) manager: JobManager,
    /// Keeps the loop's channel open.
    _handle: JobManagerHandle,
    pub(crate) outbox: Outbox,
    /// The process stands still until then.
    pub(crate) stalled_until: Option<i64>,
    /// What it has not heard because of that.
    inbox: VecDeque<Event>,
}

impl Term {
    /// When its loop wakes up by itself.
    pub(crate) fn next_turn(&self, now: i64) -> Option<i64> {
        self.stalled_until.is_none().then(|| self.manager.next_timer().max(now))
    }
}

/// Starts models of TaskManagers, late or not at all.
struct SimulatedProvider {
    plan: ProviderPlan,
    random: Random,
    outbox: Outbox,
}

impl WorkerProvider for SimulatedProvider {
    fn request(&mut self, workers: u32) -> u32 {
        let refused = (0..workers).filter(|_| self.random.chance(self.plan.refused)).count() as u32;
        let mut outbox = self.outbox.lock().unwrap();
        outbox.push(Outgoing::Start(workers - refused));
        outbox.push(Outgoing::Refused(refused));
        refused
    }

    fn released(&mut self, worker: &TaskManagerId) {
        self.outbox.lock().unwrap().push(Outgoing::Released(worker.clone()));
    }
}

/// The provider that cannot start any, and tells who is let go.
struct NoProvider(Outbox);

impl WorkerProvider for NoProvider {
    fn request(&mut self, _workers: u32) -> u32 {
        panic!("a standalone cluster asks for workers");
    }

    fn released(&mut self, worker: &TaskManagerId) {
        self.0.lock().unwrap().push(Outgoing::Released(worker.clone()));
    }
}

impl World {
    pub(crate) fn start_job_manager(&mut self) {
        self.number += 1;
        let token = self.number;
        let outbox = Outbox::default();
        let provider: Box<dyn WorkerProvider> = match self.plan.provider {
            Some(plan) => Box::new(SimulatedProvider {
                plan,
                random: Random::new(self.random.next()),
                outbox: Arc::clone(&outbox),
            }),
            None => Box::new(NoProvider(Arc::clone(&outbox))),
        };
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        self.clock.set(self.now);
        let (manager, handle) = JobManager::new(JobManagerOptions {
            clock,
            token: FencingToken(token),
            heartbeat_interval: duration(self.plan.heartbeat_interval),
            heartbeat_timeout: duration(self.plan.heartbeat_timeout),
            slot_request_timeout: duration(self.plan.slot_request_timeout),
            archive_max: 100,
            archive_expiration: duration(1_000_000),
            slots: self.plan.slots,
            provider,
            plugins: Arc::new(|_| None),
        });
        let (stalled_until, inbox) = (None, VecDeque::new());
        self.term = Some(Term { token, manager, _handle: handle, outbox, stalled_until, inbox });
    }

    /// The JobManager's process ends without a word, and its jobs with it.
    pub(crate) fn crash_job_manager(&mut self) {
        let Some(term) = self.term.take() else { return };
        let running = term.manager.executions().count();
        self.seen.job_manager_crashes += 1;
        self.seen.crashes_with_jobs += u64::from(running > 0);
        let links: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| link.term == term.token)
            .map(|(id, _)| *id)
            .collect();
        links.into_iter().for_each(|link| self.close_by_job_manager(link));
        for job in &mut self.jobs {
            job.is_lost |= job.term == Some(term.token) && job.ended.is_none();
        }
    }

    /// The JobManager hears of something, now or when it does not stand still any more.
    pub(crate) fn hear(&mut self, event: Event) {
        let Some(term) = &mut self.term else { return };
        if term.stalled_until.is_some() {
            term.inbox.push_back(event);
        } else {
            self.turn(Some(event));
        }
    }

    /// The JobManager goes on; it hears what it missed, event by event.
    pub(crate) fn stall_over(&mut self) {
        let Some(term) = &mut self.term else { return };
        if term.stalled_until.is_none_or(|until| until > self.now) {
            return;
        }
        term.stalled_until = None;
        for event in std::mem::take(&mut term.inbox) {
            self.turn(Some(event));
        }
    }

    /// One turn of the JobManager's loop, and what it does to the world.
    pub(crate) fn turn(&mut self, event: Option<Event>) {
        let Some(term) = &mut self.term else { return };
        let cancelled = match &event {
            Some(Event::Cancel(job, _)) => term.manager.execution(*job).map(|graph| graph.job()),
            Some(Event::Link(event)) => {
                note_message(event, &term.manager, &mut self.seen, &self.deployed_over);
                None
            }
            Some(_) | None => None,
        };
        if let Some(job) = cancelled.and_then(|id| self.jobs.iter_mut().find(|job| job.id == id)) {
            job.was_cancelled = true;
        }
        self.clock.set(self.now);
        term.manager.step(event);
        let outgoing = std::mem::take(&mut *term.outbox.lock().unwrap());
        outgoing.into_iter().for_each(|outgoing| self.on_outgoing(outgoing));
        self.hear_ends();
        self.check_turn();
    }

    fn on_outgoing(&mut self, outgoing: Outgoing) {
        self.trace(&"JobManager", &outgoing);
        match outgoing {
            Outgoing::Send(link, message) => {
                if let ToTaskManager::Deploy { job, tasks, .. } = &message {
                    for task in tasks {
                        let (job, vertex, subtask) = (job.job, task.vertex, task.subtask);
                        let attempt = TaskAttempt { job, vertex, subtask, attempt: task.attempt };
                        self.check_deployment(attempt, task.slot, link);
                        self.deployed_over.insert(attempt, link);
                    }
                }
                self.send_down(link, Packet::Message(message));
            }
            Outgoing::NotTaken { is_full } => self.seen.not_taken += u64::from(is_full),
            Outgoing::HungUp(link) => self.hung_up(link),
            Outgoing::Refused(workers) => self.seen.workers_refused += u64::from(workers),
            Outgoing::Start(workers) => {
                let Some(plan) = self.plan.provider else { return };
                let token = self.term.as_ref().map_or(0, |term| term.token);
                for _ in 0..workers {
                    let at = self.now + self.random.between(0, plan.start_max);
                    let fails = self.now < self.plan.faults_end && self.random.chance(plan.failed);
                    self.at(at, Happening::WorkerStarts { token, fails });
                }
            }
            Outgoing::Released(id) => {
                self.processes.values_mut().filter(|process| process.id == id).for_each(
                    |process| {
                        process.is_released = true;
                    },
                );
            }
        }
    }

    /// A TaskManager that a provider started ended before it registered.
    pub(crate) fn workers_failed(&mut self, token: u64) {
        if self.term.as_ref().is_some_and(|term| term.token == token) {
            self.seen.workers_failed += 1;
            self.hear(Event::WorkersFailed(1));
        }
    }

    /// Jobs whose end has been told.
    fn hear_ends(&mut self) {
        for index in 0..self.jobs.len() {
            let job = &mut self.jobs[index];
            let Some(answer) = job.waiter.as_ref().and_then(|waiter| waiter.try_recv().ok()) else {
                continue;
            };
            job.waiter = None;
            let Some(view) = answer else {
                let id = job.id;
                self.fail(format!("the JobManager does not know job {id}"));
                continue;
            };
            job.ended = Some(view);
            self.check_ended(index);
        }
    }
}

/// Counts what the simulation is there to try.
fn note_message(
    event: &LinkEvent,
    manager: &JobManager,
    seen: &mut crate::seen::Seen,
    deployed_over: &std::collections::BTreeMap<TaskAttempt, LinkId>,
) {
    let LinkEvent::Message(link, message) = event else { return };
    match message {
        ToJobManager::Register(registration) => {
            let is_known = manager.slots().slot_use(&registration.id).is_some();
            seen.registrations_over_known += u64::from(is_known);
        }
        ToJobManager::TaskState { task, .. } => {
            let is_other = deployed_over.get(task).is_some_and(|over| over != link);
            seen.late_reports += u64::from(is_other);
            let is_known = manager.execution(task.job).is_some();
            seen.reports_of_unknown_jobs += u64::from(!is_known);
        }
        ToJobManager::Heartbeat(_)
        | ToJobManager::NextSplit { .. }
        | ToJobManager::SourceWatermark { .. }
        | ToJobManager::FetchPlugin { .. }
        | ToJobManager::Leaving
        | ToJobManager::State { .. }
        | ToJobManager::Log { .. } => {}
    }
}
