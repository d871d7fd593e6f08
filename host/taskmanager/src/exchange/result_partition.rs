//! A result partition: the sending side of one edge in one subtask. Deals records out to its
//! subpartitions, each of which fills a buffer and sends it when it is full or flushed.

use std::sync::Arc;

use sandbar_model::{RecordBatch, RecordBatchView};

use super::channel::Channel;
use crate::element::StreamElement;
use crate::error::TaskError;
use crate::metrics::TaskMetrics;
use crate::partitioner::{PartitionSelector, Selection};
use crate::task::control::{TaskControl, Waiting};

/// One receiver of a partition.
#[derive(Debug)]
struct Subpartition {
    channel: Arc<Channel>,
    buffer: Box<RecordBatch>,
}

/// Records that could not be keyed, with the reasons as their keys, for any receiver.
#[derive(Debug, Default)]
struct Refused {
    buffer: Box<RecordBatch>,
    /// The subpartition whose turn it is.
    next: usize,
}

/// The sending side of an edge.
#[derive(Debug)]
pub struct ResultPartition {
    operator: String,
    selector: PartitionSelector,
    chosen: Vec<u32>,
    subpartitions: Vec<Subpartition>,
    refused: Refused,
    buffer_bytes_max: usize,
    flush_each: bool,
    control: Arc<TaskControl>,
    metrics: TaskMetrics,
}

/// How a partition is made.
#[derive(Debug)]
pub struct PartitionSettings {
    /// The operator that writes to it, for errors.
    pub operator: String,
    /// Bytes after which a buffer is sent.
    pub buffer_bytes_max: usize,
    /// Whether every write is flushed (`execution.buffer-timeout: 0`).
    pub flush_each: bool,
    /// Counts what is sent.
    pub metrics: TaskMetrics,
}

impl ResultPartition {
    /// Makes a partition whose subpartition `i` is `channels[i]`.
    pub fn new(
        settings: PartitionSettings,
        selector: PartitionSelector,
        channels: Vec<Arc<Channel>>,
        control: Arc<TaskControl>,
    ) -> ResultPartition {
        assert_eq!(channels.len(), selector.channels() as usize, "one channel per subpartition");
        let subpartitions = channels
            .into_iter()
            .map(|channel| Subpartition { channel, buffer: Box::default() })
            .collect();
        ResultPartition {
            operator: settings.operator,
            selector,
            chosen: Vec::new(),
            subpartitions,
            refused: Refused::default(),
            buffer_bytes_max: settings.buffer_bytes_max,
            flush_each: settings.flush_each,
            control,
            metrics: settings.metrics,
        }
    }

    /// Writes records; blocks while a receiver's channel is full.
    ///
    /// # Errors
    /// A record that has no channel, or cancellation.
    pub fn write(&mut self, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.metrics.io.num_records_out.add(batch.len() as i64);
        let selection = self
            .selector
            .select_batch(batch, &mut self.chosen)
            .map_err(|source| TaskError::Partition { operator: self.operator.clone(), source })?;
        match selection {
            Selection::All(channel) => self.append(channel as usize, batch)?,
            Selection::Broadcast => {
                (0..self.subpartitions.len()).try_for_each(|to| self.append(to, batch))?;
            }
            Selection::PerRecord => {
                for index in 0..batch.len() {
                    let to = self.chosen[index] as usize;
                    let subpartition = &mut self.subpartitions[to];
                    subpartition.buffer.push_from(batch, index);
                    if subpartition.buffer.bytes() >= self.buffer_bytes_max {
                        self.send_buffer(to)?;
                    }
                }
            }
        }
        if self.flush_each {
            return self.flush();
        }
        self.control.mark_unflushed();
        Ok(())
    }

    /// Writes records that could not be keyed: they have no subtask, so receivers take turns.
    ///
    /// # Errors
    /// Cancellation.
    pub fn write_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.metrics.io.num_records_out.add(records.len() as i64);
        self.refused.buffer.append(records);
        if self.flush_each || self.refused.buffer.bytes() >= self.buffer_bytes_max {
            return self.send_refused();
        }
        self.control.mark_unflushed();
        Ok(())
    }

    /// Sends a control element to every receiver, behind all records written.
    ///
    /// # Errors
    /// Cancellation.
    pub fn broadcast(&mut self, element: impl Fn() -> StreamElement) -> Result<(), TaskError> {
        self.flush()?;
        self.subpartitions
            .iter()
            .try_for_each(|subpartition| push(&self.control, &subpartition.channel, element()))
    }

    /// Sends what the buffers hold.
    ///
    /// # Errors
    /// Cancellation.
    pub fn flush(&mut self) -> Result<(), TaskError> {
        (0..self.subpartitions.len()).try_for_each(|to| self.send_buffer(to))?;
        self.send_refused()
    }

    /// Waits until all that was sent, the end included, has arrived at the receivers' TaskManagers:
    /// a task that has finished hears of no failure any more.
    ///
    /// # Errors
    /// Cancellation, or a connection that was lost.
    pub fn await_delivery(&self) -> Result<(), TaskError> {
        let deliver = || {
            self.subpartitions.iter().try_for_each(|subpartition| {
                loop {
                    if self.control.is_canceled() {
                        return Err(TaskError::Canceled);
                    }
                    match subpartition.channel.is_delivered() {
                        Ok(true) => return Ok(()),
                        Ok(false) => std::thread::park(),
                        Err(failure) => return Err(TaskError::of_exchange(&failure)),
                    }
                }
            })
        };
        self.control.wait(Waiting::Room, deliver)
    }

    fn append(&mut self, to: usize, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        let subpartition = &mut self.subpartitions[to];
        subpartition.buffer.append(batch);
        if subpartition.buffer.bytes() >= self.buffer_bytes_max {
            self.send_buffer(to)?;
        }
        Ok(())
    }

    fn send_refused(&mut self) -> Result<(), TaskError> {
        if self.refused.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::take(&mut self.refused.buffer);
        let to = self.refused.next % self.subpartitions.len();
        self.refused.next = to + 1;
        self.metrics.io.num_bytes_out.add(full.bytes() as i64);
        self.metrics.io.num_buffers_out.increment();
        push(&self.control, &self.subpartitions[to].channel, StreamElement::Refused(full))
    }

    fn send_buffer(&mut self, to: usize) -> Result<(), TaskError> {
        let subpartition = &mut self.subpartitions[to];
        if subpartition.buffer.is_empty() {
            return Ok(());
        }
        self.metrics.io.num_bytes_out.add(subpartition.buffer.bytes() as i64);
        self.metrics.io.num_buffers_out.increment();
        let next = subpartition.channel.empty_batch();
        let full = std::mem::replace(&mut subpartition.buffer, next);
        push(&self.control, &subpartition.channel, StreamElement::Batch(full))
    }
}

impl Drop for ResultPartition {
    fn drop(&mut self) {
        self.subpartitions.iter().for_each(|subpartition| subpartition.channel.close_producer());
    }
}

/// Pushes an element, waiting for room. This is where back pressure blocks a task.
fn push(control: &TaskControl, channel: &Channel, element: StreamElement) -> Result<(), TaskError> {
    let Err(mut element) = channel.try_push(element) else {
        return Ok(());
    };
    control.wait(Waiting::Room, || {
        loop {
            if control.is_canceled() {
                break Err(TaskError::Canceled);
            }
            if let Some(failure) = channel.failure() {
                break Err(TaskError::of_exchange(&failure));
            }
            std::thread::park();
            match channel.try_push(element) {
                Ok(()) => break Ok(()),
                Err(back) => element = back,
            }
        }
    })
}
