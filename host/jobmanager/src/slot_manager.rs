//! The slot manager: which slot of which TaskManager belongs to which job. Pure; owns the slots of
//! all registered TaskManagers and the requirements of all jobs.
//!
//! Law: a slot is allocated to at most one job, and while a slot is free no job lacks one. Jobs are
//! served in the order in which they first asked. An allocated slot stays with its job until the
//! job frees it or the TaskManager is gone.
//! Source: Flink, `DeclarativeSlotManager`, `AnyMatchingSlotMatchingStrategy`,
//! `LeastUtilizationSlotMatchingStrategy`.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use sandbar_model::JobId;
use sandbar_rpc::TaskManagerId;
use thiserror::Error;

use worker::Worker;

mod worker;

/// Slots that a TaskManager may have. A slot runs at least one thread, so more is a typing error.
pub const SLOTS_PER_TASK_MANAGER_MAX: u32 = 4_096;
/// TaskManagers that may be registered, or be on their way, at once: every one has a link, and a
/// heartbeat to answer.
pub const TASK_MANAGERS_MAX: u32 = 10_000;

/// A slot of a TaskManager.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId {
    /// The TaskManager.
    pub task_manager: TaskManagerId,
    /// 0-based index of the slot.
    pub index: u32,
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.task_manager, self.index)
    }
}

/// What a job lacks; reads `needs 8 slots, has 4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotShortage {
    /// Slots it needs.
    pub needs: u32,
    /// Slots it has, which are fewer.
    pub has: u32,
}

impl fmt::Display for SlotShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.needs == 1 { "" } else { "s" };
        write!(f, "needs {} slot{plural}, has {}", self.needs, self.has)
    }
}

/// How slots are chosen and workers are dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotManagerOptions {
    /// `cluster.evenly-spread-out-slots`: take slots of the least used TaskManager. If not, of the
    /// most used one, so that others become idle.
    pub evenly_spread_out_slots: bool,
    /// `resourcemanager.taskmanager-timeout`: milliseconds after which an idle TaskManager is
    /// released. None where nobody could start it again, as in a standalone cluster.
    pub task_manager_timeout_ms: Option<u64>,
    /// Slots of a TaskManager that the provider starts on request. None where there is no provider.
    pub slots_per_worker: Option<NonZeroU32>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotCommand {
    /// These slots are the job's, besides those it has.
    Allocated {
        /// The job.
        job: JobId,
        /// The slots.
        slots: Vec<SlotId>,
    },
    /// These slots of the job are gone with their TaskManager. Comes before any replacement.
    Lost {
        /// The job.
        job: JobId,
        /// The slots.
        slots: Vec<SlotId>,
    },
    /// The job needs more slots than there are. Comes when either number changes.
    Shortage {
        /// The job.
        job: JobId,
        /// Slots it needs.
        needs: u32,
        /// Slots it has.
        has: u32,
    },
    /// Ask the provider for this many TaskManagers, besides those asked for before.
    RequestWorkers(u32),
    /// End an idle TaskManager. Its slots are not allocated any more; it is known until it is
    /// unregistered.
    ReleaseWorker(TaskManagerId),
}

/// A TaskManager cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SlotManagerError {
    /// It offers no slots, or too many.
    #[error(
        "TaskManager {task_manager} offers {slots} slots; taskmanager.numberOfTaskSlots must be \
         from 1 to {SLOTS_PER_TASK_MANAGER_MAX}"
    )]
    SlotCount {
        /// The TaskManager.
        task_manager: TaskManagerId,
        /// Its slots.
        slots: u32,
    },
    /// There are as many as there may be.
    #[error(
        "TaskManager {task_manager} is one too many: {TASK_MANAGERS_MAX} are registered; \
         stop some, or start fewer of them with more slots each"
    )]
    TooManyTaskManagers {
        /// The TaskManager.
        task_manager: TaskManagerId,
    },
}

/// The slots of a TaskManager, to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotUse {
    /// All its slots.
    pub slots: u32,
    /// Those that no job has.
    pub free: u32,
    /// Since when no job has any of them, in milliseconds.
    pub idle_since: Option<i64>,
}

/// What a job asked for, and what it has.
#[derive(Clone, Copy, Debug)]
struct Requirement {
    needs: u32,
    /// Invariant: the number of slots that are allocated to the job.
    has: u32,
    /// Jobs with smaller numbers are served first.
    order: u64,
    /// The last shortage that was told.
    told: Option<SlotShortage>,
}

