//! The channels of this process by name. Both ends ask for a channel when their task is deployed,
//! in either order, and get the same one; it is gone when both have let go of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

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

/// All channels between tasks of this process.
#[derive(Debug, Default)]
pub struct ChannelRegistry {
    channels: Mutex<HashMap<ChannelId, Weak<Channel>>>,
}

impl ChannelRegistry {
    /// The channel of that name, made with this capacity if it is not there.
    pub fn channel(&self, id: ChannelId, capacity: usize) -> Arc<Channel> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&id).and_then(Weak::upgrade) {
            return channel;
        }
        let channel = Arc::new(Channel::new(capacity));
        channels.insert(id, Arc::downgrade(&channel));
        channel
    }

    /// Forgets the names of a job whose tasks have ended.
    pub fn release(&self, job: JobId) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|id, _| id.job != job);
    }

    /// Number of names known.
    pub fn len(&self) -> usize {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no names are known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
