//! Metrics of jobs, vertices, subtasks, TaskManagers and the JobManager.
//!
//! Source: Flink, `AbstractMetricsHandler`, `AbstractAggregatingMetricsHandler`.

use std::collections::BTreeSet;

use sandbar_model::status::JobStatus;
use sandbar_rpc::{ClusterOverview, JobView, MetricTable};

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call, parse_job_id};
use crate::handler::vertices::{current_attempt, vertex};
use crate::message::job::duration;
use crate::message::metric::{Aggregation, Metric, aggregate, select, value_text};
use crate::route::Route;
use crate::route::Verb::Get;

/// What is shown of a task's event time.
const WATERMARK: &str = "currentInputWatermark";

/// Indexes that `?subtasks=` may name at most; a range can be written in few letters.
const SUBTASKS_MAX: usize = 1 << 15;

type Query = &'static [crate::route::QueryParameter];
const NAMES: Query = &[("get", "Names of metrics, with commas; without it all names.")];
const JOBS: Query = &[NAMES[0], AGG, ("jobs", "Ids of jobs, with commas; all by default.")];
const SUBTASKS: Query = &[NAMES[0], AGG, ("subtasks", "Indexes as in `0,2-4`; all by default.")];
const TASK_MANAGERS: Query =
    &[NAMES[0], AGG, ("taskmanagers", "Ids of TaskManagers, with commas; all by default.")];
const AGG: crate::route::QueryParameter =
    ("agg", "Of `min`, `max`, `avg` and `sum`, with commas; all by default.");

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/jobs/metrics", "getAggregatedJobMetrics",
        "Metrics over jobs.", jobs).query(JOBS),
    Route::new(Get, "/jobs/{jobid}/metrics", "getJobMetrics",
        "Metrics of a job.", job).query(NAMES),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/metrics", "getJobVertexMetrics",
        "Metrics of a vertex, as `<subtask>.<name>`.", vertex_metrics).query(NAMES),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/watermarks", "getJobVertexWatermarks",
        "The watermark of each subtask.", watermarks),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/subtasks/metrics",
        "getAggregatedSubtaskMetrics", "Metrics over subtasks.", subtasks).query(SUBTASKS),
    Route::new(Get, "/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/metrics",
        "getSubtaskMetrics", "Metrics of a subtask.", subtask).query(NAMES),
    Route::new(Get, "/taskmanagers/metrics", "getAggregatedTaskManagerMetrics",
        "Metrics over TaskManagers.", task_managers).query(TASK_MANAGERS),
    Route::new(Get, "/taskmanagers/{taskmanagerid}/metrics", "getTaskManagerMetrics",
        "Metrics of a TaskManager.", task_manager).query(NAMES),
    Route::new(Get, "/jobmanager/metrics", "getJobManagerMetrics",
        "Metrics of the JobManager.", job_manager).query(NAMES),
];

fn selected(metrics: &MetricTable, call: &Call) -> Result<Answer, RestError> {
    Answer::json(&select(metrics, &call.query_list("get")))
}

fn aggregated(sets: &[&MetricTable], call: &Call) -> Result<Answer, RestError> {
    let mode = |text: String| {
        Aggregation::parse(&text).ok_or_else(|| {
            let message = format!("agg: no aggregation `{text}`: there are min, max, avg and sum");
            RestError::bad_request(message)
        })
    };
    let modes = call.query_list("agg").into_iter().map(mode).collect::<Result<Vec<_>, _>>()?;
    Answer::json(&aggregate(sets, &call.query_list("get"), &modes))
}

/// Metrics of a job that follow from its states. Source: Flink's `JobStatusMetrics`.
fn job_metrics(job: &JobView, now: i64) -> MetricTable {
    // An f64 counts milliseconds exactly for 285,000 years.
    let since = |status: JobStatus| match job.timestamps.get(&status) {
        Some(entered) if job.status == status => (now - entered).max(0) as f64,
        _ => 0.0,
    };
    let uptime = if job.status.is_terminal() { -1.0 } else { duration(job, now) as f64 };
    MetricTable::from_iter([
        ("cancellingTime".to_owned(), since(JobStatus::Cancelling)),
        ("createdTime".to_owned(), since(JobStatus::Created)),
        ("failingTime".to_owned(), since(JobStatus::Failing)),
        ("initializingTime".to_owned(), since(JobStatus::Initializing)),
        ("numRescales".to_owned(), f64::from(job.rescales)),
        ("numRestarts".to_owned(), f64::from(job.restarts)),
        ("restartingTime".to_owned(), since(JobStatus::Restarting)),
        ("runningTime".to_owned(), since(JobStatus::Running)),
        ("uptime".to_owned(), uptime),
    ])
}

