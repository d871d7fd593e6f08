//! The host of native tests: state, timers, metrics, logs and outputs in memory.

mod storage;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use storage::Expiry;
pub(crate) use storage::Storage;

use super::{
    Batch, Descriptor, Found, Host, Job, MetricKind, Packed, Page, StateKind, Subtask, TimeToLive,
    TimerBatch, TtlUpdate, cut, pack, packed,
};
use crate::log::Level;
use crate::state::Redistribution;
use crate::timers::TimeDomain;

/// An in-memory host. Time stands still until a test moves it.
#[derive(Default)]
pub(crate) struct HarnessHost {
    pub(crate) storage: RefCell<Storage>,
    pub(crate) emitted: RefCell<Vec<(u32, Batch)>>,
    pub(crate) config: RefCell<BTreeMap<String, String>>,
    pub(crate) subtask: Cell<(u32, u32)>,
    pub(crate) processing_time: Cell<i64>,
    pub(crate) watermark: Cell<i64>,
    pub(crate) wake_at: Cell<Option<i64>>,
    pub(crate) cached_timers: Cell<Option<i64>>,
    pub(crate) logs: RefCell<Vec<(u32, Level, String)>>,
    pub(crate) calls: Calls,
    pub(crate) watermarks: RefCell<Vec<EmittedWatermark>>,
    states: RefCell<Vec<DeclaredState>>,
    metrics: RefCell<Vec<Metric>>,
}

/// A watermark that the operator emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EmittedWatermark {
    pub(crate) output: u32,
    pub(crate) watermark: i64,
    /// How many records had been emitted before, on all outputs.
    pub(crate) records: usize,
}

/// How often the host was called, for tests of the batching.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) multi_get: Cell<u32>,
    pub(crate) multi_put: Cell<u32>,
    pub(crate) register_timers: Cell<u32>,
}

fn count(calls: &Cell<u32>) {
    calls.set(calls.get() + 1);
}

struct DeclaredState {
    operator: u32,
    name: String,
    kind: StateKind,
    ttl: Option<TimeToLive>,
}

struct Metric {
    name: String,
    kind: MetricKind,
    values: Vec<f64>,
}

impl HarnessHost {
    /// What a metric has got: the sum of a counter, the last value of a gauge, all observations of
    /// a histogram.
    pub(crate) fn metric(&self, name: &str) -> Option<Vec<f64>> {
        let metrics = self.metrics.borrow();
        metrics.iter().find(|metric| metric.name == name).map(|metric| metric.values.clone())
    }

    /// The number of a declared state.
    pub(crate) fn state(&self, name: &str) -> Option<u32> {
        let states = self.states.borrow();
        states.iter().position(|state| state.name == name).map(|index| index as u32)
    }

    /// The declared states that have live entries, with the number of these.
    pub(crate) fn state_sizes(&self) -> BTreeMap<String, usize> {
        let (states, storage) = (self.states.borrow(), self.storage.borrow());
        let sizes = states
            .iter()
            .map(|state| (state.name.clone(), storage.count(&state.name, self.expiry(state))));
        sizes.filter(|(_, size)| *size > 0).collect()
    }

    fn with_state<R>(&self, state: u32, run: impl FnOnce(&mut Storage, &str, Expiry) -> R) -> R {
        let states = self.states.borrow();
        let state = &states[state as usize];
        run(&mut self.storage.borrow_mut(), &state.name, self.expiry(state))
    }

    fn expiry(&self, state: &DeclaredState) -> Expiry {
        Expiry {
            ttl: state.ttl,
            is_list: state.kind == StateKind::List,
            now: self.processing_time.get(),
        }
    }
}

/// User key `index`; all of them are empty for value-like states.
fn user_key(user_keys: &Packed, index: usize) -> &[u8] {
    if user_keys.ends.is_empty() { &[] } else { cut(&user_keys.ends, &user_keys.bytes, index) }
}

impl Host for HarnessHost {
    fn emit(&self, output: u32, batch: &Batch) {
        self.emitted.borrow_mut().push((output, batch.clone()));
    }

    fn emit_watermark(&self, output: u32, watermark: i64) {
        let records = self.emitted.borrow().iter().map(|(_, batch)| batch.timestamps.len()).sum();
        self.watermarks.borrow_mut().push(EmittedWatermark { output, watermark, records });
    }

    fn job(&self) -> Job {
        Job { id: "0123456789abcdef0123456789abcdef".to_owned(), name: "harness".to_owned() }
    }

    fn subtask(&self) -> Subtask {
        let (index, parallelism) = self.subtask.get();
        Subtask { index, parallelism: parallelism.max(1), max_parallelism: 128, attempt: 0 }
    }

    fn config(&self, key: &str) -> Option<String> {
        self.config.borrow().get(key).cloned()
    }

    fn processing_time(&self) -> i64 {
        self.processing_time.get()
    }

    fn declare_state(&self, operator: u32, descriptor: &Descriptor) -> Result<u32, String> {
        let states = &mut *self.states.borrow_mut();
        let known = states
            .iter()
            .position(|state| state.operator == operator && state.name == descriptor.name);
        match known {
            Some(index) if states[index].kind == descriptor.kind => Ok(index as u32),
            Some(_) => Err(format!("'{}' was declared with another kind", descriptor.name)),
            None => {
                let Descriptor { name, kind, ttl, .. } = descriptor.clone();
                states.push(DeclaredState { operator, name, kind, ttl });
                Ok(states.len() as u32 - 1)
            }
        }
    }

