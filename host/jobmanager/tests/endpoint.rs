//! The JobManager's endpoint, turn by turn: what it makes of events that come at a bad time, or
//! that no TaskManager of ours would send.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbar_connectors::{ConnectorError, Split, SplitEnumerator};
use sandbar_jobmanager::job_manager::Event;
use sandbar_jobmanager::restart_strategy::FixedDelay;
use sandbar_jobmanager::{
    AdaptiveOptions, ExecutionGraphOptions, FailoverStrategy, JobManager, JobManagerHandle,
    JobManagerOptions, RestartStrategy, RestartStrategyOptions, Scheduler, SlotManagerOptions,
    SplitCoordinator, Standalone, Submission,
};
use sandbar_model::job_graph::{JobGraph, JobVertex};
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::time::ManualClock;
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::message::Registration;
use sandbar_rpc::{
    Accumulators, FencingToken, JobInformation, JobView, LinkEvent, LinkId, PROTOCOL_VERSION,
    RequestedBounds, RequestedRequirements, RequirementsError, TaskAttempt, TaskManagerId,
    ToJobManager, ToTaskManager,
};

const JOB: JobId = JobId(7);
const TASK: TaskAttempt = TaskAttempt { job: JOB, vertex: VertexId(0), subtask: 0, attempt: 0 };

const ADAPTIVE: Scheduler = Scheduler::Adaptive(AdaptiveOptions {
    resource_wait_timeout_ms: 60_000,
    submission_stabilization_ms: 10,
    executing_stabilization_ms: 20,
    cooldown_ms: 30,
    min_parallelism_increase: 1,
});

/// Deals out as many splits as there are subtasks, numbered.
#[derive(Default)]
struct Dealt {
    parallelism: u32,
    next: u32,
}

impl SplitEnumerator for Dealt {
    fn next_split(&mut self, _subtask: u32) -> Result<Option<Split>, ConnectorError> {
        if self.next >= self.parallelism {
            return Ok(None);
        }
        self.next += 1;
        let id = format!("{} of {}", self.next, self.parallelism);
        Ok(Some(Split { id, payload: serde_json::Value::Null }))
    }

    fn restart(&mut self, parallelism: u32) {
        *self = Dealt { parallelism, next: 0 };
    }
}

/// The end of a link that a TaskManager has.
struct Peer {
    link: LinkId,
    is_open: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<ToTaskManager>>>,
}

struct Cluster {
    manager: JobManager,
    _handle: JobManagerHandle,
    clock: Arc<ManualClock>,
    links: u64,
}

impl Cluster {
    fn new() -> Cluster {
        let clock = Arc::new(ManualClock::new(1_000));
        let (manager, handle) = JobManager::new(JobManagerOptions {
            clock: Arc::<ManualClock>::clone(&clock),
            token: FencingToken(1),
            heartbeat_interval: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(50),
            slot_request_timeout: Duration::from_secs(300),
            archive_max: 10,
            archive_expiration: Duration::from_secs(3_600),
            slots: SlotManagerOptions::default(),
            provider: Box::new(Standalone),
            plugins: Arc::new(|_| None),
        });
        Cluster { manager, _handle: handle, clock, links: 0 }
    }

    fn open(&mut self) -> Peer {
        self.links += 1;
        let link = LinkId(self.links);
        let (is_open, heard) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let peer = Peer { link, is_open: Arc::clone(&is_open), heard: Arc::clone(&heard) };
        let send = Arc::new(move |message| {
            heard.lock().unwrap().push(message);
            is_open.load(Ordering::Relaxed)
        });
        self.manager.step(Some(Event::Link(LinkEvent::Opened(link, send))));
        peer
    }

    fn say(&mut self, peer: &Peer, message: ToJobManager) {
        self.manager.step(Some(Event::Link(LinkEvent::Message(peer.link, message))));
    }

    fn register(&mut self, peer: &Peer, name: &str) {
        self.register_with(peer, name, 1);
    }

