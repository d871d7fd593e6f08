//! The host of a component: each method is one import of the contract.

use super::{Batch, Descriptor, Found, Host, Job, MetricKind, Packed, Page, Subtask, TimerBatch};
use crate::bindings::sandbar::operator::{
    collector, keyed_state, logging, metrics, operator_state, runtime_context, timers,
};
use crate::log::Level;
use crate::state::Redistribution;
use crate::timers::TimeDomain;

/// The imports.
pub(crate) struct WitHost;

impl Host for WitHost {
    fn emit(&self, output: u32, batch: &Batch) {
        collector::emit(output, batch);
    }

    fn emit_watermark(&self, output: u32, watermark: i64) {
        collector::emit_watermark(output, watermark);
    }

    fn job(&self) -> Job {
        runtime_context::get_job()
    }

    fn subtask(&self) -> Subtask {
        runtime_context::get_subtask()
    }

    fn config(&self, key: &str) -> Option<String> {
        runtime_context::get_config(key)
    }

    fn processing_time(&self) -> i64 {
        runtime_context::current_processing_time()
    }

    fn declare_state(&self, operator: u32, descriptor: &Descriptor) -> Result<u32, String> {
        keyed_state::declare(operator, descriptor)
    }

    fn multi_get(&self, state: u32, keys: &Packed, user_keys: &Packed) -> Found {
        keyed_state::multi_get(state, keys, user_keys)
    }

    fn multi_put(
        &self,
        state: u32,
        keys: &Packed,
        user_keys: &Packed,
        values: &Packed,
    ) -> Result<(), String> {
        keyed_state::multi_put(state, keys, user_keys, values)
    }

    fn multi_delete(&self, state: u32, keys: &Packed, user_keys: &Packed) {
        keyed_state::multi_delete(state, keys, user_keys);
    }

    fn touch(&self, state: u32, keys: &Packed, user_keys: &Packed) {
        keyed_state::touch(state, keys, user_keys);
    }

    fn scan(&self, state: u32, key: &[u8], after: Option<&[u8]>, limit: u32) -> Page {
        keyed_state::scan(state, key, &[], after, limit)
    }

    fn keys(&self, state: u32, after: Option<&[u8]>, limit: u32) -> Packed {
        keyed_state::keys(state, after, limit)
    }

    fn set_list(
        &self,
        operator: u32,
        name: &str,
        redistribution: Redistribution,
        elements: &[Vec<u8>],
    ) -> Result<(), String> {
        let redistribution = match redistribution {
            Redistribution::Split => operator_state::Redistribution::Split,
            Redistribution::Union => operator_state::Redistribution::Union,
        };
        operator_state::set_list(operator, name, redistribution, elements)
    }

    fn get_list(&self, operator: u32, name: &str) -> Vec<Vec<u8>> {
        operator_state::get_list(operator, name)
    }

    fn put_broadcast(
        &self,
        operator: u32,
        name: &str,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), String> {
        operator_state::put_broadcast(operator, name, key, value)
    }

    fn scan_broadcast(&self, operator: u32, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        operator_state::scan_broadcast(operator, name)
    }

    fn register_timers(
        &self,
        operator: u32,
        domain: TimeDomain,
        batch: &TimerBatch,
    ) -> Result<(), String> {
        timers::register(operator, domain_of(domain), batch)
    }

    fn delete_timers(&self, operator: u32, domain: TimeDomain, batch: &TimerBatch) {
        timers::delete(operator, domain_of(domain), batch);
    }

    fn wake_at(&self, timestamp: i64) {
        timers::wake_at(timestamp);
    }

    fn cached_timers(&self, first: Option<i64>) {
        timers::cached(first);
    }

    fn current_watermark(&self) -> i64 {
        timers::current_watermark()
    }

    fn log(&self, operator: u32, level: Level, message: &str) {
        let level = match level {
            Level::Trace => logging::Level::Trace,
            Level::Debug => logging::Level::Debug,
            Level::Info => logging::Level::Info,
            Level::Warn => logging::Level::Warn,
            Level::Error => logging::Level::Error,
        };
        logging::log(operator, level, message);
    }

    fn declare_metric(&self, operator: u32, name: &str, kind: MetricKind) -> Result<u32, String> {
        metrics::declare(operator, name, kind)
    }

    fn add_to_metric(&self, metric: u32, amount: i64) {
        metrics::add(metric, amount);
    }

    fn set_metric(&self, metric: u32, value: f64) {
        metrics::set(metric, value);
    }

    fn observe_metric(&self, metric: u32, value: f64) {
        metrics::observe(metric, value);
    }
}

fn domain_of(domain: TimeDomain) -> timers::TimeDomain {
    match domain {
        TimeDomain::EventTime => timers::TimeDomain::EventTime,
        TimeDomain::ProcessingTime => timers::TimeDomain::ProcessingTime,
    }
}
