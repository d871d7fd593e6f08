//! The sandbox: plugins are loaded, limited and called here.
//!
//! Law: the only crate that names wasmtime. It knows neither tasks nor state backends: what a
//! guest may reach is the [`OperatorHost`] that its owner hands in. A guest's failure is a
//! [`GuestError`], never a panic, and costs the guest its instance and nothing else.

mod guest_memory;
pub mod limits;

mod abi;
mod bytes;
mod call_time;
mod code_cache;
mod contract;
mod engine;
mod epoch;
mod error;
mod host;
mod imports;
mod instance;
mod log_limit;
mod plugin;
mod store;
mod wasi;

pub use bytes::{PluginBytes, PluginForm};
pub use contract::CONTRACT_VERSION;
pub use engine::{Engine, EngineOptions};
pub use error::{GuestError, GuestFault, HostError, PluginError};
pub use guest_memory::GuestMemory;
pub use host::{
    Found, GuestMetric, LogLevel, MetricKind, OperatorHost, Packed, PackedView, Page,
    Redistribution, ScanRange, StateDescriptor, StateFormats, StateKind, TimeDomain, TimeToLive,
    TimerColumns, TimerView,
};
pub use instance::{ChainLink, Instance, LinkTarget};
pub use limits::{Limits, MemoryRefusal};
pub use plugin::{InstanceContext, Plugin};
pub use wasi::{Capabilities, UnknownCapability};
