//! The host's side of a guest's calls: outputs, state, timers, logs and metrics of one segment.
//!
//! Law: a failure further down the chain is kept here and speaks first; what the guest is told is
//! only that its call has failed.

mod due;
mod log;
mod state_calls;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sandbar_model::{Clock, RecordBatchView, Watermark};
use sandbar_state::{
    KeyGroups, KeyedState, ManagedMemory, OperatorState, StateBackend, TimerOwner, Timers,
};
use sandbar_wasm::{
    Found, GuestMetric, HostError, LogLevel, MetricKind, OperatorHost, Packed, PackedView, Page,
    Redistribution, ScanRange, StateDescriptor, TimeDomain, TimerView,
};

pub(crate) use self::due::{DueBatch, DueByWatermark};
use super::outputs::Outputs;
use crate::error::TaskError;
use crate::metrics::StateMetrics;
use crate::task::control::TaskControl;

/// What a segment is given to serve its guest.
pub(crate) struct GuestServices {
    /// Name of the job.
    pub(crate) job: String,
    /// 1-based number of the subtask.
    pub(crate) subtask: u32,
    /// Uid and name of the operators of the segment, in its order.
    pub(crate) operators: Vec<(String, String)>,
    /// Whether the head is keyed: only then there is keyed state.
    pub(crate) keyed: bool,
    /// Key groups of the subtask.
    pub(crate) key_groups: KeyGroups,
    /// What state may use.
    pub(crate) memory: ManagedMemory,
    /// Processing time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether the job is a batch.
    pub(crate) is_batch: bool,
    /// Counts the guest's time.
    pub(crate) control: Arc<TaskControl>,
    /// Shows how much state there is, one an operator.
    pub(crate) usage: Vec<StateMetrics>,
}

/// The time of the call at hand: all that a guest reads and writes in it happens at once.
#[derive(Debug)]
struct CallClock(AtomicI64);

impl Clock for CallClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Serves the calls of one instance.
pub(crate) struct GuestHost {
    job: String,
    subtask: u32,
    operators: Vec<(String, String)>,
    /// The state backend, if the head is keyed.
    keyed_state: Option<KeyedState>,
    timers: Timers,
    operator_state: OperatorState,
    watermark: Watermark,
    is_batch: bool,
    /// When the guest wants to be called, besides for its timers.
    wake_at: Option<i64>,
    /// When the first event timer is due that the guest keeps in its cache.
    cached_timers: Option<i64>,
    clock: Arc<dyn Clock>,
    control: Arc<TaskControl>,
    usage: Vec<StateMetrics>,
    call_clock: Arc<CallClock>,
    outputs: Outputs,
    failure: Option<TaskError>,
}

impl GuestHost {
    pub(crate) fn new(services: GuestServices, outputs: Outputs) -> GuestHost {
        let call_clock = Arc::new(CallClock(AtomicI64::new(services.clock.now_ms())));
        let keyed_state = services.keyed.then(|| {
            let (groups, memory) = (services.key_groups.clone(), services.memory.clone());
            KeyedState::new(groups, memory, Arc::<CallClock>::clone(&call_clock))
        });
        let mut timers = Timers::new(services.key_groups, services.memory.clone());
        for (uid, _) in &services.operators {
            // Owners are numbered in the order of the segment; past the limit, registering fails.
            if timers.owner(uid).is_err() {
                break;
            }
        }
        GuestHost {
            job: services.job,
            subtask: services.subtask,
            operators: services.operators,
            keyed_state,
            timers,
            operator_state: OperatorState::new(services.memory),
            watermark: Watermark::MIN,
            is_batch: services.is_batch,
            wake_at: None,
            cached_timers: None,
            call_clock,
            clock: services.clock,
            control: services.control,
            usage: services.usage,
            outputs,
            failure: None,
        }
    }

    /// Reads the clock: processing time stands still until the next call.
    pub(crate) fn start_batch(&self) {
        self.call_clock.0.store(self.clock.now_ms(), Ordering::Relaxed);
    }

    /// Deletes some of the state that has expired, if that is due.
    pub(crate) fn clean_up(&mut self) {
        if let Some(keyed_state) = &mut self.keyed_state {
            keyed_state.delete_expired();
            self.publish_usage();
        }
    }

