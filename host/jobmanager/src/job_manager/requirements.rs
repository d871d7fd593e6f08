//! Changes of the bounds of a job's parallelism, as users ask for them.

use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rpc::resource_requirements::check_requirements;
use sandbar_rpc::{ParallelismBounds, RequestedRequirements, RequirementsError};

use super::JobManager;
use crate::execution_graph::{Event as ExecutionEvent, ExecutionGraph};
use crate::vertex_parallelism::contradictions;

impl JobManager {
    pub(super) fn on_requirements(
        &mut self,
        job: JobId,
        requested: &RequestedRequirements,
    ) -> Result<(), RequirementsError> {
        let Some(master) = self.jobs.get(&job) else {
            let ended = self.archive.job(job).map(|view| RequirementsError::Ended(view.status));
            return Err(ended.unwrap_or(RequirementsError::NoJob));
        };
        let bounds = check(master.execution(), requested)?;
        tracing::info!(%job, ?bounds, "the job's parallelism is bounded anew");
        self.tell(job, ExecutionEvent::Requirements(bounds));
        Ok(())
    }
}

fn check(
    execution: &ExecutionGraph,
    requested: &RequestedRequirements,
) -> Result<Vec<ParallelismBounds>, RequirementsError> {
    if execution.requirements().is_none() {
        return Err(RequirementsError::NotAdaptive);
    }
    let status = execution.status();
    if matches!(status, JobStatus::Failing | JobStatus::Cancelling) || status.is_terminal() {
        return Err(RequirementsError::Ended(status));
    }
    let graph = execution.graph();
    let bounds = check_requirements(graph, requested).map_err(RequirementsError::Invalid)?;
    let problems: Vec<String> = contradictions(graph, &bounds)
        .iter()
        .map(|tie| {
            let names =
                tie.iter().map(|vertex| format!("\"{}\"", graph.vertices[vertex.index()].name));
            let names: Vec<String> = names.collect();
            format!(
                "vertices {} read from one partitioner and have one parallelism: their bounds \
                 leave none",
                names.join(", ")
            )
        })
        .collect();
    if problems.is_empty() { Ok(bounds) } else { Err(RequirementsError::Invalid(problems)) }
}
