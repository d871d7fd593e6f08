//! Metrics of tasks over REST, which heartbeats bring up to date.

use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::eventually;

/// How a JobManager is told to hear of metrics soon.
pub const OFTEN: &str = "-Dheartbeat.interval=100ms";

impl Cluster {
    /// The id of a job's vertex.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn vertex(&self, job: &str, index: usize) -> String {
        let details = self.job(job);
        details["vertices"][index]["id"].as_str().expect("a vertex has an id").to_owned()
    }

    /// A metric of a subtask; none until it is told.
    pub fn metric(&self, job: &str, (vertex, subtask): (usize, usize), name: &str) -> Option<f64> {
        let vertex = self.vertex(job, vertex);
        let path = format!("/jobs/{job}/vertices/{vertex}/subtasks/{subtask}/metrics?get={name}");
        self.rest().get(&path)[0]["value"].as_str()?.parse().ok()
    }
}

/// By how much a number that heartbeats change grows in a second, over a window of at least this.
///
/// # Panics
/// If it does not change in time.
pub fn per_second(window: Duration, mut look: impl FnMut() -> Option<f64>) -> f64 {
    let mut last = None;
    // Each value is taken when it has just changed.
    let mut next = || {
        eventually("a metric changes", || {
            let value = look()?;
            let has_changed = last.replace(value).is_some_and(|before| before != value);
            has_changed.then(|| (Instant::now(), value))
        })
    };
    let (started, first) = next();
    loop {
        let (at, value) = next();
        let elapsed = at - started;
        if elapsed >= window {
            return (value - first) / elapsed.as_secs_f64();
        }
    }
}
