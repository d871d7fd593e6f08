//! A segment of a chain in the sandbox: one instance, one error policy, and the host's side of the
//! guest's calls ([`GuestHost`]), which owns the outputs.

use std::any::Any;

use sandbar_model::job_graph::ErrorPolicy;
use sandbar_model::{RecordBatch, RecordBatchView, Watermark};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};
use sandbar_wasm::{GuestError, GuestFault, Instance, TimeDomain};

use super::dead_letter::DeadLetter;
use super::guest_host::{DueBatch, DueByWatermark, GuestHost};
use super::operator::Operator;
use super::outputs::Outputs;
use crate::error::{TaskError, record_preview};
use crate::metrics::OperatorMetrics;
use crate::state_query::AskedState;
use crate::watermark_valve::WatermarkStatus;

/// What a segment does with the records that its head refuses.
pub(crate) struct BadRecords {
    /// The head's policy.
    pub(crate) policy: ErrorPolicy,
    /// Where dead letters go.
    pub(crate) dead_letters: Outputs,
    /// For a key selector or partitioner: the policy is that of the operators behind it, to which
    /// the records go.
    pub(crate) handed_on: bool,
}

/// A segment at work.
pub(crate) struct WasmOperator {
    name: String,
    subtask: u32,
    /// The guest is given the keys of records.
    keyed: bool,
    instance: Instance,
    bad_records: BadRecords,
    metrics: OperatorMetrics,
}

impl WasmOperator {
    pub(crate) fn new(
        name: String,
        subtask: u32,
        keyed: bool,
        instance: Instance,
        bad_records: BadRecords,
        metrics: OperatorMetrics,
    ) -> WasmOperator {
        WasmOperator { name, subtask, keyed, instance, bad_records, metrics }
    }

    /// The columns that the guest is given: keys only where it has a use for them, and not where
    /// they are the values.
    fn given<'b>(&self, batch: RecordBatchView<'b>) -> RecordBatchView<'b> {
        match self.keyed && !batch.is_keyed_by_value() {
            true => batch,
            false => batch.without_keys(),
        }
    }

    fn host(&mut self) -> &mut GuestHost {
        guest_host(&mut self.instance)
    }

    /// Applies the policy to record `index`; the error stands if the policy is to fail.
    fn on_bad_record(
        &mut self,
        error: Box<GuestError>,
        batch: RecordBatchView<'_>,
        index: usize,
        message: &str,
    ) -> Result<(), TaskError> {
        if self.bad_records.policy == ErrorPolicy::Fail {
            let record = record_preview(batch.value(index));
            return Err(TaskError::BadRecord { error, record });
        }
        if self.bad_records.handed_on {
            let mut refused = RecordBatch::new();
            refused.push_keyed(batch.timestamps[index], message.as_bytes(), batch.value(index));
            return self.host().outputs().refuse(refused.view());
        }
        self.refuse(batch, index, message)
    }

    /// Skips record `index` or makes a dead letter of it.
    fn refuse(
        &mut self,
        batch: RecordBatchView<'_>,
        index: usize,
        message: &str,
    ) -> Result<(), TaskError> {
        match self.bad_records.policy {
            ErrorPolicy::Fail => return Err(TaskError::without_key(&self.name, batch, index)),
            ErrorPolicy::Skip => {
                tracing::debug!(operator = %self.name, message, "record skipped");
            }
            ErrorPolicy::DeadLetter => {
                let (timestamp, value) = (batch.timestamps[index], batch.value(index));
                let letter =
                    DeadLetter::new(&self.name, self.subtask + 1, message, timestamp, value)
                        .to_batch();
                self.bad_records.dead_letters.emit(0, letter.view())?;
            }
        }
        self.metrics.io.num_records_refused.increment();
        Ok(())
    }

    /// Turns a guest's failure into the task's: what failed further down the chain speaks first.
    fn failure(&mut self, error: Box<GuestError>) -> TaskError {
        if let Some(downstream) = self.host().take_failure() {
            return downstream;
        }
        TaskError::of_guest(error)
    }

    fn call(
        &mut self,
        call: impl FnOnce(&mut Instance) -> Result<(), Box<GuestError>>,
    ) -> Result<(), TaskError> {
        call(&mut self.instance).map_err(|error| self.failure(error))
    }

    fn fire(&mut self, due: &DueBatch) -> Result<(), TaskError> {
        self.call(|instance| instance.on_timers(due.operator, due.domain, &due.timers))
    }
}

/// The instance's owner, by its type.
fn guest_host(instance: &mut Instance) -> &mut GuestHost {
    let host: &mut dyn Any = instance.host();
    host.downcast_mut().expect("a chain's instances are opened with a GuestHost")
}

