//! What a guest may reach: the trait that the owner of an instance implements, in batches and with
//! borrowed columns. Positions called `operator` are those of the chain given to `open`.

pub(crate) mod closed;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use sandbar_model::RecordBatchView;

use crate::error::HostError;

/// Many byte strings in two borrowed columns: string `i` is `bytes[ends[i-1] .. ends[i]]`.
#[derive(Clone, Copy, Debug)]
pub struct PackedView<'a> {
    /// Where each string ends.
    pub ends: &'a [u32],
    /// All strings, back to back.
    pub bytes: &'a [u8],
}

/// Many byte strings in two columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Where each string ends.
    pub ends: Vec<u32>,
    /// All strings, back to back.
    pub bytes: Vec<u8>,
}

/// The answer to a multi-get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// 1 where there is a value, else 0.
    pub present: Vec<u8>,
    /// The values; empty strings where there is none.
    pub values: Packed,
}

/// A page of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The user keys, in order.
    pub user_keys: Packed,
    /// Their values.
    pub values: Packed,
}

/// A keyed state as the guest declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDescriptor {
    /// Unique within its operator.
    pub name: String,
    /// What kind of handle the guest puts over it.
    pub kind: StateKind,
    /// When its entries expire.
    pub ttl: Option<TimeToLive>,
    /// How its bytes read.
    pub formats: StateFormats,
}

/// When the entries of a state expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeToLive {
    /// How long they live, in milliseconds.
    pub ms: u64,
    /// Reading starts it again.
    pub renewed_by_reads: bool,
    /// What has expired may be seen until it is deleted.
    pub returns_expired: bool,
}

/// How the bytes of a state read, in the words of a port's format; empty where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateFormats {
    /// Its keys.
    pub key: String,
    /// The user keys of a map state.
    pub user_key: String,
    /// Its values; the elements of a list state.
    pub value: String,
}

/// The kinds of keyed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// One value.
    Value,
    /// A list, stored as one value.
    List,
    /// One entry per user key.
    Map,
    /// A value folded with a reduce function.
    Reducing,
    /// An accumulator with a separate result type.
    Aggregating,
}

/// How the elements of an operator's list state reach the subtasks of a restored job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redistribution {
    /// Each element goes to one subtask.
    Split,
    /// Every subtask gets all elements.
    Union,
}

/// Which clock a timer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeDomain {
    /// The watermark.
    EventTime,
    /// The host's clock.
    ProcessingTime,
}

/// Timers in borrowed columns.
#[derive(Clone, Copy, Debug)]
pub struct TimerView<'a> {
    /// When each is due.
    pub timestamps: &'a [i64],
    /// Their keys.
    pub keys: PackedView<'a>,
    /// Their namespaces; `ends` is empty when all are empty.
    pub namespaces: PackedView<'a>,
}

/// Timers in columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimerColumns {
    /// When each is due.
    pub timestamps: Vec<i64>,
    /// Their keys.
    pub keys: Packed,
    /// Their namespaces; `ends` is empty when all are empty.
    pub namespaces: Packed,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Finest detail.
    Trace,
    /// For the operator's author.
    Debug,
    /// For whoever runs the job.
    Info,
    /// Odd, but the job goes on.
    Warn,
    /// Something failed.
    Error,
}

/// What a guest's metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A sum.
    Counter,
    /// A value.
    Gauge,
    /// A distribution.
    Histogram,
}

impl PackedView<'_> {
    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no strings.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether the ends never decrease and the last is the length of the bytes.
    pub fn is_valid(&self) -> bool {
        self.ends.is_sorted() && self.ends.last().copied().unwrap_or(0) as usize == self.bytes.len()
    }
}

impl Packed {
    /// Borrows both columns.
    pub fn view(&self) -> PackedView<'_> {
        PackedView { ends: &self.ends, bytes: &self.bytes }
    }
}

