//! The bounds of the parallelism of a job's vertices, for jobs that are scheduled adaptively.
//! Source: Flink, `JobResourceRequirementsHandler`, `JobResourceRequirementsUpdateHandler`.

use axum::http::StatusCode;
use sandbar_model::VertexId;
use sandbar_rpc::{JobView, RequestedRequirements, RequirementsError};

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::message::EmptyResponse;
use crate::message::resource_requirements::JobResourceRequirements;
use crate::route::BodyKind::Json;
use crate::route::Route;
use crate::route::Verb::{Get, Put};
use sandbar_model::hex_id::vertex_id;

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/jobs/{jobid}/resource-requirements", "getJobResourceRequirements",
        "The bounds of each vertex's parallelism, under jobmanager.scheduler: adaptive.", show),
    Route::new(Put, "/jobs/{jobid}/resource-requirements", "updateJobResourceRequirements",
        "Bounds each vertex's parallelism anew and rescales the job; -1 stands for the default.",
        update).body(Json),
];

fn show(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let Some(bounds) = &job.resource_requirements else {
        let message = format!("job {}: {}", job.id, RequirementsError::NotAdaptive);
        return Err(RestError::new(StatusCode::CONFLICT, message));
    };
    let vertices = job.graph.vertices.iter().zip(bounds);
    let shown: JobResourceRequirements =
        vertices.map(|(vertex, own)| (vertex_id(vertex), (*own).into())).collect();
    Answer::json(&shown)
}

fn update(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let Some(body) = call.json::<JobResourceRequirements>()? else {
        let message = "no body: send {\"<vertex id>\": {\"parallelism\": {\"lowerBound\": 1, \
                       \"upperBound\": 4}}, ...} with every vertex of the job";
        return Err(RestError::bad_request(message));
    };
    let requested = requested(&job, body)?;
    api.gateway.update_resource_requirements(job.id, requested)?;
    Answer::json(&EmptyResponse {})
}

fn requested(
    job: &JobView,
    body: JobResourceRequirements,
) -> Result<RequestedRequirements, RestError> {
    let (mut requested, mut problems) = (RequestedRequirements::new(), Vec::new());
    for (id, bounds) in body {
        match position(job, &id) {
            Some(vertex) if requested.insert(vertex, bounds.into()).is_none() => {}
            Some(_) => problems.push(format!("vertex {id} is there twice")),
            None => problems.push(format!(
                "no vertex {id} in job {}; GET /jobs/{0}/resource-requirements lists them",
                job.id
            )),
        }
    }
    if problems.is_empty() { Ok(requested) } else { Err(RestError::bad_requests(problems)) }
}

fn position(job: &JobView, id: &str) -> Option<VertexId> {
    let mut vertices = job.graph.vertices.iter();
    vertices.find(|vertex| vertex_id(vertex).eq_ignore_ascii_case(id)).map(|vertex| vertex.id)
}