impl Operator for WasmOperator {
    fn process(&mut self, input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.metrics.io.num_records_in.add(batch.len() as i64);
        self.host().start_batch();
        let mut rest: Option<RecordBatch> = None;
        loop {
            let view = rest.as_ref().map_or(batch, RecordBatch::view);
            let Err(error) = self.instance.process(input, self.given(view)) else {
                return Ok(());
            };
            let GuestFault::BadRecord { operator, index, message } = &error.fault else {
                return Err(self.failure(error));
            };
            let (operator, index, message) = (*operator, *index as usize, message.clone());
            if index >= view.len() {
                let message =
                    format!("it refused record {index} of a batch of {}: {message}", view.len());
                let fault = GuestFault::Fatal { message };
                return Err(TaskError::Guest(Box::new(GuestError { fault, ..*error })));
            }
            if operator != 0 {
                let record = record_preview(view.value(index));
                return Err(TaskError::BadRecord { error, record });
            }
            let behind = view.copy_from(index + 1);
            match rest.take() {
                None => self.on_bad_record(error, batch, index, &message)?,
                Some(done) => self.on_bad_record(error, done.view(), index, &message)?,
            }
            if behind.is_empty() {
                return Ok(());
            }
            rest = Some(behind);
        }
    }

    fn on_refused(&mut self, records: RecordBatchView<'_>) -> Result<(), TaskError> {
        (0..records.len()).try_for_each(|index| {
            let message = String::from_utf8_lossy(records.key(index));
            self.refuse(records, index, &message)
        })
    }

    // Operators emit everything a watermark triggers before it is forwarded (semantics: Flink,
    // `docs/content/docs/concepts/time.md`).
    fn on_watermark(&mut self, watermark: Watermark) -> Result<(), TaskError> {
        self.host().start_batch();
        self.host().set_watermark(watermark);
        while let Some(due) = self.host().next_timers_by_watermark(watermark) {
            match due {
                DueByWatermark::Here(due) => self.fire(&due)?,
                DueByWatermark::Cached { up_to } => {
                    self.call(|instance| instance.on_cached_timers(up_to))?;
                }
            }
        }
        self.call(|instance| instance.on_watermark(watermark.0))?;
        self.metrics.io.current_input_watermark.set(watermark.0 as f64);
        self.bad_records.dead_letters.on_watermark(watermark)?;
        self.host().outputs().on_watermark(watermark)
    }

    // What is held back of an idle stream may be late behind it: it leaves before, too.
    fn on_status(&mut self, status: WatermarkStatus) -> Result<(), TaskError> {
        match status {
            WatermarkStatus::Active => {}
            WatermarkStatus::Idle => {
                self.host().start_batch();
                self.fire(&DueBatch::empty(TimeDomain::EventTime))?;
            }
        }
        self.bad_records.dead_letters.on_status(status)?;
        self.host().outputs().on_status(status)
    }

    fn on_processing_time(&mut self, now_ms: i64) -> Result<(), TaskError> {
        self.host().start_batch();
        while let Some(due) = self.host().pop_processing_timers(now_ms) {
            self.fire(&due)?;
        }
        self.host().clean_up();
        self.bad_records.dead_letters.on_processing_time(now_ms)?;
        self.host().outputs().on_processing_time(now_ms)?;
        let wakes = self.host().takes_wake_up(now_ms);
        if self.host().outputs().takes_question() || wakes {
            // Operators that make watermarks head their segment and are alone in it. A guest that
            // asked to be called passes the call on to all of the segment.
            self.fire(&DueBatch::empty(TimeDomain::ProcessingTime))?;
        }
        Ok(())
    }

    fn next_processing_timer(&self) -> Option<i64> {
        let host: &dyn Any = self.instance.host_ref();
        let host: &GuestHost = host.downcast_ref()?;
        [host.next_processing_timer(), self.bad_records.dead_letters.next_processing_timer()]
            .into_iter()
            .flatten()
            .min()
    }

    fn flush(&mut self) -> Result<(), TaskError> {
        self.bad_records.dead_letters.flush()?;
        self.host().outputs().flush()
    }

    fn before_checkpoint(&mut self, checkpoint_id: u64) -> Result<(), TaskError> {
        self.host().start_batch();
        self.call(|instance| instance.before_checkpoint(checkpoint_id))?;
        self.bad_records.dead_letters.before_checkpoint(checkpoint_id)?;
        self.host().outputs().before_checkpoint(checkpoint_id)
    }

    fn query_state(&mut self, query: &StateQuery) -> Result<Option<StateAnswer>, TaskError> {
        if !self.host().has_operator(&query.operator) {
            return self.host().outputs().query_state(query);
        }
        let no_state = || StateAnswer::NoState(Vec::new());
        let found = match self.host().keyed_state() {
            Some(keyed_state) => AskedState::find(keyed_state, query),
            None => Err(no_state()),
        };
        let asked = match found {
            Ok(asked) => asked,
            Err(answer) => return Ok(Some(answer)),
        };
        self.host().start_batch();
        self.call(|instance| instance.before_query(asked.state(), asked.key()))?;
        let answer = self.host().keyed_state().map(|keyed_state| asked.answer(keyed_state));
        Ok(Some(answer.unwrap_or_else(no_state)))
    }

    fn finish(&mut self) -> Result<(), TaskError> {
        self.host().start_batch();
        self.host().warn_of_dropped_timers();
        self.call(Instance::finish)?;
        self.bad_records.dead_letters.finish()?;
        self.host().outputs().finish()
    }

    fn close(&mut self) -> Result<(), TaskError> {
        self.call(Instance::close)?;
        self.bad_records.dead_letters.close()?;
        self.host().outputs().close()
    }
}
