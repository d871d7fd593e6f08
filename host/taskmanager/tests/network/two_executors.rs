//! Jobs whose tasks run in two TaskManagers give what they give in one, and end with the reason
//! when one of the two goes away.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use sandbar_connectors::sink::CapturedOutput;
use sandbar_connectors::{ConnectorError, Console, Split, SplitEnumerator};
use sandbar_model::job_graph::{
    Connector, EdgeId, ErrorPolicy, JobEdge, JobGraph, JobVertex, KeyRule, OperatorBody,
    OperatorNode, Output, OutputTarget, Partitioner,
};
use sandbar_model::plugin::OperatorKind;
use sandbar_model::status::ExecutionState;
use sandbar_model::{JobId, RecordBatch, RecordBatchView, SystemClock, VertexId};
use sandbar_taskmanager::{
    Compression, JobDeployment, NativeFunction, NativePlugin, NetworkEnvironment, NetworkOptions,
    PluginHandle, SlotBudget, SlotMemory, SplitProvider, TaskDeployment, TaskError, TaskExecutor,
    TaskHandle, TaskSettings, TaskStateChange,
};

use crate::{Over, over_both};

const PATIENCE: Duration = Duration::from_secs(60);
const RECORDS: i64 = 20_000;

/// Counts records by key; says what it has counted at the end of its input.
struct Count(BTreeMap<Vec<u8>, u64>);

impl NativeFunction for Count {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), (usize, String)> {
        for index in 0..batch.len() {
            *self.0.entry(batch.key(index).to_vec()).or_default() += 1;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut RecordBatch) {
        for (key, count) in &self.0 {
            out.push(0, format!("{} {count}", String::from_utf8_lossy(key)).as_bytes());
        }
    }
}

struct Counting;

impl NativePlugin for Counting {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn NativeFunction>, String> {
        Ok(Box::new(Count(BTreeMap::new())))
    }
}

struct Splits(Mutex<Box<dyn SplitEnumerator>>);

impl SplitProvider for Splits {
    fn next_split(&self, _: VertexId, subtask: u32) -> Result<Option<Split>, ConnectorError> {
        self.0.lock().unwrap().next_split(subtask)
    }
}

fn datagen(count: Option<i64>) -> Connector {
    let fields = serde_json::json!({ "word": { "kind": "random-int", "min": 0, "max": 99 } });
    let mut options = BTreeMap::from([("fields".to_owned(), fields)]);
    options.extend(count.map(|count| ("count".to_owned(), count.into())));
    Connector { name: "datagen".to_owned(), options }
}

fn node(name: &str, body: OperatorBody, target: Option<OutputTarget>) -> OperatorNode {
    let output = |to| Output { name: "main".to_owned(), targets: vec![to] };
    OperatorNode {
        uid: name.to_owned(),
        name: name.to_owned(),
        body,
        outputs: target.map(output).into_iter().collect(),
        on_error: ErrorPolicy::Fail,
        dead_letter_output: None,
        watermarks: None,
    }
}

fn vertex(id: u32, operators: Vec<OperatorNode>) -> JobVertex {
    JobVertex {
        id: VertexId(id),
        name: operators[0].name.clone(),
        parallelism: 2,
        max_parallelism: 128,
        slot_sharing_group: "default".to_owned(),
        operators,
    }
}

/// `datagen -> key` by hash to `count -> print`, two subtasks each.
fn graph(count: Option<i64>) -> JobGraph {
    let print = Connector { name: "print".to_owned(), options: BTreeMap::new() };
    let counting = OperatorBody::Plugin {
        plugin: "counting".to_owned(),
        operator: "count".to_owned(),
        kind: OperatorKind::KeyedProcess,
        config: String::new(),
        partitions: 0,
    };
    let key = OperatorBody::Key(KeyRule::Json("/word".to_owned()));
    JobGraph {
        name: "counts".to_owned(),
        configuration: BTreeMap::new(),
        arguments: Vec::new(),
        vertices: vec![
            vertex(
                0,
                vec![
                    node(
                        "source",
                        OperatorBody::Source(datagen(count)),
                        Some(OutputTarget::Chained(1)),
                    ),
                    node("key", key, Some(OutputTarget::Edge(EdgeId(0)))),
                ],
            ),
            vertex(
                1,
                vec![
                    node("count", counting, Some(OutputTarget::Chained(1))),
                    node("print", OperatorBody::Sink(print), None),
                ],
            ),
        ],
        edges: vec![JobEdge {
            id: EdgeId(0),
            source: VertexId(0),
            target: VertexId(1),
            input: 0,
            partitioner: Partitioner::Hash,
        }],
    }
}