    fn register_with(&mut self, peer: &Peer, name: &str, slots: u32) {
        self.register_process(peer, name, slots, 1);
    }

    fn register_process(&mut self, peer: &Peer, name: &str, slots: u32, instance: u64) {
        self.say(
            peer,
            ToJobManager::Register(Registration {
                protocol: PROTOCOL_VERSION,
                id: TaskManagerId(name.to_owned()),
                instance,
                data_address: format!("{name}:1"),
                slots,
                managed_memory_bytes: 0,
                guest_memory_bytes: 0,
                cpu_cores: 1,
            }),
        );
    }

    fn join(&mut self, name: &str) -> Peer {
        self.join_with(name, 1)
    }

    fn join_with(&mut self, name: &str, slots: u32) -> Peer {
        let peer = self.open();
        self.register_with(&peer, name, slots);
        peer
    }

    /// Submits a job of one task.
    fn submit(&mut self) {
        self.submit_as(JOB, 1, Scheduler::Default, RestartStrategyOptions::None);
    }

    /// Submits a job of one vertex.
    fn submit_as(
        &mut self,
        job: JobId,
        parallelism: u32,
        scheduler: Scheduler,
        restarts: RestartStrategyOptions,
    ) {
        let vertex = JobVertex {
            id: VertexId(0),
            name: "v".to_owned(),
            parallelism,
            max_parallelism: 128,
            slot_sharing_group: "default".to_owned(),
            operators: Vec::new(),
        };
        let graph = JobGraph {
            name: "job".to_owned(),
            configuration: BTreeMap::new(),
            arguments: Vec::new(),
            vertices: vec![vertex],
            edges: Vec::new(),
        };
        let plugins = BTreeMap::new();
        let pile: Box<dyn SplitEnumerator> = Box::new(Dealt::default());
        self.manager.step(Some(Event::Submit(Box::new(Submission {
            information: JobInformation { job, graph, plugins, base_folder: None },
            splits: SplitCoordinator::of(HashMap::from([(VertexId(0), pile)])),
            options: ExecutionGraphOptions {
                scheduler,
                restart_strategy: RestartStrategy::new(restarts, 0).unwrap(),
                failover_strategy: FailoverStrategy::Region,
            },
        }))));
    }

    fn report(&mut self, peer: &Peer, attempt: u32, records: f64) {
        let metrics = BTreeMap::from([("numRecordsIn".to_owned(), records)]);
        let task = TaskAttempt { attempt, ..TASK };
        let (state, error) = (ExecutionState::Running, None);
        let accumulators = Accumulators::default();
        self.say(peer, ToJobManager::TaskState { task, state, error, metrics, accumulators });
    }

    /// Goes on by so many milliseconds.
    fn pass(&mut self, milliseconds: i64) {
        self.clock.advance(milliseconds);
        self.manager.step(None);
    }

    /// What a TaskManager has to do, which it has not heard of before.
    fn heard(&self, peer: &Peer) -> Vec<ToTaskManager> {
        std::mem::take(&mut *peer.heard.lock().unwrap())
    }

    fn require(&mut self, job: JobId, lower: i64, upper: i64) -> Result<(), RequirementsError> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        let bounds = RequestedBounds { lower, upper };
        let requested = RequestedRequirements::from([(VertexId(0), bounds)]);
        self.manager.step(Some(Event::Requirements(job, requested, reply)));
        answer.try_recv().unwrap()
    }

    /// A TaskManager reports the end of an attempt.
    fn end(&mut self, peer: &Peer, task: TaskAttempt, state: ExecutionState) {
        let (error, metrics, accumulators) = Default::default();
        self.say(peer, ToJobManager::TaskState { task, state, error, metrics, accumulators });
    }

    fn cancel(&mut self, peer: &Peer, subtask: u32, attempt: u32) {
        self.end(peer, TaskAttempt { subtask, attempt, ..TASK }, ExecutionState::Canceled);
    }

    fn job(&mut self) -> JobView {
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.manager.step(Some(Event::Job(JOB, reply)));
        answer.try_recv().unwrap().unwrap()
    }
}

