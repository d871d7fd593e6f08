//! What user code implements, one trait a kind of operator. Closures are maps, filters and flat
//! maps; everything with state, timers or side outputs is a process function.

pub(crate) mod accumulate;
mod aggregate;
pub mod aggregates;
mod broadcast;
mod process;
mod simple;
mod two_input;

pub use aggregate::AggregateFunction;
pub use broadcast::KeyedBroadcastProcessFunction;
pub use process::{KeyedProcessFunction, ProcessFunction};
pub use simple::{FilterFunction, FlatMapFunction, MapFunction, Try};
pub use two_input::{KeyedTwoInputProcessFunction, TwoInputProcessFunction};
