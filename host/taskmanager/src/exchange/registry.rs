//! The channels of this process by name. Both ends ask for a channel when their task is deployed,
//! in either order, and get the same one.
//!
//! Law: a channel lives from the first of the two to the end of the second, however far apart they
//! are: a producer may have ended before the thread of its consumer has started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sandbar_model::JobId;
use sandbar_model::job_graph::EdgeId;

use super::channel::Channel;

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

/// All channels between tasks of this process that one end has asked for.
#[derive(Debug, Default)]
pub struct ChannelRegistry {
    /// Invariant: holds a channel from the first end's call to the second's, no longer.
    waiting: Mutex<HashMap<ChannelId, Arc<Channel>>>,
}

impl ChannelRegistry {
    /// The channel of that name: made with this capacity for the end that comes first, handed over
    /// to the one that comes second. Each end calls this once.
    pub fn channel(&self, id: ChannelId, capacity: usize) -> Arc<Channel> {
        let mut waiting = self.lock();
        waiting.remove(&id).unwrap_or_else(|| {
            let channel = Arc::new(Channel::new(capacity));
            waiting.insert(id, Arc::clone(&channel));
            channel
        })
    }

    /// Forgets the channels of a job whose tasks have ended: those whose second end never came.
    pub fn release(&self, job: JobId) {
        self.lock().retain(|id, _| id.job != job);
    }

    /// Number of channels that wait for their second end.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no channel waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelId, Arc<Channel>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
    }
}
