//! A Dispatcher with two jobs, one TaskManager and one plugin, that writes down what it is asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use sandbar_model::job_graph::{
    Connector, EdgeId, ErrorPolicy, JobEdge, JobGraph, JobVertex, OperatorBody, OperatorNode,
    Partitioner,
};
use sandbar_model::plugin::PluginDescription;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::{JobId, PluginId, VertexId};
use sandbar_rpc::dispatcher::RunRequest;
use sandbar_rpc::state_query::StateQuery;
use sandbar_rpc::{
    Accumulators, ClusterOverview, DispatcherGateway, ExceptionView, GatewayError, JobView,
    MetricTable, ParallelismBounds, RequestedRequirements, StoredPlugin, SubtaskView,
    TaskManagerId, TaskManagerView, VertexView,
};

/// The job that runs.
pub(crate) const RUNNING: &str = "00000000000000000000000000000001";
/// The job that failed.
pub(crate) const FAILED: &str = "00000000000000000000000000000002";
/// The file name that makes an upload panic.
pub(crate) const PANIC: &str = "panic.wasm";
/// The file name that makes an upload wait until [`FakeDispatcher::release`].
pub(crate) const HANG: &str = "hang.wasm";

/// The Dispatcher.
pub(crate) struct FakeDispatcher {
    pub(crate) requests: Mutex<Vec<RunRequest>>,
    pub(crate) uploads: Mutex<Vec<(String, usize)>>,
    pub(crate) cancelled: Mutex<Vec<JobId>>,
    pub(crate) requirements: Mutex<Vec<(JobId, RequestedRequirements)>>,
    pub(crate) is_shut_down: AtomicBool,
    shut_down: Mutex<(Sender<()>, Option<Receiver<()>>)>,
    hanging: Mutex<(Sender<()>, Option<Receiver<()>>)>,
    released: Mutex<(Sender<()>, Option<Receiver<()>>)>,
}

impl FakeDispatcher {
    pub(crate) fn new() -> FakeDispatcher {
        let pair = || {
            let (sender, receiver) = channel();
            Mutex::new((sender, Some(receiver)))
        };
        FakeDispatcher {
            requests: Mutex::default(),
            uploads: Mutex::default(),
            cancelled: Mutex::default(),
            requirements: Mutex::default(),
            is_shut_down: AtomicBool::new(false),
            shut_down: pair(),
            hanging: pair(),
            released: pair(),
        }
    }

    /// Waits until the cluster was ended.
    pub(crate) fn await_shut_down(&self) {
        let ended = self.shut_down.lock().unwrap().1.take().unwrap();
        ended.recv().unwrap();
    }

    /// Waits until an upload hangs.
    pub(crate) fn await_hanging(&self) {
        let hangs = self.hanging.lock().unwrap().1.take().unwrap();
        hangs.recv().unwrap();
    }

    /// Lets an upload that hangs go on.
    pub(crate) fn release(&self) {
        self.released.lock().unwrap().0.send(()).unwrap();
    }
}

impl DispatcherGateway for FakeDispatcher {
    fn overview(&self) -> ClusterOverview {
        ClusterOverview {
            task_managers: 1,
            slots_total: 4,
            slots_available: 2,
            jobs_running: 1,
            jobs_failed: 1,
            ..ClusterOverview::default()
        }
    }

    fn jobs(&self) -> Vec<JobView> {
        vec![running_job(), failed_job()]
    }

    fn job(&self, job: JobId) -> Result<JobView, GatewayError> {
        let mut jobs = self.jobs().into_iter();
        let missing = || GatewayError::NotFound(format!("no job {job}"));
        jobs.find(|one| one.id == job).ok_or_else(missing)
    }

    fn cancel_job(&self, job: JobId) -> Result<(), GatewayError> {
        if self.job(job)?.status.is_terminal() {
            return Err(GatewayError::Conflict(format!("job {job} has ended")));
        }
        self.cancelled.lock().unwrap().push(job);
        Ok(())
    }

    fn update_resource_requirements(
        &self,
        job: JobId,
        requested: RequestedRequirements,
    ) -> Result<(), GatewayError> {
        if self.job(job)?.status.is_terminal() {
            return Err(GatewayError::Conflict(format!("job {job} has ended")));
        }
        if requested.len() < 2 {
            let errors = vec!["vertex \"count\" is missing".to_owned()];
            return Err(GatewayError::Invalid(errors));
        }
        self.requirements.lock().unwrap().push((job, requested));
        Ok(())
    }

