//! What else is asked of a vertex: times, TaskManagers, back pressure, accumulators.

use std::collections::BTreeMap;

use sandbar_model::job_graph::JobVertex;
use sandbar_model::status::ExecutionState;
use sandbar_rpc::{SubtaskView, TaskManagerId, VertexView};
use serde::{Deserialize, Serialize};

use crate::execution::{
    EXECUTION_STATES, Locations, Period, aggregate_state, entered, state_counts, task_manager_name,
};
use crate::message::metric::IoMetrics;
use crate::message::vertex::{AggregatedTaskDetails, SubtaskAttempt};
use sandbar_model::hex_id::vertex_id;

/// Milliseconds in the second that rates are of.
const MS_PER_SECOND: f64 = 1_000.0;
/// Up to this ratio back pressure is `ok`. Source: Flink's `JobVertexBackPressureHandler`.
const OK_RATIO_MAX: f64 = 0.10;
/// Up to this ratio it is `low`.
const LOW_RATIO_MAX: f64 = 0.5;

/// Answer of `.../subtasktimes`. Source: Flink's `SubtasksTimesInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtasksTimes {
    /// The vertex.
    pub id: String,
    /// The names of its operators.
    pub name: String,
    /// The server's time.
    pub now: i64,
    /// Its subtasks by index.
    pub subtasks: Vec<SubtaskTime>,
}

/// The times of a subtask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtaskTime {
    /// Its index.
    pub subtask: usize,
    /// Where it runs, as `host:port`.
    pub host: String,
    /// The same, under Flink's later name.
    pub endpoint: String,
    /// Milliseconds since it was scheduled, until its end or now; -1 before.
    pub duration: i64,
    /// When it entered each state; 0 for never.
    pub timestamps: BTreeMap<ExecutionState, i64>,
}

impl SubtasksTimes {
    pub(crate) fn of(
        vertex: &JobVertex,
        view: &VertexView,
        locations: &Locations,
        now: i64,
    ) -> SubtasksTimes {
        let time = |(index, subtask): (usize, &SubtaskView)| {
            let start = entered(subtask, ExecutionState::Scheduled);
            let is_over = subtask.state.is_terminal();
            let end = if is_over { entered(subtask, subtask.state) } else { now };
            let endpoint = locations.endpoint(subtask.task_manager.as_ref());
            let at = |state| (state, entered(subtask, state));
            SubtaskTime {
                subtask: index,
                host: endpoint.clone(),
                endpoint,
                duration: if start > 0 { (end - start).max(0) } else { -1 },
                timestamps: EXECUTION_STATES.into_iter().map(at).collect(),
            }
        };
        SubtasksTimes {
            id: vertex_id(vertex),
            name: vertex.name.clone(),
            now,
            subtasks: view.subtasks.iter().enumerate().map(time).collect(),
        }
    }
}

/// Answer of `.../taskmanagers`. Source: Flink's `JobVertexTaskManagersInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobVertexTaskManagers {
    /// The vertex.
    pub id: String,
    /// The names of its operators.
    pub name: String,
    /// The server's time.
    pub now: i64,
    /// One entry a TaskManager that runs subtasks of it.
    pub taskmanagers: Vec<JobVertexTaskManager>,
}

/// The subtasks of a vertex on one TaskManager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobVertexTaskManager {
    /// Where it takes records, as `host:port`.
    pub host: String,
    /// The same, under Flink's later name.
    pub endpoint: String,
    /// The state that stands for all of them.
    pub status: ExecutionState,
    /// When the first was deployed; -1 before.
    pub start_time: i64,
    /// When the last ended; -1 before.
    pub end_time: i64,
    /// Milliseconds from start to end, or until now; -1 before the start.
    pub duration: i64,
    /// Sums over them.
    pub metrics: IoMetrics,
    /// How many are in each state.
    pub status_counts: BTreeMap<ExecutionState, u32>,
    /// The TaskManager; `(unassigned)` for those that have none.
    pub taskmanager_id: String,
    /// How they differ.
    pub aggregated: AggregatedTaskDetails,
}

