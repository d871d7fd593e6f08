//! The cluster as a whole, the JobManager, and the web page.

use std::sync::Arc;
use std::thread;

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::message::EmptyResponse;
use crate::message::cluster::{
    ClusterOverviewWithVersion, DashboardConfiguration, Environment, LOG_NAME, LogList,
    configuration_entries,
};
use crate::page::PAGE;
use crate::route::AnswerKind::{Html, Text};
use crate::route::Route;
use crate::route::Verb::{Delete, Get};

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/", "getPage", "The web page.", page).answer(Html),
    Route::new(Get, "/openapi.json", "getOpenApi", "This description.", openapi),
    Route::new(Get, "/overview", "getClusterOverview", "Numbers of the cluster.", overview),
    Route::new(Get, "/config", "getDashboardConfiguration", "What a web page must know.", config),
    Route::new(Delete, "/cluster", "shutdownCluster", "Ends the cluster.", shut_down),
    Route::new(Get, "/metrics", "getPrometheus", "Metrics as Prometheus text.", prometheus)
        .answer(Text),
    Route::new(Get, "/jobmanager/config", "getClusterConfigurationInfo",
        "The effective options of the JobManager.", jobmanager_config),
    Route::new(Get, "/jobmanager/environment", "getJobManagerEnvironment",
        "What the JobManager runs on.", environment),
    Route::new(Get, "/jobmanager/logs", "getJobManagerLogList",
        "The logs of the JobManager.", logs),
    Route::new(Get, "/jobmanager/logs/{filename}", "getJobManagerLogFile",
        "A log of the JobManager.", log_file).answer(Text),
    Route::new(Get, "/jobmanager/log", "getJobManagerLog",
        "The newest lines of the JobManager's log.", log).answer(Text),
];

fn page(_: &Api, _: Call) -> Result<Answer, RestError> {
    Ok(Answer::html(PAGE))
}

fn openapi(api: &Api, _: Call) -> Result<Answer, RestError> {
    Ok(Answer::json_text(api.openapi.clone()))
}

fn overview(api: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&ClusterOverviewWithVersion::from(api.gateway.overview()))
}

fn config(_: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&DashboardConfiguration::current())
}

/// Answers first: ending the cluster ends this server, which waits for answers under way.
fn shut_down(api: &Api, _: Call) -> Result<Answer, RestError> {
    let gateway = Arc::clone(&api.gateway);
    let thread = thread::Builder::new().name("shut-down".to_owned());
    match thread.spawn(move || gateway.shut_down()) {
        Ok(_) => Answer::json(&EmptyResponse {}),
        Err(error) => Err(RestError::internal(format!("no thread to end the cluster: {error}"))),
    }
}

fn prometheus(api: &Api, _: Call) -> Result<Answer, RestError> {
    Ok(Answer::prometheus(api.gateway.prometheus()))
}

fn jobmanager_config(api: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&configuration_entries(api.gateway.configuration()))
}

fn environment(_: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&Environment::current())
}

fn logs(api: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&LogList::of(LOG_NAME, &api.gateway.log(), api.now()))
}

fn log_file(api: &Api, call: Call) -> Result<Answer, RestError> {
    match call.param("filename") {
        LOG_NAME => log(api, call),
        other => Err(RestError::not_found(format!("no log {other}; /jobmanager/logs lists them"))),
    }
}

fn log(api: &Api, _: Call) -> Result<Answer, RestError> {
    Ok(Answer::text(api.gateway.log()))
}
