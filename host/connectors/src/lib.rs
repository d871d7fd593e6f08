//! Native sources and sinks: files, stdin, socket and datagen; files, print and discard.
//!
//! Owns the roles `SplitEnumerator`, `SourceReader` and `SinkWriter`, and the options of every
//! connector. A task's thread calls readers and writers synchronously.
//!
//! Law: nothing here blocks that thread for longer than short file I/O. Knows nothing of tasks,
//! graphs or Wasm, never names the process's standard output, and takes time from a `Clock`.

pub mod catalogue;
pub mod error;
pub mod options;
pub mod sink;
pub mod source;

mod datagen;
mod discard;
mod files_sink;
mod files_source;
mod line_buffer;
mod line_feed;
mod print;
mod socket;
mod stdin;

#[cfg(test)]
mod drain;

pub use catalogue::{ConnectorRole, ConnectorSpec, catalogue, sink, source};
pub use error::ConnectorError;
pub use options::{OptionKind, OptionSpec};
pub use sink::{Console, ConsoleStream, Sink, SinkWriter, WriterContext};
pub use source::{
    POLL_BYTES_MAX, POLL_RECORDS_MAX, ReaderContext, ReaderStatus, Source, SourceReader, Split,
    SplitEnumerator, SplitRun, Waker,
};
