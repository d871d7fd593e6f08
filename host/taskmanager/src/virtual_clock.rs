//! A clock that moves only when nothing is left to be done: to the next time that a task waits for,
//! as the paused time of tokio does. For jobs whose tasks all run in this process.
//!
//! Law: whoever gives a task something to do marks it busy before he goes on himself, so that work
//! that is under way always belongs to a task that is busy.

mod quiescence;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::{Clock, JobId};
use sandbar_rpc::TaskAttempt;

use quiescence::Quiescence;
pub(crate) use quiescence::Wait;

/// Virtual processing time, the same for all tasks of a [`crate::TaskExecutor`].
#[derive(Debug)]
pub struct VirtualClock {
    /// What `state` says, for readers without its lock.
    now_ms: AtomicI64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    quiescence: Quiescence,
    /// The threads of tasks that have waited and not ended.
    threads: HashMap<TaskAttempt, Thread>,
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }
}

impl VirtualClock {
    /// Makes a clock that shows `start_ms`, in milliseconds since the Unix epoch.
    pub fn new(start_ms: i64) -> VirtualClock {
        let quiescence = Quiescence::new(start_ms);
        let state = Mutex::new(State { quiescence, threads: HashMap::new() });
        VirtualClock { now_ms: AtomicI64::new(start_ms), state }
    }

    /// Time stands still until these attempts, and all other subtasks of the graph, have started.
    pub(crate) fn on_deploy(
        &self,
        job: JobId,
        graph: &JobGraph,
        attempts: impl IntoIterator<Item = TaskAttempt>,
    ) {
        self.change(|quiescence| quiescence.on_deploy(job, graph, attempts));
    }

    /// A task starts, and is busy until it says otherwise.
    pub(crate) fn on_start(self: &Arc<VirtualClock>, task: TaskAttempt) -> TaskTime {
        self.change(|quiescence| quiescence.on_start(task));
        TaskTime { clock: Arc::clone(self), task }
    }

    /// A job has ended, as have its tasks.
    pub(crate) fn on_release(&self, job: JobId) {
        self.change(|quiescence| quiescence.on_release(job));
    }

    /// Applies a change, and lets time move if nothing is under way after it.
    fn change(&self, change: impl FnOnce(&mut Quiescence)) {
        let mut state = self.lock();
        change(&mut state.quiescence);
        let Some(next) = state.quiescence.advance() else { return };
        self.now_ms.store(state.quiescence.now_ms(), Ordering::SeqCst);
        if let Some(thread) = state.threads.get(&next) {
            thread.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's part in a virtual clock.
#[derive(Clone, Debug)]
pub(crate) struct TaskTime {
    clock: Arc<VirtualClock>,
    task: TaskAttempt,
}

impl TaskTime {
    /// Waits until the task is woken or its time has come. Called by the task's thread.
    pub(crate) fn wait(&self, wait: Wait) {
        let thread = std::thread::current();
        self.clock.lock().threads.entry(self.task).or_insert(thread);
        self.clock.change(|quiescence| quiescence.on_wait(self.task, wait));
        while self.clock.lock().quiescence.is_waiting(self.task) {
            std::thread::park();
        }
    }

    /// The task has something to do. Its thread is unparked by the caller.
    pub(crate) fn wake(&self) {
        self.clock.change(|quiescence| quiescence.on_wake(self.task));
    }

    /// The task has ended. One that has not finished may run again, and time waits for it.
    pub(crate) fn end(&self, has_finished: bool) {
        self.clock.lock().threads.remove(&self.task);
        self.clock.change(|quiescence| quiescence.on_end(self.task, has_finished));
    }
}
