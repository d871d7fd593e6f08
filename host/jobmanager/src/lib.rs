//! The control plane of a job: decisions on what becomes of its tasks.
//!
//! Law: decisions are pure, `fn(&mut self, event) -> Vec<Command>`; whoever owns them executes the
//! commands. Knows neither TaskManagers nor Wasm.

pub mod execution_graph;

pub use execution_graph::{Command, ExecutionGraph, Failure, TaskRef};
