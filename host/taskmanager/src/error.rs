//! How a task fails. Every variant names the operator; the task adds job and subtask.

use sandbar_connectors::ConnectorError;
use sandbar_model::RecordBatchView;
use sandbar_wasm::{GuestError, GuestFault};
use thiserror::Error;

use crate::partitioner::PartitionError;

/// Bytes of a refused record that an error message shows.
const RECORD_PREVIEW_BYTES_MAX: usize = 200;

/// What ended a connection to another TaskManager, and with it the channels it carried.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the exchange with TaskManager {peer} failed: {reason}")]
pub struct ExchangeFailure {
    /// The other TaskManager, by its id and address as far as they are known.
    pub peer: String,
    /// What happened.
    pub reason: String,
}

/// Why a task ended before its input did.
#[derive(Debug, Error)]
pub enum TaskError {
    /// It was asked to.
    #[error("canceled")]
    Canceled,
    /// The guest failed; the error has the whole address.
    #[error("{0}")]
    Guest(Box<GuestError>),
    /// An operator refused a record and its policy is to fail.
    #[error(
        "{error}; the record is {record}; to go on without such records set on-error = \"skip\" \
         or \"dead-letter\" on the operator that reads it"
    )]
    BadRecord {
        /// What the guest said, with its address.
        error: Box<GuestError>,
        /// The start of the record's value.
        record: String,
    },
    /// A source or a sink failed.
    #[error("operator \"{operator}\": {source}")]
    Connector {
        /// Name of the operator.
        operator: String,
        /// What the connector says.
        source: Box<ConnectorError>,
    },
    /// A record could not be dealt out.
    #[error("operator \"{operator}\": {source}")]
    Partition {
        /// Name of the operator that emitted it.
        operator: String,
        /// Why.
        source: PartitionError,
    },
    /// A record has no key, and the policy of the operator that was to read it is to fail.
    #[error(
        "operator \"{operator}\": {message}; the record is {record}; to go on without such records \
         set on-error = \"skip\" or \"dead-letter\" on the operator that reads it"
    )]
    WithoutKey {
        /// Name of the operator.
        operator: String,
        /// Why.
        message: String,
        /// The start of the record's value.
        record: String,
    },
    /// A source's record has no event time where it should be, and the policy is to fail.
    #[error(
        "operator \"{operator}\": {message}; the record is {record}; to go on without such records \
         set on-error = \"skip\" or \"dead-letter\" on the source"
    )]
    WithoutTimestamp {
        /// Name of the source.
        operator: String,
        /// Why.
        message: String,
        /// The start of the record's value.
        record: String,
    },
    /// A native operator refused a record.
    #[error("operator \"{operator}\": record {index} of its batch: {message}")]
    Native {
        /// Name of the operator.
        operator: String,
        /// Position of the record.
        index: usize,
        /// Why.
        message: String,
    },
    /// A native operator could not do what a watermark asked for.
    #[error("operator \"{operator}\": at watermark {watermark}: {message}")]
    NativeWatermark {
        /// Name of the operator.
        operator: String,
        /// The watermark.
        watermark: i64,
        /// Why.
        message: String,
    },
    /// A connection to another TaskManager was lost, or could not be made.
    #[error("the exchange with TaskManager {peer} failed: {reason}")]
    Exchange {
        /// The other TaskManager, by its id and address as far as they are known.
        peer: String,
        /// What happened.
        reason: String,
    },
    /// The task could not be set up.
    #[error("operator \"{operator}\" cannot be deployed: {reason}")]
    Deployment {
        /// Name of the operator.
        operator: String,
        /// Why.
        reason: String,
    },
    /// The code of the runtime itself failed.
    #[error("the task panicked: {0}; this is a bug of Sandbar, please report it")]
    Panic(String),
}

impl TaskError {
    /// A connector's failure in the operator called `operator`.
    pub(crate) fn of_connector(operator: &str, source: ConnectorError) -> TaskError {
        TaskError::Connector { operator: operator.to_owned(), source: Box::new(source) }
    }

    /// The failure of a channel.
    pub(crate) fn of_exchange(failure: &ExchangeFailure) -> TaskError {
        TaskError::Exchange { peer: failure.peer.clone(), reason: failure.reason.clone() }
    }

    /// The failure of a record that has why it was refused in place of its key.
    pub(crate) fn without_key(
        operator: &str,
        records: RecordBatchView<'_>,
        index: usize,
    ) -> TaskError {
        TaskError::WithoutKey {
            operator: operator.to_owned(),
            message: String::from_utf8_lossy(records.key(index)).into_owned(),
            record: record_preview(records.value(index)),
        }
    }

    /// A guest's failure: an interrupted guest is a cancelled task.
    pub(crate) fn of_guest(error: Box<GuestError>) -> TaskError {
        match error.fault {
            GuestFault::Canceled => TaskError::Canceled,
            GuestFault::BadRecord { .. }
            | GuestFault::Fatal { .. }
            | GuestFault::Trap { .. }
            | GuestFault::MemoryLimit { .. }
            | GuestFault::Deadline { .. }
            | GuestFault::Host(_) => TaskError::Guest(error),
        }
    }

    /// Whether the task was cancelled rather than failed.
    pub fn is_canceled(&self) -> bool {
        matches!(self, TaskError::Canceled)
    }
}

/// The start of a record's value, for messages.
pub(crate) fn record_preview(value: &[u8]) -> String {
    let shown = &value[..value.len().min(RECORD_PREVIEW_BYTES_MAX)];
    let more = if shown.len() < value.len() { "..." } else { "" };
    format!("\"{}{more}\"", String::from_utf8_lossy(shown).escape_debug())
}
