//! The TaskExecutor: the endpoint of a TaskManager. Starts tasks on threads of their own, cancels
//! them, and reports every change of their state.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sandbar_connectors::Console;
use sandbar_metrics::MetricGroup;
use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::ExecutionState;
use sandbar_model::{Clock, JobId};
use sandbar_rpc::TaskAttempt;

use crate::deployment::TaskDeployment;
use crate::error::TaskError;
use crate::exchange::channel::QueueUse;
use crate::exchange::registry::ChannelRegistry;
use crate::metrics::TaskMetrics;
use crate::network::NetworkEnvironment;
use crate::task::Task;
use crate::task::control::{TaskControl, Waiting};
use crate::virtual_clock::VirtualClock;

/// Stack of a task's thread without guests, in bytes.
const THREAD_STACK_BYTES: usize = 2 << 20;
/// Stack that the host needs beside each guest of a chain, in bytes.
const HOST_STACK_BYTES_PER_OPERATOR: usize = 256 << 10;

/// A change of a task's state.
#[derive(Clone, Debug)]
pub struct TaskStateChange {
    /// The attempt.
    pub task: TaskAttempt,
    /// Its state.
    pub state: ExecutionState,
    /// Why, for [`ExecutionState::Failed`].
    pub error: Option<Arc<TaskError>>,
    /// The task itself.
    pub handle: TaskHandle,
}

/// Runs tasks.
pub struct TaskExecutor {
    clock: Arc<dyn Clock>,
    /// The same clock, if it is a virtual one.
    virtual_clock: Option<Arc<VirtualClock>>,
    console: Console,
    registry: Arc<ChannelRegistry>,
    network: Option<Arc<NetworkEnvironment>>,
    guest_stack_bytes: usize,
    metrics: MetricGroup,
    tasks: Arc<Mutex<HashMap<TaskAttempt, TaskHandle>>>,
}

impl fmt::Debug for TaskExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskExecutor").finish_non_exhaustive()
    }
}

/// A task that has been started.
#[derive(Clone, Debug)]
pub struct TaskHandle {
    /// Its name.
    pub id: TaskAttempt,
    /// Cancels it and tells of its waiting.
    pub control: Arc<TaskControl>,
    /// What it counts.
    pub metrics: TaskMetrics,
}

/// What a task that has not ended does at a moment; reads `waits for input for 1.5s, with 0
/// elements in its input queues and 2 in its output queues`.
#[derive(Clone, Copy, Debug)]
pub struct TaskActivity {
    waits: Option<(Waiting, Duration)>,
    inputs: QueueUse,
    outputs: QueueUse,
}

impl fmt::Display for TaskActivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.waits {
            None => f.write_str("works")?,
            Some((Waiting::Input, time)) => write!(f, "waits for input for {time:.1?}")?,
            Some((Waiting::Room, time)) => write!(f, "waits for room downstream for {time:.1?}")?,
        }
        let (inputs, outputs) = (self.inputs.elements, self.outputs.elements);
        write!(f, ", with {inputs} elements in its input queues and {outputs} in its output queues")
    }
}

impl TaskExecutor {
    /// Makes an executor. `guest_stack_bytes` is the stack that each guest may use.
    pub fn new(clock: Arc<dyn Clock>, console: Console, guest_stack_bytes: usize) -> TaskExecutor {
        TaskExecutor {
            clock,
            virtual_clock: None,
            console,
            registry: Arc::default(),
            network: None,
            guest_stack_bytes,
            metrics: MetricGroup::root("taskmanager", &[]),
            tasks: Arc::default(),
        }
    }

    /// Exchanges records with other TaskManagers through `network`, and between tasks here through
    /// its registry. Call this before the first task is submitted.
    #[must_use]
    pub fn with_network(mut self, network: Arc<NetworkEnvironment>) -> TaskExecutor {
        self.registry = Arc::clone(network.registry());
        self.network = Some(network);
        self
    }

    /// Gives its tasks virtual time in place of the clock that it was made with. All tasks of a job
    /// must run here. Call this before the first task is submitted.
    #[must_use]
    pub fn with_virtual_clock(mut self, clock: Arc<VirtualClock>) -> TaskExecutor {
        self.clock = Arc::<VirtualClock>::clone(&clock);
        self.virtual_clock = Some(clock);
        self
    }

    /// Says which tasks are about to be submitted, so that virtual time stands still until all
    /// subtasks of their job's graph have been.
    pub(crate) fn announce(
        &self,
        job: JobId,
        graph: &JobGraph,
        tasks: impl IntoIterator<Item = TaskAttempt>,
    ) {
        if let Some(clock) = &self.virtual_clock {
            clock.on_deploy(job, graph, tasks);
        }
    }

