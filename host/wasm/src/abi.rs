//! The contract's records as the component ABI sees them. Borrowed forms go in (`Lower`), lists of
//! numbers stay in the guest's memory on the way out (`WasmList`), so each column is copied once.
//!
//! Law: field names and order follow wit/ to the letter; wasmtime checks them when it links.

use wasmtime::component::{ComponentType, Lift, Lower, WasmList};

/// `types.batch`, to a guest.
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(record)]
pub(crate) struct BatchIn<'a> {
    pub(crate) timestamps: &'a [i64],
    #[component(name = "key-ends")]
    pub(crate) key_ends: &'a [u32],
    pub(crate) keys: &'a [u8],
    #[component(name = "value-ends")]
    pub(crate) value_ends: &'a [u32],
    pub(crate) values: &'a [u8],
}

/// `types.batch`, from a guest.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct BatchOut {
    pub(crate) timestamps: WasmList<i64>,
    #[component(name = "key-ends")]
    pub(crate) key_ends: WasmList<u32>,
    pub(crate) keys: WasmList<u8>,
    #[component(name = "value-ends")]
    pub(crate) value_ends: WasmList<u32>,
    pub(crate) values: WasmList<u8>,
}

/// `keyed-state.packed`, from a guest.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct PackedOut {
    pub(crate) ends: WasmList<u32>,
    pub(crate) bytes: WasmList<u8>,
}

/// `keyed-state.packed`, to a guest.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct PackedIn {
    pub(crate) ends: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
}

/// `keyed-state.found`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct FoundIn {
    pub(crate) present: Vec<u8>,
    pub(crate) values: PackedIn,
}

/// `keyed-state.page`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct PageIn {
    #[component(name = "user-keys")]
    pub(crate) user_keys: PackedIn,
    pub(crate) values: PackedIn,
}

/// `keyed-state.state-kind`.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[expect(dead_code, reason = "wasmtime makes the variants from their numbers")]
#[repr(u8)]
pub(crate) enum StateKindOut {
    #[component(name = "value")]
    Value,
    #[component(name = "list")]
    List,
    #[component(name = "map")]
    Map,
    #[component(name = "reducing")]
    Reducing,
    #[component(name = "aggregating")]
    Aggregating,
}

/// `keyed-state.descriptor`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct DescriptorOut {
    pub(crate) name: String,
    pub(crate) kind: StateKindOut,
    pub(crate) ttl: Option<TimeToLiveOut>,
    pub(crate) formats: FormatsOut,
}

/// `keyed-state.time-to-live`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct TimeToLiveOut {
    pub(crate) milliseconds: u64,
    pub(crate) update: TtlUpdateOut,
    pub(crate) visibility: TtlVisibilityOut,
}

/// `keyed-state.ttl-update`.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[expect(dead_code, reason = "wasmtime makes the variants from their numbers")]
#[repr(u8)]
pub(crate) enum TtlUpdateOut {
    #[component(name = "on-create-and-write")]
    OnCreateAndWrite,
    #[component(name = "on-read-and-write")]
    OnReadAndWrite,
}

/// `keyed-state.ttl-visibility`.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[expect(dead_code, reason = "wasmtime makes the variants from their numbers")]
#[repr(u8)]
pub(crate) enum TtlVisibilityOut {
    #[component(name = "never-return-expired")]
    NeverReturnExpired,
    #[component(name = "return-expired-if-not-cleaned-up")]
    ReturnExpiredIfNotCleanedUp,
}

/// `keyed-state.formats`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct FormatsOut {
    pub(crate) key: String,
    #[component(name = "user-key")]
    pub(crate) user_key: String,
    pub(crate) value: String,
}

/// `operator-state.redistribution`.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[expect(dead_code, reason = "wasmtime makes the variants from their numbers")]
#[repr(u8)]
pub(crate) enum RedistributionOut {
    #[component(name = "split")]
    Split,
    #[component(name = "union")]
    Union,
}

