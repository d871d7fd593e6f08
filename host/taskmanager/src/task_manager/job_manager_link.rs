//! The link to the JobManager as tasks see it: they send, and ask and wait for the answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use sandbar_rpc::{SendToJobManager, ToJobManager, ToTaskManager};

/// The link.
pub struct JobManagerLink {
    sender: Mutex<Option<SendToJobManager>>,
    /// Questions without an answer. Invariant: bounded by the tasks of the process, each of which
    /// waits for one at most, and the plugins being fetched.
    questions: Mutex<HashMap<u64, Sender<ToTaskManager>>>,
    next: AtomicU64,
}

impl std::fmt::Debug for JobManagerLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobManagerLink").finish_non_exhaustive()
    }
}

impl JobManagerLink {
    /// Makes a link that is not connected.
    pub fn new() -> JobManagerLink {
        JobManagerLink {
            sender: Mutex::new(None),
            questions: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// Connects it.
    pub fn connect(&self, sender: SendToJobManager) {
        *lock(&self.sender) = Some(sender);
    }

    /// Sends a message; one that cannot be sent is dropped, since whoever loses a link also hears
    /// of it as an event. Blocks while the link is full.
    pub fn send(&self, message: ToJobManager) -> bool {
        // Not under the lock: a JobManager that hangs must not keep anybody from closing the link.
        let sender = lock(&self.sender).clone();
        sender.is_some_and(|send| send(message))
    }

    /// Asks a question, made with its number, and waits for the answer.
    ///
    /// # Errors
    /// The link is gone.
    pub fn ask(&self, question: impl FnOnce(u64) -> ToJobManager) -> Result<ToTaskManager, String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer): (_, Receiver<ToTaskManager>) = crossbeam_channel::bounded(1);
        lock(&self.questions).insert(number, sender);
        if !self.send(question(number)) {
            lock(&self.questions).remove(&number);
        }
        answer.recv().map_err(|_| "the link to the JobManager is gone".to_owned())
    }

    /// Gives an answer to who asked. One that nobody waits for is dropped.
    pub fn answer(&self, answer: ToTaskManager) {
        let number = match &answer {
            ToTaskManager::Split { request, .. } | ToTaskManager::Plugin { request, .. } => {
                *request
            }
            ToTaskManager::Registered { .. }
            | ToTaskManager::Refused(_)
            | ToTaskManager::NotNow(_)
            | ToTaskManager::Heartbeat { .. }
            | ToTaskManager::Deploy { .. }
            | ToTaskManager::Cancel(_)
            | ToTaskManager::Release(_)
            | ToTaskManager::AlignSource { .. }
            | ToTaskManager::ReadLog { .. }
            | ToTaskManager::QueryState { .. }
            | ToTaskManager::Shutdown => return,
        };
        if let Some(sender) = lock(&self.questions).remove(&number) {
            // Whoever asked may have been cancelled.
            let _ = sender.send(answer);
        }
    }

    /// Disconnects it: all who wait for answers hear that it is gone.
    pub fn close(&self) {
        *lock(&self.sender) = None;
        lock(&self.questions).clear();
    }
}

impl Default for JobManagerLink {
    fn default() -> JobManagerLink {
        JobManagerLink::new()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
