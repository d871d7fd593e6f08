//! The bounds of the parallelism of a job's vertices, by vertex id.
//! Source: Flink, `JobResourceRequirementsBody`.

use std::collections::BTreeMap;

use sandbar_rpc::{ParallelismBounds, RequestedBounds};
use serde::{Deserialize, Serialize};

/// Answer of `GET /jobs/:jobid/resource-requirements` and body of `PUT`.
pub type JobResourceRequirements = BTreeMap<String, JobVertexResourceRequirements>;

/// What one vertex needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobVertexResourceRequirements {
    /// Its parallelism.
    pub parallelism: VertexParallelism,
}

/// From how many subtasks to how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VertexParallelism {
    /// The job does not run with fewer; -1 in a request for 1.
    pub lower_bound: i64,
    /// Nor with more; -1 in a request for the vertex's max parallelism.
    pub upper_bound: i64,
}

impl From<ParallelismBounds> for JobVertexResourceRequirements {
    fn from(bounds: ParallelismBounds) -> JobVertexResourceRequirements {
        let (lower_bound, upper_bound) = (bounds.lower.into(), bounds.upper.into());
        JobVertexResourceRequirements {
            parallelism: VertexParallelism { lower_bound, upper_bound },
        }
    }
}

impl From<JobVertexResourceRequirements> for RequestedBounds {
    fn from(requested: JobVertexResourceRequirements) -> RequestedBounds {
        let VertexParallelism { lower_bound, upper_bound } = requested.parallelism;
        RequestedBounds { lower: lower_bound, upper: upper_bound }
    }
}
