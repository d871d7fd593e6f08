//! Jobs that have ended and are still shown. Source: Flink's `ExecutionGraphInfoStore`.

use std::collections::VecDeque;

use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rpc::{JobView, MetricTable};

/// How many jobs ended in which state, those no longer shown included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EndedJobs {
    pub(super) finished: u32,
    pub(super) canceled: u32,
    pub(super) failed: u32,
}

/// The jobs, oldest first.
#[derive(Debug)]
pub(super) struct JobArchive {
    jobs: VecDeque<JobView>,
    max: usize,
    counts: EndedJobs,
}

impl JobArchive {
    pub(super) fn new(max: usize) -> JobArchive {
        JobArchive { jobs: VecDeque::new(), max, counts: EndedJobs::default() }
    }

    /// Adds a job; the one that ended first makes room.
    pub(super) fn add(&mut self, mut job: JobView) {
        self.share_names(&mut job);
        match job.status {
            JobStatus::Finished => self.counts.finished += 1,
            JobStatus::Canceled => self.counts.canceled += 1,
            JobStatus::Initializing
            | JobStatus::Created
            | JobStatus::Running
            | JobStatus::Failing
            | JobStatus::Failed
            | JobStatus::Cancelling
            | JobStatus::Restarting => self.counts.failed += 1,
        }
        self.jobs.push_back(job);
        while self.jobs.len() > self.max {
            self.jobs.pop_front();
        }
    }

    /// Has tasks use the names of metrics of tasks before them, or of the job before, if those are
    /// the same, as they mostly are.
    fn share_names(&self, job: &mut JobView) {
        let last = self.jobs.back().into_iter().flat_map(|last| &last.vertices);
        let lasts = last.filter_map(|vertex| vertex.subtasks.first());
        let mut known: Vec<MetricTable> = lasts.map(|subtask| subtask.metrics.clone()).collect();
        for subtask in job.vertices.iter_mut().flat_map(|vertex| &mut vertex.subtasks) {
            if !known.iter().any(|other| subtask.metrics.share_names(other)) {
                known.push(subtask.metrics.clone());
            }
        }
    }

    /// Forgets jobs that ended before this time.
    pub(super) fn expire(&mut self, before: i64) {
        let ended = |job: &JobView| job.end_time.unwrap_or(i64::MAX);
        while self.jobs.front().is_some_and(|oldest| ended(oldest) < before) {
            self.jobs.pop_front();
        }
    }

    pub(super) fn job(&self, id: JobId) -> Option<&JobView> {
        self.jobs.iter().find(|job| job.id == id)
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &JobView> {
        self.jobs.iter()
    }

    pub(super) fn counts(&self) -> EndedJobs {
        self.counts
    }
}
