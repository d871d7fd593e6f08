//! Vertices of a job, their subtasks and attempts.

use sandbar_model::job_graph::JobVertex;
use sandbar_rpc::{JobView, SubtaskView, VertexView};

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::message::accumulator::{JobVertexAccumulators, SubtasksAllAccumulators};
use crate::message::vertex::{JobVertexDetails, SubtaskAttempt};
use crate::message::vertex_report::{JobVertexBackPressure, JobVertexTaskManagers, SubtasksTimes};
use crate::route::Route;
use crate::route::Verb::Get;
use sandbar_model::hex_id::vertex_id;

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}", "getJobVertexDetails",
        "A vertex with its subtasks.", details),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/subtasktimes", "getSubtasksTimes",
        "When each subtask entered each state.", times),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/taskmanagers", "getJobVertexTaskManagers",
        "A vertex's subtasks by TaskManager.", task_managers),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/backpressure", "getJobVertexBackPressure",
        "Back pressure on each subtask.", back_pressure),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/accumulators", "getJobVertexAccumulators",
        "What the guests of a vertex counted.", accumulators),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/subtasks/accumulators",
        "getSubtasksAllAccumulators", "What the guests of each subtask counted.",
        subtask_accumulators),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}",
        "getSubtaskCurrentAttemptDetails", "The current attempt of a subtask.", subtask),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/attempts/{attempt}",
        "getSubtaskExecutionAttemptDetails", "An attempt of a subtask.", attempt),
];

/// A vertex of a job, as its graph has it and as it runs.
pub(crate) fn vertex<'a>(
    job: &'a JobView,
    call: &Call,
) -> Result<(&'a JobVertex, &'a VertexView), RestError> {
    let id = call.vertex_id()?;
    let mut pairs = job.graph.vertices.iter().zip(&job.vertices);
    pairs.find(|(vertex, _)| vertex_id(vertex) == id).ok_or_else(|| {
        RestError::not_found(format!("no vertex {id} in job {}; /jobs/{0} lists them", job.id))
    })
}

/// A subtask of a vertex and its index.
pub(crate) fn current_attempt<'a>(
    view: &'a VertexView,
    call: &Call,
) -> Result<(usize, &'a SubtaskView), RestError> {
    let index = call.number("subtaskindex")?;
    match view.subtasks.get(index) {
        Some(subtask) => Ok((index, subtask)),
        None => Err(RestError::not_found(format!(
            "no subtask {index}: the vertex has {}, from 0 on",
            view.subtasks.len()
        ))),
    }
}

fn details(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (vertex, view) = vertex(&job, &call)?;
    Answer::json(&JobVertexDetails::of(vertex, view, &api.locations(), api.now()))
}

fn times(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (vertex, view) = vertex(&job, &call)?;
    Answer::json(&SubtasksTimes::of(vertex, view, &api.locations(), api.now()))
}

fn task_managers(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (vertex, view) = vertex(&job, &call)?;
    Answer::json(&JobVertexTaskManagers::of(vertex, view, &api.locations(), api.now()))
}

fn back_pressure(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (_, view) = vertex(&job, &call)?;
    Answer::json(&JobVertexBackPressure::of(view, api.now()))
}

fn accumulators(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (vertex, view) = vertex(&job, &call)?;
    Answer::json(&JobVertexAccumulators::of(vertex, view))
}

fn subtask_accumulators(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (vertex, view) = vertex(&job, &call)?;
    Answer::json(&SubtasksAllAccumulators::of(vertex, view, &api.locations()))
}

fn subtask(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (index, subtask) = current_attempt(vertex(&job, &call)?.1, &call)?;
    Answer::json(&SubtaskAttempt::of(index, subtask, &api.locations(), api.now()))
}

fn attempt(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (index, subtask) = current_attempt(vertex(&job, &call)?.1, &call)?;
    let number = call.number("attempt")?;
    let mut attempts = subtask.earlier.iter().chain([subtask]);
    match attempts.find(|attempt| attempt.attempt as usize == number) {
        Some(attempt) => {
            Answer::json(&SubtaskAttempt::of(index, attempt, &api.locations(), api.now()))
        }
        None => Err(RestError::not_found(format!(
            "no attempt {number} of subtask {index}: its current attempt is {}, and old ones are \
             forgotten",
            subtask.attempt
        ))),
    }
}
