//! What the writer of an outbound connection hears, in order.
//!
//! Law: an event is either taken by the writer or given back to whoever posts it; none is lost
//! between the two when a connection ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sandbar_model::JobId;

use super::codec::Credit;
use super::error::ConnectionError;
use crate::error::ExchangeFailure;
use crate::exchange::channel::{Channel, GateSignal};
use crate::exchange::registry::ChannelId;

/// Most events that wait. Credit comes a frame at a time and channels are opened a task at a time,
/// so an honest cluster stays far below.
const EVENTS_MAX: usize = 1 << 16;

/// What the writer of an outbound connection hears.
#[derive(Debug)]
pub(crate) enum OutboundEvent {
    /// A task will send through this channel.
    Open {
        /// Whose other end is behind the connection.
        id: ChannelId,
        /// Where the task puts its elements.
        channel: Arc<Channel>,
    },
    /// The receiver takes more.
    Credit(Vec<Credit>),
    /// The receiver of a stream is gone.
    Closed {
        /// The stream.
        stream: u32,
    },
    /// A stream has failed at the receiver's.
    Failed {
        /// The stream.
        stream: u32,
        /// Why.
        reason: String,
    },
    /// All tasks of a job have ended.
    Release(JobId),
    /// The connection has ended.
    Lost(ConnectionError),
}

/// The events, and whether the connection still is.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// Also tells the writer of channels that have elements.
    pub(crate) signal: Arc<GateSignal>,
    state: Mutex<MailboxState>,
}

#[derive(Debug, Default)]
struct MailboxState {
    events: Vec<OutboundEvent>,
    closed: Option<Arc<ExchangeFailure>>,
}

impl Mailbox {
    pub(crate) fn new() -> Mailbox {
        Mailbox { signal: Arc::default(), state: Mutex::default() }
    }

    /// Posts an event and wakes the writer; gives it back when the connection has ended
    /// or has more events than it can handle.
    ///
    /// # Errors
    /// The event itself.
    pub(crate) fn post(&self, event: OutboundEvent) -> Result<(), Box<OutboundEvent>> {
        let mut state = self.lock();
        if state.closed.is_some() {
            return Err(Box::new(event));
        }
        if state.events.len() >= EVENTS_MAX {
            if state.events.len() == EVENTS_MAX {
                let flooded = ConnectionError::Flooded { limit: EVENTS_MAX };
                state.events.push(OutboundEvent::Lost(flooded));
            }
            return Err(Box::new(event));
        }
        state.events.push(event);
        drop(state);
        self.signal.wake();
        Ok(())
    }

    /// Moves all events to the end of `taken`.
    pub(crate) fn take(&self, taken: &mut Vec<OutboundEvent>) {
        taken.append(&mut self.lock().events);
    }

    /// Ends the mailbox and returns what nobody has taken.
    pub(crate) fn close(&self, failure: Arc<ExchangeFailure>) -> Vec<OutboundEvent> {
        let mut state = self.lock();
        state.closed.get_or_insert(failure);
        std::mem::take(&mut state.events)
    }

    /// Why the connection has ended, if it has.
    pub(crate) fn closed(&self) -> Option<Arc<ExchangeFailure>> {
        self.lock().closed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
