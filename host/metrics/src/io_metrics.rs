//! What every task and every operator counts: records, bytes and where its time goes. Plain
//! atomics that the task's thread writes and readers look at.
//!
//! Names are Flink's (`MetricNames.java`); rates are derived by readers, with a `Meter`.

use std::sync::Arc;

use crate::metric::{Counter, Gauge};
use crate::metric_group::{MetricError, MetricGroup};

/// What a task counts.
///
/// Of each second of a task's thread, all is either busy, idle or back pressured.
#[derive(Clone, Debug, Default)]
pub struct TaskIoMetrics {
    /// Records taken from the inputs; of a source, 0.
    pub num_records_in: Arc<Counter>,
    /// Records sent to all outputs; one sent to several channels counts for each.
    pub num_records_out: Arc<Counter>,
    /// Bytes taken from the inputs.
    pub num_bytes_in: Arc<Counter>,
    /// Bytes sent to all outputs.
    pub num_bytes_out: Arc<Counter>,
    /// Batches sent to all outputs.
    pub num_buffers_out: Arc<Counter>,
    /// Milliseconds spent working.
    pub busy_time_ms: Arc<Counter>,
    /// Milliseconds spent waiting for input.
    pub idle_time_ms: Arc<Counter>,
    /// Milliseconds spent waiting for room in an output.
    pub back_pressured_time_ms: Arc<Counter>,
    /// The watermark of the task, in milliseconds of event time.
    pub current_input_watermark: Arc<Gauge>,
    /// The watermark that the task has sent on last.
    pub current_output_watermark: Arc<Gauge>,
}

/// Where the input of a task came from. In Flink's scope `Shuffle.Netty.Input` below the task's,
/// so that its dashboards fit.
#[derive(Clone, Debug, Default)]
pub struct ShuffleInputMetrics {
    /// Bytes taken from tasks of the same TaskManager.
    pub num_bytes_in_local: Arc<Counter>,
    /// Bytes taken from tasks of other TaskManagers.
    pub num_bytes_in_remote: Arc<Counter>,
    /// Batches taken from tasks of the same TaskManager.
    pub num_buffers_in_local: Arc<Counter>,
    /// Batches taken from tasks of other TaskManagers.
    pub num_buffers_in_remote: Arc<Counter>,
    /// Keeps the group alive.
    _group: Option<MetricGroup>,
}

/// What waits in the channels of a task, when it was last looked at. In Flink's scopes
/// `Shuffle.Netty.Input.Buffers` and `Shuffle.Netty.Output.Buffers`. A channel between two tasks of
/// one TaskManager is one's output and the other's input.
#[derive(Clone, Debug, Default)]
pub struct ShuffleBufferMetrics {
    /// Buffers that wait in the inputs.
    pub input_queue_length: Arc<Gauge>,
    /// Bytes of records that wait in the inputs.
    pub input_queue_size: Arc<Gauge>,
    /// Buffers that wait in the outputs.
    pub output_queue_length: Arc<Gauge>,
    /// Bytes of records that wait in the outputs.
    pub output_queue_size: Arc<Gauge>,
    /// Keep the groups alive.
    _groups: Vec<MetricGroup>,
}

/// What an operator counts.
#[derive(Clone, Debug, Default)]
pub struct OperatorIoMetrics {
    /// Records taken.
    pub num_records_in: Arc<Counter>,
    /// Records emitted on all outputs.
    pub num_records_out: Arc<Counter>,
    /// Bad records that were skipped or sent to the dead-letter output.
    pub num_records_refused: Arc<Counter>,
    /// Timers fired.
    pub num_fired_timers: Arc<Counter>,
    /// The watermark the operator has seen last, in milliseconds of event time.
    pub current_input_watermark: Arc<Gauge>,
    /// The watermark the operator has sent on last.
    pub current_output_watermark: Arc<Gauge>,
}

