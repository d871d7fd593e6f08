//! A task: one running subtask, one thread, one operator chain. Its loop takes elements from its
//! source or gate and hands them down the chain; between elements it flushes buffers, fires timers
//! and looks whether it has been cancelled.

pub mod control;

mod source_alignment;
mod source_head;
mod source_loop;
pub(crate) mod wiring;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbar_connectors::Console;
use sandbar_model::{Clock, Watermark};
use sandbar_rpc::state_query::StateAnswer;

use crate::chain::{ChainBuilder, Head, Operator};
use crate::deployment::TaskDeployment;
use crate::error::TaskError;
use crate::exchange::input_gate::{GateEvent, InputGate};
use crate::exchange::registry::ChannelRegistry;
use crate::metrics::TaskMetrics;
use crate::network::NetworkEnvironment;
use crate::task::control::{TaskControl, Waiting};
use crate::task::wiring::Wiring;
use crate::virtual_clock::Wait;
use crate::watermark_valve::ValveElement;

/// What a task is made of.
pub(crate) struct Task {
    pub(crate) deployment: TaskDeployment,
    pub(crate) registry: Arc<ChannelRegistry>,
    /// None where all tasks run in this process.
    pub(crate) network: Option<Arc<NetworkEnvironment>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) console: Console,
    pub(crate) control: Arc<TaskControl>,
    pub(crate) metrics: TaskMetrics,
}

impl Task {
    /// Runs the task to its end, on the current thread. `on_running` is called when all operators
    /// are open.
    pub(crate) fn run(&self, on_running: impl FnOnce()) -> Result<(), TaskError> {
        self.control.attach(std::thread::current());
        let wiring = Wiring {
            deployment: &self.deployment,
            registry: &self.registry,
            network: self.network.as_deref(),
        };
        let gate = wiring.gate();
        if let Some(gate) = &gate {
            self.metrics.watch_inputs(gate.channels());
        }
        let chain = ChainBuilder {
            deployment: &self.deployment,
            control: &self.control,
            clock: &self.clock,
            console: &self.console,
            wiring: &wiring,
            metrics: &self.metrics,
        };
        let head = chain.build()?;
        if self.control.is_canceled() {
            return Err(TaskError::Canceled);
        }
        on_running();
        let mut pace = Pace::new(self);
        self.metrics.io.current_input_watermark.set(Watermark::MIN.0 as f64);
        self.metrics.io.current_output_watermark.set(Watermark::MIN.0 as f64);
        match (head, gate) {
            (Head::Source { name, reader, outputs }, None) => {
                source_loop::run(self, &mut pace, &name, reader, outputs)
            }
            (Head::Operator(operator), Some(gate)) => self.run_gate(&mut pace, operator, gate),
            (Head::Source { name, .. }, Some(_)) => Err(TaskError::Deployment {
                operator: name,
                reason: "a source has no inputs".to_owned(),
            }),
            (Head::Operator(_), None) => Err(TaskError::Deployment {
                operator: self.deployment.vertex().name.clone(),
                reason: "it has no inputs".to_owned(),
            }),
        }
    }

    fn run_gate(
        &self,
        pace: &mut Pace<'_>,
        mut operator: Box<dyn Operator>,
        mut gate: InputGate,
    ) -> Result<(), TaskError> {
        gate.attach(self.control.sleeper());
        // Else an output of the chain shows its own.
        let operators = &self.deployment.vertex().operators;
        let forwards = operators.iter().all(|node| node.watermarks.is_none());
        loop {
            pace.between_elements(&mut *operator)?;
            match gate.poll() {
                GateEvent::Batch { input, channel, batch, remote } => {
                    self.metrics.io.num_records_in.add(batch.len() as i64);
                    self.metrics.count_buffer_in(batch.bytes(), remote);
                    operator.process(input, batch.view())?;
                    gate.recycle(channel, batch);
                }
                GateEvent::Refused(batch) => {
                    self.metrics.io.num_records_in.add(batch.len() as i64);
                    operator.on_refused(batch.view())?;
                }
                GateEvent::Time(output) => {
                    for element in output.elements() {
                        match element {
                            ValveElement::Watermark(watermark) => {
                                let io = &self.metrics.io;
                                io.current_input_watermark.set(watermark.0 as f64);
                                operator.on_watermark(watermark)?;
                                if forwards {
                                    io.current_output_watermark.set(watermark.0 as f64);
                                }
                            }
                            ValveElement::Status(status) => operator.on_status(status)?,
                        }
                    }
                }
                GateEvent::Pending => {
                    let due_ms = operator.next_processing_timer();
                    pace.wait(&mut *operator, Wait { due_ms, on_outside: false })?;
                }
                GateEvent::Ended => break,
                GateEvent::Failed(failure) => return Err(TaskError::of_exchange(&failure)),
            }
        }
        // A bounded input without a watermark of its own ends event time all the same.
        operator.on_watermark(Watermark::MAX)?;
        operator.finish()?;
        operator.close()
    }
}

