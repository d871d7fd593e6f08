//! One vertex with its subtasks, and their attempts.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobVertex;
use sandbar_model::status::ExecutionState;
use sandbar_rpc::{SubtaskView, VertexView};
use serde::{Deserialize, Serialize};

use crate::execution::{Locations, Period, TIMED_STATES, state_durations, task_manager_name};
use crate::message::metric::{IoMetrics, whole};
use sandbar_model::hex_id::vertex_id;

/// Answer of `GET /jobs/:jobid/vertices/:vertexid`. Source: Flink's `JobVertexDetailsInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobVertexDetails {
    /// The vertex.
    pub id: String,
    /// The names of its operators.
    pub name: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Number of key groups.
    #[serde(rename = "maxParallelism")]
    pub max_parallelism: u32,
    /// The server's time.
    pub now: i64,
    /// Its subtasks by index.
    pub subtasks: Vec<SubtaskAttempt>,
    /// How its subtasks differ.
    pub aggregated: AggregatedTaskDetails,
}

/// An attempt of a subtask. Source: Flink's `SubtaskExecutionAttemptDetailsInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubtaskAttempt {
    /// Index of the subtask.
    pub subtask: usize,
    /// Its state.
    pub status: ExecutionState,
    /// Number of the attempt, from 0.
    pub attempt: u32,
    /// Where it runs, as `host:port`; `(unassigned)` before.
    pub host: String,
    /// The same, under Flink's later name.
    pub endpoint: String,
    /// When it was deployed; -1 before.
    #[serde(rename = "start-time")]
    pub start_time: i64,
    /// When it ended; -1 before.
    #[serde(rename = "end-time")]
    pub end_time: i64,
    /// Milliseconds from start to end, or until now; -1 before the start.
    pub duration: i64,
    /// What went through it.
    pub metrics: IoMetrics,
    /// Where it runs; `(unassigned)` before.
    #[serde(rename = "taskmanager-id")]
    pub taskmanager_id: String,
    /// Milliseconds in each state before its end; -1 for those it has not been in.
    #[serde(rename = "status-duration")]
    pub status_duration: BTreeMap<ExecutionState, i64>,
    /// The start time, as older clients of Flink know it.
    #[serde(rename = "start_time")]
    pub start_time_compatible: i64,
}

/// How the subtasks of a vertex differ. Source: Flink's `AggregatedTaskDetailsInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregatedTaskDetails {
    /// By the names of [`IoMetrics`].
    pub metrics: BTreeMap<String, Statistics>,
    /// By state.
    #[serde(rename = "status-duration")]
    pub status_duration: BTreeMap<String, Statistics>,
}

/// Some numbers, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
    /// The mean, rounded down.
    pub avg: i64,
    /// The sum.
    pub sum: i64,
    /// The middle one.
    pub median: i64,
    /// A quarter of them is at most this.
    pub p25: i64,
    /// Three quarters of them are at most this.
    pub p75: i64,
    /// 95 % of them are at most this.
    pub p95: i64,
}

impl Statistics {
    /// Zeroes for no numbers. Percentiles are the nearest rank.
    pub(crate) fn of(mut values: Vec<i64>) -> Statistics {
        values.sort_unstable();
        let rank = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values.get(rank).copied().unwrap_or(0)
        };
        let sum = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
        let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
        Statistics {
            min: values.first().copied().unwrap_or(0),
            max: values.last().copied().unwrap_or(0),
            avg: sum.checked_div(count).unwrap_or(0),
            sum,
            median: rank(50),
            p25: rank(25),
            p75: rank(75),
            p95: rank(95),
        }
    }
}

impl SubtaskAttempt {
    pub(crate) fn of(
        subtask: usize,
        attempt: &SubtaskView,
        locations: &Locations,
        now: i64,
    ) -> SubtaskAttempt {
        let period = Period::of([attempt], now);
        let endpoint = locations.endpoint(attempt.task_manager.as_ref());
        SubtaskAttempt {
            subtask,
            status: attempt.state,
            attempt: attempt.attempt,
            host: endpoint.clone(),
            endpoint,
            start_time: period.start,
            end_time: period.end,
            duration: period.duration,
            metrics: IoMetrics::of([attempt]),
            taskmanager_id: task_manager_name(attempt.task_manager.as_ref()),
            status_duration: state_durations(attempt, now),
            start_time_compatible: period.start,
        }
    }
}

impl JobVertexDetails {
    pub(crate) fn of(
        vertex: &JobVertex,
        view: &VertexView,
        locations: &Locations,
        now: i64,
    ) -> JobVertexDetails {
        let attempt = |(index, subtask)| SubtaskAttempt::of(index, subtask, locations, now);
        let subtasks: Vec<SubtaskAttempt> = view.subtasks.iter().enumerate().map(attempt).collect();
        JobVertexDetails {
            id: vertex_id(vertex),
            name: vertex.name.clone(),
            parallelism: vertex.parallelism,
            max_parallelism: vertex.max_parallelism,
            now,
            aggregated: AggregatedTaskDetails::of(&subtasks),
            subtasks,
        }
    }
}

impl AggregatedTaskDetails {
    pub(crate) fn of(subtasks: &[SubtaskAttempt]) -> AggregatedTaskDetails {
        let metric = |name: &str, read: fn(&IoMetrics) -> i64| {
            let values = subtasks.iter().map(|subtask| read(&subtask.metrics)).collect();
            (name.to_owned(), Statistics::of(values))
        };
        let state = |state: ExecutionState| {
            let duration = |subtask: &SubtaskAttempt| {
                subtask.status_duration.get(&state).copied().unwrap_or(-1)
            };
            (state.to_string(), Statistics::of(subtasks.iter().map(duration).collect()))
        };
        AggregatedTaskDetails {
            metrics: BTreeMap::from([
                metric("read-bytes", |io| io.read_bytes),
                metric("write-bytes", |io| io.write_bytes),
                metric("read-records", |io| io.read_records),
                metric("write-records", |io| io.write_records),
                metric("accumulated-backpressured-time", |io| io.accumulated_backpressured_time),
                metric("accumulated-idle-time", |io| io.accumulated_idle_time),
                metric("accumulated-busy-time", |io| whole(io.accumulated_busy_time)),
            ]),
            status_duration: TIMED_STATES.into_iter().map(state).collect(),
        }
    }
}
