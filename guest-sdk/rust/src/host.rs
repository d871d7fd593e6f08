//! All that operators ask of the world outside, as one trait with two siblings: the host's
//! imports in a component, and an in-memory harness in native tests.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod harness;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wit;

pub(crate) use crate::bindings::sandbar::operator::keyed_state::{
    Descriptor, Formats, Found, Packed, Page, StateKind, TimeToLive, TtlUpdate, TtlVisibility,
};
pub(crate) use crate::bindings::sandbar::operator::metrics::MetricKind;
pub(crate) use crate::bindings::sandbar::operator::runtime_context::{Job, Subtask};
pub(crate) use crate::bindings::sandbar::operator::timers::TimerBatch;
pub(crate) use crate::bindings::sandbar::operator::types::Batch;

use crate::log::Level;
use crate::state::Redistribution;
use crate::timers::TimeDomain;

/// Timestamp of a record that has none.
pub(crate) const NO_TIMESTAMP: i64 = i64::MIN;

/// The imports of the contract, one method each; the WIT files say what they do.
pub(crate) trait Host {
    fn emit(&self, output: u32, batch: &Batch);
    fn emit_watermark(&self, output: u32, watermark: i64);

    fn job(&self) -> Job;
    fn subtask(&self) -> Subtask;
    fn config(&self, key: &str) -> Option<String>;
    fn processing_time(&self) -> i64;

    fn declare_state(&self, operator: u32, descriptor: &Descriptor) -> Result<u32, String>;
    fn multi_get(&self, state: u32, keys: &Packed, user_keys: &Packed) -> Found;
    fn multi_put(
        &self,
        state: u32,
        keys: &Packed,
        user_keys: &Packed,
        values: &Packed,
    ) -> Result<(), String>;
    fn multi_delete(&self, state: u32, keys: &Packed, user_keys: &Packed);
    fn touch(&self, state: u32, keys: &Packed, user_keys: &Packed);
    fn scan(&self, state: u32, key: &[u8], after: Option<&[u8]>, limit: u32) -> Page;

    fn keys(&self, state: u32, after: Option<&[u8]>, limit: u32) -> Packed;

    fn set_list(
        &self,
        operator: u32,
        name: &str,
        redistribution: Redistribution,
        elements: &[Vec<u8>],
    ) -> Result<(), String>;
    fn get_list(&self, operator: u32, name: &str) -> Vec<Vec<u8>>;
    fn put_broadcast(
        &self,
        operator: u32,
        name: &str,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), String>;
    fn scan_broadcast(&self, operator: u32, name: &str) -> Vec<(Vec<u8>, Vec<u8>)>;

    fn register_timers(
        &self,
        operator: u32,
        domain: TimeDomain,
        timers: &TimerBatch,
    ) -> Result<(), String>;
    fn delete_timers(&self, operator: u32, domain: TimeDomain, timers: &TimerBatch);
    fn wake_at(&self, timestamp: i64);
    fn cached_timers(&self, first: Option<i64>);

    fn current_watermark(&self) -> i64;

    fn log(&self, operator: u32, level: Level, message: &str);

    fn declare_metric(&self, operator: u32, name: &str, kind: MetricKind) -> Result<u32, String>;
    fn add_to_metric(&self, metric: u32, amount: i64);
    fn set_metric(&self, metric: u32, value: f64);
    fn observe_metric(&self, metric: u32, value: f64);
}

/// An empty [`Packed`].
pub(crate) fn packed() -> Packed {
    Packed { ends: Vec::new(), bytes: Vec::new() }
}

/// Appends a string.
pub(crate) fn pack(packed: &mut Packed, bytes: &[u8]) {
    packed.bytes.extend_from_slice(bytes);
    packed.ends.push(packed.bytes.len() as u32);
}

/// Cuts string `index` out of a column.
#[inline]
pub(crate) fn cut<'a>(ends: &[u32], bytes: &'a [u8], index: usize) -> &'a [u8] {
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    &bytes[start..ends[index] as usize]
}

/// An empty [`Batch`].
pub(crate) fn batch() -> Batch {
    Batch {
        timestamps: Vec::new(),
        key_ends: Vec::new(),
        keys: Vec::new(),
        value_ends: Vec::new(),
        values: Vec::new(),
    }
}
