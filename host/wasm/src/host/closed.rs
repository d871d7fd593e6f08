//! The host of calls that may reach nothing: `describe` and `define`.

use std::sync::{Arc, Mutex};

use sandbar_model::RecordBatchView;

use super::{
    Found, GuestMetric, LogLevel, MetricKind, OperatorHost, Packed, PackedView, Page,
    Redistribution, ScanRange, StateDescriptor, TimeDomain, TimerView,
};
use crate::error::HostError;

/// Refuses everything but log lines, of which it keeps the last error.
#[derive(Default)]
pub(crate) struct ClosedHost {
    said: Arc<Mutex<String>>,
}

impl ClosedHost {
    /// The last line that the guest logged as an error.
    pub(crate) fn said(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.said)
    }
}

const NO_JOB: &str = "not available while the plugin describes itself or defines its job";

fn refuse<T>() -> Result<T, HostError> {
    Err(HostError::Failed(NO_JOB.to_owned()))
}

impl OperatorHost for ClosedHost {
    fn emit(&mut self, _: u32, _: RecordBatchView<'_>) -> Result<(), HostError> {
        refuse()
    }

    fn emit_watermark(&mut self, _: u32, _: i64) -> Result<(), HostError> {
        refuse()
    }

    fn declare_state(&mut self, _: u32, _: StateDescriptor) -> Result<u32, String> {
        Err(NO_JOB.to_owned())
    }

    fn multi_get(
        &mut self,
        _: u32,
        _: PackedView<'_>,
        _: PackedView<'_>,
        _: &mut Found,
    ) -> Result<(), HostError> {
        refuse()
    }

    fn multi_put(
        &mut self,
        _: u32,
        _: PackedView<'_>,
        _: PackedView<'_>,
        _: PackedView<'_>,
    ) -> Result<Result<(), String>, HostError> {
        refuse()
    }

    fn multi_delete(
        &mut self,
        _: u32,
        _: PackedView<'_>,
        _: PackedView<'_>,
    ) -> Result<(), HostError> {
        refuse()
    }

    fn touch(&mut self, _: u32, _: PackedView<'_>, _: PackedView<'_>) -> Result<(), HostError> {
        refuse()
    }

    fn scan(&mut self, _: u32, _: &[u8], _: ScanRange<'_>, _: &mut Page) -> Result<(), HostError> {
        refuse()
    }

    fn keys(&mut self, _: u32, _: Option<&[u8]>, _: u32, _: &mut Packed) -> Result<(), HostError> {
        refuse()
    }

    fn set_list(
        &mut self,
        _: u32,
        _: &str,
        _: Redistribution,
        _: Vec<Vec<u8>>,
    ) -> Result<(), String> {
        Err(NO_JOB.to_owned())
    }

    fn get_list(&mut self, _: u32, _: &str) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn put_broadcast(
        &mut self,
        _: u32,
        _: &str,
        _: Vec<u8>,
        _: Option<Vec<u8>>,
    ) -> Result<(), String> {
        Err(NO_JOB.to_owned())
    }

    fn get_broadcast(&mut self, _: u32, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn scan_broadcast(&mut self, _: u32, _: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        Vec::new()
    }

    fn register_timers(&mut self, _: u32, _: TimeDomain, _: TimerView<'_>) -> Result<(), String> {
        Err(NO_JOB.to_owned())
    }

    fn delete_timers(&mut self, _: u32, _: TimeDomain, _: TimerView<'_>) {}

    fn wake_at(&mut self, _: i64) {}

    fn cached_timers(&mut self, _: Option<i64>) {}

    fn current_watermark(&self) -> i64 {
        i64::MIN
    }

    fn processing_time(&self) -> i64 {
        0
    }

    fn log(&mut self, _: u32, level: LogLevel, message: &str) {
        if level == LogLevel::Error
            && let Ok(mut said) = self.said.lock()
        {
            *said = message.to_owned();
        }
    }

    fn declare_metric(&mut self, _: u32, _: &str, _: MetricKind) -> Result<GuestMetric, String> {
        Err(NO_JOB.to_owned())
    }
}
