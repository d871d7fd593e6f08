//! Several errors at once, and how every error of a verb reaches the user.

use std::fmt;
use std::io;
use std::process::ExitCode;

use sandbar_client::EnvError;
use sandbar_cluster::PrepareError;
use sandbar_rest::ClientError;
use serde_json::json;

use crate::output;

/// Everything that is wrong with what the user gave.
#[derive(Debug)]
pub(crate) struct Problems(pub(crate) Vec<String>);

impl Problems {
    /// Nothing, if there are none; else the error.
    pub(crate) fn into_result(self) -> Result<(), Problems> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// The messages of an error, one a problem.
pub(crate) fn messages(error: &anyhow::Error) -> Vec<String> {
    let (mut of_job, mut of_cluster) = (error.downcast_ref(), error.downcast_ref());
    match error.downcast_ref() {
        Some(EnvError::Job(job)) => of_job = Some(job),
        Some(EnvError::Cluster(cluster)) => of_cluster = Some(cluster),
        Some(EnvError::Setup(_) | EnvError::Submission(_) | EnvError::Lost { .. }) | None => {}
    }
    if let Some(Problems(problems)) = error.downcast_ref() {
        problems.clone()
    } else if let Some(PrepareError { problems }) = of_job {
        problems.clone()
    } else if let Some(ClientError::Refused { errors, .. }) = of_cluster {
        errors.clone()
    } else {
        vec![format!("{error:#}")]
    }
}

/// The outcome of a verb whose results are JSON: an error is one too, `{"errors": [...]}` on a
/// line of its own on standard output.
///
/// # Errors
/// The error itself, without JSON.
pub(crate) fn in_json(json: bool, outcome: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    match outcome {
        Err(error) if json && !is_closed_pipe(&error) => {
            output::line(&json!({ "errors": messages(&error) }).to_string())?;
            Ok(ExitCode::FAILURE)
        }
        outcome => outcome,
    }
}

/// `sandbar config | head` has what it wants.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Tells the user of the error that ended a verb.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    messages(error).iter().for_each(output::error);
    ExitCode::FAILURE
}