#[test]
fn a_failure_names_the_task_manager_that_came_back_and_lost_its_tasks() {
    let mut cluster = Cluster::new();
    cluster.join("a");
    cluster.submit();
    cluster.join("a");
    let job = cluster.job();
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(
        job.exceptions[0].message,
        "job \"job\", task \"v\" (1/1): TaskManager a is lost: it registered again, over another \
         link"
    );
}

#[test]
fn what_runs_on_a_task_manager_that_leaves_fails_and_says_so() {
    let mut cluster = Cluster::new();
    let peer = cluster.join("a");
    cluster.submit();
    cluster.say(&peer, ToJobManager::Leaving);
    let job = cluster.job();
    assert_eq!(job.status, JobStatus::Failed);
    let message = &job.exceptions[0].message;
    assert!(message.ends_with("TaskManager a has left: it was told to end"), "{message}");
    // The end of its link is no loss any more, and it may come back.
    let end = LinkEvent::Closed(peer.link, "it hung up".to_owned());
    cluster.manager.step(Some(Event::Link(end)));
    cluster.join("a");
    cluster.submit_as(JobId(8), 1, Scheduler::Default, RestartStrategyOptions::None);
    assert!(cluster.manager.execution(JobId(8)).unwrap().waiting_for().is_none());
}

#[test]
fn a_task_fails_whose_slot_is_lost_in_the_turn_it_is_given_in() {
    let mut cluster = Cluster::new();
    let gone = cluster.join("a");
    gone.is_open.store(false, Ordering::Relaxed);
    // Heartbeats are due in the turn that gives the job the slot of "a", and find its link gone.
    cluster.clock.advance(10_000);
    cluster.submit();
    let job = cluster.job();
    assert_eq!(job.status, JobStatus::Failed);
    let reason = "TaskManager a is lost: it takes no more messages";
    assert!(job.exceptions[0].message.ends_with(reason), "{:?}", job.exceptions);
    assert_eq!(cluster.manager.kept().jobs, 0);
}

#[test]
fn a_second_task_manager_of_one_name_is_put_off_and_the_first_stays() {
    let mut cluster = Cluster::new();
    let _first = cluster.join("a");
    cluster.submit();
    let second = cluster.open();
    cluster.register_process(&second, "a", 1, 2);
    let heard = cluster.heard(&second);
    let [ToTaskManager::NotNow(reason)] = heard.as_slice() else { panic!("{heard:?}") };
    assert!(reason.ends_with("at a:1: give each one of its own (taskmanager.resource-id)"));
    assert_ne!(cluster.job().status, JobStatus::Failed);
}

#[test]
fn a_task_manager_that_registers_twice_over_a_link_is_given_up() {
    let mut cluster = Cluster::new();
    let peer = cluster.join("a");
    cluster.submit();
    cluster.register(&peer, "a");
    let kept = cluster.manager.kept();
    assert_eq!((kept.task_managers, kept.links, kept.strangers), (0, 0, 0));
    assert_eq!(cluster.manager.slots().task_managers(), 0);
    assert_eq!(cluster.job().status, JobStatus::Failed);
    // And is not listened to after that.
    cluster.register(&peer, "a");
    assert_eq!(cluster.manager.slots().task_managers(), 0);
}

#[test]
fn links_that_never_register_are_bounded_and_end_in_time() {
    let mut cluster = Cluster::new();
    let peers: Vec<Peer> = (0..2_000).map(|_| cluster.open()).collect();
    // One more than there may be is not kept: its sender is dropped, which ends the link.
    assert_eq!(cluster.manager.kept().strangers, 1_024);
    assert_eq!(Arc::strong_count(&peers[1_999].is_open), 1);
    assert_eq!(Arc::strong_count(&peers[0].is_open), 2);
    cluster.clock.advance(60_000);
    cluster.manager.step(None);
    assert_eq!(cluster.manager.kept().strangers, 0);
    assert_eq!(Arc::strong_count(&peers[0].is_open), 1);
    cluster.join("a");
    assert_eq!(cluster.manager.slots().task_managers(), 1);
}

