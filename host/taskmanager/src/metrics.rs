//! What a task measures of itself and its operators, registered in the TaskManager's metric group
//! and shared with whoever reads it. Names are Flink's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sandbar_metrics::{Gauge, Metric};
use sandbar_metrics::{
    MetricError, MetricGroup, OperatorIoMetrics, ShuffleBufferMetrics, ShuffleInputMetrics,
    TaskIoMetrics,
};
use sandbar_model::job_graph::OperatorNode;
use sandbar_wasm::{GuestMetric, MetricKind};

use crate::deployment::TaskDeployment;
use crate::exchange::channel::{Channel, QueueUse};

/// Gauges of an operator's keyed state at the host: what its guest still caches is not in it.
#[derive(Clone, Debug)]
pub(crate) struct StateMetrics {
    /// Bytes charged to managed memory.
    pub(crate) state_size: Arc<Gauge>,
    /// Entries, with those that have expired and were not cleaned up yet.
    pub(crate) state_entries: Arc<Gauge>,
}

/// Counters of one operator. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct OperatorMetrics {
    /// What every operator counts.
    pub io: OperatorIoMetrics,
    group: Option<MetricGroup>,
    guest: Arc<Mutex<BTreeMap<String, Metric>>>,
    state: Arc<Mutex<Option<StateMetrics>>>,
}

impl OperatorMetrics {
    /// Declares a metric of the guest's own in the operator's group.
    ///
    /// # Errors
    /// A bad name, one that has another kind, or a full group.
    pub fn declare(&self, name: &str, kind: MetricKind) -> Result<GuestMetric, String> {
        let unregistered = MetricGroup::root("operator", &[]);
        let group = self.group.as_ref().unwrap_or(&unregistered);
        let (metric, handle) = declare(group, name, kind).map_err(|error| error.to_string())?;
        self.guest.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), metric);
        Ok(handle)
    }

    /// How much keyed state the operator has, from here on; a gauge that cannot be registered is
    /// kept all the same.
    pub(crate) fn state(&self) -> StateMetrics {
        let unregistered = MetricGroup::root("operator", &[]);
        let group = self.group.as_ref().unwrap_or(&unregistered);
        let gauge = |name: &str| group.gauge(name).unwrap_or_default();
        let state =
            StateMetrics { state_size: gauge("stateSize"), state_entries: gauge("stateEntries") };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(state.clone());
        state
    }

    /// How much keyed state the operator has, if it can have any: `stateSize` and `stateEntries`.
    pub fn state_usage(&self) -> Option<(f64, f64)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().map(|state| (state.state_size.get(), state.state_entries.get()))
    }

    /// The guest's own metrics by name.
    pub fn guest(&self) -> BTreeMap<String, Metric> {
        self.guest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn declare(
    group: &MetricGroup,
    name: &str,
    kind: MetricKind,
) -> Result<(Metric, GuestMetric), MetricError> {
    Ok(match kind {
        MetricKind::Counter => {
            let counter = group.counter(name)?;
            let metric = Metric::Counter(Arc::clone(&counter));
            (metric, GuestMetric::Counter(Arc::new(move |amount| counter.add(amount))))
        }
        MetricKind::Gauge => {
            let gauge = group.gauge(name)?;
            let metric = Metric::Gauge(Arc::clone(&gauge));
            (metric, GuestMetric::Gauge(Arc::new(move |value| gauge.set(value))))
        }
        MetricKind::Histogram => {
            let histogram = group.histogram(name)?;
            let metric = Metric::Histogram(Arc::clone(&histogram));
            (metric, GuestMetric::Histogram(Arc::new(move |value| histogram.observe(value))))
        }
    })
}

/// The channels at one side of a task, as long as it has them. Clones are the same.
#[derive(Clone, Debug, Default)]
struct Queues(Arc<Mutex<Vec<Weak<Channel>>>>);

impl Queues {
    fn watch<'a>(&self, channels: impl Iterator<Item = &'a Arc<Channel>>) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.extend(channels.map(Arc::downgrade));
    }

    fn queued(&self) -> QueueUse {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.iter().filter_map(Weak::upgrade).map(|channel| channel.queued()).sum()
    }
}