    fn run(&self, request: RunRequest) -> Result<JobId, GatewayError> {
        if request.arguments.first().is_some_and(|argument| argument == "--wrong") {
            let errors = ["sources.a: no path", "sinks.b: no connector"];
            return Err(GatewayError::Invalid(errors.map(str::to_owned).to_vec()));
        }
        self.requests.lock().unwrap().push(request);
        Ok(JobId(0xabc))
    }

    fn plan(&self, request: RunRequest) -> Result<JobGraph, GatewayError> {
        self.requests.lock().unwrap().push(request);
        Ok(graph())
    }

    fn upload_plugin(&self, file: &str, bytes: Vec<u8>) -> Result<StoredPlugin, GatewayError> {
        assert_ne!(file, PANIC, "a panic of the Dispatcher");
        if file == HANG {
            self.hanging.lock().unwrap().0.send(()).unwrap();
            let released = self.released.lock().unwrap().1.take().unwrap();
            released.recv().unwrap();
        }
        if !bytes.starts_with(b"\0asm") {
            return Err(GatewayError::Invalid(vec![format!("{file} is no component")]));
        }
        self.uploads.lock().unwrap().push((file.to_owned(), bytes.len()));
        Ok(stored_plugin(file, bytes.len() as u64))
    }

    fn plugins(&self) -> Vec<StoredPlugin> {
        vec![stored_plugin("word-count.wasm", 8)]
    }

    fn delete_plugin(&self, plugin: PluginId) -> Result<(), GatewayError> {
        let missing = GatewayError::NotFound(format!("no plugin {plugin}"));
        if plugin == PluginId([7; 32]) { Ok(()) } else { Err(missing) }
    }

    fn task_managers(&self) -> Vec<TaskManagerView> {
        vec![TaskManagerView {
            id: TaskManagerId("tm-1".to_owned()),
            data_address: "10.0.0.7:6121".to_owned(),
            last_heartbeat: 9_500,
            slots: 4,
            free_slots: 2,
            managed_memory_bytes: 512 << 20,
            guest_memory_bytes: 1 << 30,
            cpu_cores: 8,
            metrics: numbers(&[("Status.JVM.Memory.Heap.Used", 1024.0)]),
        }]
    }

    fn configuration(&self) -> BTreeMap<String, String> {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        BTreeMap::from([pair("rest.port", "8081"), pair("store.Password", "sesame")])
    }

    fn prometheus(&self) -> String {
        "# TYPE flink_jobmanager_numRunningJobs gauge\nflink_jobmanager_numRunningJobs 1\n".into()
    }

    fn log(&self) -> String {
        "INFO a line\nWARN another\n".to_owned()
    }

    fn task_manager_log(&self, task_manager: &TaskManagerId) -> Result<String, GatewayError> {
        match self.task_managers().iter().any(|known| known.id == *task_manager) {
            true => Ok("a line of a TaskManager\n".to_owned()),
            false => Err(GatewayError::NotFound(format!("no TaskManager {task_manager}"))),
        }
    }

