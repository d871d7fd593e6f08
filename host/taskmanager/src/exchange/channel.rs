//! A channel: the bounded queue between one subpartition and one input channel. Either end may be
//! a connection that carries the elements to or from another TaskManager.
//!
//! Owns the back pressure: a producer that finds it full parks its thread and is woken by the
//! consumer; a producer elsewhere gets credit for what is taken. One lock per buffer, never one
//! per record.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use sandbar_model::RecordBatch;

use super::sleeper::Sleeper;
use crate::element::StreamElement;
use crate::error::ExchangeFailure;

/// Emptied batches kept for reuse, per channel.
const FREE_BATCHES_MAX: usize = 4;

/// Tells a gate, or a connection, which of its channels have elements. A channel with elements is
/// listed once, one that has failed or lost an end once more.
#[derive(Debug, Default)]
pub struct GateSignal {
    state: Mutex<SignalState>,
}

#[derive(Debug, Default)]
struct SignalState {
    ready: VecDeque<usize>,
    consumer: Option<Sleeper>,
}

impl GateSignal {
    /// Names the thread to wake.
    pub fn attach(&self, consumer: impl Into<Sleeper>) {
        lock(&self.state).consumer = Some(consumer.into());
    }

    /// The next channel that has elements.
    pub fn next_ready(&self) -> Option<usize> {
        lock(&self.state).ready.pop_front()
    }

    /// Lists a channel again whose elements have not all been taken.
    pub fn ready_again(&self, channel: usize) {
        lock(&self.state).ready.push_back(channel);
    }

    /// Wakes the consumer for something other than an element.
    pub fn wake(&self) {
        if let Some(sleeper) = &lock(&self.state).consumer {
            sleeper.wake();
        }
    }

    fn mark_ready(&self, channel: usize) {
        let mut state = lock(&self.state);
        state.ready.push_back(channel);
        if let Some(sleeper) = &state.consumer {
            sleeper.wake();
        }
    }
}

/// What the producer of a channel in another TaskManager is to be told.
#[derive(Clone, Debug)]
pub enum Feedback {
    /// It may send that many elements more.
    Credit(u32),
    /// The consumer is gone.
    Closed,
    /// The channel has failed.
    Failed(Arc<ExchangeFailure>),
}

/// What waits in a queue, or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueUse {
    /// Buffers and control elements.
    pub elements: usize,
    /// Bytes of the records in them.
    pub bytes: usize,
}

impl std::iter::Sum for QueueUse {
    fn sum<I: Iterator<Item = QueueUse>>(all: I) -> QueueUse {
        all.fold(QueueUse::default(), |sum, one| QueueUse {
            elements: sum.elements + one.elements,
            bytes: sum.bytes + one.bytes,
        })
    }
}

/// The queue.
#[derive(Debug)]
pub struct Channel {
    capacity: usize,
    /// Whether the consumer is a connection, whose other end may never see what was pushed.
    is_confirmed: bool,
    state: Mutex<ChannelState>,
}

#[derive(Debug, Default)]
struct ChannelState {
    queue: VecDeque<StreamElement>,
    #[expect(clippy::vec_box, reason = "the boxes themselves go back to producers")]
    free: Vec<Box<RecordBatch>>,
    /// Set while the producer waits for room.
    waiting_producer: Option<Thread>,
    consumer: Option<(usize, Arc<GateSignal>)>,
    remote: Option<RemoteProducer>,
    failure: Option<Arc<ExchangeFailure>>,
    /// Nothing follows the elements in the queue.
    ended: bool,
    producer_gone: bool,
    consumer_gone: bool,
}

/// A producer behind a connection.
#[derive(Debug)]
struct RemoteProducer {
    /// Where the connection hears of credit that is due, and under what number.
    signal: Arc<GateSignal>,
    index: usize,
    /// Elements taken for which no credit has been given.
    taken: u32,
}

impl Channel {
    /// Makes a channel for at most `capacity` elements.
    pub fn new(capacity: usize) -> Channel {
        assert!(capacity > 0, "a channel without room would block for ever");
        Channel { capacity, is_confirmed: false, state: Mutex::default() }
    }

    /// Makes a channel whose consumer is a connection. Once all has arrived at the other end, that
    /// says so by [`Channel::close_consumer`].
    pub fn to_connection(capacity: usize) -> Channel {
        Channel { is_confirmed: true, ..Channel::new(capacity) }
    }

    /// Most elements that wait.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Connects the consuming side: from now on `signal` hears of elements under `index`.
    pub fn attach_consumer(&self, index: usize, signal: Arc<GateSignal>) {
        let mut state = lock(&self.state);
        if !state.queue.is_empty() || state.failure.is_some() || state.producer_gone {
            signal.mark_ready(index);
        }
        state.consumer = Some((index, signal));
    }

    /// Connects a producer behind a connection: from now on `signal` hears under `index` of
    /// [`Channel::feedback`], at first of credit for the whole capacity.
    pub fn attach_remote_producer(&self, index: usize, signal: Arc<GateSignal>) {
        let mut state = lock(&self.state);
        signal.mark_ready(index);
        let taken = u32::try_from(self.capacity).unwrap_or(u32::MAX);
        state.remote = Some(RemoteProducer { signal, index, taken });
    }

    /// Whether the producer is behind a connection.
    pub fn is_remote(&self) -> bool {
        lock(&self.state).remote.is_some()
    }