/// `timers.time-domain`.
#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum TimeDomainBoth {
    #[component(name = "event-time")]
    EventTime,
    #[component(name = "processing-time")]
    ProcessingTime,
}

/// `timers.timer-batch`, from a guest.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct TimersOut {
    pub(crate) timestamps: WasmList<i64>,
    #[component(name = "key-ends")]
    pub(crate) key_ends: WasmList<u32>,
    pub(crate) keys: WasmList<u8>,
    #[component(name = "namespace-ends")]
    pub(crate) namespace_ends: WasmList<u32>,
    pub(crate) namespaces: WasmList<u8>,
}

/// `timers.timer-batch`, to a guest.
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(record)]
pub(crate) struct TimersIn<'a> {
    pub(crate) timestamps: &'a [i64],
    #[component(name = "key-ends")]
    pub(crate) key_ends: &'a [u32],
    pub(crate) keys: &'a [u8],
    #[component(name = "namespace-ends")]
    pub(crate) namespace_ends: &'a [u32],
    pub(crate) namespaces: &'a [u8],
}

/// `logging.level`.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[expect(dead_code, reason = "wasmtime makes the variants from their numbers")]
#[repr(u8)]
pub(crate) enum LevelOut {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

/// `metrics.metric-kind`.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[expect(dead_code, reason = "wasmtime makes the variants from their numbers")]
#[repr(u8)]
pub(crate) enum MetricKindOut {
    #[component(name = "counter")]
    Counter,
    #[component(name = "gauge")]
    Gauge,
    #[component(name = "histogram")]
    Histogram,
}

/// `runtime-context.job`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct JobIn {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// `runtime-context.subtask`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct SubtaskIn {
    pub(crate) index: u32,
    pub(crate) parallelism: u32,
    #[component(name = "max-parallelism")]
    pub(crate) max_parallelism: u32,
    pub(crate) attempt: u32,
}

/// `types.bad-record`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct BadRecordOut {
    pub(crate) operator: u32,
    pub(crate) index: u32,
    pub(crate) message: String,
}

/// `types.error`.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum ErrorOut {
    #[component(name = "bad-record")]
    BadRecord(BadRecordOut),
    #[component(name = "fatal")]
    Fatal(String),
}

/// `operator.output-target`.
#[derive(ComponentType, Lower, Clone, Copy)]
#[component(variant)]
pub(crate) enum TargetIn {
    #[component(name = "chained")]
    Chained(u32),
    #[component(name = "external")]
    External(u32),
}

/// `operator.chained-operator`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct ChainedIn {
    pub(crate) operator: String,
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) config: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) outputs: Vec<Vec<TargetIn>>,
    pub(crate) partitions: u32,
}

/// `plugin.operator-kind`.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[expect(dead_code, reason = "wasmtime makes the variants from their numbers")]
#[repr(u8)]
pub(crate) enum OperatorKindOut {
    #[component(name = "process")]
    Process,
    #[component(name = "keyed-process")]
    KeyedProcess,
    #[component(name = "two-input-process")]
    TwoInputProcess,
    #[component(name = "keyed-two-input-process")]
    KeyedTwoInputProcess,
    /// A function over a keyed input and one that is broadcast.
    #[component(name = "keyed-broadcast-process")]
    KeyedBroadcastProcess,
    #[component(name = "key-selector")]
    KeySelector,
    #[component(name = "partitioner")]
    Partitioner,
}

/// `plugin.port`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct PortOut {
    pub(crate) name: String,
    pub(crate) format: String,
}

/// `plugin.state`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct StateOut {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) schema: String,
}

/// `plugin.operator`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct OperatorOut {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: OperatorKindOut,
    pub(crate) inputs: Vec<PortOut>,
    pub(crate) outputs: Vec<PortOut>,
    pub(crate) states: Vec<StateOut>,
    #[component(name = "config-schema")]
    pub(crate) config_schema: String,
}

/// `plugin.description`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct DescriptionOut {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) contract: String,
    pub(crate) operators: Vec<OperatorOut>,
}