/// Metrics of the cluster. Source: Flink, `docs/content/docs/ops/metrics.md`, "Cluster".
fn cluster_metrics(overview: &ClusterOverview) -> MetricTable {
    MetricTable::from_iter([
        ("numRegisteredTaskManagers".to_owned(), f64::from(overview.task_managers)),
        ("numRunningJobs".to_owned(), f64::from(overview.jobs_running)),
        ("taskSlotsAvailable".to_owned(), f64::from(overview.slots_available)),
        ("taskSlotsTotal".to_owned(), f64::from(overview.slots_total)),
    ])
}

fn jobs(api: &Api, call: Call) -> Result<Answer, RestError> {
    let ids = call.query_list("jobs").into_iter().map(|id| parse_job_id(&id));
    let ids = ids.collect::<Result<Vec<_>, _>>().map_err(|error| error.within("jobs"))?;
    let now = api.now();
    let jobs = api.gateway.jobs();
    let chosen = jobs.iter().filter(|job| ids.is_empty() || ids.contains(&job.id));
    let sets: Vec<MetricTable> = chosen.map(|job| job_metrics(job, now)).collect();
    aggregated(&sets.iter().collect::<Vec<_>>(), &call)
}

fn job(api: &Api, call: Call) -> Result<Answer, RestError> {
    selected(&job_metrics(&api.job(&call)?, api.now()), &call)
}

fn vertex_metrics(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (_, view) = vertex(&job, &call)?;
    let numbered = view.subtasks.iter().enumerate().flat_map(|(index, subtask)| {
        subtask.metrics.iter().map(move |(name, value)| (format!("{index}.{name}"), value))
    });
    selected(&numbered.collect(), &call)
}

fn watermarks(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (_, view) = vertex(&job, &call)?;
    let found = view.subtasks.iter().enumerate().filter_map(|(index, subtask)| {
        let value = subtask.metrics.get(WATERMARK)?;
        Some(Metric { id: format!("{index}.{WATERMARK}"), value: Some(value_text(value)) })
    });
    Answer::json(&found.collect::<Vec<Metric>>())
}

fn subtasks(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (_, view) = vertex(&job, &call)?;
    let chosen = parse_indexes(&call.query_list("subtasks"))?;
    let all = view.subtasks.iter().enumerate();
    let chosen = all.filter(|(index, _)| chosen.is_empty() || chosen.contains(index));
    let sets: Vec<&MetricTable> = chosen.map(|(_, subtask)| &subtask.metrics).collect();
    aggregated(&sets, &call)
}

/// Reads `0,2-4`.
fn parse_indexes(parts: &[String]) -> Result<BTreeSet<usize>, RestError> {
    let mut indexes = BTreeSet::new();
    for part in parts {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let bounds = from.trim().parse::<usize>().ok().zip(to.trim().parse::<usize>().ok());
        match bounds {
            Some((first, last)) if first <= last && last < SUBTASKS_MAX => {
                indexes.extend(first..=last);
            }
            Some(_) | None => {
                let message = format!(
                    "subtasks: `{part}` is no index and no range: write them as in `0,2-4`, below \
                     {SUBTASKS_MAX}"
                );
                return Err(RestError::bad_request(message));
            }
        }
    }
    Ok(indexes)
}

fn subtask(api: &Api, call: Call) -> Result<Answer, RestError> {
    let job = api.job(&call)?;
    let (_, subtask) = current_attempt(vertex(&job, &call)?.1, &call)?;
    selected(&subtask.metrics, &call)
}

fn task_managers(api: &Api, call: Call) -> Result<Answer, RestError> {
    let ids = call.query_list("taskmanagers");
    let all = api.gateway.task_managers();
    let chosen = all.iter().filter(|one| ids.is_empty() || ids.contains(&one.id.0));
    let sets: Vec<&MetricTable> = chosen.map(|one| &one.metrics).collect();
    aggregated(&sets, &call)
}

fn task_manager(api: &Api, call: Call) -> Result<Answer, RestError> {
    selected(&api.task_manager(&call)?.metrics, &call)
}

fn job_manager(api: &Api, call: Call) -> Result<Answer, RestError> {
    selected(&cluster_metrics(&api.gateway.overview()), &call)
}