    /// Whether an operator of the segment has this uid.
    pub(crate) fn has_operator(&self, uid: &str) -> bool {
        self.operators.iter().any(|(of_segment, _)| of_segment == uid)
    }

    /// The keyed state of its operators, if they have keys.
    pub(crate) fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        self.keyed_state.as_mut()
    }

    /// Shows how much state each operator has.
    fn publish_usage(&self) {
        let Some(keyed_state) = &self.keyed_state else { return };
        for ((uid, _), gauges) in self.operators.iter().zip(&self.usage) {
            let usage = keyed_state.usage(uid);
            gauges.state_size.set(usage.bytes as f64);
            gauges.state_entries.set(usage.entries as f64);
        }
    }

    pub(crate) fn set_watermark(&mut self, watermark: Watermark) {
        self.watermark = watermark;
    }

    pub(crate) fn outputs(&mut self) -> &mut Outputs {
        &mut self.outputs
    }

    /// What failed further down the chain, if that is why the guest's call failed.
    pub(crate) fn take_failure(&mut self) -> Option<TaskError> {
        self.failure.take()
    }

    /// When a processing-time timer, the clean-up of state or a call of the guest is due.
    pub(crate) fn next_processing_timer(&self) -> Option<i64> {
        let clean_up = self.keyed_state.as_ref().and_then(StateBackend::next_clean_up);
        let timer = self.timers.next_due(sandbar_state::TimeDomain::ProcessingTime);
        let timer = timer.map(|at| at.saturating_add(1));
        let behind = self.outputs.next_processing_timer();
        [timer, clean_up, self.wake_at, behind].into_iter().flatten().min()
    }

    /// Whether the time has come that the guest wanted to be called at; says so once.
    pub(crate) fn takes_wake_up(&mut self, now_ms: i64) -> bool {
        self.wake_at.take_if(|at| *at <= now_ms).is_some()
    }

    /// What the guest is told of a failure further down the chain, which is kept.
    fn told<T>(&mut self, result: Result<T, TaskError>) -> Result<T, HostError> {
        result.map_err(|error| {
            let told = if error.is_canceled() {
                HostError::Canceled
            } else {
                HostError::Downstream("an operator further down the chain failed".to_owned())
            };
            self.failure = Some(error);
            told
        })
    }

    fn operator(&self, position: u32) -> (&str, &str) {
        match self.operators.get(position as usize) {
            Some((uid, name)) => (uid, name),
            // Log lines and state of a position that is none are filed under the head.
            None => (&self.operators[0].0, &self.operators[0].1),
        }
    }
}

impl OperatorHost for GuestHost {
    fn emit(&mut self, output: u32, batch: RecordBatchView<'_>) -> Result<(), HostError> {
        let outputs = self.outputs.len();
        if output as usize >= outputs {
            return Err(HostError::NoSuchOutput { output, outputs });
        }
        let sent = self.outputs.emit(output as usize, batch);
        self.told(sent)
    }

    fn emit_watermark(&mut self, output: u32, watermark: i64) -> Result<(), HostError> {
        let outputs = self.outputs.len();
        if output as usize >= outputs {
            return Err(HostError::NoSuchOutput { output, outputs });
        }
        let sent = self.outputs.emit_watermark(output as usize, Watermark(watermark));
        match self.told(sent)? {
            true => Ok(()),
            false => Err(HostError::NoWatermarks { output }),
        }
    }

    fn declare_state(&mut self, operator: u32, state: StateDescriptor) -> Result<u32, String> {
        let uid = self.operator(operator).0.to_owned();
        state_calls::declare(self.keyed_state.as_mut(), uid, state)
    }

    fn multi_get(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
        found: &mut Found,
    ) -> Result<(), HostError> {
        state_calls::multi_get(self.keyed_state.as_mut(), state, keys, user_keys, found)
    }

    fn multi_put(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
        values: PackedView<'_>,
    ) -> Result<Result<(), String>, HostError> {
        state_calls::multi_put(self.keyed_state.as_mut(), state, keys, user_keys, values)
    }