    /// Starts a task. Its states, from INITIALIZING to the terminal one, go to `report`, on the
    /// task's thread.
    ///
    /// # Errors
    /// The operating system's, when no thread can be started.
    pub fn submit(
        &self,
        deployment: TaskDeployment,
        report: impl Fn(TaskStateChange) + Send + 'static,
    ) -> std::io::Result<TaskHandle> {
        let vertex = deployment.vertex();
        let id = deployment.attempt();
        let stack = THREAD_STACK_BYTES
            + vertex.operators.len() * (self.guest_stack_bytes + HOST_STACK_BYTES_PER_OPERATOR);
        let name = format!("{} ({}/{})", vertex.name, deployment.subtask + 1, vertex.parallelism);
        let time = self.virtual_clock.as_ref().map(|clock| clock.on_start(id));
        let control = Arc::new(TaskControl::with_time(time));
        let metrics = TaskMetrics::register(&self.metrics, &deployment);
        let task = Task {
            deployment,
            registry: Arc::clone(&self.registry),
            network: self.network.clone(),
            clock: Arc::clone(&self.clock),
            console: self.console.clone(),
            control: Arc::clone(&control),
            metrics: metrics.clone(),
        };
        let tasks = Arc::clone(&self.tasks);
        let handle = TaskHandle { id, control, metrics };
        lock(&self.tasks).insert(id, handle.clone());
        let handle_of_task = handle.clone();
        let started = std::thread::Builder::new().name(name).stack_size(stack).spawn(move || {
            let report = |state, error: Option<TaskError>| {
                let (error, of_task) = (error.map(Arc::new), handle_of_task.clone());
                report(TaskStateChange { task: id, state, error, handle: of_task });
            };
            report(ExecutionState::Initializing, None);
            let ended = run_caught(&task, || report(ExecutionState::Running, None));
            task.control.end_questions();
            drop(task);
            handle_of_task.control.leave_time(ended.is_ok());
            lock(&tasks).remove(&id);
            match ended {
                Ok(()) => report(ExecutionState::Finished, None),
                Err(error) if error.is_canceled() => report(ExecutionState::Canceled, None),
                Err(error) => report(ExecutionState::Failed, Some(error)),
            }
        });
        match started {
            Ok(_detached) => Ok(handle),
            Err(error) => {
                handle.control.leave_time(false);
                lock(&self.tasks).remove(&id);
                Err(error)
            }
        }
    }

    /// Cancels all tasks of a job; each reports CANCELED, or how else it ended.
    pub fn cancel_job(&self, job: JobId) {
        let tasks = lock(&self.tasks);
        tasks.iter().filter(|(id, _)| id.job == job).for_each(|(_, task)| task.control.cancel());
    }

    /// Forgets what is kept for a job whose tasks have all ended.
    pub fn release_job(&self, job: JobId) {
        if let Some(clock) = &self.virtual_clock {
            clock.on_release(job);
        }
        match &self.network {
            Some(network) => network.release(job),
            None => self.registry.release(job),
        }
    }

    /// Makes all tasks look at the clock: for a clock that is moved by hand.
    pub fn wake_all(&self) {
        lock(&self.tasks).values().for_each(|task| task.control.wake());
    }

    /// What the tasks of a job do that have a thread here and have not ended.
    pub fn activities(&self, job: JobId) -> BTreeMap<TaskAttempt, TaskActivity> {
        let tasks = lock(&self.tasks);
        let of_job = tasks.iter().filter(|(id, _)| id.job == job);
        let activity = |(id, task): (&TaskAttempt, &TaskHandle)| {
            let (inputs, outputs) = task.metrics.look_at_queues();
            (*id, TaskActivity { waits: task.control.waits(), inputs, outputs })
        };
        of_job.map(activity).collect()
    }

    /// Metrics of everything that runs here.
    pub fn metrics(&self) -> &MetricGroup {
        &self.metrics
    }

    /// Number of tasks that have not ended.
    pub fn running_tasks(&self) -> usize {
        lock(&self.tasks).len()
    }
}

fn run_caught(task: &Task, on_running: impl FnOnce()) -> Result<(), TaskError> {
    let run = AssertUnwindSafe(|| task.run(on_running));
    std::panic::catch_unwind(run).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(TaskError::Panic(message.unwrap_or_else(|| "without a message".to_owned())))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
