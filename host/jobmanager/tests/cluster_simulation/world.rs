//! The simulated cluster: what happens when. Owns time, the JobManager that there is, the network,
//! the processes and the jobs of the users.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use sandbar_connectors::{ConnectorError, Split, SplitEnumerator};
use sandbar_jobmanager::job_manager::Event;
use sandbar_jobmanager::{
    ExecutionGraphOptions, RestartStrategy, RestartStrategyOptions, SplitCoordinator, Submission,
};
use sandbar_model::job_graph::JobGraph;
use sandbar_model::time::ManualClock;
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::{
    JobInformation, JobView, LinkId, TaskAttempt, TaskManagerId, ToJobManager, ToTaskManager,
};

use crate::control::Term;
use crate::drawn_job;
use crate::faults::Fault;
use crate::plan::Plan;
use crate::processes::is_source;
use crate::random::Random;
use crate::seen::Seen;
use crate::task_manager::TaskManager;
use crate::transport::{Link, Opened, Packet, Partition};

/// A run that takes more steps than this goes round in circles.
const STEPS_MAX: usize = 200_000;
/// How long after the last fault all jobs have ended, in milliseconds of the virtual clock.
const SETTLE_MS: i64 = 60_000;

/// A job of a user.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) graph: JobGraph,
    pub(crate) restart_strategy: RestartStrategyOptions,
    options: ExecutionGraphOptions,
    /// Splits of each source.
    pub(crate) splits: u32,
    /// Whether its tasks run until they are cancelled.
    pub(crate) is_endless: bool,
    /// The term it was submitted to.
    pub(crate) term: Option<u64>,
    /// Whether it was cancelled before it had ended.
    pub(crate) was_cancelled: bool,
    /// Whether the JobManager crashed before it had ended.
    pub(crate) is_lost: bool,
    /// Tells its end.
    pub(crate) waiter: Option<Receiver<Option<JobView>>>,
    /// How it ended.
    pub(crate) ended: Option<JobView>,
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Happening {
    Submit(usize),
    Cancel(usize),
    Requirements(usize),
    Ask,
    Opened(LinkId, Opened),
    Up(LinkId, u64, Packet<ToJobManager>),
    Closed(LinkId, String),
    Down(LinkId, u64, Packet<ToTaskManager>),
    WorkerStarts {
        token: u64,
        fails: bool,
    },
    Connect(u64),
    Register(u64, LinkId),
    Patience(u64, LinkId),
    TaskStep(u64, TaskAttempt),
    Fault(Fault),
    Heal {
        process: u64,
        is_broken: bool,
    },
    Wake(u64),
    StallOver,
    JobManagerStarts,
    /// The faults stop, and there are slots for everyone.
    Quiet,
    /// Looks whether all is over.
    Settle,
    End,
}

/// The cluster.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) plan: Plan,
    pub(crate) now: i64,
    pub(crate) number: u64,
    queue: BTreeMap<(i64, u64), Happening>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) term: Option<Term>,
    pub(crate) links: BTreeMap<LinkId, Link>,
    pub(crate) partitions: BTreeMap<u64, Partition>,
    pub(crate) processes: BTreeMap<u64, TaskManager>,
    pub(crate) jobs: Vec<Job>,
    /// The link that each attempt was deployed over.
    pub(crate) deployed_over: BTreeMap<TaskAttempt, LinkId>,
    /// The splits of attempts that finished, whether or not anybody heard of it.
    pub(crate) finished: BTreeMap<TaskAttempt, Vec<String>>,
    pub(crate) logs: Vec<Receiver<String>>,
    pub(crate) seen: Seen,
    broken: Option<String>,
    pub(crate) is_traced: bool,
    has_ended: bool,
}

impl World {
    pub(crate) fn new(seed: u64, is_traced: bool) -> World {
        let mut random = Random::new(seed ^ 0x5a5a);
        let plan = Plan::draw(&mut random);
        let jobs = (1..=random.number(1, 4)).map(|id| job(&mut random, id)).collect();
        let mut world = World {
            random,
            plan,
            now: 0,
            number: 0,
            queue: BTreeMap::new(),
            clock: Arc::default(),
            term: None,
            links: BTreeMap::new(),
            partitions: BTreeMap::new(),
            processes: BTreeMap::new(),
            jobs,
            deployed_over: BTreeMap::new(),
            finished: BTreeMap::new(),
            logs: Vec::new(),
            seen: Seen::default(),
            broken: None,
            is_traced,
            has_ended: false,
        };
        world.start_job_manager();
        world.draw_happenings();
        world
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS_MAX {
            let timer = self.term.as_ref().and_then(|term| term.next_turn(self.now));
            let next = self.queue.first_key_value().map(|((at, _), _)| *at);
            match (timer, next) {
                (Some(timer), next) if next.is_none_or(|next| timer <= next) => {
                    self.now = timer;
                    self.turn(None);
                }
                (_, Some(_)) => {
                    let Some(((at, _), happening)) = self.queue.pop_first() else { break };
                    self.now = at;
                    self.trace(&"", &happening);
                    self.happen(happening);
                }
                (_, None) => break,
            }
            self.check_processes();
            if let Some(broken) = self.broken.take() {
                return Err(format!("at {} ms: {broken}", self.now));
            }
            if self.has_ended {
                return Ok(());
            }
        }
        Err(format!("it did not end within {STEPS_MAX} steps"))
    }