#[test]
fn metrics_of_attempts_that_were_never_made_are_not_kept() {
    let mut cluster = Cluster::new();
    let peer = cluster.join("a");
    cluster.submit();
    cluster.report(&peer, 7, 70.0);
    cluster.report(&peer, 0, 1.0);
    let shown = &cluster.job().vertices[0].subtasks[0];
    assert_eq!(shown.metrics.get("numRecordsIn"), Some(1.0));
}

#[test]
fn task_managers_are_told_to_end_in_the_turn_that_stops_the_loop() {
    let mut cluster = Cluster::new();
    let peer = cluster.join("a");
    assert!(!cluster.manager.step(Some(Event::Stop)));
    assert_eq!(peer.heard.lock().unwrap().last(), Some(&ToTaskManager::Shutdown));
}

/// What a job's tasks are told to do: `deploy vertex.subtask#attempt of parallelism`, and so on.
fn orders(messages: &[ToTaskManager]) -> Vec<String> {
    let of = |message: &ToTaskManager| match message {
        ToTaskManager::Deploy { job, tasks, .. } => tasks
            .iter()
            .map(|task| {
                let of = job.graph.vertices[task.vertex.index()].parallelism;
                format!("deploy {}#{} of {of}", task.subtask, task.attempt)
            })
            .collect(),
        ToTaskManager::Cancel(tasks) => {
            tasks.iter().map(|task| format!("cancel {}#{}", task.subtask, task.attempt)).collect()
        }
        ToTaskManager::Split { split, .. } => vec![format!("{split:?}")],
        ToTaskManager::Registered { .. }
        | ToTaskManager::Refused(_)
        | ToTaskManager::NotNow(_)
        | ToTaskManager::Heartbeat { .. }
        | ToTaskManager::Release(_)
        | ToTaskManager::Plugin { .. }
        | ToTaskManager::AlignSource { .. }
        | ToTaskManager::ReadLog { .. }
        | ToTaskManager::QueryState { .. }
        | ToTaskManager::Shutdown => Vec::new(),
    };
    messages.iter().flat_map(of).collect()
}

fn split_of(subtask: u32, attempt: u32) -> ToJobManager {
    ToJobManager::NextSplit { request: 0, task: TaskAttempt { subtask, attempt, ..TASK } }
}

#[test]
fn an_adaptive_job_is_deployed_anew_when_a_task_manager_joins() {
    let mut cluster = Cluster::new();
    let first = cluster.join("a");
    cluster.submit_as(JOB, 2, ADAPTIVE, RestartStrategyOptions::None);
    assert_eq!(cluster.job().waiting_for.as_deref(), Some("needs 2 slots, has 1"));
    cluster.pass(10);
    cluster.say(&first, split_of(0, 0));
    cluster.say(&first, split_of(0, 0));
    let only = "Ok(Some(\"{\\\"id\\\":\\\"1 of 1\\\",\\\"payload\\\":null}\"))";
    assert_eq!(orders(&cluster.heard(&first)), ["deploy 0#0 of 1", only, "Ok(None)"]);

    let second = cluster.join("b");
    assert_eq!(orders(&cluster.heard(&first)), [""; 0], "it has not cooled down");
    cluster.pass(30);
    assert_eq!(orders(&cluster.heard(&first)), ["cancel 0#0"]);
    assert_eq!(cluster.job().status, JobStatus::Restarting);
    cluster.cancel(&first, 0, 0);
    assert_eq!(orders(&cluster.heard(&first)), ["deploy 0#1 of 2"]);
    assert_eq!(orders(&cluster.heard(&second)), ["deploy 1#1 of 2"]);
    let shown = cluster.job();
    assert_eq!((shown.status, shown.graph.vertices[0].parallelism), (JobStatus::Running, 2));
    assert_eq!((shown.restarts, shown.rescales, shown.exceptions.len()), (1, 1, 0));

    // The input is dealt out anew, and to attempts of this graph only.
    cluster.say(&first, split_of(0, 0));
    cluster.say(&first, split_of(0, 1));
    let heard = orders(&cluster.heard(&first));
    assert!(heard[0].contains("attempt 0 of the task is not the current one"), "{heard:?}");
    assert!(heard[1].contains("1 of 2"), "{heard:?}");
}

