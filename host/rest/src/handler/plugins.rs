//! Plugins, where Flink has its jars: the list, uploads, running and planning what they define.

use sandbar_model::JobId;
use sandbar_rpc::dispatcher::RunRequest;

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call, CallBody, parse_plugins};
use crate::message::EmptyResponse;
use crate::message::job::JobStarted;
use crate::message::plan::{JobPlan, Plan};
use crate::message::plugin::{PluginFile, PluginList, PluginRunRequest, PluginUploaded};
use crate::route::BodyKind::{Form, Json};
use crate::route::Route;
use crate::route::Verb::{Delete, Get, Post};

/// The option that a run's parallelism is.
const PARALLELISM: &str = "parallelism.default";

const RUN: &[crate::route::QueryParameter] = &[
    ("programArg", "Arguments, with commas; the body's win."),
    ("parallelism", "The parallelism; the body's wins."),
    ("entry-class", "Ignored: a plugin has one entry."),
];

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/plugins", "getPluginList", "All plugins.", all),
    Route::new(Post, "/plugins/upload", "uploadPlugin",
        "Uploads a plugin as the field `plugin`, `file` or `jarfile` of a form.", upload)
        .body(Form),
    Route::new(Delete, "/plugins/{pluginid}", "deletePlugin", "Forgets a plugin.", delete),
    Route::new(Post, "/plugins/{pluginid}/run", "submitJobFromPlugin",
        "Runs the job that a plugin defines.", run).body(Json).query(RUN),
    Route::new(Get, "/plugins/{pluginid}/plan", "getPlanFromPlugin",
        "The graph that a run would have.", plan).query(RUN),
    Route::new(Post, "/plugins/{pluginid}/plan", "generatePlanFromPlugin",
        "The graph that a run would have.", plan).body(Json).query(RUN),
];

fn all(api: &Api, _: Call) -> Result<Answer, RestError> {
    let files = api.gateway.plugins().into_iter().map(PluginFile::from).collect();
    Answer::json(&PluginList { address: api.address.clone(), files })
}

fn upload(api: &Api, call: Call) -> Result<Answer, RestError> {
    let CallBody::File(file) = call.body else {
        return Err(RestError::bad_request("no file: send it as the field `plugin` of a form"));
    };
    Answer::json(&PluginUploaded::from(api.gateway.upload_plugin(&file.name, file.bytes)?))
}

fn delete(api: &Api, call: Call) -> Result<Answer, RestError> {
    api.gateway.delete_plugin(call.plugin_id()?)?;
    Answer::json(&EmptyResponse {})
}

fn run(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.gateway.run(run_request(&call)?)?;
    Answer::json(&JobStarted { jobid: job.to_string() })
}

fn plan(api: &Api, call: Call) -> Result<Answer, RestError> {
    let graph = api.gateway.plan(run_request(&call)?)?;
    // Nothing runs, so nothing has an id.
    Answer::json(&JobPlan { plan: Plan::of(&graph, JobId(0)) })
}

/// What a body and a query ask for; the body wins, as in Flink.
fn run_request(call: &Call) -> Result<RunRequest, RestError> {
    let body = call.json::<PluginRunRequest>()?.unwrap_or_default();
    refuse(&body, call)?;
    let parallelism = match (body.parallelism, call.query("parallelism")) {
        (Some(number), _) => Some(number),
        (None, Some(text)) => Some(text.parse().map_err(|_| {
            RestError::bad_request(format!("parallelism: `{text}` is no number from 1 on"))
        })?),
        (None, None) => None,
    };
    if parallelism == Some(0) {
        return Err(RestError::bad_request("parallelism: 0 is no number from 1 on"));
    }
    let mut configuration = body.flink_configuration.unwrap_or_default();
    configuration.extend(parallelism.map(|number| (PARALLELISM.to_owned(), number.to_string())));
    Ok(RunRequest {
        spec: None,
        plugin: Some(call.plugin_id()?),
        arguments: body.program_args_list.unwrap_or_else(|| call.query_list("programArg")),
        configuration,
        base_folder: body.base_folder,
        plugins: parse_plugins(body.plugins)?,
    })
}

/// Refuses what Flink has and we do not, rather than start a job that is not what was asked for.
fn refuse(body: &PluginRunRequest, call: &Call) -> Result<(), RestError> {
    let has = |in_body: &Option<String>, in_query: &str| {
        in_body.is_some() || call.query(in_query).is_some_and(|value| !value.is_empty())
    };
    if has(&body.savepoint_path, "savepointPath") {
        let message = "savepointPath: there are no savepoints to start from; leave it out";
        return Err(RestError::bad_request(message));
    }
    if has(&body.program_args, "program-args") {
        let message = "programArgs: use programArgsList, which needs no quoting";
        return Err(RestError::bad_request(message));
    }
    if has(&body.job_id, "jobId") {
        return Err(RestError::bad_request("jobId: the cluster gives ids; leave it out"));
    }
    Ok(())
}