    /// What the remote producer is to be told by now, if anything.
    pub fn feedback(&self) -> Option<Feedback> {
        let mut state = lock(&self.state);
        if let Some(failure) = &state.failure {
            return Some(Feedback::Failed(Arc::clone(failure)));
        }
        if state.consumer_gone {
            return Some(Feedback::Closed);
        }
        let remote = state.remote.as_mut()?;
        let taken = std::mem::take(&mut remote.taken);
        (taken > 0).then_some(Feedback::Credit(taken))
    }

    /// Ends the channel with an error: elements in it are lost, and both ends are woken.
    pub fn fail(&self, failure: Arc<ExchangeFailure>) {
        let mut state = lock(&self.state);
        state.failure.get_or_insert(failure);
        state.queue.clear();
        if let Some(producer) = state.waiting_producer.take() {
            producer.unpark();
        }
        state.tell_consumer();
        state.tell_producer();
    }

    /// Why the channel has failed, if it has.
    pub fn failure(&self) -> Option<Arc<ExchangeFailure>> {
        lock(&self.state).failure.clone()
    }

    /// The producer's task is gone. A consumer in this process waits on unless the producer had
    /// sent the end: whether to go on is for the JobMaster to say.
    pub fn close_producer(&self) {
        let mut state = lock(&self.state);
        if !state.ended {
            state.producer_gone = true;
            state.tell_consumer();
        }
    }

    /// Whether the producer's task ended before its output.
    pub fn is_abandoned(&self) -> bool {
        lock(&self.state).producer_gone
    }

    /// The consumer's task is gone: what is in the channel and what comes is thrown away, as in
    /// Flink's released subpartitions, until the JobMaster stops the producer too.
    pub fn close_consumer(&self) {
        let mut state = lock(&self.state);
        state.consumer_gone = true;
        state.queue.clear();
        if let Some(producer) = state.waiting_producer.take() {
            producer.unpark();
        }
        state.tell_producer();
    }

    /// Adds an element, or gives it back if the channel is full or has failed. In that case the
    /// calling thread is unparked when there is room, or when it fails.
    ///
    /// # Errors
    /// The element itself.
    pub fn try_push(&self, element: StreamElement) -> Result<(), StreamElement> {
        let mut state = lock(&self.state);
        if state.consumer_gone {
            return Ok(());
        }
        if state.queue.len() >= self.capacity || state.failure.is_some() {
            state.waiting_producer = Some(std::thread::current());
            return Err(element);
        }
        state.waiting_producer = None;
        state.ended |= matches!(element, StreamElement::EndOfInput);
        let was_empty = state.queue.is_empty();
        state.queue.push_back(element);
        if was_empty && let Some((index, signal)) = &state.consumer {
            signal.mark_ready(*index);
        }
        Ok(())
    }

    /// Whether all that was pushed is where the consumer's TaskManager has it, or nobody needs it.
    /// If not, the calling thread is unparked when that changes.
    ///
    /// # Errors
    /// The channel has failed.
    pub fn is_delivered(&self) -> Result<bool, Arc<ExchangeFailure>> {
        let mut state = lock(&self.state);
        if let Some(failure) = &state.failure {
            return Err(Arc::clone(failure));
        }
        if !self.is_confirmed || state.consumer_gone {
            return Ok(true);
        }
        state.waiting_producer = Some(std::thread::current());
        Ok(false)
    }

    /// Takes the next element and says whether there are more.
    pub fn pop(&self) -> (Option<StreamElement>, bool) {
        let mut state = lock(&self.state);
        let element = state.queue.pop_front();
        if element.is_some() {
            if let Some(producer) = state.waiting_producer.take() {
                producer.unpark();
            }
            state.count_taken(self.capacity);
        }
        (element, !state.queue.is_empty())
    }

    /// Gives an emptied batch back for reuse by the producer.
    pub fn recycle(&self, mut batch: Box<RecordBatch>) {
        batch.clear();
        let mut state = lock(&self.state);
        if state.free.len() < FREE_BATCHES_MAX {
            state.free.push(batch);
        }
    }

    /// An empty batch, reused if there is one.
    pub fn empty_batch(&self) -> Box<RecordBatch> {
        lock(&self.state).free.pop().unwrap_or_default()
    }

    /// What waits: how many elements, and how many bytes of records.
    pub fn queued(&self) -> QueueUse {
        let state = lock(&self.state);
        let bytes = state.queue.iter().map(|element| match element {
            StreamElement::Batch(batch) | StreamElement::Refused(batch) => batch.bytes(),
            StreamElement::Watermark(_) | StreamElement::Status(_) | StreamElement::EndOfInput => 0,
        });
        QueueUse { elements: state.queue.len(), bytes: bytes.sum() }
    }

    /// Number of elements waiting.
    pub fn len(&self) -> usize {
        lock(&self.state).queue.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ChannelState {
    fn tell_consumer(&self) {
        if let Some((index, signal)) = &self.consumer {
            signal.mark_ready(*index);
        }
    }

    fn tell_producer(&self) {
        if let Some(remote) = &self.remote {
            remote.signal.mark_ready(remote.index);
        }
    }

    /// Credit is due when half the capacity has been taken: one frame for several elements, and
    /// the other half on its way meanwhile.
    fn count_taken(&mut self, capacity: usize) {
        if let Some(remote) = &mut self.remote {
            remote.taken += 1;
            if remote.taken as usize == capacity.div_ceil(2) {
                remote.signal.mark_ready(remote.index);
            }
        }
    }
}

/// A poisoned lock is taken all the same: no code that holds one can leave a broken state behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