/// The owner of an instance, as the instance's guest sees it. Called on the thread that called the
/// guest; an `Err` ends the guest's call and the instance with it, an inner `Err(String)` is a
/// value the guest gets.
///
/// The columns of `emit`, state and timer calls have been checked: ends never decrease and fit
/// their bytes, and columns that belong together are equally long.
pub trait OperatorHost: Any + Send {
    /// Takes a batch on an output; blocks under back pressure.
    ///
    /// # Errors
    /// An unknown output, cancellation, or a failure further down.
    fn emit(&mut self, output: u32, batch: RecordBatchView<'_>) -> Result<(), HostError>;

    /// Sends a watermark behind what was emitted to an output. One that is not later than those
    /// before it is ignored.
    ///
    /// # Errors
    /// An unknown output, one whose watermarks the guest does not make, a failure downstream, or
    /// cancellation.
    fn emit_watermark(&mut self, output: u32, watermark: i64) -> Result<(), HostError>;

    /// Declares a keyed state.
    ///
    /// # Errors
    /// For the guest: the name exists with another kind, or the operator is not keyed.
    fn declare_state(&mut self, operator: u32, state: StateDescriptor) -> Result<u32, String>;

    /// Reads entries; `user_keys` is empty for value-like states.
    ///
    /// # Errors
    /// An unknown state or a key outside the subtask's key groups.
    fn multi_get(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
        found: &mut Found,
    ) -> Result<(), HostError>;

    /// Writes entries.
    ///
    /// # Errors
    /// Outer: as `multi_get`. Inner, for the guest: the managed memory is used up.
    fn multi_put(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
        values: PackedView<'_>,
    ) -> Result<Result<(), String>, HostError>;

    /// Deletes entries.
    ///
    /// # Errors
    /// As `multi_get`.
    fn multi_delete(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
    ) -> Result<(), HostError>;

    /// Says that entries were read, for states whose time to live starts again with that.
    ///
    /// # Errors
    /// As `multi_get`.
    fn touch(
        &mut self,
        state: u32,
        keys: PackedView<'_>,
        user_keys: PackedView<'_>,
    ) -> Result<(), HostError>;

    /// Reads a page of one key's entries in the order of their user keys.
    ///
    /// # Errors
    /// As `multi_get`.
    fn scan(
        &mut self,
        state: u32,
        key: &[u8],
        range: ScanRange<'_>,
        page: &mut Page,
    ) -> Result<(), HostError>;

    /// Lists a page of the keys that have entries of a state, in an order of the host's: at most
    /// `limit`, behind `after`; none at the end.
    ///
    /// # Errors
    /// An unknown state, or an `after` outside the subtask's key groups.
    fn keys(
        &mut self,
        state: u32,
        after: Option<&[u8]>,
        limit: u32,
        keys: &mut Packed,
    ) -> Result<(), HostError>;

    /// Replaces a list of operator state.
    ///
    /// # Errors
    /// For the guest: the name exists with another redistribution, or memory is used up.
    fn set_list(
        &mut self,
        operator: u32,
        name: &str,
        redistribution: Redistribution,
        elements: Vec<Vec<u8>>,
    ) -> Result<(), String>;

    /// A list of operator state.
    fn get_list(&mut self, operator: u32, name: &str) -> Vec<Vec<u8>>;

    /// Writes or, with none, deletes an entry of broadcast state.
    ///
    /// # Errors
    /// For the guest: memory is used up.
    fn put_broadcast(
        &mut self,
        operator: u32,
        name: &str,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<(), String>;

    /// Reads an entry of broadcast state.
    fn get_broadcast(&mut self, operator: u32, name: &str, key: &[u8]) -> Option<Vec<u8>>;

    /// All entries of a broadcast map, in the order of their keys.
    fn scan_broadcast(&mut self, operator: u32, name: &str) -> Vec<(Vec<u8>, Vec<u8>)>;

    /// Registers timers.
    ///
    /// # Errors
    /// For the guest: the operator is not keyed, or memory is used up.
    fn register_timers(
        &mut self,
        operator: u32,
        domain: TimeDomain,
        timers: TimerView<'_>,
    ) -> Result<(), String>;

    /// Deletes timers.
    fn delete_timers(&mut self, operator: u32, domain: TimeDomain, timers: TimerView<'_>);

    /// Asks for a call of `on_timers` without timers at a time; the earliest asked for counts.
    fn wake_at(&mut self, timestamp: i64);

    /// Told when the first event time timer is due that the guest keeps in its cache, if it keeps
    /// any.
    fn cached_timers(&mut self, first: Option<i64>);

    /// The watermark the operator has seen last.
    fn current_watermark(&self) -> i64;

    /// Milliseconds since the Unix epoch, the same during one batch.
    fn processing_time(&self) -> i64;

    /// Told after each call how long the guest worked; what the host did meanwhile for what the
    /// guest emitted does not count.
    fn on_call_ended(&mut self, _in_guest: Duration) {}

    /// Writes a log line; its volume has been limited.
    fn log(&mut self, operator: u32, level: LogLevel, message: &str);

    /// Declares a metric.
    ///
    /// # Errors
    /// For the guest: the name has another kind.
    fn declare_metric(
        &mut self,
        operator: u32,
        name: &str,
        kind: MetricKind,
    ) -> Result<GuestMetric, String>;
}

/// Which entries a scan returns.
#[derive(Clone, Copy, Debug)]
pub struct ScanRange<'a> {
    /// Only user keys that start with this.
    pub prefix: &'a [u8],
    /// Only user keys after this one.
    pub after: Option<&'a [u8]>,
    /// At most this many.
    pub limit: u32,
}

/// A declared metric: the instance writes to it without asking the host again.
#[derive(Clone)]
pub enum GuestMetric {
    /// `add` adds to it.
    Counter(Arc<dyn Fn(i64) + Send + Sync>),
    /// `set` sets it.
    Gauge(Arc<dyn Fn(f64) + Send + Sync>),
    /// `observe` feeds it.
    Histogram(Arc<dyn Fn(f64) + Send + Sync>),
}

impl std::fmt::Debug for GuestMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            GuestMetric::Counter(_) => "Counter",
            GuestMetric::Gauge(_) => "Gauge",
            GuestMetric::Histogram(_) => "Histogram",
        })
    }
}
