//! Jobs: lists, details, cancelling, and running a job spec.

use sandbar_rpc::dispatcher::RunRequest;

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call, parse_plugins};
use crate::message::EmptyResponse;
use crate::message::accumulator::JobAccumulators;
use crate::message::job::{
    JobDetails, JobIdsWithStatusOverview, JobStarted, JobStatusResponse, MultipleJobsDetails,
};
use crate::message::job_exceptions::JobExceptions;
use crate::message::job_result::{JobConfig, JobExecutionResult};
use crate::message::plan::{JobPlan, Plan};
use crate::message::plugin::JobSubmitRequest;
use crate::route::BodyKind::Json;
use crate::route::Route;
use crate::route::Verb::{Get, Patch, Post};

/// Exceptions that are shown unless more are asked for. Source: Flink's `JobExceptionsHandler`.
const EXCEPTIONS_SHOWN: usize = 20;

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/jobs", "getJobIdsWithStatusesOverview", "All jobs and their states.", jobs),
    Route::new(Post, "/jobs", "submitJob", "Runs a job spec.", submit).body(Json).accepted(),
    Route::new(Get, "/jobs/overview", "getJobsOverview", "All jobs with numbers.", overview),
    Route::new(Get, "/jobs/{jobid}", "getJobDetails", "A job with its vertices.", details),
    Route::new(Patch, "/jobs/{jobid}", "cancelJob", "Cancels a job.", cancel).accepted()
        .query(&[("mode", "How: `cancel`, which is the default.")]),
    Route::new(Get, "/jobs/{jobid}/status", "getJobStatus", "The state of a job.", status),
    Route::new(Get, "/jobs/{jobid}/plan", "getJobPlan", "The graph of a job.", plan),
    Route::new(Get, "/jobs/{jobid}/config", "getJobConfig", "The options of a job.", config),
    Route::new(Get, "/jobs/{jobid}/exceptions", "getJobExceptions",
        "What went wrong in a job, newest first.", exceptions)
        .query(&[("maxExceptions", "How many to show: 20 by default.")]),
    Route::new(Get, "/jobs/{jobid}/execution-result", "getJobExecutionResult",
        "How a job ended.", execution_result),
    Route::new(Get, "/jobs/{jobid}/accumulators", "getJobAccumulators",
        "What the guests of a job counted.", accumulators),
];

fn jobs(api: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&JobIdsWithStatusOverview::of(&api.gateway.jobs()))
}

fn overview(api: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&MultipleJobsDetails::of(&api.gateway.jobs(), api.now()))
}

fn submit(api: &Api, call: Call) -> Result<Answer, RestError> {
    let Some(request) = call.json::<JobSubmitRequest>()? else {
        let message = "no body: send {\"spec\": {...}, \"plugins\": {\"name\": \"id\"}, \
                       \"configuration\": {...}, \"arguments\": [...]}";
        return Err(RestError::bad_request(message));
    };
    let spec = request.spec.get();
    if !spec.starts_with('{') {
        return Err(RestError::bad_request("`spec` is no job spec: one is a JSON object"));
    }
    let job = api.gateway.run(RunRequest {
        spec: Some(spec.to_owned()),
        plugin: None,
        plugins: parse_plugins(request.plugins)?,
        arguments: request.arguments,
        configuration: request.configuration,
        base_folder: request.base_folder,
    })?;
    Answer::json(&JobStarted { jobid: job.to_string() })
}

fn details(api: &Api, call: Call) -> Result<Answer, RestError> {
    Answer::json(&JobDetails::of(&api.job(&call)?, api.now()))
}

fn cancel(api: &Api, call: Call) -> Result<Answer, RestError> {
    match call.query("mode").map(str::to_ascii_lowercase).as_deref() {
        None | Some("cancel") => {}
        Some("stop") => {
            // Flink answers 308 without a place to go to, which clients choke on.
            let message = "the mode `stop` is gone from Flink as well: use mode=cancel";
            return Err(RestError::bad_request(message));
        }
        Some(other) => {
            return Err(RestError::bad_request(format!("no mode `{other}`: there is `cancel`")));
        }
    }
    api.gateway.cancel_job(call.job_id()?)?;
    Answer::json(&EmptyResponse {})
}

fn status(api: &Api, call: Call) -> Result<Answer, RestError> {
    Answer::json(&JobStatusResponse { status: api.job(&call)?.status })
}

fn plan(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    Answer::json(&JobPlan { plan: Plan::of(&job.graph, job.id) })
}

fn config(api: &Api, call: Call) -> Result<Answer, RestError> {
    Answer::json(&JobConfig::of(&api.job(&call)?))
}

fn exceptions(api: &Api, call: Call) -> Result<Answer, RestError> {
    let limit = match call.query("maxExceptions") {
        None => EXCEPTIONS_SHOWN,
        Some(text) => text.parse().map_err(|_| {
            RestError::bad_request(format!("maxExceptions: `{text}` is no number from 0 on"))
        })?,
    };
    Answer::json(&JobExceptions::of(&api.job(&call)?, &api.locations(), limit))
}

fn execution_result(api: &Api, call: Call) -> Result<Answer, RestError> {
    Answer::json(&JobExecutionResult::of(&api.job(&call)?, api.now()))
}

fn accumulators(api: &Api, call: Call) -> Result<Answer, RestError> {
    Answer::json(&JobAccumulators::of(&api.job(&call)?))
}
