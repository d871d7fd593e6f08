//! The control plane: who gets which slots, what becomes of a job's tasks, and when they run again.
//!
//! Law: decisions are pure, `fn(&mut self, event, now) -> Vec<Command>`, with times in
//! milliseconds; whoever owns them executes the commands. Knows neither TaskManagers nor Wasm.

pub mod execution_graph;
pub mod failover_region;
pub mod job_manager;
pub mod restart_strategy;
pub mod slot_manager;
pub mod slot_sharing;
pub mod task_ref;
pub mod vertex_parallelism;

pub use execution_graph::{
    AdaptiveOptions, Command, Event, Execution, ExecutionGraph, ExecutionGraphOptions,
    ExecutionVertex, Failure, PlacedTask, RestartId, Scheduler, SlotRequestId, WaitId,
};
pub use failover_region::{FailoverRegions, FailoverStrategy};
pub use job_manager::{
    JobManager, JobManagerHandle, JobManagerOptions, PluginBytes, SplitCoordinator, Standalone,
    Submission, WorkerProvider,
};
pub use restart_strategy::{Decision, RestartStrategy, RestartStrategyOptions};
pub use slot_manager::{SlotCommand, SlotId, SlotManager, SlotManagerOptions, SlotShortage};
pub use slot_sharing::{SharedSlot, SlotSharing};
pub use task_ref::TaskRef;

#[cfg(test)]
mod testing;