    fn query_state(&self, job: JobId, query: StateQuery) -> Result<String, GatewayError> {
        match query.operator.as_str() {
            "count" => Ok(format!(r#"{{"state":"{}","value":7}}"#, query.state)),
            other => Err(GatewayError::NotFound(format!("job {job} has no operator {other}"))),
        }
    }

    fn shut_down(&self) {
        self.is_shut_down.store(true, Ordering::SeqCst);
        self.shut_down.lock().unwrap().0.send(()).unwrap();
    }
}

fn numbers(pairs: &[(&str, f64)]) -> MetricTable {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn stored_plugin(file: &str, bytes: u64) -> StoredPlugin {
    StoredPlugin {
        id: PluginId([7; 32]),
        file_name: file.to_owned(),
        uploaded: 5_000,
        bytes,
        description: Some(PluginDescription {
            name: "word-count".to_owned(),
            version: "1.2.0".to_owned(),
            contract: "0.1.0".to_owned(),
            operators: Vec::new(),
            defines_job: true,
        }),
        defines_job: true,
    }
}

fn vertex(index: u32, name: &str, uid: &str) -> JobVertex {
    let connector = Connector { name: "datagen".to_owned(), options: BTreeMap::new() };
    JobVertex {
        id: VertexId(index),
        name: name.to_owned(),
        parallelism: 2,
        max_parallelism: 128,
        slot_sharing_group: "default".to_owned(),
        operators: vec![OperatorNode {
            uid: uid.to_owned(),
            name: name.to_owned(),
            body: OperatorBody::Source(connector),
            outputs: Vec::new(),
            on_error: ErrorPolicy::Fail,
            dead_letter_output: None,
            watermarks: None,
        }],
    }
}

fn graph() -> JobGraph {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    JobGraph {
        name: "word-count".to_owned(),
        configuration: BTreeMap::from([
            pair("parallelism.default", "2"),
            pair("pipeline.max-parallelism", "128"),
            pair("sink.password", "sesame"),
        ]),
        arguments: Vec::new(),
        vertices: vec![
            vertex(0, "Source: lines -> split", "lines"),
            vertex(1, "count -> Sink: print", "count"),
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

fn attempt(number: u32, state: ExecutionState, since: i64) -> SubtaskView {
    let mut timestamps = BTreeMap::from([
        (ExecutionState::Created, since),
        (ExecutionState::Scheduled, since + 10),
        (ExecutionState::Deploying, since + 20),
        (ExecutionState::Initializing, since + 30),
        (ExecutionState::Running, since + 50),
    ]);
    timestamps.insert(state, since + 100);
    SubtaskView {
        attempt: number,
        state,
        timestamps,
        task_manager: Some(TaskManagerId("tm-1".to_owned())),
        metrics: numbers(&[
            ("numBytesIn", 100.0),
            ("numBytesOut", 200.0),
            ("numRecordsIn", 10.0),
            ("numRecordsOut", 20.0),
            ("backPressuredTimeMsPerSecond", 600.0),
            ("idleTimeMsPerSecond", 100.0),
            ("busyTimeMsPerSecond", 300.0),
            ("currentInputWatermark", 1_700.0),
            ("numRecordsRefused", 3.0),
            ("lines.words", 4.0),
        ]),
        accumulators: Arc::new(Accumulators::of([("words".to_owned(), 4)])),
        earlier: Vec::new(),
    }
}

fn running_job() -> JobView {
    let mut restarted = attempt(1, ExecutionState::Running, 2_000);
    restarted.earlier = vec![attempt(0, ExecutionState::Failed, 1_500)];
    let grown = |(name, value): (&str, f64)| match name {
        "numRecordsIn" => (name.to_owned(), 30.0),
        _ => (name.to_owned(), value),
    };
    restarted.metrics = restarted.metrics.iter().map(grown).collect();
    let mut waiting = attempt(0, ExecutionState::Scheduled, 2_000);
    waiting.timestamps.retain(|state, _| *state <= ExecutionState::Scheduled);
    waiting.task_manager = None;
    waiting.metrics = MetricTable::default();
    waiting.accumulators = Arc::default();
    JobView {
        id: JobId(1),
        name: "word-count".to_owned(),
        status: JobStatus::Running,
        start_time: 1_000,
        end_time: None,
        timestamps: BTreeMap::from([(JobStatus::Created, 1_000), (JobStatus::Running, 1_200)]),
        graph: Arc::new(graph()),
        vertices: vec![
            VertexView {
                id: VertexId(0),
                subtasks: vec![attempt(0, ExecutionState::Running, 2_000), restarted],
            },
            VertexView { id: VertexId(1), subtasks: vec![waiting.clone(), waiting] },
        ],
        exceptions: Vec::new(),
        restarts: 1,
        rescales: 0,
        waiting_for: Some("needs 4 slots, has 2".to_owned()),
        resource_requirements: Some(vec![
            ParallelismBounds { lower: 1, upper: 2 },
            ParallelismBounds { lower: 2, upper: 4 },
        ]),
    }
}

fn failed_job() -> JobView {
    let failed = || attempt(0, ExecutionState::Failed, 1_000);
    let exception = |timestamp, task: Option<&str>, place: Option<&str>| ExceptionView {
        timestamp,
        message: "guest trapped\n  at count".to_owned(),
        task: task.map(str::to_owned),
        task_manager: place.map(|id| TaskManagerId(id.to_owned())),
    };
    JobView {
        id: JobId(2),
        status: JobStatus::Failed,
        end_time: Some(4_000),
        timestamps: BTreeMap::from([(JobStatus::Running, 1_200), (JobStatus::Failed, 4_000)]),
        vertices: vec![
            VertexView { id: VertexId(0), subtasks: vec![failed(), failed()] },
            VertexView { id: VertexId(1), subtasks: vec![failed(), failed()] },
        ],
        exceptions: vec![
            exception(4_000, None, None),
            exception(3_900, Some("count (1/2)"), Some("tm-1")),
        ],
        restarts: 0,
        waiting_for: None,
        resource_requirements: None,
        ..running_job()
    }
}
