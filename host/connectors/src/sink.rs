//! The role of a sink: every subtask has one writer, which its task thread feeds.
//!
//! Source: Flink, `Sink` and `SinkWriter` (FLIP-143).

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use sandbar_model::{Clock, RecordBatchView};

use crate::error::ConnectorError;

/// A format in [`Sink::formats`] that stands for all.
pub const ANY_FORMAT: &str = "*";

/// A sink with its options checked.
pub trait Sink: Send + Sync {
    /// Formats of records it takes; [`ANY_FORMAT`] stands for all.
    fn formats(&self) -> &[&str];

    /// Whether it takes records of a format.
    fn accepts(&self, format: &str) -> bool {
        self.formats().iter().any(|known| *known == format || *known == ANY_FORMAT)
    }

    /// Makes the writer of one subtask.
    ///
    /// # Errors
    /// The place to write to cannot be made or is of the wrong kind.
    fn writer(&self, ctx: WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError>;
}

/// Writes records on a task's thread.
///
/// Dropped without [`SinkWriter::finish`] it aborts: nothing half-written keeps a final name.
pub trait SinkWriter: Send {
    /// Writes all records of a batch, in order.
    ///
    /// # Errors
    /// The records could not be written; the writer is of no use after that.
    fn write(&mut self, batch: RecordBatchView<'_>) -> Result<(), ConnectorError>;

    /// Hands on what is buffered. Called when the buffer timeout ticks and before checkpoints.
    ///
    /// # Errors
    /// As [`SinkWriter::write`].
    fn flush(&mut self) -> Result<(), ConnectorError>;

    /// The input has ended: makes everything visible. The last call.
    ///
    /// # Errors
    /// As [`SinkWriter::write`].
    fn finish(&mut self) -> Result<(), ConnectorError>;
}

/// What a writer is given by its task.
#[derive(Clone)]
pub struct WriterContext {
    /// 0-based index of the subtask.
    pub subtask: u32,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Where the `print` sink writes.
    pub console: Console,
}

impl fmt::Debug for WriterContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterContext")
            .field("subtask", &self.subtask)
            .field("parallelism", &self.parallelism)
            .finish_non_exhaustive()
    }
}

/// One stream of a console. Whoever holds the lock writes whole lines.
pub type ConsoleStream = Arc<Mutex<dyn Write + Send>>;

/// The two streams of a process, shared by all its print sinks. Only the CLI puts the real ones
/// in.
#[derive(Clone)]
pub struct Console {
    /// Standard output, or what stands for it.
    pub stdout: ConsoleStream,
    /// Standard error, or what stands for it.
    pub stderr: ConsoleStream,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// Makes a console of any two writers.
    pub fn new(
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> Console {
        Console { stdout: Arc::new(Mutex::new(stdout)), stderr: Arc::new(Mutex::new(stderr)) }
    }

    /// A console whose standard output is kept in memory, for tests; its standard error is lost.
    pub fn captured() -> (Console, CapturedOutput) {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let stdout: ConsoleStream = Arc::clone(&bytes) as ConsoleStream;
        let stderr: ConsoleStream = Arc::new(Mutex::new(std::io::sink()));
        (Console { stdout, stderr }, CapturedOutput(bytes))
    }
}

/// What was written to a captured console.
#[derive(Clone, Debug)]
pub struct CapturedOutput(Arc<Mutex<Vec<u8>>>);

impl CapturedOutput {
    /// Everything so far; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
