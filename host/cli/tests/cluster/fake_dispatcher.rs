//! A Dispatcher whose jobs and plugins are what a test puts there, and that writes down what it is
//! asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sandbar_model::job_graph::{
    Connector, ErrorPolicy, JobGraph, JobVertex, OperatorBody, OperatorNode,
};
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::{JobId, PluginId, VertexId};
use sandbar_rpc::dispatcher::RunRequest;
use sandbar_rpc::state_query::StateQuery;
use sandbar_rpc::{
    Accumulators, ClusterOverview, DispatcherGateway, ExceptionView, GatewayError, JobView,
    RequestedRequirements, StoredPlugin, SubtaskView, TaskManagerId, TaskManagerView, VertexView,
};

/// The id of a job that is run.
pub(crate) const SUBMITTED: JobId = JobId(0xabc);

/// What the cluster is and has been asked.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) jobs: Vec<JobView>,
    pub(crate) plugins: Vec<StoredPlugin>,
    pub(crate) configuration: BTreeMap<String, String>,
    pub(crate) requests: Vec<RunRequest>,
    pub(crate) uploads: Vec<String>,
    pub(crate) cancelled: Vec<JobId>,
    /// What a job is as soon as it is run; RUNNING if it is not said.
    pub(crate) becomes: Option<JobStatus>,
    /// Whether a job stays in CANCELLING.
    pub(crate) is_slow_to_cancel: bool,
}

/// The Dispatcher.
#[derive(Default)]
pub(crate) struct FakeDispatcher {
    recorded: Mutex<Recorded>,
}

impl FakeDispatcher {
    /// Looks at the cluster or changes it.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Recorded) -> T) -> T {
        act(&mut self.recorded.lock().unwrap())
    }

    pub(crate) fn set_status(&self, job: JobId, status: JobStatus) {
        self.with(|recorded| {
            let found = recorded.jobs.iter_mut().find(|one| one.id == job).unwrap();
            *found = JobView { waiting_for: None, ..view(job, &found.name, status) };
        });
    }
}

impl DispatcherGateway for FakeDispatcher {
    fn overview(&self) -> ClusterOverview {
        ClusterOverview {
            task_managers: 1,
            slots_total: 4,
            slots_available: 2,
            jobs_running: 1,
            ..ClusterOverview::default()
        }
    }

    fn jobs(&self) -> Vec<JobView> {
        self.with(|recorded| recorded.jobs.clone())
    }

    fn job(&self, job: JobId) -> Result<JobView, GatewayError> {
        let missing = || GatewayError::NotFound(format!("no job {job}"));
        self.jobs().into_iter().find(|one| one.id == job).ok_or_else(missing)
    }

    fn cancel_job(&self, job: JobId) -> Result<(), GatewayError> {
        if self.job(job)?.status.is_terminal() {
            return Err(GatewayError::Conflict(format!("job {job} has ended")));
        }
        let is_slow = self.with(|recorded| {
            recorded.cancelled.push(job);
            recorded.is_slow_to_cancel
        });
        let status = if is_slow { JobStatus::Cancelling } else { JobStatus::Canceled };
        self.set_status(job, status);
        Ok(())
    }

    fn update_resource_requirements(
        &self,
        job: JobId,
        _: RequestedRequirements,
    ) -> Result<(), GatewayError> {
        self.job(job).map(|_| ())
    }

    fn run(&self, request: RunRequest) -> Result<JobId, GatewayError> {
        self.with(|recorded| {
            if request.configuration.contains_key("user.refused") {
                let errors = ["sources.a: no path", "sinks.b: no connector"];
                return Err(GatewayError::Invalid(errors.map(str::to_owned).to_vec()));
            }
            recorded.requests.push(request);
            let status = recorded.becomes.unwrap_or(JobStatus::Running);
            recorded.jobs.push(view(SUBMITTED, "copy", status));
            Ok(SUBMITTED)
        })
    }

    fn plan(&self, _: RunRequest) -> Result<JobGraph, GatewayError> {
        Ok(graph())
    }

    fn upload_plugin(&self, file: &str, bytes: Vec<u8>) -> Result<StoredPlugin, GatewayError> {
        if !bytes.starts_with(b"\0asm") {
            return Err(GatewayError::Invalid(vec![format!("{file} is no component")]));
        }
        let id = PluginId(*blake3::hash(&bytes).as_bytes());
        let stored = stored_plugin(id, file, bytes.len() as u64);
        self.with(|recorded| {
            recorded.uploads.push(file.to_owned());
            recorded.plugins.push(stored.clone());
        });
        Ok(stored)
    }

