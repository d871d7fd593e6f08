//! A client of the API, for the command line: blocking, typed, and with errors that say what to do.
//!
//! Law: an error carries the server's own words; what cannot be reached is named with the remedy.

mod address;
mod error;
mod form;
mod tls;

use std::time::Duration;

use sandbar_model::{JobId, PluginId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Request, Response};
use ureq::tls::TlsConfig;
use ureq::{Agent, AsSendBody, Body};

use crate::message::cluster::{ClusterOverviewWithVersion, ConfigurationEntry};
use crate::message::job::{JobDetails, JobStarted, MultipleJobsDetails};
use crate::message::job_exceptions::JobExceptions;
use crate::message::job_result::JobExecutionResult;
use crate::message::plan::JobPlan;
use crate::message::plugin::{JobSubmitRequest, PluginList, PluginRunRequest, PluginUploaded};
use crate::message::task_manager::TaskManagers;
use crate::message::{EmptyResponse, ErrorResponse};

pub use error::ClientError;
pub use tls::ClientTls;

use self::address::Address;
use self::error::Asked;
use self::form::form;

/// How long the address may take to answer at all.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a request with a body may take, such as the submission of a job: longer than a server
/// does, so that the server says why.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(120);
/// How long any other may take: a JobManager that works has the answer at hand.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
/// How long a connection is kept for the next request: shorter than a server does.
const IDLE_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of an answer. The largest are logs and jobs with thousands of subtasks.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A client of one cluster.
#[derive(Clone, Debug)]
pub struct RestClient {
    agent: Agent,
    /// `host:port`.
    address: String,
    /// That with the scheme in front.
    base: String,
    answer_time_max: Duration,
}

/// What is sent.
enum Payload {
    None,
    Json(Vec<u8>),
    Form { boundary: String, body: Vec<u8> },
}

impl RestClient {
    /// Makes a client of the cluster at `address`, which is `host:port`, with `http://` in front if
    /// one likes. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Address`] for what is no address.
    pub fn new(address: &str) -> Result<RestClient, ClientError> {
        RestClient::with_tls(address, None)
    }

    /// The same, of a cluster that serves over TLS: `https://`, which need not be written. What is
    /// written as `http://` is asked without TLS.
    ///
    /// # Errors
    /// [`ClientError::Address`] for what is no address, [`ClientError::NoAuthority`] for `https://`
    /// without `tls`.
    pub fn with_tls(address: &str, tls: Option<&ClientTls>) -> Result<RestClient, ClientError> {
        let Address { is_secure, host_and_port: address } = address::parse(address)?;
        let is_https = is_secure.unwrap_or(tls.is_some());
        let tls_config = match tls {
            Some(tls) => tls.config(),
            None if is_https => return Err(ClientError::NoAuthority { address }),
            None => TlsConfig::default(),
        };
        let config = Agent::config_builder()
            // Answers that are no success have a body, which says why.
            .http_status_as_error(false)
            // A cluster is asked directly, whatever proxy the environment names.
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .max_idle_age(IDLE_TIME_MAX)
            .user_agent(concat!("sandbar/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls_config)
            .build();
        let base = format!("{}://{address}", if is_https { "https" } else { "http" });
        let agent = Agent::new_with_config(config);
        Ok(RestClient { agent, address, base, answer_time_max: ANSWER_TIME_MAX })
    }

    /// The same, which waits no longer than this for answers to requests without a body; 15 s
    /// unless told.
    #[must_use]
    pub fn with_answer_time_max(self, answer_time_max: Duration) -> RestClient {
        RestClient { answer_time_max, ..self }
    }

    /// The `host:port` it asks.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The same with `http://` or `https://` in front.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Numbers of the cluster.
    ///
    /// # Errors
    /// [`ClientError`]; so have all that follow.
    pub fn overview(&self) -> Result<ClusterOverviewWithVersion, ClientError> {
        self.get("/overview")
    }

    /// The effective options of the JobManager.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn configuration(&self) -> Result<Vec<ConfigurationEntry>, ClientError> {
        self.get("/jobmanager/config")
    }

    /// The newest lines of the JobManager's log.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn log(&self) -> Result<String, ClientError> {
        self.text("/jobmanager/log")
    }