    /// Tells runs apart.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:?} {} {} {:?}", self.jobs, self.now, self.number, self.seen)
    }

    /// Notes that a law is broken; the first is told.
    pub(crate) fn fail(&mut self, broken: String) {
        self.broken.get_or_insert(broken);
    }

    pub(crate) fn trace(&self, who: &dyn Debug, what: &dyn Debug) {
        if self.is_traced {
            let what = format!("{what:?}");
            let short: String = what.chars().take(300).collect();
            eprintln!("{:>6} {who:?} {short}", self.now);
        }
    }

    pub(crate) fn at(&mut self, at: i64, happening: Happening) {
        self.number += 1;
        self.queue.insert((at, self.number), happening);
    }

    pub(crate) fn after(&mut self, from_ms: i64, to_ms: i64, happening: Happening) {
        let at = self.now + self.random.between(from_ms, to_ms);
        self.at(at, happening);
    }

    fn draw_happenings(&mut self) {
        let end = self.plan.faults_end;
        for index in 0..self.jobs.len() {
            let at = self.random.between(0, end / 2);
            self.at(at, Happening::Submit(index));
            if self.jobs[index].is_endless || self.random.chance(15) {
                let cancelled = self.random.between(0, end);
                self.at(cancelled, Happening::Cancel(index));
            }
        }
        for index in 0..self.jobs.len() {
            for _ in 0..self.random.number(0, 3) {
                let at = self.random.between(0, end);
                self.at(at, Happening::Requirements(index));
            }
        }
        for _ in 0..self.random.number(0, 6) {
            let at = self.random.between(0, end);
            self.at(at, Happening::Ask);
        }
        for _ in 0..self.random.number(0, 3) {
            let joined = self.random.between(0, end / 2);
            self.at(joined, Happening::Fault(Fault::Join));
        }
        for _ in 0..self.random.number(0, 8) {
            let at = self.random.between(0, end);
            let fault = Fault::draw(&mut self.random);
            self.at(at, Happening::Fault(fault));
        }
        self.at(end, Happening::Quiet);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Submit(job) => self.submit(job),
            Happening::Cancel(job) => self.cancel(job),
            Happening::Requirements(job) => self.change_requirements(job),
            Happening::Ask => self.ask(),
            Happening::Opened(link, Opened(send)) => self.opened(link, send),
            Happening::Up(link, number, packet) => self.on_up(link, number, packet),
            Happening::Closed(link, reason) => self.on_closed(link, reason),
            Happening::Down(link, number, packet) => self.on_down(link, number, packet),
            Happening::WorkerStarts { token, fails } => self.worker_starts(token, fails),
            Happening::Connect(process) => self.connect(process),
            Happening::Register(process, link) => self.register(process, link),
            Happening::Patience(process, link) => self.lose_patience(process, link),
            Happening::TaskStep(process, task) => self.step_task(process, task),
            Happening::Fault(fault) => self.suffer(fault),
            Happening::Heal { process, is_broken } => self.heal(process, is_broken),
            Happening::Wake(process) => self.wake(process),
            Happening::StallOver => self.stall_over(),
            Happening::JobManagerStarts => {
                if self.term.is_none() {
                    self.start_job_manager();
                }
            }
            Happening::Quiet => self.quiet(),
            Happening::Settle => self.settle(),
            Happening::End => {
                self.check_end();
                self.has_ended = true;
            }
        }
    }

    fn submit(&mut self, index: usize) {
        let Some(term) = &self.term else {
            // The client tries again.
            return self.at(self.now + 100, Happening::Submit(index));
        };
        let token = term.token;
        let job = &mut self.jobs[index];
        job.term = Some(token);
        let (reply, waiter) = crossbeam_channel::bounded(1);
        job.waiter = Some(waiter);
        let (id, submission) = (job.id, job.submission());
        self.hear(Event::Submit(Box::new(submission)));
        self.hear(Event::Wait(id, reply));
    }

    fn cancel(&mut self, index: usize) {
        if self.term.is_none() || self.jobs[index].term.is_none() {
            return self.at(self.now + 100, Happening::Cancel(index));
        }
        let (reply, _) = crossbeam_channel::bounded(1);
        self.hear(Event::Cancel(self.jobs[index].id, reply));
    }

    fn change_requirements(&mut self, index: usize) {
        let requested = drawn_job::requirements(&mut self.random, &self.jobs[index].graph);
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.hear(Event::Requirements(self.jobs[index].id, requested, reply));
        self.seen.requirements_changed += u64::from(matches!(answer.try_recv(), Ok(Ok(()))));
    }

    fn worker_starts(&mut self, token: u64, fails: bool) {
        if fails {
            return self.workers_failed(token);
        }
        let Some(plan) = self.plan.provider else { return };
        let id = TaskManagerId(format!("worker-{}", self.number));
        let process = self.join(id, plan.slots);
        self.seen.workers_started += 1;
        if let Some(started) = self.processes.get_mut(&process) {
            started.started_by = Some(token);
        }
    }

    /// Faults stop: what is cut off is reached again, what hung goes on, and there are slots.
    fn quiet(&mut self) {
        let processes: Vec<u64> = self.processes.keys().copied().collect();
        for process in &processes {
            let is_broken = self.random.chance(50);
            self.heal(*process, is_broken);
        }
        if self.term.is_none() {
            self.start_job_manager();
        }
        let needed: u32 = self.jobs.iter().map(Job::required_slots).sum();
        let alive = |world: &World| world.processes.values().map(|known| known.slots).sum::<u32>();
        while self.plan.provider.is_none() && alive(self) < needed {
            self.suffer(Fault::Join);
        }
        self.at(self.now + 100, Happening::Settle);
    }

    fn settle(&mut self) {
        if self.now > self.plan.faults_end + SETTLE_MS {
            let open: Vec<&Job> = self.jobs.iter().filter(|job| !job.is_over()).collect();
            let kept = self.term.as_ref().map(|term| term.manager.kept());
            return self.fail(format!("jobs do not end: {open:?}; the JobManager keeps {kept:?}"));
        }
        if !self.jobs.iter().all(Job::is_over) {
            return self.at(self.now + 100, Happening::Settle);
        }
        // Timers that have lost their reason run out, and links that broke are noticed.
        let rest = self.plan.slot_request_timeout.max(self.plan.grace() + self.plan.keep_alive);
        let rest = rest.max(drawn_job::SCHEDULER_WAIT_MAX);
        self.at(self.now + rest + 1_000, Happening::End);
    }
}