    fn plugins(&self) -> Vec<StoredPlugin> {
        self.with(|recorded| recorded.plugins.clone())
    }

    fn delete_plugin(&self, plugin: PluginId) -> Result<(), GatewayError> {
        self.with(|recorded| recorded.plugins.retain(|one| one.id != plugin));
        Ok(())
    }

    fn task_managers(&self) -> Vec<TaskManagerView> {
        vec![TaskManagerView {
            id: TaskManagerId("tm-1".to_owned()),
            data_address: "127.0.0.1:6121".to_owned(),
            last_heartbeat: 0,
            slots: 4,
            free_slots: 2,
            managed_memory_bytes: 0,
            guest_memory_bytes: 0,
            cpu_cores: 2,
            metrics: Default::default(),
        }]
    }

    fn configuration(&self) -> BTreeMap<String, String> {
        self.with(|recorded| recorded.configuration.clone())
    }

    fn prometheus(&self) -> String {
        String::new()
    }

    fn log(&self) -> String {
        "INFO a line\nWARN another\n".to_owned()
    }

    fn task_manager_log(&self, task_manager: &TaskManagerId) -> Result<String, GatewayError> {
        match task_manager.0.as_str() {
            "tm-1" => Ok("a line of a TaskManager\n".to_owned()),
            _ => Err(GatewayError::NotFound(format!("no TaskManager {task_manager}"))),
        }
    }

    fn query_state(&self, job: JobId, query: StateQuery) -> Result<String, GatewayError> {
        match query.operator.as_str() {
            "count" => Ok(format!(r#"{{"state":"{}","value":7}}"#, query.state)),
            other => Err(GatewayError::NotFound(format!("job {job} has no operator {other}"))),
        }
    }

    fn shut_down(&self) {}
}

pub(crate) fn stored_plugin(id: PluginId, file: &str, bytes: u64) -> StoredPlugin {
    let file_name = file.to_owned();
    StoredPlugin { id, file_name, uploaded: 0, bytes, description: None, defines_job: true }
}

fn graph() -> JobGraph {
    let connector = Connector { name: "datagen".to_owned(), options: BTreeMap::new() };
    JobGraph {
        name: "copy".to_owned(),
        configuration: BTreeMap::new(),
        arguments: Vec::new(),
        vertices: vec![JobVertex {
            id: VertexId(0),
            name: "Source: lines -> Sink: console".to_owned(),
            parallelism: 1,
            max_parallelism: 128,
            slot_sharing_group: "default".to_owned(),
            operators: vec![OperatorNode {
                uid: "lines".to_owned(),
                name: "lines".to_owned(),
                body: OperatorBody::Source(connector),
                outputs: Vec::new(),
                on_error: ErrorPolicy::Fail,
                dead_letter_output: None,
                watermarks: None,
            }],
        }],
        edges: Vec::new(),
    }
}

/// A job with one subtask that has read 7 records and refused one.
pub(crate) fn view(id: JobId, name: &str, status: JobStatus) -> JobView {
    let metrics = [("numRecordsIn", 7.0), ("numRecordsRefused", 1.0), ("lines.words", 2.0)];
    let subtask = SubtaskView {
        attempt: 0,
        state: ExecutionState::Running,
        timestamps: BTreeMap::new(),
        task_manager: None,
        metrics: metrics.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
        accumulators: Arc::new(Accumulators::of([("rows".to_owned(), 7)])),
        earlier: Vec::new(),
    };
    let exception = ExceptionView {
        timestamp: 2_500,
        message: "guest trapped\n  at count".to_owned(),
        task: None,
        task_manager: None,
    };
    JobView {
        id,
        name: name.to_owned(),
        status,
        start_time: 1_000,
        end_time: status.is_terminal().then_some(2_500),
        timestamps: BTreeMap::new(),
        graph: Arc::new(graph()),
        vertices: vec![VertexView { id: VertexId(0), subtasks: vec![subtask] }],
        exceptions: (status == JobStatus::Failed).then_some(exception).into_iter().collect(),
        restarts: 0,
        rescales: 0,
        waiting_for: None,
        resource_requirements: None,
    }
}
