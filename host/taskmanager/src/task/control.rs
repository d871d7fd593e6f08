//! What others may do to a running task: cancel it and wake it; and what they may see of it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use sandbar_model::Watermark;
use sandbar_rpc::state_query::{StateAnswer, StateQuery};

use crate::exchange::sleeper::Sleeper;
use crate::virtual_clock::TaskTime;
use crate::watermark_valve::WatermarkStatus;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Input, or time.
    Input,
    /// Room downstream.
    Room,
}

/// Where a task's time went since it was made. All of it is one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskTimes {
    /// It worked.
    pub busy: Duration,
    /// It waited for input.
    pub idle: Duration,
    /// It waited for room downstream.
    pub back_pressured: Duration,
}

/// Questions for its state that a task has not looked at, at most.
const QUESTIONS_MAX: usize = 64;

/// A question for a task's state and where the answer goes. There is always one.
pub struct StateQuestion {
    pub(crate) query: StateQuery,
    reply: Option<Box<dyn FnOnce(StateAnswer) + Send>>,
}

impl StateQuestion {
    /// Makes a question.
    pub fn new(
        query: StateQuery,
        reply: impl FnOnce(StateAnswer) + Send + 'static,
    ) -> StateQuestion {
        StateQuestion { query, reply: Some(Box::new(reply)) }
    }

    /// Answers it.
    pub(crate) fn answer(mut self, answer: StateAnswer) {
        if let Some(reply) = self.reply.take() {
            reply(answer);
        }
    }
}

impl Drop for StateQuestion {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            reply(StateAnswer::Unavailable("the task has ended".to_owned()));
        }
    }
}

impl std::fmt::Debug for StateQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.query.fmt(f)
    }
}

/// The control block of a task, shared between its thread and everybody else.
#[derive(Debug)]
pub struct TaskControl {
    canceled: Arc<AtomicBool>,
    unflushed: AtomicBool,
    back_pressured_ns: AtomicU64,
    idle_ns: AtomicU64,
    guest_ns: AtomicU64,
    /// Since when the task waits: nanoseconds since it was made, doubled, and 1 more if it is for
    /// room; 0 while it works.
    waiting: AtomicU64,
    /// How far the watermark of a source may go before it pauses.
    watermark_bound: AtomicI64,
    /// Whether it was told since the task asked.
    has_bound: AtomicBool,
    /// How far the aligned operator behind the source is, and whether it is idle.
    reached: Mutex<(Watermark, WatermarkStatus)>,
    /// How long the source has paused for that.
    aligned_ns: AtomicU64,
    created: Instant,
    thread: Mutex<Option<Thread>>,
    /// The task's part in a virtual clock, if that is its clock.
    time: Option<TaskTime>,
    is_asked: AtomicBool,
    /// None once the task has ended.
    questions: Mutex<Option<Vec<StateQuestion>>>,
}

impl TaskControl {
    /// Makes the control block of a task whose time is virtual.
    pub(crate) fn with_time(time: Option<TaskTime>) -> TaskControl {
        TaskControl { time, ..TaskControl::default() }
    }

    /// The task's part in a virtual clock; none where time goes by by itself.
    #[inline]
    pub(crate) fn time(&self) -> Option<&TaskTime> {
        self.time.as_ref()
    }