/// What a task does between elements, and how long it waits when there are none.
pub(crate) struct Pace<'a> {
    task: &'a Task,
    buffer_timeout: Option<Duration>,
    flush_at: Option<Instant>,
}

impl<'a> Pace<'a> {
    fn new(task: &'a Task) -> Pace<'a> {
        let timeout = task.deployment.job.settings.buffer_timeout;
        let buffer_timeout = timeout.filter(|timeout| !timeout.is_zero());
        Pace { task, buffer_timeout, flush_at: None }
    }

    /// Stops if cancelled, flushes buffers whose time has come, fires due timers.
    pub(crate) fn between_elements(
        &mut self,
        operator: &mut dyn Operator,
    ) -> Result<(), TaskError> {
        if self.task.control.is_canceled() {
            return Err(TaskError::Canceled);
        }
        for question in self.task.control.take_questions() {
            let found = operator.query_state(&question.query)?;
            let nothing = || StateAnswer::NoState(Vec::new());
            question.answer(found.unwrap_or_else(nothing));
        }
        if let Some(due) = operator.next_processing_timer() {
            let now_ms = self.task.clock.now_ms();
            if due <= now_ms {
                operator.on_processing_time(now_ms)?;
            }
        }
        if !self.task.control.is_unflushed() {
            return Ok(());
        }
        let Some(timeout) = self.buffer_timeout else {
            return Ok(());
        };
        let now = Instant::now();
        match self.flush_at {
            None => self.flush_at = Some(now + timeout),
            Some(at) if at <= now => {
                self.flush_at = None;
                self.task.control.clear_unflushed();
                operator.flush()?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Waits until something may have changed: woken, a flush or a timer due. Returns how long that
    /// was by the task's clock.
    pub(crate) fn wait(
        &mut self,
        operator: &mut dyn Operator,
        wait: Wait,
    ) -> Result<Duration, TaskError> {
        let control = &self.task.control;
        let Some(time) = control.time() else {
            return Ok(self.wait_for(wait.due_ms));
        };
        // Records are under way as long as they are in a buffer, and time must not pass them by.
        if control.is_unflushed() {
            self.flush_at = None;
            control.clear_unflushed();
            operator.flush()?;
        }
        let since_ms = self.task.clock.now_ms();
        control.wait(Waiting::Input, || time.wait(wait));
        let waited_ms = self.task.clock.now_ms().saturating_sub(since_ms);
        Ok(Duration::from_millis(waited_ms.unsigned_abs()))
    }

    fn wait_for(&self, wake_at_ms: Option<i64>) -> Duration {
        let until_wake = wake_at_ms.map(|at| {
            let ahead = at.saturating_sub(self.task.clock.now_ms()).max(0);
            Duration::from_millis(ahead.unsigned_abs())
        });
        let until_flush = self.flush_at.map(|at| at.saturating_duration_since(Instant::now()));
        let wait = until_wake.into_iter().chain(until_flush).min();
        if wait.is_some_and(|wait| wait.is_zero()) {
            return Duration::ZERO;
        }
        let started = Instant::now();
        self.task.control.wait(Waiting::Input, || match wait {
            Some(wait) => std::thread::park_timeout(wait),
            None => std::thread::park(),
        });
        started.elapsed()
    }
}
