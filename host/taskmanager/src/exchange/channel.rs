//! A channel: the bounded queue between one subpartition and one input channel in this process.
//!
//! Owns the back pressure: a producer that finds it full parks its thread and is woken by the
//! consumer. One lock per buffer, never one per record.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use sandbar_model::RecordBatch;

use crate::element::StreamElement;

/// Emptied batches kept for reuse, per channel.
const FREE_BATCHES_MAX: usize = 4;

/// Tells a gate which of its channels have elements. Invariant: a channel is listed at most once.
#[derive(Debug, Default)]
pub struct GateSignal {
    state: Mutex<SignalState>,
}

#[derive(Debug, Default)]
struct SignalState {
    ready: VecDeque<usize>,
    consumer: Option<Thread>,
}

impl GateSignal {
    /// Names the thread to wake.
    pub fn attach(&self, consumer: Thread) {
        lock(&self.state).consumer = Some(consumer);
    }

    /// The next channel that has elements.
    pub fn next_ready(&self) -> Option<usize> {
        lock(&self.state).ready.pop_front()
    }

    /// Lists a channel again whose elements have not all been taken.
    pub fn ready_again(&self, channel: usize) {
        lock(&self.state).ready.push_back(channel);
    }

    fn mark_ready(&self, channel: usize) {
        let mut state = lock(&self.state);
        state.ready.push_back(channel);
        if let Some(thread) = &state.consumer {
            thread.unpark();
        }
    }
}

/// The queue.
#[derive(Debug)]
pub struct Channel {
    capacity: usize,
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
}

impl Channel {
    /// Makes a channel for at most `capacity` elements.
    pub fn new(capacity: usize) -> Channel {
        assert!(capacity > 0, "a channel without room would block for ever");
        Channel { capacity, state: Mutex::default() }
    }

    /// Connects the consuming side: from now on `signal` hears of elements under `index`.
    pub fn attach_consumer(&self, index: usize, signal: Arc<GateSignal>) {
        let mut state = lock(&self.state);
        if !state.queue.is_empty() {
            signal.mark_ready(index);
        }
        state.consumer = Some((index, signal));
    }

    /// Adds an element, or gives it back if the channel is full. In that case the calling thread
    /// is unparked when there is room.
    ///
    /// # Errors
    /// The element itself.
    pub fn try_push(&self, element: StreamElement) -> Result<(), StreamElement> {
        let mut state = lock(&self.state);
        if state.queue.len() >= self.capacity {
            state.waiting_producer = Some(std::thread::current());
            return Err(element);
        }
        state.waiting_producer = None;
        let was_empty = state.queue.is_empty();
        state.queue.push_back(element);
        if was_empty && let Some((index, signal)) = &state.consumer {
            signal.mark_ready(*index);
        }
        Ok(())
    }

    /// Takes the next element and says whether there are more.
    pub fn pop(&self) -> (Option<StreamElement>, bool) {
        let mut state = lock(&self.state);
        let element = state.queue.pop_front();
        if element.is_some()
            && let Some(producer) = state.waiting_producer.take()
        {
            producer.unpark();
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

    /// Number of elements waiting.
    pub fn len(&self) -> usize {
        lock(&self.state).queue.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A poisoned lock is taken all the same: no code that holds one can leave a broken state behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sandbar_model::Watermark;

    use super::*;

    fn watermark(at: i64) -> StreamElement {
        StreamElement::Watermark(Watermark(at))
    }

    #[test]
    fn a_full_channel_gives_the_element_back_until_there_is_room() {
        let channel = Channel::new(2);
        channel.try_push(watermark(1)).unwrap();
        channel.try_push(watermark(2)).unwrap();
        assert!(channel.try_push(watermark(3)).is_err());
        assert!(matches!(channel.pop(), (Some(StreamElement::Watermark(Watermark(1))), true)));
        channel.try_push(watermark(3)).unwrap();
        assert_eq!(channel.len(), 2);
    }

    #[test]
    fn a_gate_hears_once_of_a_channel_that_has_elements() {
        let channel = Channel::new(8);
        let signal = Arc::new(GateSignal::default());
        channel.try_push(watermark(1)).unwrap();
        channel.attach_consumer(7, Arc::clone(&signal));
        channel.try_push(watermark(2)).unwrap();
        assert_eq!((signal.next_ready(), signal.next_ready()), (Some(7), None));
        channel.pop();
        channel.pop();
        channel.try_push(watermark(3)).unwrap();
        assert_eq!((signal.next_ready(), signal.next_ready()), (Some(7), None));
    }

    #[test]
    fn a_blocked_producer_is_woken_by_the_consumer() {
        let channel = Arc::new(Channel::new(1));
        channel.try_push(watermark(1)).unwrap();
        let producer = {
            let channel = Arc::clone(&channel);
            std::thread::spawn(move || {
                let mut element = watermark(2);
                while let Err(back) = channel.try_push(element) {
                    element = back;
                    std::thread::park();
                }
            })
        };
        let mut seen = 0;
        while seen < 2 {
            seen += usize::from(channel.pop().0.is_some());
            std::thread::yield_now();
        }
        producer.join().unwrap();
    }
}
