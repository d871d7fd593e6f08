//! The hands of the JobManager: executes what the slot manager and the execution graphs decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rpc::{TaskManagerId, ToTaskManager};

use super::timers::Timer;
use super::{JobManager, Work, answer, milliseconds};
use crate::execution_graph::{Command, Event as ExecutionEvent};
use crate::slot_manager::SlotCommand;

impl JobManager {
    pub(super) fn send(&mut self, id: &TaskManagerId, message: ToTaskManager) {
        if !self.task_managers.get(id).is_some_and(|worker| worker.send(message)) {
            self.work.push_back(Work::Lost(id.clone(), "it takes no more messages".to_owned()));
        }
    }

    /// Executes all decisions, and those that follow from them.
    pub(super) fn execute(&mut self) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Slot(command, loss) => self.execute_slot_command(command, &loss),
                Work::Execution(job, command) => self.execute_command(job, command),
                Work::Lost(id, reason) => {
                    if self.task_managers.remove(&id) {
                        tracing::warn!(task_manager = %id, reason, "TaskManager lost");
                        self.on_gone(&id, format!("TaskManager {id} is lost: {reason}"));
                    }
                }
                Work::Left(id) => {
                    if self.task_managers.remove(&id) {
                        tracing::info!(task_manager = %id, "TaskManager left");
                        self.on_gone(&id, format!("TaskManager {id} has left: it was told to end"));
                    }
                }
            }
        }
    }

    /// Forgets a TaskManager's slots; `why` becomes the reason of what ran in them.
    fn on_gone(&mut self, id: &TaskManagerId, why: String) {
        let commands = self.slots.unregister_task_manager(id);
        self.queue_after_loss(why, commands);
        self.options.provider.released(id);
    }

    /// Queues what the slot manager decided. All of it goes through the queue: a job that hears of
    /// the loss of a slot before it hears that it has it would keep the slot.
    pub(super) fn queue_slots(&mut self, commands: Vec<SlotCommand>) {
        let with_loss = |command| Work::Slot(command, Arc::clone(&self.loss));
        self.work.extend(commands.into_iter().map(with_loss));
    }

    /// Queues what the slot manager decided when a TaskManager was lost, or lost and back.
    pub(super) fn queue_after_loss(&mut self, loss: String, commands: Vec<SlotCommand>) {
        self.loss = loss.into();
        self.queue_slots(commands);
    }

    fn execute_slot_command(&mut self, command: SlotCommand, loss: &str) {
        match command {
            SlotCommand::Allocated { job, slots } => {
                self.tell(job, ExecutionEvent::SlotsAllocated(slots));
            }
            SlotCommand::Lost { job, slots } => {
                let reason = loss.to_owned();
                self.tell(job, ExecutionEvent::SlotsLost { slots, reason });
            }
            SlotCommand::Shortage { job, needs, has } => {
                tracing::info!(%job, needs, has, "the job waits for slots");
            }
            SlotCommand::RequestWorkers(workers) => {
                let failed = self.options.provider.request(workers);
                self.slots.on_workers_failed(failed);
            }
            SlotCommand::ReleaseWorker(id) => self.send(&id, ToTaskManager::Shutdown),
        }
    }

    fn execute_command(&mut self, job: JobId, command: Command) {
        match command {
            Command::RequestSlots { slots, request } => {
                let at = self.now() + milliseconds(self.options.slot_request_timeout);
                self.timers.set(at, Timer::SlotRequest(job, request));
                let commands = self.slots.set_requirement(job, slots);
                self.queue_slots(commands);
            }
            Command::DeclareSlots(slots) => {
                let commands = self.slots.set_requirement(job, slots);
                self.queue_slots(commands);
            }
            Command::FreeSlots(mut slots) => {
                // One may have been lost and given again since, and is kept.
                let execution = self.execution(job);
                slots.retain(|slot| execution.is_none_or(|execution| !execution.has_slot(slot)));
                let commands = self.slots.release_slots(job, &slots, self.now());
                self.queue_slots(commands);
            }
            Command::Wait { wait, after_ms } => {
                let at = self.now().saturating_add_unsigned(after_ms);
                self.timers.set(at, Timer::Wait(job, wait));
            }
            Command::Deploy(tasks) => {
                let Some(master) = self.jobs.get_mut(&job) else { return };
                for (id, message) in master.deployments(tasks, &self.task_managers) {
                    self.send(&id, message);
                }
            }
            Command::Cancel(tasks) => {
                let mut by_worker: BTreeMap<TaskManagerId, Vec<_>> = BTreeMap::new();
                for placed in tasks {
                    by_worker.entry(placed.slot.task_manager).or_default().push(placed.task);
                }
                for (id, attempts) in by_worker {
                    self.send(&id, ToTaskManager::Cancel(attempts));
                }
            }
            Command::ScheduleRestart { restart, after_ms } => {
                tracing::info!(%job, after_ms, "the job restarts");
                let at = self.now().saturating_add_unsigned(after_ms);
                self.timers.set(at, Timer::Restart(job, restart));
            }
            Command::ReleaseSlots => {
                let commands = self.slots.free_slots(job, self.now());
                self.queue_slots(commands);
            }
            Command::Complete(status) => self.complete(job, status),
        }
    }

    fn complete(&mut self, job: JobId, status: JobStatus) {
        let Some(master) = self.jobs.remove(&job) else { return };
        tracing::info!(%job, %status, "job ended");
        let commands = self.slots.free_slots(job, self.now());
        self.queue_slots(commands);
        let (view, waiters) = master.into_archived();
        waiters.iter().for_each(|waiter| answer(waiter, Some(view.clone())));
        self.archive.add(view);
        let workers: Vec<TaskManagerId> =
            self.task_managers.all().map(|worker| worker.id.clone()).collect();
        workers.into_iter().for_each(|id| self.send(&id, ToTaskManager::Release(job)));
    }
}