/// Counters of one task. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct TaskMetrics {
    /// What every task counts.
    pub io: TaskIoMetrics,
    /// Which of its input came from where.
    pub shuffle: ShuffleInputMetrics,
    /// What waits in its channels.
    pub buffers: ShuffleBufferMetrics,
    inputs: Queues,
    outputs: Queues,
    group: Option<MetricGroup>,
    operators: Arc<Mutex<BTreeMap<String, OperatorMetrics>>>,
}

impl TaskMetrics {
    /// Registers the metrics of a task under the TaskManager's group. What cannot be registered is
    /// counted all the same and reported in the log.
    pub(crate) fn register(root: &MetricGroup, deployment: &TaskDeployment) -> TaskMetrics {
        let register = || {
            let job = &deployment.job;
            let id = job.id.to_string();
            let (subtask, attempt) = (deployment.subtask.to_string(), job.attempt.to_string());
            let group =
                root.group("job", &[("job_id", &id), ("job_name", &job.graph.name)])?.group(
                    "task",
                    &[
                        ("task_name", &deployment.vertex().name),
                        ("subtask_index", &subtask),
                        ("task_attempt_num", &attempt),
                    ],
                )?;
            Ok(TaskMetrics {
                io: TaskIoMetrics::register(&group)?,
                shuffle: ShuffleInputMetrics::register(&group)?,
                buffers: ShuffleBufferMetrics::register(&group)?,
                inputs: Queues::default(),
                outputs: Queues::default(),
                group: Some(group),
                operators: Arc::default(),
            })
        };
        register().unwrap_or_else(|error: MetricError| {
            tracing::warn!(%error, "metrics of a task are not registered");
            TaskMetrics::default()
        })
    }

    /// Looks at the task's inputs from here on.
    pub(crate) fn watch_inputs<'a>(&self, channels: impl Iterator<Item = &'a Arc<Channel>>) {
        self.inputs.watch(channels);
    }

    /// Looks at these outputs too from here on.
    pub(crate) fn watch_outputs<'a>(&self, channels: impl Iterator<Item = &'a Arc<Channel>>) {
        self.outputs.watch(channels);
    }

    /// Brings [`TaskMetrics::buffers`] up to date, and returns what waits in inputs and outputs.
    pub(crate) fn look_at_queues(&self) -> (QueueUse, QueueUse) {
        let (inputs, outputs) = (self.inputs.queued(), self.outputs.queued());
        self.buffers.input_queue_length.set(inputs.elements as f64);
        self.buffers.input_queue_size.set(inputs.bytes as f64);
        self.buffers.output_queue_length.set(outputs.elements as f64);
        self.buffers.output_queue_size.set(outputs.bytes as f64);
        (inputs, outputs)
    }

    /// Counts a batch taken from the gate.
    pub(crate) fn count_buffer_in(&self, bytes: usize, remote: bool) {
        let bytes = bytes as i64;
        self.io.num_bytes_in.add(bytes);
        if remote {
            self.shuffle.num_bytes_in_remote.add(bytes);
            self.shuffle.num_buffers_in_remote.increment();
        } else {
            self.shuffle.num_bytes_in_local.add(bytes);
            self.shuffle.num_buffers_in_local.increment();
        }
    }

    /// The counters of an operator of the task.
    pub fn operator(&self, node: &OperatorNode) -> OperatorMetrics {
        let mut operators = self.operators.lock().unwrap_or_else(PoisonError::into_inner);
        let register = || {
            let variables = [("operator_id", node.uid.as_str()), ("operator_name", &node.name)];
            let group = self.group.as_ref()?.group("operator", &variables).ok()?;
            let io = OperatorIoMetrics::register(&group).ok()?;
            Some(OperatorMetrics { io, group: Some(group), ..OperatorMetrics::default() })
        };
        let known = operators.get(&node.uid).cloned();
        known.unwrap_or_else(|| {
            let made = register().unwrap_or_default();
            operators.insert(node.uid.clone(), made.clone());
            made
        })
    }

    /// All operators' counters, by uid.
    pub fn operators(&self) -> BTreeMap<String, OperatorMetrics> {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