fn splits(count: Option<i64>) -> Arc<dyn SplitProvider> {
    let connector = datagen(count);
    let source = sandbar_connectors::source(&connector.name, &connector.options, None).unwrap();
    Arc::new(Splits(Mutex::new(source.enumerator(2).unwrap())))
}

/// One TaskManager.
struct TaskManager {
    executor: TaskExecutor,
    network: Arc<NetworkEnvironment>,
    output: CapturedOutput,
}

fn task_manager(name: &str, over: Over, compression: Compression) -> TaskManager {
    let (console, output) = Console::captured();
    let options = NetworkOptions {
        compression,
        connect_timeout: Duration::from_millis(500),
        ..over.options(name)
    };
    let network = Arc::new(NetworkEnvironment::start(options, Arc::default()).unwrap());
    let executor =
        TaskExecutor::new(Arc::new(SystemClock), console, 0).with_network(Arc::clone(&network));
    TaskManager { executor, network, output }
}

/// Subtask 0 of the source.
fn slot() -> Arc<SlotMemory> {
    Arc::new(SlotMemory::new(SlotBudget::default()))
}

fn source_task(count: Option<i64>, peers: HashMap<(VertexId, u32), String>) -> TaskDeployment {
    let job = Arc::new(JobDeployment {
        id: JobId(7),
        attempt: 0,
        graph: graph(count),
        plugins: HashMap::new(),
        splits: splits(count),
        settings: TaskSettings::default(),
        peers: Arc::new(peers),
        base_folder: None,
    });
    TaskDeployment { job, vertex: VertexId(0), subtask: 0, slot: slot() }
}

/// Why a task that is alone fails.
fn failure(changes: &Receiver<TaskStateChange>) -> String {
    loop {
        let change = changes.recv_timeout(PATIENCE).unwrap();
        if change.state.is_terminal() {
            return change.error.map(|error| error.to_string()).unwrap_or_default();
        }
    }
}

/// Sends changes on.
fn to(reports: &Sender<TaskStateChange>) -> impl Fn(TaskStateChange) + Send + use<> {
    let reports = reports.clone();
    move |change| reports.send(change).unwrap()
}

/// Runs subtask `s` of each vertex in TaskManager `s` modulo their number.
fn deploy(
    task_managers: &[TaskManager],
    count: Option<i64>,
) -> (Vec<TaskHandle>, Receiver<TaskStateChange>) {
    let (reports, changes) = crossbeam_channel::bounded(64);
    let splits = splits(count);
    let mut handles = Vec::new();
    for (here, task_manager) in task_managers.iter().enumerate() {
        let mut peers = HashMap::new();
        for subtask in 0..2 {
            let there = subtask as usize % task_managers.len();
            if there != here {
                let address = task_managers[there].network.address().to_string();
                peers.insert((VertexId(1), subtask), address);
            }
        }
        let plugin = PluginHandle::Native(Arc::new(Counting));
        let job = Arc::new(JobDeployment {
            id: JobId(7),
            attempt: 0,
            graph: graph(count),
            plugins: HashMap::from([("counting".to_owned(), plugin)]),
            splits: Arc::clone(&splits),
            settings: TaskSettings::default(),
            peers: Arc::new(peers),
            base_folder: None,
        });
        for subtask in (0..2).filter(|subtask| *subtask as usize % task_managers.len() == here) {
            for vertex in [VertexId(0), VertexId(1)] {
                let deployment =
                    TaskDeployment { job: Arc::clone(&job), vertex, subtask, slot: slot() };
                handles.push(task_manager.executor.submit(deployment, to(&reports)).unwrap());
            }
        }
    }
    (handles, changes)
}

/// The last words of all four tasks.
fn ends(changes: &Receiver<TaskStateChange>) -> Vec<TaskStateChange> {
    let mut ends = Vec::new();
    while ends.len() < 4 {
        let change = changes.recv_timeout(PATIENCE).unwrap();
        if change.state.is_terminal() {
            ends.push(change);
        }
    }
    ends
}