    fn multi_delete(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
    ) -> Result<(), HostError> {
        state_calls::multi_delete(self.keyed_state.as_mut(), state, keys, user_keys)
    }

    fn touch(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
    ) -> Result<(), HostError> {
        state_calls::touch(self.keyed_state.as_mut(), state, keys, user_keys)
    }

    fn scan(
        &mut self,
        state: u32,
        key: &[u8],
        range: ScanRange<'_>,
        page: &mut Page,
    ) -> Result<(), HostError> {
        state_calls::scan(self.keyed_state.as_mut(), state, key, range, page)
    }

    fn keys(
        &mut self,
        state: u32,
        after: Option<&[u8]>,
        limit: u32,
        keys: &mut Packed,
    ) -> Result<(), HostError> {
        state_calls::keys(self.keyed_state.as_mut(), state, after, limit, keys)
    }

    fn set_list(
        &mut self,
        operator: u32,
        name: &str,
        redistribution: Redistribution,
        elements: Vec<Vec<u8>>,
    ) -> Result<(), String> {
        let uid = self.operator(operator).0.to_owned();
        let redistribution = match redistribution {
            Redistribution::Split => sandbar_state::Redistribution::Split,
            Redistribution::Union => sandbar_state::Redistribution::Union,
        };
        self.operator_state
            .set_list(&uid, name, redistribution, elements)
            .map_err(|error| error.to_string())
    }

    fn get_list(&mut self, operator: u32, name: &str) -> Vec<Vec<u8>> {
        self.operator_state.get_list(self.operator(operator).0, name).to_vec()
    }

    fn put_broadcast(
        &mut self,
        operator: u32,
        name: &str,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<(), String> {
        let uid = self.operator(operator).0.to_owned();
        self.operator_state.put_broadcast(&uid, name, key, value).map_err(|error| error.to_string())
    }

    fn get_broadcast(&mut self, operator: u32, name: &str, key: &[u8]) -> Option<Vec<u8>> {
        let uid = self.operator(operator).0;
        self.operator_state.get_broadcast(uid, name, key).map(<[u8]>::to_vec)
    }

    fn scan_broadcast(&mut self, operator: u32, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let uid = self.operator(operator).0;
        let entries = self.operator_state.scan_broadcast(uid, name);
        entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    }

    fn register_timers(
        &mut self,
        operator: u32,
        domain: TimeDomain,
        timers: TimerView<'_>,
    ) -> Result<(), String> {
        if self.keyed_state.is_none() {
            return Err("timers need a keyed input: put a key in front of the operator".to_owned());
        }
        if !self.takes_timers(domain) {
            return Ok(());
        }
        let domain = state_calls::domain(domain);
        self.timers
            .register(TimerOwner(operator), domain, state_calls::timer_view(timers))
            .map_err(|error| error.to_string())
    }

    fn delete_timers(&mut self, operator: u32, domain: TimeDomain, timers: TimerView<'_>) {
        let domain = state_calls::domain(domain);
        let view = state_calls::timer_view(timers);
        if let Err(error) = self.timers.delete(TimerOwner(operator), domain, view) {
            tracing::debug!(%error, "timers not deleted");
        }
    }

    fn wake_at(&mut self, timestamp: i64) {
        self.wake_at = Some(self.wake_at.map_or(timestamp, |at| at.min(timestamp)));
    }

    fn cached_timers(&mut self, first: Option<i64>) {
        self.cached_timers = first;
    }

    fn current_watermark(&self) -> i64 {
        self.watermark.0
    }

    fn processing_time(&self) -> i64 {
        self.call_clock.now_ms()
    }

    fn on_call_ended(&mut self, in_guest: Duration) {
        self.control.add_guest(in_guest);
        self.publish_usage();
    }

    fn log(&mut self, operator: u32, level: LogLevel, message: &str) {
        log::write(&self.job, self.subtask, self.operator(operator).1, level, message);
    }

    fn declare_metric(
        &mut self,
        _operator: u32,
        name: &str,
        kind: MetricKind,
    ) -> Result<GuestMetric, String> {
        self.outputs.metrics().declare(name, kind)
    }
}