impl Job {
    pub(crate) fn is_over(&self) -> bool {
        self.is_lost || self.ended.is_some()
    }

    pub(crate) fn required_slots(&self) -> u32 {
        sandbar_jobmanager::SlotSharing::of(&self.graph).required_slots()
    }

    fn submission(&self) -> Submission {
        let sources = self.graph.vertices.iter().filter(|v| is_source(&self.graph, v.id.index()));
        let enumerators: HashMap<VertexId, Box<dyn SplitEnumerator>> = sources
            .map(|vertex| {
                let splits = (0..self.splits).map(|split| format!("{}-{split}", vertex.id.0));
                let all: Vec<String> = splits.collect();
                let pile: Box<dyn SplitEnumerator> =
                    Box::new(Pile { left: all.clone().into(), all });
                (vertex.id, pile)
            })
            .collect();
        Submission {
            information: JobInformation {
                job: self.id,
                graph: self.graph.clone(),
                plugins: BTreeMap::new(),
                base_folder: None,
            },
            splits: SplitCoordinator::of(enumerators),
            options: self.options.clone(),
        }
    }
}

/// Splits that whoever asks first gets.
struct Pile {
    all: Vec<String>,
    left: VecDeque<String>,
}

impl SplitEnumerator for Pile {
    fn next_split(&mut self, _subtask: u32) -> Result<Option<Split>, ConnectorError> {
        let id = self.left.pop_front();
        Ok(id.map(|id| Split { id, payload: serde_json::Value::Null }))
    }

    fn restart(&mut self, _parallelism: u32) {
        self.left = self.all.clone().into();
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
    Job {
        id: JobId(u128::from(id)),
        graph,
        restart_strategy,
        options,
        splits: random.number(0, 6),
        is_endless: random.chance(20),
        term: None,
        was_cancelled: false,
        is_lost: false,
        waiter: None,
        ended: None,
    }
}
