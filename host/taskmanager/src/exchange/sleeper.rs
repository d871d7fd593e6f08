//! Whom to wake when there is something to do: a thread and, where time is virtual, the task that
//! it runs, which is busy from then on.

use std::thread::Thread;

use crate::virtual_clock::TaskTime;

/// A thread that may be parked.
#[derive(Clone, Debug)]
pub struct Sleeper {
    thread: Thread,
    time: Option<TaskTime>,
}

impl Sleeper {
    /// The thread of a task.
    pub(crate) fn of_task(thread: Thread, time: Option<TaskTime>) -> Sleeper {
        Sleeper { thread, time }
    }

    /// Wakes it. Not lost if it is about to park.
    pub fn wake(&self) {
        if let Some(time) = &self.time {
            time.wake();
        }
        self.thread.unpark();
    }
}

impl From<Thread> for Sleeper {
    fn from(thread: Thread) -> Sleeper {
        Sleeper { thread, time: None }
    }
}