/// The slots of a cluster.
#[derive(Clone, Debug, Default)]
pub struct SlotManager {
    options: SlotManagerOptions,
    workers: BTreeMap<TaskManagerId, Worker>,
    /// One for each job that asked, until it frees its slots; the Dispatcher bounds the jobs.
    requirements: BTreeMap<JobId, Requirement>,
    /// TaskManagers asked for that have not come yet.
    pending_workers: u32,
    /// Numbers TaskManagers and jobs as they come.
    next_order: u64,
}

impl SlotManager {
    /// Makes a slot manager without TaskManagers and jobs.
    pub fn new(options: SlotManagerOptions) -> SlotManager {
        SlotManager { options, ..SlotManager::default() }
    }

    /// Takes in a TaskManager. One of a name that is registered has been away: what it had
    /// allocated is lost.
    ///
    /// # Errors
    /// Its number of slots is out of range, or there are too many TaskManagers.
    pub fn register_task_manager(
        &mut self,
        id: TaskManagerId,
        slots: u32,
        now: i64,
    ) -> Result<Vec<SlotCommand>, SlotManagerError> {
        if slots == 0 || slots > SLOTS_PER_TASK_MANAGER_MAX {
            return Err(SlotManagerError::SlotCount { task_manager: id, slots });
        }
        let is_known = self.workers.contains_key(&id);
        if !is_known && self.workers.len() >= TASK_MANAGERS_MAX as usize {
            return Err(SlotManagerError::TooManyTaskManagers { task_manager: id });
        }
        let mut commands = self.take_out(&id);
        if !is_known {
            self.pending_workers = self.pending_workers.saturating_sub(1);
        }
        let worker = Worker::new(slots, self.take_number(), now);
        self.workers.insert(id, worker);
        commands.extend(self.serve());
        Ok(commands)
    }

    /// Forgets a TaskManager that is gone. Jobs get other slots for those they lost, if there are.
    pub fn unregister_task_manager(&mut self, id: &TaskManagerId) -> Vec<SlotCommand> {
        let mut commands = self.take_out(id);
        commands.extend(self.serve());
        commands
    }

    /// Sets how many slots a job needs in all. Its place in the line is that of its first call.
    /// Slots that it has beyond the number stay its own.
    pub fn set_requirement(&mut self, job: JobId, slots: u32) -> Vec<SlotCommand> {
        match self.requirements.get_mut(&job) {
            Some(requirement) => requirement.needs = slots,
            None => {
                let order = self.take_number();
                let requirement = Requirement { needs: slots, has: 0, order, told: None };
                self.requirements.insert(job, requirement);
            }
        }
        self.serve()
    }

    /// Frees all slots of a job and forgets its requirement: the job has ended.
    pub fn free_slots(&mut self, job: JobId, now: i64) -> Vec<SlotCommand> {
        if self.requirements.remove(&job).is_none() {
            return Vec::new();
        }
        self.workers.values_mut().for_each(|worker| worker.free(job, now));
        self.serve()
    }

    /// Frees some slots of a job, which needs them no more and goes on. Those that it does not have
    /// are left alone.
    pub fn release_slots(&mut self, job: JobId, slots: &[SlotId], now: i64) -> Vec<SlotCommand> {
        for slot in slots {
            let Some(worker) = self.workers.get_mut(&slot.task_manager) else { continue };
            if worker.free_slot(slot.index, job, now)
                && let Some(requirement) = self.requirements.get_mut(&job)
            {
                requirement.has -= 1;
            }
        }
        self.serve()
    }

    /// Looks at the clock: releases TaskManagers that have been idle for too long, and asks again
    /// for workers that did not come. To be called every few seconds.
    pub fn on_timer(&mut self, now: i64) -> Vec<SlotCommand> {
        let mut commands = self.serve();
        let Some(timeout_ms) = self.options.task_manager_timeout_ms else { return commands };
        for (id, worker) in &mut self.workers {
            if worker.release_if_idle(timeout_ms, now) {
                commands.push(SlotCommand::ReleaseWorker(id.clone()));
            }
        }
        commands
    }

    /// Takes back a request for workers that the provider could not fulfil. The next call of
    /// [`SlotManager::on_timer`] asks again, if they are needed still.
    pub fn on_workers_failed(&mut self, workers: u32) {
        self.pending_workers = self.pending_workers.saturating_sub(workers);
    }

