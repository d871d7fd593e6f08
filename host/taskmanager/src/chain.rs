//! The operator chain of a task: operators that call one another directly, on one thread, without
//! a queue between them. Each operator owns its outputs, and an output owns what is chained to it.

pub mod native;
pub mod runner;

mod build;
mod dead_letter;
mod guest_host;
mod key_operator;
mod native_operator;
mod operator;
mod output_watermarks;
mod outputs;
mod segment;
mod sink_operator;
mod wasm_operator;

pub(crate) use build::{ChainBuilder, Head};
pub(crate) use dead_letter::DeadLetter;
pub(crate) use operator::Operator;
pub(crate) use outputs::Outputs;