impl TaskIoMetrics {
    /// Registers all of them in the group of a task.
    ///
    /// # Errors
    /// The group is full, or has metrics of these names and another kind.
    pub fn register(group: &MetricGroup) -> Result<TaskIoMetrics, MetricError> {
        Ok(TaskIoMetrics {
            num_records_in: group.counter("numRecordsIn")?,
            num_records_out: group.counter("numRecordsOut")?,
            num_bytes_in: group.counter("numBytesIn")?,
            num_bytes_out: group.counter("numBytesOut")?,
            num_buffers_out: group.counter("numBuffersOut")?,
            busy_time_ms: group.counter("accumulateBusyTimeMs")?,
            idle_time_ms: group.counter("accumulateIdleTimeMs")?,
            back_pressured_time_ms: group.counter("accumulateBackPressuredTimeMs")?,
            current_input_watermark: group.gauge("currentInputWatermark")?,
            current_output_watermark: group.gauge("currentOutputWatermark")?,
        })
    }
}

impl ShuffleInputMetrics {
    /// Registers all of them in a group of their own inside the group of a task.
    ///
    /// # Errors
    /// As [`TaskIoMetrics::register`].
    pub fn register(task: &MetricGroup) -> Result<ShuffleInputMetrics, MetricError> {
        let group = task.group("Shuffle", &[])?.group("Netty", &[])?.group("Input", &[])?;
        Ok(ShuffleInputMetrics {
            num_bytes_in_local: group.counter("numBytesInLocal")?,
            num_bytes_in_remote: group.counter("numBytesInRemote")?,
            num_buffers_in_local: group.counter("numBuffersInLocal")?,
            num_buffers_in_remote: group.counter("numBuffersInRemote")?,
            _group: Some(group),
        })
    }
}

impl ShuffleBufferMetrics {
    /// Registers all of them in groups of their own inside the group of a task.
    ///
    /// # Errors
    /// As [`TaskIoMetrics::register`].
    pub fn register(task: &MetricGroup) -> Result<ShuffleBufferMetrics, MetricError> {
        let netty = task.group("Shuffle", &[])?.group("Netty", &[])?;
        let input = netty.group("Input", &[])?.group("Buffers", &[])?;
        let output = netty.group("Output", &[])?.group("Buffers", &[])?;
        Ok(ShuffleBufferMetrics {
            input_queue_length: input.gauge("inputQueueLength")?,
            input_queue_size: input.gauge("inputQueueSize")?,
            output_queue_length: output.gauge("outputQueueLength")?,
            output_queue_size: output.gauge("outputQueueSize")?,
            _groups: vec![input, output],
        })
    }
}

impl OperatorIoMetrics {
    /// Registers all of them in the group of an operator.
    ///
    /// # Errors
    /// As [`TaskIoMetrics::register`].
    pub fn register(group: &MetricGroup) -> Result<OperatorIoMetrics, MetricError> {
        Ok(OperatorIoMetrics {
            num_records_in: group.counter("numRecordsIn")?,
            num_records_out: group.counter("numRecordsOut")?,
            num_records_refused: group.counter("numRecordsRefused")?,
            num_fired_timers: group.counter("numFiredTimers")?,
            current_input_watermark: group.gauge("currentInputWatermark")?,
            current_output_watermark: group.gauge("currentOutputWatermark")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prometheus;

    #[test]
    fn what_a_task_counts_is_read_from_its_group() {
        let root = MetricGroup::root("taskmanager", &[]);
        let task = root.group("job", &[]).unwrap().group("task", &[]).unwrap();
        let operator = task.group("operator", &[]).unwrap();
        let task_metrics = TaskIoMetrics::register(&task).unwrap();
        let operator_metrics = OperatorIoMetrics::register(&operator).unwrap();
        let shuffle = ShuffleInputMetrics::register(&task).unwrap();
        task_metrics.num_records_in.add(5);
        shuffle.num_bytes_in_remote.add(6);
        operator_metrics.num_records_out.add(7);
        let text = prometheus::render(&root.snapshot());
        assert!(text.contains("\nflink_taskmanager_job_task_numRecordsIn 5\n"));
        assert!(text.contains("\nflink_taskmanager_job_task_operator_numRecordsOut 7\n"));
        let remote = "\nflink_taskmanager_job_task_Shuffle_Netty_Input_numBytesInRemote 6\n";
        assert!(text.contains(remote));
    }
}
