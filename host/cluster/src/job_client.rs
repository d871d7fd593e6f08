//! What a user holds of a job: its state, its counters, and the handle to cancel it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use sandbar_jobmanager::TaskRef;
use sandbar_metrics::MetricValue;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_model::{JobId, VertexId};
use sandbar_taskmanager::{JobDeployment, TaskHandle};

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

/// What is known of a job, shared between its master and its clients.
pub(crate) struct JobBoard {
    job: Arc<JobDeployment>,
    state: Mutex<BoardState>,
    completed: Condvar,
}

struct BoardState {
    status: JobStatus,
    tasks: BTreeMap<TaskRef, (TaskHandle, ExecutionState)>,
    result: Option<JobResult>,
}

impl JobBoard {
    pub(crate) fn new(job: Arc<JobDeployment>) -> JobBoard {
        let state = BoardState { status: JobStatus::Created, tasks: BTreeMap::new(), result: None };
        JobBoard { job, state: Mutex::new(state), completed: Condvar::new() }
    }

    pub(crate) fn set_status(&self, status: JobStatus) {
        self.lock().status = status;
    }

    pub(crate) fn add_task(&self, task: TaskRef, handle: TaskHandle) {
        self.lock().tasks.insert(task, (handle, ExecutionState::Deploying));
    }

    pub(crate) fn set_task_state(&self, task: TaskRef, state: ExecutionState) {
        if let Some((_, known)) = self.lock().tasks.get_mut(&task) {
            *known = state;
        }
    }

    pub(crate) fn complete(&self, result: JobResult) {
        let mut state = self.lock();
        state.status = result.status;
        state.result = Some(result);
        self.completed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle of a submitted job. Cheap to clone; dropping it does not touch the job.
#[derive(Clone)]
pub struct JobClient {
    pub(crate) board: Arc<JobBoard>,
    pub(crate) cancel: Sender<()>,
}

impl std::fmt::Debug for JobClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobClient").field("job", &self.id()).finish_non_exhaustive()
    }
}

impl JobClient {
    /// The job.
    pub fn id(&self) -> JobId {
        self.board.job.id
    }

    /// Cancels the job. Returns at once; see [`JobClient::wait`].
    pub fn cancel(&self) {
        // A full channel holds a cancel already, a closed one belongs to a job that has ended.
        let _ = self.cancel.try_send(());
    }

    /// Makes the job's tasks look at the clock: for a clock that is moved by hand.
    pub fn wake(&self) {
        self.board.lock().tasks.values().for_each(|(handle, _)| handle.control.wake());
    }

    /// Waits for the end of the job.
    pub fn wait(&self) -> JobResult {
        let mut state = self.board.lock();
        loop {
            if let Some(result) = &state.result {
                return result.clone();
            }
            state = self.board.completed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the end of the job, but not longer than this.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<JobResult> {
        let state = self.board.lock();
        let waited =
            self.board.completed.wait_timeout_while(state, timeout, |state| state.result.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.result.clone()
    }

    /// Looks at the job.
    pub fn snapshot(&self) -> JobSnapshot {
        let state = self.board.lock();
        let graph = &self.board.job.graph;
        let vertex = |vertex: &sandbar_model::job_graph::JobVertex| {
            let mut snapshot = VertexSnapshot {
                id: vertex.id,
                name: vertex.name.clone(),
                parallelism: vertex.parallelism,
                states: Vec::new(),
                records_in: 0,
                records_out: 0,
                bytes_out: 0,
                records_failed: 0,
                back_pressured: Duration::ZERO,
                guest_metrics: BTreeMap::new(),
            };
            let of_vertex = state.tasks.iter().filter(|(task, _)| task.vertex == vertex.id);
            of_vertex.for_each(|(_, (handle, of_task))| snapshot.add(handle, *of_task));
            snapshot
        };
        JobSnapshot { status: state.status, vertices: graph.vertices.iter().map(vertex).collect() }
    }
}

impl VertexSnapshot {
    fn add(&mut self, handle: &TaskHandle, state: ExecutionState) {
        match self.states.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => self.states.push((state, 1)),
        }
        let io = &handle.metrics.io;
        let count = |counter: &sandbar_metrics::Counter| counter.get().unsigned_abs();
        self.records_in += count(&io.num_records_in);
        self.records_out += count(&io.num_records_out);
        self.bytes_out += count(&io.num_bytes_out);
        self.back_pressured += handle.control.back_pressured();
        for (uid, operator) in handle.metrics.operators() {
            self.records_failed += count(&operator.io.num_records_refused);
            for (name, metric) in operator.guest() {
                let value = match metric.read() {
                    MetricValue::Counter(sum) => sum as f64,
                    MetricValue::Gauge(value) => value,
                    MetricValue::Histogram(histogram) => histogram.sum,
                };
                *self.guest_metrics.entry((uid.clone(), name)).or_default() += value;
            }
        }
    }
}
