//! Joins of two keyed streams, as functions over two inputs: registered by a plugin with
//! `keyed_two_input_process`, or added to a stream with [`crate::KeyedStream::interval_join`] and
//! its siblings. Source: Flink, `docs/content/docs/dev/datastream/operators/joining.md`.
//!
//! Law: a record that is refused has changed no state, so that state never lacks its timer.

mod function;
mod interval;
mod joined_row;
mod regular;
mod temporal;
mod time_buffer;
mod window;

pub use function::{JoinContext, JoinType, Padded, PaddedRight, Pairs, ProcessJoinFunction};
pub use interval::IntervalJoin;
pub use joined_row::{JoinedRow, RowKind};
pub use regular::RegularJoin;
pub use temporal::TemporalJoin;
pub use window::{TaggedUnion, WindowJoin, WindowJoinOperator};

pub(crate) use interval::BUFFERS;
pub(crate) use regular::{LEFT_ROWS, LEFT_SEALED, RIGHT_ROWS, RIGHT_SEALED, joined_row};
pub(crate) use temporal::{PROBE, VERSIONS};

#[cfg(test)]
mod tests;