    fn multi_get(&self, state: u32, keys: &Packed, user_keys: &Packed) -> Found {
        count(&self.calls.multi_get);
        let mut found = Found { present: Vec::new(), values: packed() };
        self.with_state(state, |storage, name, expiry| {
            for index in 0..keys.ends.len() {
                let key = cut(&keys.ends, &keys.bytes, index);
                let value = storage.get(name, key, user_key(user_keys, index), expiry);
                found.present.push(u8::from(value.is_some()));
                pack(&mut found.values, &value.unwrap_or_default());
            }
        });
        found
    }

    fn multi_put(
        &self,
        state: u32,
        keys: &Packed,
        user_keys: &Packed,
        values: &Packed,
    ) -> Result<(), String> {
        count(&self.calls.multi_put);
        self.with_state(state, |storage, name, expiry| {
            for index in 0..keys.ends.len() {
                let key = cut(&keys.ends, &keys.bytes, index);
                let value = cut(&values.ends, &values.bytes, index);
                storage.put(name, key, user_key(user_keys, index), value, expiry);
            }
        });
        Ok(())
    }

    fn multi_delete(&self, state: u32, keys: &Packed, user_keys: &Packed) {
        self.with_state(state, |storage, name, _| {
            for index in 0..keys.ends.len() {
                let key = cut(&keys.ends, &keys.bytes, index);
                storage.delete(name, key, user_key(user_keys, index));
            }
        });
    }

    fn touch(&self, state: u32, keys: &Packed, user_keys: &Packed) {
        self.with_state(state, |storage, name, expiry| {
            if expiry.ttl.is_none_or(|ttl| ttl.update == TtlUpdate::OnCreateAndWrite) {
                return;
            }
            for index in 0..keys.ends.len() {
                let key = cut(&keys.ends, &keys.bytes, index);
                storage.touch(name, key, user_key(user_keys, index), expiry);
            }
        });
    }

    fn scan(&self, state: u32, key: &[u8], after: Option<&[u8]>, limit: u32) -> Page {
        let mut page = Page { user_keys: packed(), values: packed() };
        self.with_state(state, |storage, name, expiry| {
            for (user_key, value) in storage.scan(name, key, after, expiry).take(limit as usize) {
                pack(&mut page.user_keys, user_key);
                pack(&mut page.values, &value);
            }
        });
        page
    }

    fn keys(&self, state: u32, after: Option<&[u8]>, limit: u32) -> Packed {
        let mut keys = packed();
        self.with_state(state, |storage, name, expiry| {
            let found = storage.keys(name, after, expiry);
            found.take(limit as usize).for_each(|key| pack(&mut keys, key));
        });
        keys
    }

    fn set_list(
        &self,
        _operator: u32,
        name: &str,
        _redistribution: Redistribution,
        elements: &[Vec<u8>],
    ) -> Result<(), String> {
        self.storage.borrow_mut().lists.insert(name.to_owned(), elements.to_vec());
        Ok(())
    }

    fn get_list(&self, _operator: u32, name: &str) -> Vec<Vec<u8>> {
        self.storage.borrow().lists.get(name).cloned().unwrap_or_default()
    }

    fn put_broadcast(
        &self,
        _operator: u32,
        name: &str,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), String> {
        let storage = &mut *self.storage.borrow_mut();
        let map = storage.broadcasts.entry(name.to_owned()).or_default();
        match value {
            Some(value) => map.insert(key.to_vec(), value.to_vec()),
            None => map.remove(key),
        };
        Ok(())
    }

    fn scan_broadcast(&self, _operator: u32, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let storage = self.storage.borrow();
        let entries = storage.broadcasts.get(name).cloned().unwrap_or_default();
        entries.into_iter().collect()
    }

    fn register_timers(
        &self,
        _operator: u32,
        domain: TimeDomain,
        timers: &TimerBatch,
    ) -> Result<(), String> {
        count(&self.calls.register_timers);
        let storage = &mut *self.storage.borrow_mut();
        storage.timers.extend(storage::timers_of(domain, timers));
        Ok(())
    }

    fn delete_timers(&self, _operator: u32, domain: TimeDomain, timers: &TimerBatch) {
        let storage = &mut *self.storage.borrow_mut();
        for timer in storage::timers_of(domain, timers) {
            storage.timers.remove(&timer);
        }
    }

    fn wake_at(&self, timestamp: i64) {
        let asked = self.wake_at.get();
        self.wake_at.set(Some(asked.map_or(timestamp, |at| at.min(timestamp))));
    }

    fn cached_timers(&self, first: Option<i64>) {
        self.cached_timers.set(first);
    }

    fn current_watermark(&self) -> i64 {
        self.watermark.get()
    }

    fn log(&self, operator: u32, level: Level, message: &str) {
        self.logs.borrow_mut().push((operator, level, message.to_owned()));
    }

    fn declare_metric(&self, _operator: u32, name: &str, kind: MetricKind) -> Result<u32, String> {
        let metrics = &mut *self.metrics.borrow_mut();
        match metrics.iter().position(|metric| metric.name == name) {
            Some(index) if metrics[index].kind == kind => Ok(index as u32),
            Some(_) => Err(format!("'{name}' is another kind of metric")),
            None => {
                metrics.push(Metric { name: name.to_owned(), kind, values: Vec::new() });
                Ok(metrics.len() as u32 - 1)
            }
        }
    }

    fn add_to_metric(&self, metric: u32, amount: i64) {
        let values = &mut self.metrics.borrow_mut()[metric as usize].values;
        let sum = values.pop().unwrap_or(0.0);
        values.push(sum + amount as f64);
    }

    fn set_metric(&self, metric: u32, value: f64) {
        self.metrics.borrow_mut()[metric as usize].values = vec![value];
    }

    fn observe_metric(&self, metric: u32, value: f64) {
        self.metrics.borrow_mut()[metric as usize].values.push(value);
    }
}
