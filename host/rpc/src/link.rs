//! Links: the way between a JobManager and one TaskManager. A transport hands each end a function
//! to send by, and tells it what it hears.

use std::sync::Arc;

use crate::message::{ToJobManager, ToTaskManager};

/// Names a link within a JobManager; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// Sends to the TaskManager of a link, without waiting; false if the link is gone or takes no
/// more, after which it counts as gone. Dropping the last clone ends the link.
pub type SendToTaskManager = Arc<dyn Fn(ToTaskManager) -> bool + Send + Sync>;

/// Sends to the JobManager of a link; false if the link is gone.
pub type SendToJobManager = Arc<dyn Fn(ToJobManager) -> bool + Send + Sync>;

/// What a JobManager hears of its links.
pub enum LinkEvent {
    /// A TaskManager has connected; it has not said who it is.
    Opened(LinkId, SendToTaskManager),
    /// It speaks.
    Message(LinkId, ToJobManager),
    /// It is gone, for this reason.
    Closed(LinkId, String),
}

impl std::fmt::Debug for LinkEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LinkEvent::Opened(link, _) => f.debug_tuple("Opened").field(link).finish(),
            LinkEvent::Message(link, message) => {
                f.debug_tuple("Message").field(link).field(message).finish()
            }
            LinkEvent::Closed(link, why) => f.debug_tuple("Closed").field(link).field(why).finish(),
        }
    }
}
