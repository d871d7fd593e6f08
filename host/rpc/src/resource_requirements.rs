//! How many subtasks each vertex of a job may have under the adaptive scheduler, as asked for and
//! as it holds. Source: Flink, `JobResourceRequirements`.

use std::collections::BTreeMap;

use sandbar_model::VertexId;
use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::JobStatus;

/// The parallelisms that a vertex may run at. Invariant: `1 <= lower <= upper`, and `upper` is at
/// most the vertex's max parallelism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParallelismBounds {
    /// The job does not run with fewer subtasks of the vertex.
    pub lower: u32,
    /// Nor with more.
    pub upper: u32,
}

/// What is asked for one vertex. -1 stands for the default: 1 for the lower bound, the max
/// parallelism for the upper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedBounds {
    /// The lower bound, or -1.
    pub lower: i64,
    /// The upper bound, or -1.
    pub upper: i64,
}

/// What is asked for a whole job.
pub type RequestedRequirements = BTreeMap<VertexId, RequestedBounds>;

/// Why the requirements of a job stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequirementsError {
    /// There is no such job.
    #[error("there is no such job")]
    NoJob,
    /// The job has ended, or is about to.
    #[error("the job is {0} and has no parallelism to change")]
    Ended(JobStatus),
    /// The scheduler of the job cannot change its parallelism.
    #[error(
        "the job runs under jobmanager.scheduler: default, which keeps its parallelism; \
         submit it with jobmanager.scheduler: adaptive"
    )]
    NotAdaptive,
    /// The requirements are wrong; one message each.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
}

/// Checks what is asked for every vertex of a job, and returns the bounds in the order of the
/// graph. Source: Flink, `JobResourceRequirements.validate`.
///
/// # Errors
/// Everything that is wrong, vertex by vertex.
pub fn check_requirements(
    graph: &JobGraph,
    requested: &RequestedRequirements,
) -> Result<Vec<ParallelismBounds>, Vec<String>> {
    let (mut bounds, mut problems) = (Vec::new(), Vec::new());
    for vertex in &graph.vertices {
        let (name, max) = (&vertex.name, vertex.max_parallelism);
        let Some(asked) = requested.get(&vertex.id) else {
            problems.push(format!("vertex \"{name}\" is missing: every vertex needs its bounds"));
            continue;
        };
        let lower = if asked.lower == -1 { 1 } else { asked.lower };
        let upper = if asked.upper == -1 { i64::from(max) } else { asked.upper };
        match (u32::try_from(lower), u32::try_from(upper)) {
            (Ok(lower @ 1..), Ok(upper @ 1..)) if lower <= upper && upper <= max => {
                bounds.push(ParallelismBounds { lower, upper });
            }
            (Ok(1..), Ok(1..)) if lower > upper => problems.push(format!(
                "vertex \"{name}\": the lower bound {lower} is above the upper bound {upper}"
            )),
            (Ok(1..), _) if upper >= 1 => problems.push(format!(
                "vertex \"{name}\": the upper bound {upper} is above its max parallelism {max}, \
                 which stays as the job was submitted"
            )),
            (_, _) => problems.push(format!(
                "vertex \"{name}\": the bounds {lower} and {upper} must be from 1 to its max \
                 parallelism {max}, or -1 for the default"
            )),
        }
    }
    let is_unknown = |id: &&VertexId| id.index() >= graph.vertices.len();
    let unknown = requested.keys().filter(is_unknown);
    problems.extend(unknown.map(|id| format!("the job has no vertex at position {}", id.0)));
    if problems.is_empty() { Ok(bounds) } else { Err(problems) }
}