    /// Ends the cluster.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn shut_down_cluster(&self) -> Result<(), ClientError> {
        self.ask::<EmptyResponse>("DELETE", "/cluster", Payload::None).map(|_| ())
    }

    /// All TaskManagers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn task_managers(&self) -> Result<TaskManagers, ClientError> {
        self.get("/taskmanagers")
    }

    /// The newest lines of a TaskManager's log.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn task_manager_log(&self, id: &str) -> Result<String, ClientError> {
        self.text(&format!("/taskmanagers/{}/log", path_segment(id)))
    }

    /// All jobs, running and archived.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn jobs(&self) -> Result<MultipleJobsDetails, ClientError> {
        self.get("/jobs/overview")
    }

    /// A job with its vertices.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn job(&self, job: JobId) -> Result<JobDetails, ClientError> {
        self.get(&format!("/jobs/{job}"))
    }

    /// What a key has in a state of a running job; the parameters are those of the route.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn keyed_state(
        &self,
        job: JobId,
        operator: &str,
        state: &str,
        parameters: &[(&str, &str)],
    ) -> Result<serde_json::Value, ClientError> {
        let pair = |(name, value): &(&str, &str)| format!("{name}={}", path_segment(value));
        let query: Vec<String> = parameters.iter().map(pair).collect();
        let (operator, state, query) =
            (path_segment(operator), path_segment(state), query.join("&"));
        self.get(&format!("/jobs/{job}/state/{operator}/{state}?{query}"))
    }

    /// The graph of a job.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn job_plan(&self, job: JobId) -> Result<JobPlan, ClientError> {
        self.get(&format!("/jobs/{job}/plan"))
    }

    /// What went wrong in a job, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn job_exceptions(&self, job: JobId) -> Result<JobExceptions, ClientError> {
        self.get(&format!("/jobs/{job}/exceptions"))
    }

    /// How a job ended, or that it has not.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn job_execution_result(&self, job: JobId) -> Result<JobExecutionResult, ClientError> {
        self.get(&format!("/jobs/{job}/execution-result"))
    }

    /// Cancels a job. Returns when that has begun.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn cancel_job(&self, job: JobId) -> Result<(), ClientError> {
        let path = format!("/jobs/{job}?mode=cancel");
        self.ask::<EmptyResponse>("PATCH", &path, Payload::None).map(|_| ())
    }

    /// Runs a job spec.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn submit(&self, request: &JobSubmitRequest) -> Result<JobId, ClientError> {
        self.start("/jobs", request)
    }

    /// All plugins.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn plugins(&self) -> Result<PluginList, ClientError> {
        self.get("/plugins")
    }

    /// Uploads a plugin. The answer has its id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn upload_plugin(
        &self,
        file_name: &str,
        bytes: &[u8],
    ) -> Result<PluginUploaded, ClientError> {
        self.ask("POST", "/plugins/upload", form(file_name, bytes))
    }

    /// Forgets a plugin.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn delete_plugin(&self, plugin: PluginId) -> Result<(), ClientError> {
        let path = format!("/plugins/{plugin}");
        self.ask::<EmptyResponse>("DELETE", &path, Payload::None).map(|_| ())
    }

    /// Runs the job that a plugin defines.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn run_plugin(
        &self,
        plugin: PluginId,
        request: &PluginRunRequest,
    ) -> Result<JobId, ClientError> {
        self.start(&format!("/plugins/{plugin}/run"), request)
    }

    /// The graph that a run of a plugin would have.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn plan_plugin(
        &self,
        plugin: PluginId,
        request: &PluginRunRequest,
    ) -> Result<JobPlan, ClientError> {
        let path = format!("/plugins/{plugin}/plan");
        self.ask("POST", &path, self.json(&path, request)?)
    }

    fn start(&self, path: &str, request: &impl Serialize) -> Result<JobId, ClientError> {
        let started: JobStarted = self.ask("POST", path, self.json(path, request)?)?;
        let id = u128::from_str_radix(&started.jobid, 16);
        id.map(JobId).map_err(|_| self.nonsense(path, &format!("no job id: {}", started.jobid)))
    }

    fn json(&self, path: &str, request: &impl Serialize) -> Result<Payload, ClientError> {
        let body = serde_json::to_vec(request).map_err(|error| self.nonsense(path, &error))?;
        Ok(Payload::Json(body))
    }

    fn text(&self, path: &str) -> Result<String, ClientError> {
        let answer = self.send("GET", path, Payload::None)?;
        String::from_utf8(answer).map_err(|error| self.nonsense(path, &error))
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask("GET", path, Payload::None)
    }

    fn ask<T: DeserializeOwned>(
        &self,
        verb: &str,
        path: &str,
        payload: Payload,
    ) -> Result<T, ClientError> {
        let answer = self.send(verb, path, payload)?;
        serde_json::from_slice(&answer).map_err(|error| self.nonsense(path, &error))
    }

    /// The body of a success.
    fn send(&self, verb: &str, path: &str, payload: Payload) -> Result<Vec<u8>, ClientError> {
        let time_max = match payload {
            Payload::None => self.answer_time_max,
            Payload::Json(_) | Payload::Form { .. } => REQUEST_TIME_MAX,
        };
        let (content_type, body) = match payload {
            Payload::None => (None, Vec::new()),
            Payload::Json(body) => (Some("application/json".to_owned()), body),
            Payload::Form { boundary, body } => {
                (Some(format!("multipart/form-data; boundary={boundary}")), body)
            }
        };
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(verb).uri(url);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        // Without any, a request that may have a body would be sent in pieces.
        let sent = match verb {
            "GET" => self.run(request.body(()), time_max),
            _ => self.run(request.body(body), time_max),
        };
        let asked = Asked { address: &self.address, verb, path, time_max };
        self.read(&asked, sent.map_err(|error| ClientError::of(&asked, error))?)
    }

    fn run<S: AsSendBody>(
        &self,
        request: Result<Request<S>, ureq::http::Error>,
        time_max: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        let limited = self.agent.configure_request(request?).timeout_global(Some(time_max));
        self.agent.run(limited.build())
    }

    fn read(&self, asked: &Asked<'_>, response: Response<Body>) -> Result<Vec<u8>, ClientError> {
        let status = response.status();
        let mut body = response.into_body();
        let read = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let bytes = read.map_err(|error| ClientError::of(asked, error))?;
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice::<ErrorResponse>(&bytes) {
            Ok(refused) => {
                Err(ClientError::Refused { status: status.as_u16(), errors: refused.errors })
            }
            Err(_) => Err(self.nonsense(asked.path, &format!("status {status}"))),
        }
    }

    fn nonsense(&self, path: &str, error: &impl ToString) -> ClientError {
        let address = self.address.clone();
        ClientError::Nonsense { address, path: path.to_owned(), message: error.to_string() }
    }
}

/// A name as one segment of a path: all but letters, digits, `-`, `.` and `_` is encoded.
fn path_segment(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let encode = |byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}
