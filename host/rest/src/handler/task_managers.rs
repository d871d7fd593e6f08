//! TaskManagers.

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::message::cluster::LogList;
use crate::message::task_manager::{TaskManagerDetails, TaskManagers};
use crate::route::AnswerKind::Text;
use crate::route::Route;
use crate::route::Verb::Get;

/// The one log of a TaskManager.
const LOG_NAME: &str = "taskmanager.log";

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/taskmanagers", "getTaskManagers", "All TaskManagers.", all),
    Route::new(Get, "/taskmanagers/{taskmanagerid}", "getTaskManagerDetails",
        "A TaskManager with its slots and memory.", details),
    Route::new(Get, "/taskmanagers/{taskmanagerid}/logs", "getTaskManagerLogs",
        "The logs of a TaskManager.", logs),
    Route::new(Get, "/taskmanagers/{taskmanagerid}/logs/{filename}", "getTaskManagerLogFile",
        "A log of a TaskManager.", log_file).answer(Text),
    Route::new(Get, "/taskmanagers/{taskmanagerid}/log", "getTaskManagerLog",
        "The newest lines of a TaskManager's log.", log).answer(Text),
];

fn all(api: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&TaskManagers::of(&api.gateway.task_managers(), &api.gateway.jobs()))
}

fn details(api: &Api, call: Call) -> Result<Answer, RestError> {
    let view = api.task_manager(&call)?;
    Answer::json(&TaskManagerDetails::of(&view, &api.gateway.jobs()))
}

fn logs(api: &Api, call: Call) -> Result<Answer, RestError> {
    Answer::json(&LogList::of(LOG_NAME, &text(api, &call)?, api.now()))
}

fn log_file(api: &Api, call: Call) -> Result<Answer, RestError> {
    match call.param("filename") {
        LOG_NAME => log(api, call),
        other => Err(RestError::not_found(format!(
            "no log {other}; /taskmanagers/{}/logs lists them",
            call.param("taskmanagerid")
        ))),
    }
}

fn log(api: &Api, call: Call) -> Result<Answer, RestError> {
    Ok(Answer::text(text(api, &call)?))
}

fn text(api: &Api, call: &Call) -> Result<String, RestError> {
    let task_manager = api.task_manager(call)?;
    Ok(api.gateway.task_manager_log(&task_manager.id)?)
}
