//! What a user holds of a job: its state, its counters, and the handle to cancel it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use sandbar_jobmanager::JobManagerHandle;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::{Accumulators, JobView, SubtaskView, TaskAttempt};
use sandbar_taskmanager::TaskExecutor;

/// How a job ended.
#[derive(Clone, Debug)]
pub struct JobResult {
    /// The job.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Its terminal state.
    pub status: JobStatus,
    /// Why it failed.
    pub failure: Option<String>,
    /// From its start to its end.
    pub runtime: Duration,
    /// What its guests counted.
    pub accumulators: Accumulators,
}

/// The counters of a vertex, summed over its subtasks.
#[derive(Clone, Debug)]
pub struct VertexSnapshot {
    /// The vertex.
    pub id: VertexId,
    /// Its name.
    pub name: String,
    /// Its number of subtasks.
    pub parallelism: u32,
    /// How often the subtask that ran most often was started.
    pub attempts: u32,
    /// How many of its subtasks are in each state.
    pub states: Vec<(ExecutionState, u32)>,
    /// Records received or, for a source, read.
    pub records_in: u64,
    /// Records sent to other vertices or written by sinks.
    pub records_out: u64,
    /// Bytes sent to other vertices.
    pub bytes_out: u64,
    /// Records skipped or sent to a dead-letter output.
    pub records_failed: u64,
    /// Time that its subtasks waited for room downstream.
    pub back_pressured: Duration,
    /// Metrics of the guests' own, by operator uid and name.
    pub guest_metrics: BTreeMap<(String, String), f64>,
}

/// A look at a running job.
#[derive(Clone, Debug)]
pub struct JobSnapshot {
    /// Its state.
    pub status: JobStatus,
    /// Its vertices in topological order.
    pub vertices: Vec<VertexSnapshot>,
}

/// The handle of a submitted job. Cheap to clone; dropping it does not touch the job.
#[derive(Clone)]
pub struct JobClient {
    job_manager: JobManagerHandle,
    executor: Arc<TaskExecutor>,
    id: JobId,
    name: String,
    end: Arc<Mutex<End>>,
}

/// The end of a job: to be told, then known.
struct End {
    told: Receiver<Option<JobView>>,
    known: Option<JobResult>,
}

impl std::fmt::Debug for JobClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobClient").field("job", &self.id).finish_non_exhaustive()
    }
}

impl JobClient {
    pub(crate) fn new(
        job_manager: JobManagerHandle,
        executor: Arc<TaskExecutor>,
        id: JobId,
        name: String,
    ) -> JobClient {
        let end = End { told: job_manager.end_of(id), known: None };
        JobClient { job_manager, executor, id, name, end: Arc::new(Mutex::new(end)) }
    }

    /// The job.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Cancels the job. Returns at once; see [`JobClient::wait`].
    pub fn cancel(&self) {
        // What the job was before is of no interest here.
        let _ = self.job_manager.cancel(self.id);
    }

    /// Makes all tasks look at the clock: for a clock that is moved by hand.
    pub fn wake(&self) {
        self.executor.wake_all();
    }

    /// Waits for the end of the job.
    pub fn wait(&self) -> JobResult {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        match &end.known {
            Some(known) => known.clone(),
            None => {
                let told = end.told.recv().ok().flatten();
                end.known.insert(self.result(told)).clone()
            }
        }
    }

