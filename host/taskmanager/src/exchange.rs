//! The exchange of records between tasks: subpartitions on the sending side, channels in between,
//! gates on the receiving side.
//!
//! Law: every queue is bounded; a full one blocks its producer and nobody else.

pub mod channel;
pub mod input_gate;
pub mod registry;
pub mod result_partition;
pub mod sleeper;
