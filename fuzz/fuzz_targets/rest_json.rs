//! Requests to the REST API: the first line is `VERB PATH CONTENT-TYPE`, the rest the body. Each
//! has an answer; what is wrong is said in JSON, and is never the server's fault.

#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Request;
use libfuzzer_sys::fuzz_target;
use sandbar_graph::{FileFormat, parse};
use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::JobStatus;
use sandbar_model::time::ManualClock;
use sandbar_model::{JobId, PluginId};
use sandbar_rest::{RestLimits, RestService};
use sandbar_rpc::dispatcher::RunRequest;
use sandbar_rpc::state_query::StateQuery;
use sandbar_rpc::{
    ClusterOverview, DispatcherGateway, GatewayError, JobView, RequestedRequirements, StoredPlugin,
    TaskManagerId, TaskManagerView,
};
use tokio::runtime::{Builder, Runtime};

/// A Dispatcher with one job, which knows nothing else and takes whatever parses.
struct OneJob;

fn graph() -> JobGraph {
    JobGraph {
        name: "job".to_owned(),
        configuration: BTreeMap::new(),
        arguments: Vec::new(),
        vertices: Vec::new(),
        edges: Vec::new(),
    }
}

fn missing<T>(what: &str) -> Result<T, GatewayError> {
    Err(GatewayError::NotFound(format!("no {what}")))
}

fn checked(request: &RunRequest) -> Result<(), GatewayError> {
    let Some(spec) = &request.spec else { return Ok(()) };
    let parsed = parse(spec, FileFormat::Json, "job.json").map(|_| ());
    let text = |errors: Vec<sandbar_graph::GraphError>| {
        GatewayError::Invalid(errors.iter().map(ToString::to_string).collect())
    };
    parsed.map_err(text)
}

impl DispatcherGateway for OneJob {
    fn overview(&self) -> ClusterOverview {
        ClusterOverview::default()
    }

    fn jobs(&self) -> Vec<JobView> {
        vec![JobView {
            id: JobId(1),
            name: "job".to_owned(),
            status: JobStatus::Running,
            start_time: 0,
            end_time: None,
            timestamps: BTreeMap::new(),
            graph: Arc::new(graph()),
            vertices: Vec::new(),
            exceptions: Vec::new(),
            restarts: 0,
            rescales: 0,
            waiting_for: None,
            resource_requirements: None,
        }]
    }

    fn job(&self, job: JobId) -> Result<JobView, GatewayError> {
        self.jobs().into_iter().find(|known| known.id == job).map_or_else(|| missing("job"), Ok)
    }

    fn cancel_job(&self, job: JobId) -> Result<(), GatewayError> {
        self.job(job).map(|_| ())
    }

    fn update_resource_requirements(
        &self,
        job: JobId,
        _requested: RequestedRequirements,
    ) -> Result<(), GatewayError> {
        self.job(job).map(|_| ())
    }

    fn run(&self, request: RunRequest) -> Result<JobId, GatewayError> {
        checked(&request).map(|()| JobId(2))
    }

    fn plan(&self, request: RunRequest) -> Result<JobGraph, GatewayError> {
        checked(&request).map(|()| graph())
    }

    fn upload_plugin(&self, name: &str, bytes: Vec<u8>) -> Result<StoredPlugin, GatewayError> {
        Ok(StoredPlugin {
            id: PluginId([7; 32]),
            file_name: name.to_owned(),
            uploaded: 0,
            bytes: bytes.len() as u64,
            description: None,
            defines_job: true,
        })
    }

    fn plugins(&self) -> Vec<StoredPlugin> {
        Vec::new()
    }

    fn delete_plugin(&self, _plugin: PluginId) -> Result<(), GatewayError> {
        missing("plugin")
    }

    fn task_managers(&self) -> Vec<TaskManagerView> {
        Vec::new()
    }

    fn configuration(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn prometheus(&self) -> String {
        String::new()
    }

    fn log(&self) -> String {
        String::new()
    }

    fn task_manager_log(&self, _task_manager: &TaskManagerId) -> Result<String, GatewayError> {
        missing("TaskManager")
    }

    fn query_state(&self, job: JobId, query: StateQuery) -> Result<String, GatewayError> {
        self.job(job)?;
        Err(GatewayError::NotFound(format!("job {job} has no operator {}", query.operator)))
    }

    fn shut_down(&self) {}
}

fn served() -> &'static (Runtime, RestService) {
    static SERVED: OnceLock<(Runtime, RestService)> = OnceLock::new();
    SERVED.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_time().max_blocking_threads(1).build();
        let clock = Arc::new(ManualClock::new(0));
        let address = "http://localhost:8081".to_owned();
        let service = RestService::new(RestLimits::default(), Arc::new(OneJob), clock, address);
        (runtime.expect("there is a thread to be had"), service)
    })
}

fuzz_target!(init: sandbar_fuzz::write(sandbar_fuzz::requests), |input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (line, body) = input.split_at(end);
    let Ok(line) = std::str::from_utf8(line) else { return };
    let mut words = line.splitn(3, ' ');
    let (Some(verb), Some(path)) = (words.next(), words.next()) else { return };
    let kind = words.next().unwrap_or("application/json");
    let body = Bytes::copy_from_slice(body.get(1..).unwrap_or_default());
    let request = Request::builder().method(verb).uri(path).header("content-type", kind);
    // What is no request at all, the HTTP parser refuses before.
    let Ok(request) = request.body(body) else { return };
    let is_head = verb == "HEAD";
    let (runtime, service) = served();
    let answer = runtime.block_on(service.answer(request));
    let status = answer.status();
    assert!(!status.is_server_error(), "{status}: {answer:?}");
    if status.is_client_error() && !is_head {
        let said: Result<serde_json::Value, _> = serde_json::from_slice(answer.body());
        assert!(said.is_ok_and(|said| said["errors"][0].is_string()), "{status}: {answer:?}");
    }
});