    /// The job that has a slot.
    pub fn owner(&self, slot: &SlotId) -> Option<JobId> {
        self.workers.get(&slot.task_manager)?.owner(slot.index)
    }

    /// The slots of a job.
    pub fn slots_of(&self, job: JobId) -> Vec<SlotId> {
        let of_worker = |(id, worker): (&TaskManagerId, &Worker)| worker.slots_of(id, job);
        self.workers.iter().flat_map(of_worker).collect()
    }

    /// What a job lacks; none when it has all it needs, or asked for nothing.
    pub fn shortage(&self, job: JobId) -> Option<SlotShortage> {
        self.requirements.get(&job).and_then(Requirement::shortage)
    }

    /// The slots of a TaskManager.
    pub fn slot_use(&self, id: &TaskManagerId) -> Option<SlotUse> {
        self.workers.get(id).map(Worker::slot_use)
    }

    /// TaskManagers of which no job has a slot, and since when, in milliseconds.
    pub fn idle_task_managers(&self) -> impl Iterator<Item = (&TaskManagerId, i64)> {
        self.workers.iter().filter_map(|(id, worker)| Some((id, worker.slot_use().idle_since?)))
    }

    /// Number of registered TaskManagers.
    pub fn task_managers(&self) -> u32 {
        self.workers.len() as u32
    }

    /// Slots of all TaskManagers.
    pub fn slots_total(&self) -> u32 {
        self.workers.values().map(|worker| worker.slot_use().slots).sum()
    }

    /// Slots that no job has.
    pub fn slots_available(&self) -> u32 {
        self.workers.values().map(|worker| worker.slot_use().free).sum()
    }

    fn take_number(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    fn take_out(&mut self, id: &TaskManagerId) -> Vec<SlotCommand> {
        let Some(worker) = self.workers.remove(id) else { return Vec::new() };
        let mut commands = Vec::new();
        for (job, requirement) in &mut self.requirements {
            let slots = worker.slots_of(id, *job);
            if !slots.is_empty() {
                requirement.has -= slots.len() as u32;
                commands.push(SlotCommand::Lost { job: *job, slots });
            }
        }
        commands
    }

    /// Gives free slots to the jobs that lack some, and says what is left to be wished for.
    fn serve(&mut self) -> Vec<SlotCommand> {
        let mut line: Vec<(u64, JobId)> =
            self.requirements.iter().map(|(job, requirement)| (requirement.order, *job)).collect();
        line.sort_unstable();
        let mut commands = Vec::new();
        for (_, job) in line {
            self.serve_job(job, &mut commands);
        }
        commands.extend(self.request_workers());
        commands
    }

    fn serve_job(&mut self, job: JobId, commands: &mut Vec<SlotCommand>) {
        let Some(requirement) = self.requirements.get_mut(&job) else { return };
        let mut slots = Vec::new();
        while requirement.has < requirement.needs {
            let chosen = worker::choose(&mut self.workers, self.options.evenly_spread_out_slots);
            let Some((id, worker)) = chosen else { break };
            let Some(index) = worker.allocate(job) else { break };
            slots.push(SlotId { task_manager: id.clone(), index });
            requirement.has += 1;
        }
        if !slots.is_empty() {
            commands.push(SlotCommand::Allocated { job, slots });
        }
        let shortage = requirement.shortage();
        if shortage != requirement.told {
            requirement.told = shortage;
            if let Some(SlotShortage { needs, has }) = shortage {
                commands.push(SlotCommand::Shortage { job, needs, has });
            }
        }
    }

    fn request_workers(&mut self) -> Option<SlotCommand> {
        let slots_per_worker = self.options.slots_per_worker?;
        let missing = |requirement: &Requirement| requirement.needs.saturating_sub(requirement.has);
        let missing = self.requirements.values().map(missing).fold(0, u32::saturating_add);
        let room = TASK_MANAGERS_MAX.saturating_sub(self.workers.len() as u32);
        let wanted = missing.div_ceil(slots_per_worker.get()).min(room);
        let more = wanted.checked_sub(self.pending_workers).filter(|more| *more > 0)?;
        self.pending_workers = wanted;
        Some(SlotCommand::RequestWorkers(more))
    }
}

impl Requirement {
    fn shortage(&self) -> Option<SlotShortage> {
        let Requirement { needs, has, .. } = *self;
        (has < needs).then_some(SlotShortage { needs, has })
    }
}

#[cfg(test)]
mod tests;