/// What a job prints, and what its consumers have counted of their input.
fn run(task_managers: &[TaskManager]) -> (Vec<String>, [i64; 4]) {
    let (handles, changes) = deploy(task_managers, Some(RECORDS));
    for end in ends(&changes) {
        assert_eq!(end.state, ExecutionState::Finished, "{:?}", end.error);
    }
    let mut lines: Vec<String> = task_managers
        .iter()
        .flat_map(|task_manager| {
            task_manager.output.text().lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    let counted = handles.iter().map(|handle| {
        let shuffle = &handle.metrics.shuffle;
        [
            &shuffle.num_bytes_in_local,
            &shuffle.num_buffers_in_local,
            &shuffle.num_bytes_in_remote,
            &shuffle.num_buffers_in_remote,
        ]
        .map(|counter| counter.get())
    });
    let sums = counted.fold([0; 4], |sum, more| std::array::from_fn(|at| sum[at] + more[at]));
    for task_manager in task_managers {
        task_manager.executor.release_job(JobId(7));
    }
    (lines, sums)
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

over_both! {
    a_job_gives_the_same_in_two_taskmanagers_as_in_one
    tasks_end_with_the_reason_when_a_taskmanager_goes_away
    canceled_tasks_leave_no_streams
    a_task_has_not_finished_before_its_records_have_arrived
}

fn a_job_gives_the_same_in_two_taskmanagers_as_in_one(over: Over) {
    let (expected, [local, _, remote, _]) = run(&[task_manager("tm-1", over, Compression::None)]);
    assert_eq!(expected.len(), 100);
    assert!(local > 0 && remote == 0);
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let two =
            [task_manager("tm-1", over, compression), task_manager("tm-2", over, compression)];
        let (lines, [bytes_local, buffers_local, bytes_remote, buffers_remote]) = run(&two);
        assert_eq!(lines, expected, "{compression:?}");
        assert_eq!(bytes_local + bytes_remote, local);
        assert!(buffers_local > 0 && buffers_remote > 0);
        for task_manager in &two {
            assert_eq!(task_manager.network.connections(), (1, 1));
            wait_until("streams are left", || task_manager.network.open_streams() == 0);
            assert!(task_manager.network.registry().is_empty());
        }
    }
}

fn tasks_end_with_the_reason_when_a_taskmanager_goes_away(over: Over) {
    let [first, second] = ["tm-1", "tm-2"].map(|name| task_manager(name, over, Compression::None));
    let both = [first, second];
    let (handles, changes) = deploy(&both, None);
    wait_until("nothing flows", || {
        handles.iter().all(|handle| handle.metrics.io.num_records_in.get() > 10_000)
    });
    let stopped_at = Instant::now();
    both[1].network.stop();
    let ends = ends(&changes);
    assert!(stopped_at.elapsed() < Duration::from_secs(1), "{:?}", stopped_at.elapsed());
    for end in ends {
        let Some(TaskError::Exchange { peer, reason }) = end.error.as_deref() else {
            panic!("{:?}: {:?}", end.task, end.error)
        };
        let (name, expected) = match end.task.subtask {
            0 => ("tm-2", "closed by the other side: this TaskManager is shutting down"),
            _ => ("tm-1", "this TaskManager is shutting down"),
        };
        assert!(peer.starts_with(name), "{peer}");
        assert_eq!(reason, expected);
    }
}

fn canceled_tasks_leave_no_streams(over: Over) {
    let both = ["tm-1", "tm-2"].map(|name| task_manager(name, over, Compression::None));
    let (handles, changes) = deploy(&both, None);
    wait_until("nothing flows", || {
        handles.iter().all(|handle| handle.metrics.io.num_records_in.get() > 10_000)
    });
    both.iter().for_each(|task_manager| task_manager.executor.cancel_job(JobId(7)));
    for end in ends(&changes) {
        assert_eq!(end.state, ExecutionState::Canceled, "{:?}", end.error);
    }
    for task_manager in &both {
        task_manager.executor.release_job(JobId(7));
    }
    for task_manager in &both {
        wait_until("streams are left", || task_manager.network.open_streams() == 0);
        assert!(task_manager.network.registry().is_empty());
    }
}

fn a_task_has_not_finished_before_its_records_have_arrived(over: Over) {
    let first = task_manager("tm-1", over, Compression::None);
    // Nobody listens there. The few records fit into the channel.
    let gone = "127.0.0.1:1".to_owned();
    let peers = HashMap::from([((VertexId(1), 0), gone.clone()), ((VertexId(1), 1), gone)]);
    let (reports, changes) = crossbeam_channel::bounded(64);
    let deployment = source_task(Some(3), peers);
    first.executor.submit(deployment, to(&reports)).unwrap();
    let error = failure(&changes);
    assert!(error.contains("cannot connect"), "{error}");
}

#[test]
fn without_a_data_port_a_remote_consumer_is_an_error() {
    let (console, _) = Console::captured();
    let executor = TaskExecutor::new(Arc::new(SystemClock), console, 0);
    let (reports, changes) = crossbeam_channel::bounded(64);
    let peers = HashMap::from([((VertexId(1), 1), "10.0.0.1:6121".to_owned())]);
    executor.submit(source_task(Some(1), peers), to(&reports)).unwrap();
    let error = failure(&changes);
    assert!(error.contains("10.0.0.1:6121") && error.contains("without a data port"), "{error}");
}