#[test]
fn requirements_are_refused_where_they_cannot_hold() {
    let mut cluster = Cluster::new();
    cluster.join_with("a", 4);
    assert_eq!(cluster.require(JOB, 1, 1), Err(RequirementsError::NoJob));
    cluster.submit();
    assert_eq!(cluster.require(JOB, 1, 1), Err(RequirementsError::NotAdaptive));
    let other = JobId(8);
    cluster.submit_as(other, 3, ADAPTIVE, RestartStrategyOptions::None);
    let refused = |refusal: Result<(), RequirementsError>| match refusal {
        Err(RequirementsError::Invalid(problems)) => problems.join(", "),
        unexpected => panic!("{unexpected:?}"),
    };
    assert_eq!(
        refused(cluster.require(other, 1, 129)),
        "vertex \"v\": the upper bound 129 is above its max parallelism 128, which stays as the \
         job was submitted"
    );
    assert_eq!(
        refused(cluster.require(other, 4, 2)),
        "vertex \"v\": the lower bound 4 is above the upper bound 2"
    );
    assert_eq!(cluster.require(other, -1, -1), Ok(()));
    assert_eq!(cluster.manager.slots().shortage(other).unwrap().needs, 128);
    let (reply, _) = crossbeam_channel::bounded(1);
    cluster.manager.step(Some(Event::Cancel(other, reply)));
    let ending = RequirementsError::Ended(JobStatus::Cancelling);
    assert_eq!(cluster.require(other, 1, 1), Err(ending));
}

#[test]
fn a_slot_that_is_given_again_in_the_turn_it_is_freed_in_is_kept() {
    let mut cluster = Cluster::new();
    let a = cluster.join_with("a", 2);
    // The first slot of "a" comes to the job last.
    cluster.submit_as(JobId(8), 1, Scheduler::Default, RestartStrategyOptions::None);
    cluster.join("b");
    let fixed = FixedDelay { attempts: 9, delay_ms: 50 };
    cluster.submit_as(JOB, 3, ADAPTIVE, RestartStrategyOptions::FixedDelay(fixed));
    cluster.pass(10);
    let (reply, _) = crossbeam_channel::bounded(1);
    cluster.manager.step(Some(Event::Cancel(JobId(8), reply)));
    cluster.end(&a, TaskAttempt { job: JobId(8), ..TASK }, ExecutionState::Canceled);
    cluster.pass(30);
    (0..2).for_each(|subtask| cluster.cancel(&a, subtask, 0));
    assert_eq!(cluster.job().graph.vertices[0].parallelism, 3);
    // It restarts in 50 ms, and with two of its slots.
    cluster.end(&a, TaskAttempt { attempt: 1, ..TASK }, ExecutionState::Failed);
    (1..3).for_each(|subtask| cluster.cancel(&a, subtask, 1));
    assert_eq!(cluster.require(JOB, 1, 2), Ok(()));
    // In the turn of the restart, "a" is lost and back.
    let back = cluster.open();
    cluster.clock.advance(50);
    cluster.register_with(&back, "a", 2);
    let held = cluster.manager.slots().slots_of(JOB);
    let execution = cluster.manager.execution(JOB).unwrap();
    assert!(!held.is_empty() && held.iter().all(|slot| execution.has_slot(slot)), "{held:?}");
}
