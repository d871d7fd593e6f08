//! The simulated cluster: what happens when, and what the cores command on it.

use std::collections::{BTreeMap, VecDeque};

use sandbar_jobmanager::{
    Command, Event, ExecutionGraph, ExecutionGraphOptions, PlacedTask, RestartId, RestartStrategy,
    RestartStrategyOptions, SlotCommand, SlotManager, SlotRequestId, WaitId,
};
use sandbar_model::JobId;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_rpc::resource_requirements::check_requirements;
use sandbar_rpc::{TaskAttempt, TaskManagerId};

use super::plan::{self, Plan};
use super::worker::Worker;
use crate::drawn_job;
use crate::random::Random;

/// A run that takes more steps than this goes round in circles.
const STEPS_MAX: usize = 50_000;
/// How often the slot manager looks at the clock, in milliseconds.
const TICK_MS: i64 = 200;

/// A job and what the simulation did to it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) execution: ExecutionGraph,
    pub(crate) restart_strategy: RestartStrategyOptions,
    /// Whether its tasks run until they are cancelled.
    is_endless: bool,
    /// Whether it was cancelled before it had ended.
    pub(crate) was_cancelled: bool,
    /// The state it ended in, as commanded.
    pub(crate) completed: Option<JobStatus>,
    pub(crate) has_waited: bool,
    /// The parallelism of each vertex that it was submitted with.
    pub(crate) submitted: Vec<u32>,
}

/// What happens.
#[derive(Clone, Debug)]
enum Happening {
    Start(usize),
    Cancel(usize),
    GlobalFailure(usize),
    /// A process starts under a name of its own.
    Join,
    /// A process dies.
    Die,
    /// A process dies and is back under its name at once.
    Rejoin,
    /// The death of a process is noticed.
    Lost(TaskManagerId, u64),
    Deploy(TaskManagerId, u64, TaskAttempt, u32),
    CancelTask(TaskManagerId, u64, TaskAttempt),
    Step(TaskManagerId, u64, TaskAttempt),
    Report(TaskAttempt, ExecutionState),
    RestartDue(usize, RestartId),
    WaitOver(usize, WaitId),
    Requirements(usize),
    SlotRequestTimedOut(usize, SlotRequestId),
    Tick,
    /// The faults stop, and there are slots for everyone.
    Quiet,
}

/// A command on its way from a core.
#[derive(Debug)]
enum Work {
    Slots(SlotCommand),
    Job(usize, Command),
}

/// The cluster.
pub(crate) struct World {
    random: Random,
    plan: Plan,
    now: i64,
    number: u64,
    queue: BTreeMap<(i64, u64), Happening>,
    pub(crate) manager: SlotManager,
    pub(crate) workers: BTreeMap<TaskManagerId, Worker>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) is_traced: bool,
}

impl World {
    pub(crate) fn new(seed: u64, is_traced: bool) -> World {
        let mut random = Random::new(seed);
        let plan = plan::plan(&mut random);
        let jobs: Vec<Job> = (1..=random.number(1, 4)).map(|id| job(&mut random, id)).collect();
        let mut world = World {
            random,
            plan,
            now: 0,
            number: 0,
            queue: BTreeMap::new(),
            manager: SlotManager::new(plan.slots),
            workers: BTreeMap::new(),
            jobs,
            is_traced,
        };
        world.draw_happenings();
        world
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS_MAX {
            let Some(((at, _), happening)) = self.queue.pop_first() else {
                return self.check_end();
            };
            self.now = at;
            if self.is_traced {
                eprintln!("{at:>6} {happening:?}");
            }
            self.happen(happening)?;
            self.check_step().map_err(|broken| format!("at {at} ms: {broken}"))?;
        }
        Err(format!("it did not end within {STEPS_MAX} steps"))
    }