    /// Asks the task to stop, wherever it is: waiting, in the host, or in guest code.
    pub fn cancel(&self) {
        self.canceled.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the task has been asked to stop.
    #[inline]
    pub fn is_canceled(&self) -> bool {
        self.canceled.load(Ordering::Relaxed)
    }

    /// The flag that interrupts guest code.
    pub fn cancel_flag(&self) -> &Arc<AtomicBool> {
        &self.canceled
    }

    /// Makes the task look up if it waits. Sticky: not lost if it is about to wait.
    pub fn wake(&self) {
        if let Some(time) = &self.time {
            time.wake();
        }
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }

    /// Lets a source go on until its watermark is later than this.
    pub fn bound_watermark(&self, bound: Watermark) {
        self.watermark_bound.store(bound.0, Ordering::Relaxed);
        self.has_bound.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Asks for a bound by `ask`. Where time is virtual, the task goes on when it has it or is
    /// cancelled, and so always at the same moment; else it goes on at once.
    pub(crate) fn ask_for_bound(&self, ask: impl FnOnce()) {
        self.has_bound.store(false, Ordering::SeqCst);
        ask();
        let is_answered = || self.has_bound.load(Ordering::SeqCst) || self.is_canceled();
        while self.time.is_some() && !is_answered() {
            std::thread::park();
        }
    }

    /// How far the watermark of a source may go; [`Watermark::MAX`] where nothing bounds it.
    pub(crate) fn watermark_bound(&self) -> Watermark {
        Watermark(self.watermark_bound.load(Ordering::Relaxed))
    }

    /// Says how far the aligned operator behind the task's source is.
    pub(crate) fn reach(&self, watermark: Watermark, status: WatermarkStatus) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = (watermark, status);
    }

    /// How far that operator is.
    pub(crate) fn reached(&self) -> (Watermark, WatermarkStatus) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds time in which the source paused for slower ones.
    pub(crate) fn add_aligned(&self, paused: Duration) {
        self.aligned_ns.fetch_add(nanoseconds(paused), Ordering::Relaxed);
    }

    /// Time in which the task could not go on for others, by its clock: it does not make its stream
    /// idle. A virtual clock stands still while the task waits for room downstream.
    pub(crate) fn blocked(&self) -> Duration {
        let aligned = Duration::from_nanos(self.aligned_ns.load(Ordering::Relaxed));
        match self.time {
            Some(_) => aligned,
            None => self.times().back_pressured + aligned,
        }
    }

    /// Asks the task for its state. It answers when it is between two batches.
    pub fn ask(&self, question: StateQuestion) {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *questions {
            // Dropped, which is an answer.
            None => {}
            Some(waiting) if waiting.len() >= QUESTIONS_MAX => {
                let many = format!("{QUESTIONS_MAX} questions wait for the task; ask again later");
                question.answer(StateAnswer::Unavailable(many));
            }
            Some(waiting) => {
                waiting.push(question);
                self.is_asked.store(true, Ordering::SeqCst);
            }
        }
        drop(questions);
        self.wake();
    }

    /// The questions that were asked since the last call.
    #[inline]
    pub(crate) fn take_questions(&self) -> Vec<StateQuestion> {
        if !self.is_asked.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.is_asked.store(false, Ordering::SeqCst);
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The task has ended: whoever asked hears that.
    pub(crate) fn end_questions(&self) {
        let ended = self.questions.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(ended);
    }

    /// Names the thread that runs the task.
    pub(crate) fn attach(&self, thread: Thread) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// The task has ended, and virtual time goes on without it.
    pub(crate) fn leave_time(&self, has_finished: bool) {
        if let Some(time) = &self.time {
            time.end(has_finished);
        }
    }

    /// The task's thread, for those who have something for it to do.
    pub(crate) fn sleeper(&self) -> Sleeper {
        Sleeper::of_task(std::thread::current(), self.time.clone())
    }

    /// Says that an output buffer holds records.
    #[inline]
    pub(crate) fn mark_unflushed(&self) {
        self.unflushed.store(true, Ordering::Relaxed);
    }

    /// Whether an output buffer holds records.
    #[inline]
    pub(crate) fn is_unflushed(&self) -> bool {
        self.unflushed.load(Ordering::Relaxed)
    }

    pub(crate) fn clear_unflushed(&self) {
        self.unflushed.store(false, Ordering::Relaxed);
    }

    /// Waits, which the task's thread alone does.
    pub(crate) fn wait<T>(&self, what: Waiting, wait: impl FnOnce() -> T) -> T {
        let since = nanoseconds(self.created.elapsed());
        self.waiting.store(since << 1 | u64::from(what == Waiting::Room), Ordering::Relaxed);
        let result = wait();
        let waited = nanoseconds(self.created.elapsed()).saturating_sub(since);
        self.waiting.store(0, Ordering::Relaxed);
        self.waited(what).fetch_add(waited, Ordering::Relaxed);
        result
    }

    fn waited(&self, what: Waiting) -> &AtomicU64 {
        match what {
            Waiting::Input => &self.idle_ns,
            Waiting::Room => &self.back_pressured_ns,
        }
    }

    /// Adds time that guests of the task worked.
    pub(crate) fn add_guest(&self, spent: Duration) {
        self.guest_ns.fetch_add(nanoseconds(spent), Ordering::Relaxed);
    }

    /// Time that guests of the task worked in calls that have ended: a part of its busy time.
    pub fn guest(&self) -> Duration {
        Duration::from_nanos(self.guest_ns.load(Ordering::Relaxed))
    }

    /// What it waits for at the moment and for how long it has; none while it works.
    pub(crate) fn waits(&self) -> Option<(Waiting, Duration)> {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let what = if waiting & 1 == 1 { Waiting::Room } else { Waiting::Input };
        let since = Duration::from_nanos(waiting >> 1);
        (waiting != 0).then(|| (what, self.created.elapsed().saturating_sub(since)))
    }

    /// Where its time went, the wait that it is in included.
    pub fn times(&self) -> TaskTimes {
        let now = nanoseconds(self.created.elapsed());
        let idle = self.idle_ns.load(Ordering::Relaxed);
        let back_pressured = self.back_pressured_ns.load(Ordering::Relaxed);
        let waiting = self.waiting.load(Ordering::Relaxed);
        let current = if waiting == 0 { 0 } else { now.saturating_sub(waiting >> 1) };
        let for_room = waiting & 1 == 1;
        let idle = idle + if for_room { 0 } else { current };
        let back_pressured = back_pressured + if for_room { current } else { 0 };
        TaskTimes {
            busy: Duration::from_nanos(now.saturating_sub(idle).saturating_sub(back_pressured)),
            idle: Duration::from_nanos(idle),
            back_pressured: Duration::from_nanos(back_pressured),
        }
    }
}

impl Default for TaskControl {
    fn default() -> TaskControl {
        TaskControl {
            canceled: Arc::default(),
            unflushed: AtomicBool::new(false),
            back_pressured_ns: AtomicU64::new(0),
            idle_ns: AtomicU64::new(0),
            guest_ns: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            watermark_bound: AtomicI64::new(Watermark::MAX.0),
            has_bound: AtomicBool::new(false),
            reached: Mutex::new((Watermark::MIN, WatermarkStatus::Active)),
            aligned_ns: AtomicU64::new(0),
            created: Instant::now(),
            thread: Mutex::new(None),
            time: None,
            is_asked: AtomicBool::new(false),
            questions: Mutex::new(Some(Vec::new())),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_tasks_time_is_busy_idle_or_back_pressured() {
        let control = TaskControl::default();
        let pause = Duration::from_millis(5);
        control.wait(Waiting::Input, || std::thread::sleep(pause));
        assert_eq!(control.waits(), None);
        let before = control.times();
        assert!(before.idle >= pause && before.back_pressured.is_zero());
        // A wait counts while it lasts.
        control.wait(Waiting::Room, || {
            std::thread::sleep(pause);
            assert!(control.times().back_pressured >= pause);
            let waits = control.waits();
            assert!(waits.is_some_and(|(what, time)| what == Waiting::Room && time >= pause));
        });
        let after = control.times();
        assert_eq!(after.idle, before.idle);
        assert!(after.back_pressured >= pause && after.busy >= before.busy);
        let sum = after.busy + after.idle + after.back_pressured;
        assert!(sum <= control.created.elapsed());
    }
}
