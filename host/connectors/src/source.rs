//! The role of a source: an enumerator finds splits, readers read them. One enumerator serves all
//! subtasks; every subtask has one reader, which its task thread polls.
//!
//! Source: Flink, `docs/content/docs/dev/datastream/sources.md` (FLIP-27).

use std::fmt;
use std::sync::Arc;

use sandbar_model::{Clock, RecordBatch};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ConnectorError;

/// A poll stops appending at this many records, so that a batch stays low-latency.
pub const POLL_RECORDS_MAX: usize = 1024;

/// A poll stops appending once the values of the batch have this many bytes; the record that
/// crosses the line is still appended.
pub const POLL_BYTES_MAX: usize = 32 * 1024;

/// Called from any thread when a reader that was [`ReaderStatus::Pending`] has something.
///
/// Sticky: a call between a poll and the wait that follows it must not be lost.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A source with its options checked.
pub trait Source: Send + Sync {
    /// Format of its records: `text`, `json` or `bytes`.
    fn format(&self) -> &str;

    /// Whether the input ends by itself.
    fn is_bounded(&self) -> bool;

    /// Whether its readers ever wait, for a time or for something outside. The tasks behind one
    /// that does not, and does not end, are never all idle.
    fn waits(&self) -> bool;

    /// Makes the one enumerator of a job.
    ///
    /// # Errors
    /// The input cannot be found or listed.
    fn enumerator(&self, parallelism: u32) -> Result<Box<dyn SplitEnumerator>, ConnectorError>;

    /// Makes the reader of one subtask; it has no split yet.
    ///
    /// # Errors
    /// What the reader needs from the machine cannot be had.
    fn reader(&self, ctx: ReaderContext) -> Result<Box<dyn SourceReader>, ConnectorError>;
}

/// Finds splits and deals them out on request.
pub trait SplitEnumerator: Send {
    /// The next split for a subtask, or none when this subtask gets no more.
    ///
    /// # Errors
    /// The input cannot be listed.
    fn next_split(&mut self, subtask: u32) -> Result<Option<Split>, ConnectorError>;

    /// The job begins again with this many subtasks: the same input is dealt out anew from its
    /// start, to all of them.
    fn restart(&mut self, parallelism: u32);
}

/// A part of the input, and from where in it to read. Travels by RPC and into checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Unique in the source; the same before and after a snapshot.
    pub id: String,
    /// What only the connector understands.
    pub payload: serde_json::Value,
}

impl Split {
    pub(crate) fn encode(id: String, payload: &impl Serialize) -> Split {
        let payload = serde_json::to_value(payload).expect("payloads are plain numbers and text");
        Split { id, payload }
    }

    pub(crate) fn decode<T: DeserializeOwned>(
        &self,
        connector: &'static str,
    ) -> Result<T, ConnectorError> {
        T::deserialize(&self.payload).map_err(|error| ConnectorError::Split {
            connector,
            split: self.id.clone(),
            message: error.to_string(),
        })
    }
}

/// What a reader is given by its task.
#[derive(Clone)]
pub struct ReaderContext {
    /// 0-based index of the subtask.
    pub subtask: u32,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Wakes the task.
    pub waker: Waker,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for ReaderContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderContext")
            .field("subtask", &self.subtask)
            .field("parallelism", &self.parallelism)
            .finish_non_exhaustive()
    }
}

/// Reads splits on a task's thread.
///
/// The task's loop: `poll`; forward what is in the batch, whatever the status; then act on the
/// status. Dropping a reader at any time is how it is cancelled.
pub trait SourceReader: Send {
    /// Adds a split to read. One that cannot be understood fails the next poll.
    fn add_split(&mut self, split: Split);

    /// Appends at most about [`POLL_RECORDS_MAX`] records or [`POLL_BYTES_MAX`] bytes to `batch`,
    /// which the caller has cleared. Records without event time get `NO_TIMESTAMP`.
    ///
    /// # Errors
    /// The input cannot be read; the reader is of no use after that.
    fn poll(&mut self, batch: &mut RecordBatch) -> Result<ReaderStatus, ConnectorError>;

    /// The records of the last poll by the splits they are of, in their order. None where all are
    /// of the split that was added last, as in a reader that reads one split at a time.
    fn runs(&self) -> &[SplitRun] {
        &[]
    }

    /// What is left to read after the records of all polls so far: given to another reader of the
    /// same source, these splits yield exactly the rest. `stdin` and `socket` cannot read again
    /// what was lost.
    fn snapshot(&self) -> Vec<Split>;
}

/// Records of one split that follow one another in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitRun {
    /// The split's id.
    pub split: Arc<str>,
    /// How many records; 0 for a split that ends without any.
    pub records: usize,
    /// Whether the split has been read to its end.
    pub is_last: bool,
}

/// What a task does after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderStatus {
    /// Poll again.
    Ready,
    /// Nothing for the moment: poll when the waker is called, or at this time if there is one.
    Pending {
        /// Milliseconds since the Unix epoch by the reader's clock. None where the reader waits for
        /// something outside: virtual time stands still until the waker is called.
        wake_at_ms: Option<i64>,
    },
    /// All splits are read: ask the enumerator for another; if it has none, the input has ended.
    NeedsSplit,
    /// The input has ended and no split is wanted.
    Finished,
}

/// Whether a poll may append another record.
#[inline]
pub(crate) fn has_room(batch: &RecordBatch) -> bool {
    batch.len() < POLL_RECORDS_MAX && batch.values.len() < POLL_BYTES_MAX
}

/// Gives its one split to subtask 0 and nothing to the others.
pub(crate) struct SingleSplit {
    split: Split,
    is_dealt: bool,
}

impl SingleSplit {
    pub(crate) fn new(id: &str) -> SingleSplit {
        let split = Split { id: id.to_owned(), payload: serde_json::Value::Null };
        SingleSplit { split, is_dealt: false }
    }
}

impl SplitEnumerator for SingleSplit {
    fn next_split(&mut self, subtask: u32) -> Result<Option<Split>, ConnectorError> {
        if subtask != 0 || std::mem::replace(&mut self.is_dealt, true) {
            return Ok(None);
        }
        Ok(Some(self.split.clone()))
    }

    fn restart(&mut self, _parallelism: u32) {
        self.is_dealt = false;
    }
}

#[cfg(test)]
mod tests;