impl JobVertexTaskManagers {
    pub(crate) fn of(
        vertex: &JobVertex,
        view: &VertexView,
        locations: &Locations,
        now: i64,
    ) -> JobVertexTaskManagers {
        let mut groups: BTreeMap<Option<&TaskManagerId>, Vec<(usize, &SubtaskView)>> =
            BTreeMap::new();
        for (index, subtask) in view.subtasks.iter().enumerate() {
            groups.entry(subtask.task_manager.as_ref()).or_default().push((index, subtask));
        }
        let one = |(id, group): (Option<&TaskManagerId>, Vec<(usize, &SubtaskView)>)| {
            let attempt = |(index, subtask)| SubtaskAttempt::of(index, subtask, locations, now);
            let attempts = group.iter().copied().map(attempt).collect::<Vec<SubtaskAttempt>>();
            let subtasks: Vec<&SubtaskView> = group.iter().map(|(_, subtask)| *subtask).collect();
            let counts = state_counts(subtasks.iter().copied());
            let period = Period::of(subtasks.iter().copied(), now);
            JobVertexTaskManager {
                host: locations.endpoint(id),
                endpoint: locations.endpoint(id),
                status: aggregate_state(&counts),
                start_time: period.start,
                end_time: period.end,
                duration: period.duration,
                metrics: IoMetrics::of(subtasks.iter().copied()),
                status_counts: counts,
                taskmanager_id: task_manager_name(id),
                aggregated: AggregatedTaskDetails::of(&attempts),
            }
        };
        JobVertexTaskManagers {
            id: vertex_id(vertex),
            name: vertex.name.clone(),
            now,
            taskmanagers: groups.into_iter().map(one).collect(),
        }
    }
}

/// How hard back pressure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackPressureLevel {
    /// Up to 10 % of the time.
    Ok,
    /// Up to half of the time.
    Low,
    /// More than half of the time.
    High,
}

impl BackPressureLevel {
    fn of(ratio: f64) -> BackPressureLevel {
        if ratio <= OK_RATIO_MAX {
            BackPressureLevel::Ok
        } else if ratio <= LOW_RATIO_MAX {
            BackPressureLevel::Low
        } else {
            BackPressureLevel::High
        }
    }
}

/// Answer of `.../backpressure`. Flink has spelled the level in two ways; both are here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobVertexBackPressure {
    /// `ok`, or `deprecated` when no subtask has reported yet: then the rest is left out.
    pub status: String,
    /// The worst of the subtasks.
    #[serde(rename = "backpressureLevel", default, skip_serializing_if = "Option::is_none")]
    pub level: Option<BackPressureLevel>,
    /// The same.
    #[serde(rename = "backpressure-level", default, skip_serializing_if = "Option::is_none")]
    pub level_compatible: Option<BackPressureLevel>,
    /// When it was measured.
    #[serde(rename = "end-timestamp", default, skip_serializing_if = "Option::is_none")]
    pub end_timestamp: Option<i64>,
    /// Its subtasks by index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtasks: Option<Vec<SubtaskBackPressure>>,
}

/// The back pressure on a subtask. The three ratios add up to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubtaskBackPressure {
    /// Its index.
    pub subtask: usize,
    /// How hard it is.
    #[serde(rename = "backpressureLevel")]
    pub level: BackPressureLevel,
    /// The same.
    #[serde(rename = "backpressure-level")]
    pub level_compatible: BackPressureLevel,
    /// Part of the time that it waits for room.
    pub ratio: f64,
    /// Part of the time that it waits for records.
    #[serde(rename = "idleRatio")]
    pub idle_ratio: f64,
    /// Part of the time that it works.
    #[serde(rename = "busyRatio")]
    pub busy_ratio: f64,
}

impl JobVertexBackPressure {
    pub(crate) fn of(view: &VertexView, now: i64) -> JobVertexBackPressure {
        let one = |(index, subtask): (usize, &SubtaskView)| {
            let of = |name: &str| subtask.metrics.get(name).unwrap_or(0.0) / MS_PER_SECOND;
            let ratio = of("backPressuredTimeMsPerSecond");
            let level = BackPressureLevel::of(ratio);
            SubtaskBackPressure {
                subtask: index,
                level,
                level_compatible: level,
                ratio,
                idle_ratio: of("idleTimeMsPerSecond"),
                busy_ratio: of("busyTimeMsPerSecond"),
            }
        };
        if view.subtasks.iter().all(|subtask| subtask.metrics.is_empty()) {
            return JobVertexBackPressure {
                status: "deprecated".to_owned(),
                level: None,
                level_compatible: None,
                end_timestamp: None,
                subtasks: None,
            };
        }
        let subtasks: Vec<SubtaskBackPressure> =
            view.subtasks.iter().enumerate().map(one).collect();
        let worst = subtasks.iter().map(|subtask| subtask.ratio).fold(0.0, f64::max);
        let level = Some(BackPressureLevel::of(worst));
        JobVertexBackPressure {
            status: "ok".to_owned(),
            level,
            level_compatible: level,
            end_timestamp: Some(now),
            subtasks: Some(subtasks),
        }
    }
}
