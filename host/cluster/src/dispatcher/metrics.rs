//! The JobManager's metrics: those of the cluster, its jobs and their tasks, by Flink's names.
//! Source: Flink, `docs/content/docs/ops/metrics.md`.

use std::sync::Arc;

use sandbar_metrics::{MetricSnapshot, MetricValue, Scope, prometheus};
use sandbar_rpc::{ClusterOverview, JobView};

/// All of them as Prometheus text.
pub(super) fn render(overview: &ClusterOverview, jobs: &[JobView]) -> String {
    let mut metrics = Metrics::default();
    let scope = Metrics::scope(&["jobmanager"], &[]);
    metrics.add(&scope, "numRegisteredTaskManagers", overview.task_managers.into());
    metrics.add(&scope, "numRunningJobs", overview.jobs_running.into());
    metrics.add(&scope, "taskSlotsAvailable", overview.slots_available.into());
    metrics.add(&scope, "taskSlotsTotal", overview.slots_total.into());
    jobs.iter().filter(|job| !job.status.is_terminal()).for_each(|job| metrics.add_job(job));
    prometheus::render(&metrics.0)
}

#[derive(Default)]
struct Metrics(Vec<MetricSnapshot>);

impl Metrics {
    fn scope(path: &[&str], variables: &[(&str, String)]) -> Arc<Scope> {
        let path = path.iter().map(|kind| (*kind).to_owned()).collect();
        let own = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
        Arc::new(Scope { path, variables: variables.iter().map(own).collect() })
    }

    fn add(&mut self, scope: &Arc<Scope>, name: &str, value: f64) {
        let (scope, name) = (Arc::clone(scope), name.to_owned());
        self.0.push(MetricSnapshot { scope, name, value: MetricValue::Gauge(value) });
    }

    fn add_job(&mut self, job: &JobView) {
        let of_job = [("job_id", job.id.to_string()), ("job_name", job.name.clone())];
        let scope = Metrics::scope(&["jobmanager", "job"], &of_job);
        self.add(&scope, "numRestarts", job.restarts.into());
        self.add(&scope, "numRescales", job.rescales.into());
        for (vertex, shown) in job.graph.vertices.iter().zip(&job.vertices) {
            for (index, subtask) in shown.subtasks.iter().enumerate() {
                let worker = subtask.task_manager.as_ref().map(ToString::to_string);
                let of_task = [
                    ("task_name", vertex.name.clone()),
                    ("subtask_index", index.to_string()),
                    ("tm_id", worker.unwrap_or_default()),
                ];
                let variables = [of_job.as_slice(), of_task.as_slice()].concat();
                let task = Metrics::scope(&["taskmanager", "job", "task"], &variables);
                for (name, value) in subtask.metrics.iter() {
                    self.add(&task, name, value);
                }
            }
        }
    }
}
