//! Checkpoints and savepoints: the cluster takes none yet, so every job is answered for as Flink
//! answers for a job without checkpointing.
//!
//! Source: Flink, `CheckpointingStatisticsHandler`, `CheckpointConfigHandler`,
//! `AbstractCheckpointStatsHandler`.

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::route::BodyKind::Json;
use crate::route::Route;
use crate::route::Verb::{Get, Post};

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/jobs/{jobid}/checkpoints", "getCheckpointingStatistics",
        "The checkpoints of a job.", not_enabled),
    Route::new(Post, "/jobs/{jobid}/checkpoints", "triggerCheckpoint",
        "Takes a checkpoint.", not_enabled).body(Json).accepted(),
    Route::new(Get, "/jobs/{jobid}/checkpoints/config", "getCheckpointConfig",
        "How a job takes checkpoints.", config),
    Route::new(Get, "/jobs/{jobid}/checkpoints/details/{checkpointid}",
        "getCheckpointStatisticDetails", "A checkpoint.", details),
    Route::new(Get, "/jobs/{jobid}/checkpoints/details/{checkpointid}/subtasks/{vertexid}",
        "getTaskCheckpointStatistics", "A vertex's part of a checkpoint.", details),
    Route::new(Post, "/jobs/{jobid}/savepoints", "triggerSavepoint",
        "Takes a savepoint.", not_enabled).body(Json).accepted(),
    Route::new(Get, "/jobs/{jobid}/savepoints/{triggerid}", "getSavepointStatus",
        "Whether a savepoint is taken.", no_operation),
    Route::new(Post, "/jobs/{jobid}/stop", "triggerStopWithSavepoint",
        "Stops a job with a savepoint.", not_enabled).body(Json).accepted(),
];

fn not_enabled(api: &Api, call: Call) -> Result<Answer, RestError> {
    api.job(&call)?;
    Err(RestError::not_found("Checkpointing has not been enabled."))
}

fn config(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?.id;
    Err(RestError::not_found(format!("Checkpointing is not enabled for this job ({job}).")))
}

fn details(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?.id;
    Err(RestError::not_found(format!("Checkpointing was not enabled for job {job}.")))
}

fn no_operation(api: &Api, call: Call) -> Result<Answer, RestError> {
    api.job(&call)?;
    Err(RestError::not_found(format!("Operation not found: {}", call.param("triggerid"))))
}
