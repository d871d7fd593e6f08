//! Accumulators of jobs, vertices and subtasks: what guests counted, once their tasks have ended.
//!
//! Source: Flink, `JobAccumulatorsInfo`, `JobVertexAccumulatorsInfo`,
//! `SubtasksAllAccumulatorsInfo`.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobVertex;
use sandbar_rpc::{Accumulators, JobView, SubtaskView, VertexView};
use serde::{Deserialize, Serialize};

use crate::execution::Locations;
use sandbar_model::hex_id::vertex_id;

/// The kind of all of them: Flink's class for a sum of 64 bits.
const LONG_COUNTER: &str = "LongCounter";

/// Answer of `GET /jobs/:jobid/accumulators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobAccumulators {
    /// Empty, as in Flink.
    pub job_accumulators: Vec<UserAccumulator>,
    /// Sums over the current attempts of all tasks that have ended, by name.
    pub user_task_accumulators: Vec<UserAccumulator>,
    /// Empty: those are Java's.
    pub serialized_user_task_accumulators: BTreeMap<String, String>,
    /// The name from which on accumulators are left out: there are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out_from: Option<String>,
}

/// An accumulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAccumulator {
    /// Its name.
    pub name: String,
    /// Its kind: `LongCounter`.
    #[serde(rename = "type")]
    pub accumulator_type: String,
    /// Its value as text.
    pub value: String,
}

impl JobAccumulators {
    pub(crate) fn of(job: &JobView) -> JobAccumulators {
        let sums = job.accumulators();
        JobAccumulators {
            job_accumulators: Vec::new(),
            user_task_accumulators: listed(&sums),
            serialized_user_task_accumulators: BTreeMap::new(),
            left_out_from: sums.left_out_from().map(str::to_owned),
        }
    }
}

fn listed(accumulators: &Accumulators) -> Vec<UserAccumulator> {
    let one = |(name, sum): (&String, &i64)| UserAccumulator {
        name: name.clone(),
        accumulator_type: LONG_COUNTER.to_owned(),
        value: sum.to_string(),
    };
    accumulators.sums().iter().map(one).collect()
}

/// Answer of `.../vertices/:vertexid/accumulators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobVertexAccumulators {
    /// The vertex.
    pub id: String,
    /// Sums over its subtasks, by name.
    pub user_accumulators: Vec<UserAccumulator>,
}

impl JobVertexAccumulators {
    pub(crate) fn of(vertex: &JobVertex, view: &VertexView) -> JobVertexAccumulators {
        JobVertexAccumulators {
            id: vertex_id(vertex),
            user_accumulators: listed(&view.accumulators()),
        }
    }
}

/// Answer of `.../vertices/:vertexid/subtasks/accumulators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtasksAllAccumulators {
    /// The vertex.
    pub id: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Its subtasks by index.
    pub subtasks: Vec<SubtaskAccumulators>,
}

/// The accumulators of a subtask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SubtaskAccumulators {
    /// Its index.
    pub subtask: usize,
    /// Number of its attempt.
    pub attempt: u32,
    /// Where it runs, as `host:port`.
    pub host: String,
    /// By name; empty until it has ended.
    pub user_accumulators: Vec<UserAccumulator>,
}

impl SubtasksAllAccumulators {
    pub(crate) fn of(
        vertex: &JobVertex,
        view: &VertexView,
        locations: &Locations,
    ) -> SubtasksAllAccumulators {
        let one = |(index, subtask): (usize, &SubtaskView)| SubtaskAccumulators {
            subtask: index,
            attempt: subtask.attempt,
            host: locations.endpoint(subtask.task_manager.as_ref()),
            user_accumulators: listed(&subtask.accumulators),
        };
        SubtasksAllAccumulators {
            id: vertex_id(vertex),
            parallelism: vertex.parallelism,
            subtasks: view.subtasks.iter().enumerate().map(one).collect(),
        }
    }
}
