//! The channels of this process by name. Both ends ask for a channel when their task is deployed,
//! in either order, and get the same one.
//!
//! Law: a channel lives from the first of the two to the end of the second, however far apart they
//! are: a producer may have ended before the thread of its consumer has started.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sandbar_model::JobId;
use sandbar_model::job_graph::EdgeId;

use super::channel::Channel;

/// Released jobs that are remembered, so that what another TaskManager still sends for one opens
/// no channel that nobody would ever release.
const RELEASED_JOBS_MAX: usize = 1024;

/// Names a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelId {
    /// The job.
    pub job: JobId,
    /// The attempt of the job that both ends belong to.
    pub attempt: u32,
    /// The edge of its graph.
    pub edge: EdgeId,
    /// The upstream subtask.
    pub from: u32,
    /// The downstream subtask.
    pub to: u32,
}

/// All channels into and between tasks of this process that one end has asked for.
#[derive(Debug, Default)]
pub struct ChannelRegistry {
    state: Mutex<RegistryState>,
}

#[derive(Debug, Default)]
struct RegistryState {
    /// Invariant: holds a channel from the first end's call to the second's, no longer.
    waiting: HashMap<ChannelId, Arc<Channel>>,
    /// Jobs that ended last, oldest first.
    released: VecDeque<JobId>,
}

impl RegistryState {
    fn channel(&mut self, id: ChannelId, capacity: usize) -> Arc<Channel> {
        self.waiting.remove(&id).unwrap_or_else(|| {
            let channel = Arc::new(Channel::new(capacity));
            self.waiting.insert(id, Arc::clone(&channel));
            channel
        })
    }
}

impl ChannelRegistry {
    /// The channel of that name: made with this capacity for the end that comes first, handed over
    /// to the one that comes second. Each end calls this once.
    pub fn channel(&self, id: ChannelId, capacity: usize) -> Arc<Channel> {
        let mut state = self.lock();
        state.released.retain(|job| *job != id.job);
        state.channel(id, capacity)
    }

    /// The same for a producer behind a connection; none if the job has been released here.
    pub fn channel_from_remote(&self, id: ChannelId, capacity: usize) -> Option<Arc<Channel>> {
        let mut state = self.lock();
        (!state.released.contains(&id.job)).then(|| state.channel(id, capacity))
    }

    /// Forgets a channel whose producer is gone before its consumer came.
    pub fn withdraw(&self, id: ChannelId, channel: &Arc<Channel>) {
        let mut state = self.lock();
        if state.waiting.get(&id).is_some_and(|waiting| Arc::ptr_eq(waiting, channel)) {
            state.waiting.remove(&id);
        }
    }

    /// Forgets the channels of a job whose tasks have ended: those whose second end never came.
    pub fn release(&self, job: JobId) {
        let mut state = self.lock();
        state.waiting.retain(|id, channel| {
            if id.job == job {
                channel.close_consumer();
            }
            id.job != job
        });
        state.released.retain(|released| *released != job);
        if state.released.len() == RELEASED_JOBS_MAX {
            state.released.pop_front();
        }
        state.released.push_back(job);
    }

    /// Number of channels that wait for their second end.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether no channel waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sandbar_model::Watermark;

    use super::*;
    use crate::element::StreamElement;

    fn id(job: u128, to: u32) -> ChannelId {
        ChannelId { job: JobId(job), attempt: 0, edge: EdgeId(0), from: 0, to }
    }

    #[test]
    fn what_a_producer_sent_before_its_consumer_started_is_not_lost() {
        let registry = ChannelRegistry::default();
        let producer = registry.channel(id(1, 0), 2);
        producer.try_push(StreamElement::Watermark(Watermark(7))).unwrap();
        drop(producer);
        let consumer = registry.channel(id(1, 0), 2);
        assert!(matches!(consumer.pop(), (Some(StreamElement::Watermark(Watermark(7))), false)));
        assert!(registry.is_empty(), "both ends have it");
    }

    #[test]
    fn a_job_that_has_ended_leaves_nothing() {
        let registry = ChannelRegistry::default();
        let (_first, _second) = (registry.channel(id(1, 0), 2), registry.channel(id(2, 0), 2));
        registry.release(JobId(1));
        assert_eq!(registry.len(), 1);
        assert!(registry.channel_from_remote(id(1, 0), 2).is_none(), "late, from elsewhere");
        assert_eq!(registry.len(), 1);
        // Its tasks are deployed here once more.
        registry.channel(id(1, 1), 2);
        assert!(registry.channel_from_remote(id(1, 0), 2).is_some());
    }

    #[test]
    fn only_a_channel_that_still_waits_is_withdrawn() {
        let registry = ChannelRegistry::default();
        let first = registry.channel_from_remote(id(1, 0), 2).unwrap();
        registry.withdraw(id(1, 0), &first);
        assert!(registry.is_empty());
        let second = registry.channel(id(1, 0), 2);
        registry.withdraw(id(1, 0), &first);
        assert_eq!(registry.len(), 1);
        assert!(!Arc::ptr_eq(&first, &second));
    }
}
