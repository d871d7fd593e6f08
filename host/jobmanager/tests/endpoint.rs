//! The JobManager's endpoint, turn by turn: what it makes of events that come at a bad time, or
//! that no TaskManager of ours would send.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbar_jobmanager::job_manager::Event;
use sandbar_jobmanager::{
    ExecutionGraphOptions, FailoverStrategy, JobManager, JobManagerHandle, JobManagerOptions,
    RestartStrategy, SlotManagerOptions, SplitCoordinator, Standalone, Submission,
};
use sandbar_model::job_graph::{JobGraph, JobVertex};
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::time::ManualClock;
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::message::Registration;
use sandbar_rpc::{
    Accumulators, FencingToken, JobInformation, JobView, LinkEvent, LinkId, PROTOCOL_VERSION,
    TaskAttempt, TaskManagerId, ToJobManager, ToTaskManager,
};

const JOB: JobId = JobId(7);
const TASK: TaskAttempt = TaskAttempt { job: JOB, vertex: VertexId(0), subtask: 0, attempt: 0 };

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
        self.say(
            peer,
            ToJobManager::Register(Registration {
                protocol: PROTOCOL_VERSION,
                id: TaskManagerId(name.to_owned()),
                data_address: format!("{name}:1"),
                slots: 1,
                managed_memory_bytes: 0,
                guest_memory_bytes: 0,
                cpu_cores: 1,
            }),
        );
    }

    fn join(&mut self, name: &str) -> Peer {
        let peer = self.open();
        self.register(&peer, name);
        peer
    }

    /// Submits a job of one task.
    fn submit(&mut self) {
        let vertex = JobVertex {
            id: VertexId(0),
            name: "v".to_owned(),
            parallelism: 1,
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
        self.manager.step(Some(Event::Submit(Box::new(Submission {
            information: JobInformation { job: JOB, graph, plugins, base_folder: None },
            splits: SplitCoordinator::of(HashMap::new()),
            options: ExecutionGraphOptions {
                restart_strategy: RestartStrategy::none(),
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