    /// Tells runs apart.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:?} {} {}", self.jobs, self.now, self.number)
    }

    fn draw_happenings(&mut self) {
        let end = self.plan.faults_end;
        for index in 0..self.jobs.len() {
            let at = self.random.between(0, end / 2);
            self.at(at, Happening::Start(index));
            if self.jobs[index].is_endless || self.random.chance(15) {
                let cancelled = self.random.between(0, end);
                self.at(cancelled, Happening::Cancel(index));
            }
            for _ in 0..self.random.number(0, 3) {
                let changed = self.random.between(0, end);
                self.at(changed, Happening::Requirements(index));
            }
            if self.random.chance(10) {
                let failed = self.random.between(0, end);
                self.at(failed, Happening::GlobalFailure(index));
            }
        }
        for _ in 0..self.random.number(0, 4) {
            let joined = self.random.between(0, end / 2);
            self.at(joined, Happening::Join);
        }
        for _ in 0..self.random.number(0, 8) {
            let at = self.random.between(0, end);
            let fault = [Happening::Die, Happening::Rejoin, Happening::Join];
            let fault = self.random.pick(&fault).clone();
            self.at(at, fault);
        }
        self.at(0, Happening::Tick);
        self.at(end, Happening::Quiet);
    }

    fn at(&mut self, at: i64, happening: Happening) {
        self.number += 1;
        self.queue.insert((at, self.number), happening);
    }

    fn after(&mut self, from_ms: i64, to_ms: i64, happening: Happening) {
        let at = self.now + self.random.between(from_ms, to_ms);
        self.at(at, happening);
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Start(job) => {
                self.tell(job, Event::Initialized)?;
                self.tell(job, Event::Start)
            }
            Happening::Cancel(job) => {
                let cancelled = &mut self.jobs[job];
                cancelled.was_cancelled |= !cancelled.execution.status().is_terminal();
                self.tell(job, Event::Cancel)
            }
            Happening::GlobalFailure(job) => {
                self.tell(job, Event::GlobalFailure("global".to_owned()))
            }
            Happening::Join => {
                let (name, slots) = (self.number, self.random.number(1, 4));
                self.join(TaskManagerId(format!("tm-{name}")), slots)
            }
            Happening::Die => {
                self.die();
                Ok(())
            }
            Happening::Rejoin => match self.die() {
                Some(id) => {
                    let slots = self.random.number(1, 4);
                    self.join(id, slots)
                }
                None => Ok(()),
            },
            Happening::Lost(id, generation) => self.lose(&id, generation),
            Happening::Deploy(id, generation, task, slot) => {
                let Some(worker) = self.worker(&id, generation) else { return Ok(()) };
                worker.deploy(task, slot)?;
                self.after(1, 40, Happening::Step(id, generation, task));
                Ok(())
            }
            Happening::CancelTask(id, generation, task) => {
                let Some(worker) = self.worker(&id, generation) else { return Ok(()) };
                worker.cancel(task);
                self.after(1, 60, Happening::Step(id, generation, task));
                Ok(())
            }
            Happening::Step(id, generation, task) => {
                self.step(id, generation, task);
                Ok(())
            }
            Happening::Report(task, state) => {
                let job = task.job.0 as usize - 1;
                let error = (state == ExecutionState::Failed).then(|| format!("{task} failed"));
                self.tell(job, Event::TaskState { task, state, error })
            }
            Happening::RestartDue(job, restart) => self.tell(job, Event::RestartDue(restart)),
            Happening::WaitOver(job, wait) => self.tell(job, Event::WaitOver(wait)),
            Happening::Requirements(job) => self.change_requirements(job),
            Happening::SlotRequestTimedOut(job, request) => {
                self.tell(job, Event::SlotRequestTimedOut(request))
            }
            Happening::Tick => self.tick(),
            Happening::Quiet => self.quiet(),
        }
    }

    fn change_requirements(&mut self, job: usize) -> Result<(), String> {
        let execution = &self.jobs[job].execution;
        let requested = drawn_job::requirements(&mut self.random, execution.graph());
        match check_requirements(execution.graph(), &requested) {
            Ok(bounds) => self.tell(job, Event::Requirements(bounds)),
            Err(_) => Ok(()),
        }
    }

    fn worker(&mut self, id: &TaskManagerId, generation: u64) -> Option<&mut Worker> {
        self.workers.get_mut(id).filter(|worker| worker.is_alive && worker.generation == generation)
    }

    fn join(&mut self, id: TaskManagerId, slots: u32) -> Result<(), String> {
        self.number += 1;
        self.workers.insert(id.clone(), Worker::new(self.number, slots));
        let commands = self.manager.register_task_manager(id, slots, self.now);
        self.execute_slots(commands.map_err(|error| error.to_string())?)
    }

    fn die(&mut self) -> Option<TaskManagerId> {
        let alive: Vec<TaskManagerId> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.is_alive)
            .map(|(id, _)| id.clone())
            .collect();
        if alive.is_empty() {
            return None;
        }
        let id = self.random.pick(&alive).clone();
        let worker = self.workers.get_mut(&id)?;
        worker.die();
        let lost = Happening::Lost(id.clone(), worker.generation);
        self.after(0, 200, lost);
        Some(id)
    }

    fn lose(&mut self, id: &TaskManagerId, generation: u64) -> Result<(), String> {
        if self.workers.get(id).is_none_or(|worker| worker.generation != generation) {
            return Ok(());
        }
        self.workers.remove(id);
        let commands = self.manager.unregister_task_manager(id);
        self.execute_slots(commands)
    }

    fn step(&mut self, id: TaskManagerId, generation: u64, task: TaskAttempt) {
        let failures = if self.now < self.plan.faults_end { self.plan.task_failures } else { 0 };
        let known = self.workers.get_mut(&id).filter(|worker| worker.generation == generation);
        let is_endless = self.jobs[task.job.0 as usize - 1].is_endless;
        let stepped =
            known.and_then(|worker| worker.step(task, &mut self.random, failures, is_endless));
        let Some(state) = stepped else { return };
        let late_ms = self.plan.report_delay_ms;
        self.after(1, late_ms, Happening::Report(task, state));
        if self.random.chance(self.plan.duplicates) {
            self.after(1, 4 * late_ms, Happening::Report(task, state));
        }
        if !state.is_terminal() {
            self.after(1, 300, Happening::Step(id, generation, task));
        }
    }

    fn tick(&mut self) -> Result<(), String> {
        let commands = self.manager.on_timer(self.now);
        if self.jobs.iter().any(|job| job.completed.is_none()) {
            self.at(self.now + TICK_MS, Happening::Tick);
        }
        self.execute_slots(commands)
    }

    fn quiet(&mut self) -> Result<(), String> {
        let needed: u32 = self.jobs.iter().map(|job| job.execution.required_slots()).sum();
        let alive = |world: &World| -> u32 {
            let alive = world.workers.values().filter(|worker| worker.is_alive);
            alive.map(|worker| worker.slots).sum()
        };
        while self.plan.slots.slots_per_worker.is_none() && alive(self) < needed {
            self.happen(Happening::Join)?;
        }
        Ok(())
    }

    /// Hands an event to a job, and does all that follows at once.
    fn tell(&mut self, job: usize, event: Event) -> Result<(), String> {
        let commands = self.jobs[job].execution.handle(event, self.now);
        self.execute(commands.into_iter().map(|command| Work::Job(job, command)).collect())
    }

    fn execute_slots(&mut self, commands: Vec<SlotCommand>) -> Result<(), String> {
        self.execute(commands.into_iter().map(Work::Slots).collect())
    }

    fn execute(&mut self, mut pending: VecDeque<Work>) -> Result<(), String> {
        while let Some(work) = pending.pop_front() {
            if self.is_traced {
                eprintln!("       > {work:?}");
            }
            match work {
                Work::Slots(command) => self.execute_slot_command(command, &mut pending),
                Work::Job(job, command) => self.execute_command(job, command, &mut pending)?,
            }
        }
        Ok(())
    }

    fn execute_slot_command(&mut self, command: SlotCommand, pending: &mut VecDeque<Work>) {
        let (job, event) = match command {
            SlotCommand::Allocated { job, slots } => (job, Event::SlotsAllocated(slots)),
            SlotCommand::Lost { job, slots } => {
                (job, Event::SlotsLost { slots, reason: "the TaskManager is lost".to_owned() })
            }
            SlotCommand::Shortage { job, .. } => {
                self.jobs[job.0 as usize - 1].has_waited = true;
                return;
            }
            SlotCommand::RequestWorkers(workers) => {
                for _ in 0..workers {
                    if self.now < self.plan.faults_end && self.random.chance(30) {
                        self.manager.on_workers_failed(1);
                    } else {
                        self.after(10, 300, Happening::Join);
                    }
                }
                return;
            }
            SlotCommand::ReleaseWorker(id) => {
                if let Some(worker) = self.workers.get(&id) {
                    self.after(0, 50, Happening::Lost(id, worker.generation));
                }
                return;
            }
        };
        let index = job.0 as usize - 1;
        let commands = self.jobs[index].execution.handle(event, self.now);
        pending.extend(commands.into_iter().map(|follows| Work::Job(index, follows)));
    }

    fn execute_command(
        &mut self,
        job: usize,
        command: Command,
        pending: &mut VecDeque<Work>,
    ) -> Result<(), String> {
        let id = self.jobs[job].execution.job();
        if self.jobs[job].completed.is_some() && command != Command::ReleaseSlots {
            return Err(format!("job {id} has ended and commands {command:?}"));
        }
        match command {
            Command::RequestSlots { slots, request } => {
                let timed_out = Happening::SlotRequestTimedOut(job, request);
                self.at(self.now + self.plan.slot_request_timeout_ms, timed_out);
                pending
                    .extend(self.manager.set_requirement(id, slots).into_iter().map(Work::Slots));
            }
            Command::DeclareSlots(slots) => {
                let commands = self.manager.set_requirement(id, slots);
                pending.extend(commands.into_iter().map(Work::Slots));
            }
            Command::FreeSlots(slots) => {
                let commands = self.manager.release_slots(id, &slots, self.now);
                pending.extend(commands.into_iter().map(Work::Slots));
            }
            Command::Wait { wait, after_ms } => {
                self.at(self.now + after_ms as i64, Happening::WaitOver(job, wait));
            }
            Command::Deploy(placed) => placed.into_iter().for_each(|placed| {
                let PlacedTask { task, slot } = placed;
                self.send(slot.task_manager, |to, generation| {
                    Happening::Deploy(to, generation, task, slot.index)
                });
            }),
            Command::Cancel(placed) => placed.into_iter().for_each(|placed| {
                let PlacedTask { task, slot } = placed;
                self.send(slot.task_manager, |to, generation| {
                    Happening::CancelTask(to, generation, task)
                });
            }),
            Command::ScheduleRestart { restart, after_ms } => {
                self.at(self.now + after_ms as i64, Happening::RestartDue(job, restart));
            }
            Command::ReleaseSlots => {
                pending.extend(self.manager.free_slots(id, self.now).into_iter().map(Work::Slots));
            }
            Command::Complete(status) => self.jobs[job].completed = Some(status),
        }
        Ok(())
    }

    /// Sends an order to a TaskManager; orders arrive as they were sent.
    fn send(&mut self, id: TaskManagerId, order: impl FnOnce(TaskManagerId, u64) -> Happening) {
        let delivery = self.now + self.random.between(0, 50);
        let Some(worker) = self.workers.get_mut(&id) else { return };
        worker.last_delivery = worker.last_delivery.max(delivery);
        let (at, generation) = (worker.last_delivery, worker.generation);
        self.at(at, order(id, generation));
    }
}

fn job(random: &mut Random, id: u32) -> Job {
    let graph = drawn_job::job_graph(random);
    let restart_strategy = drawn_job::restart_strategy(random);
    let options = ExecutionGraphOptions {
        scheduler: drawn_job::scheduler(random),
        restart_strategy: RestartStrategy::new(restart_strategy, random.next()).unwrap(),
        failover_strategy: drawn_job::failover_strategy(random),
    };
    let execution = ExecutionGraph::new(JobId(u128::from(id)), &graph, options, 0);
    let (is_endless, was_cancelled, has_waited) = (random.chance(20), false, false);
    let submitted = graph.vertices.iter().map(|vertex| vertex.parallelism).collect();
    let completed = None;
    Job { execution, restart_strategy, is_endless, was_cancelled, completed, has_waited, submitted }
}