    /// Waits for the end of the job, but not longer than this.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<JobResult> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if end.known.is_none() {
            let told = match end.told.recv_timeout(timeout) {
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => None,
                Ok(told) => told,
            };
            end.known = Some(self.result(told));
        }
        end.known.clone()
    }

    /// Looks at the job.
    pub fn snapshot(&self) -> JobSnapshot {
        match self.job_manager.job(self.id) {
            Some(view) => JobSnapshot::of(&view),
            None => JobSnapshot { status: JobStatus::Canceled, vertices: Vec::new() },
        }
    }

    /// Says where the job stands: a line for each subtask that has not ended, with its state and
    /// what its task does or waits for. For people who wonder why it does not end.
    pub fn activity(&self) -> String {
        let Some(view) = self.job_manager.job(self.id) else {
            return "the cluster has ended".to_owned();
        };
        let activities = self.executor.activities(self.id);
        let mut text = format!("job \"{}\" is {}", view.graph.name, view.status);
        for (shown, vertex) in view.vertices.iter().zip(&view.graph.vertices) {
            for (subtask, current) in (0..).zip(&shown.subtasks) {
                if current.state.is_terminal() {
                    continue;
                }
                let attempt = current.attempt;
                let task = TaskAttempt { job: self.id, vertex: shown.id, subtask, attempt };
                let activity = activities.get(&task).map(ToString::to_string);
                let activity = activity.unwrap_or_else(|| "has no thread".to_owned());
                let (number, of) = (subtask + 1, vertex.parallelism);
                let (name, state) = (&vertex.name, current.state);
                text.push_str(&format!("\n\"{name}\" ({number}/{of}) is {state}: {activity}"));
            }
        }
        text
    }

    /// None is a job whose cluster has ended before it.
    fn result(&self, view: Option<JobView>) -> JobResult {
        let (job, name) = (self.id, self.name.clone());
        let Some(view) = view else {
            let failure = Some("the cluster ended before the job".to_owned());
            return JobResult {
                job,
                name,
                status: JobStatus::Failed,
                failure,
                runtime: Duration::ZERO,
                accumulators: Accumulators::default(),
            };
        };
        let failed = view.status == JobStatus::Failed;
        let failure = view.exceptions.first().filter(|_| failed);
        let runtime = view.end_time.unwrap_or(view.start_time) - view.start_time;
        JobResult {
            job,
            name,
            status: view.status,
            failure: failure.map(|exception| exception.message.clone()),
            runtime: Duration::from_millis(runtime.max(0).unsigned_abs()),
            accumulators: view.accumulators(),
        }
    }
}

impl JobSnapshot {
    fn of(view: &JobView) -> JobSnapshot {
        let vertices = view.vertices.iter().zip(&view.graph.vertices).map(|(shown, vertex)| {
            let mut snapshot = VertexSnapshot {
                id: vertex.id,
                name: vertex.name.clone(),
                parallelism: vertex.parallelism,
                attempts: 0,
                states: Vec::new(),
                records_in: 0,
                records_out: 0,
                bytes_out: 0,
                records_failed: 0,
                back_pressured: Duration::ZERO,
                guest_metrics: BTreeMap::new(),
            };
            shown.subtasks.iter().for_each(|subtask| snapshot.add(subtask));
            snapshot
        });
        JobSnapshot { status: view.status, vertices: vertices.collect() }
    }
}

impl VertexSnapshot {
    fn add(&mut self, subtask: &SubtaskView) {
        self.attempts = self.attempts.max(subtask.attempt + 1);
        match self.states.iter_mut().find(|(known, _)| *known == subtask.state) {
            Some((_, count)) => *count += 1,
            None => self.states.push((subtask.state, 1)),
        }
        for (name, value) in subtask.metrics.iter() {
            let count = value as u64;
            match name {
                "numRecordsIn" => self.records_in += count,
                "numRecordsOut" => self.records_out += count,
                "numBytesOut" => self.bytes_out += count,
                "numRecordsRefused" => self.records_failed += count,
                "accumulateBackPressuredTimeMs" => {
                    self.back_pressured += Duration::from_secs_f64(value.max(0.0) / 1e3);
                }
                // Names of Flink's own have no dot, and neither have uids.
                other => {
                    if let Some((uid, of_guest)) = other.split_once('.') {
                        let key = (uid.to_owned(), of_guest.to_owned());
                        *self.guest_metrics.entry(key).or_default() += value;
                    }
                }
            }
        }
    }
}
