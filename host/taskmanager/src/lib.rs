//! The data plane of a TaskManager: tasks, operator chains and the exchange between tasks.
//!
//! The way of a record: `exchange::channel -> exchange::input_gate -> task -> chain -> wasm
//! instance -> chain::outputs -> partitioner -> exchange::result_partition -> channel`.
//!
//! Law: one thread per task, no lock and no allocation per record, every queue bounded. Knows
//! nothing of the control plane: it is told what to run and reports what became of it.

pub mod chain;
pub mod deployment;
pub mod element;
pub mod error;
pub mod exchange;
pub mod metrics;
pub mod network;
pub mod partitioner;
pub mod slot_table;
mod state_query;
pub mod task;
pub mod task_executor;
pub mod task_manager;
mod timestamp_assigner;
mod virtual_clock;
pub mod watermark_generator;
pub mod watermark_valve;

pub use chain::native::{NativeFunction, NativePlugin, NativeServices};
pub use chain::runner::ChainRunner;
pub use deployment::{JobDeployment, PluginHandle, SplitProvider, TaskDeployment, TaskSettings};
pub use error::TaskError;
pub use metrics::{OperatorMetrics, TaskMetrics};
pub use network::NetworkEnvironment;
pub use network::compression::Compression;
pub use network::options::NetworkOptions;
pub use network::peer_locator::{LocalPeers, PeerLocator};
pub use slot_table::{SlotBudget, SlotMemory, SlotTable};
pub use task_executor::{TaskActivity, TaskExecutor, TaskHandle, TaskStateChange};
pub use task_manager::job_manager_link::JobManagerLink;
pub use task_manager::{LocalPlugins, SettingsOf, TaskManager, TaskManagerParts};
pub use virtual_clock::VirtualClock;
