//! The DataStream API: a job and its operators written as one program. Building it makes a graph;
//! `define` writes the graph as a JobSpec, and an instance takes the operators out of it.
//!
//! Law: building is deterministic, since the client and every instance do it for themselves.

mod broadcast_connected;
mod connected_streams;
mod data_stream;
mod dead_letter;
pub(crate) mod environment;
mod graph;
mod joined_streams;
mod key_value;
mod keyed_stream;
mod pattern_stream;
mod sink;
mod source;
mod spec;
mod two_phase;
mod window_joined;
mod windowed_stream;

pub use broadcast_connected::BroadcastConnectedStream;
pub use connected_streams::{ConnectedStreams, KeyedConnectedStreams};
pub use data_stream::DataStream;
pub use dead_letter::DeadLetter;
pub use environment::StreamExecutionEnvironment;
pub use graph::ErrorPolicy;
pub use joined_streams::{IntervalJoinOf, IntervalJoined, RegularJoined, TemporalJoined};
pub use key_value::KeyValue;
pub use keyed_stream::KeyedStream;
pub use pattern_stream::PatternStream;
pub use sink::{DiscardSink, FileSink, PrintSink, Sink, StreamSink};
pub use source::{DatagenSource, FileSource, SocketSource, Source, StdinSource};
pub use two_phase::{TwoPhase, TwoPhaseStream};
pub use window_joined::WindowJoined;
pub use windowed_stream::WindowedStream;

#[cfg(test)]
mod tests;
