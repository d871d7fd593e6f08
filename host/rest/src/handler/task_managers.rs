//! TaskManagers.

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::message::task_manager::{TaskManagerDetails, TaskManagers};
use crate::route::Route;
use crate::route::Verb::Get;

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/taskmanagers", "getTaskManagers", "All TaskManagers.", all),
    Route::new(Get, "/taskmanagers/{taskmanagerid}", "getTaskManagerDetails",
        "A TaskManager with its slots and memory.", details),
];

fn all(api: &Api, _: Call) -> Result<Answer, RestError> {
    Answer::json(&TaskManagers::of(&api.gateway.task_managers(), &api.gateway.jobs()))
}

fn details(api: &Api, call: Call) -> Result<Answer, RestError> {
    let view = api.task_manager(&call)?;
    Answer::json(&TaskManagerDetails::of(&view, &api.gateway.jobs()))
}
