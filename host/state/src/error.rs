//! What can go wrong with state: facts that name the state, the value and the remedy.

use std::fmt;

use thiserror::Error;

use crate::keyed_state::StateKind;
use crate::snapshot::SnapshotError;

/// Longest part of a key that a message shows, in bytes.
const SHOWN_KEY_BYTES_MAX: usize = 32;

/// A state operation that did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// An id that `declare` has not given out.
    #[error("state {id} was not declared; {declared} states are")]
    UnknownState {
        /// The id.
        id: u32,
        /// Number of states declared.
        declared: usize,
    },
    /// A state is declared again, or after a restore, as something else.
    #[error(
        "state {operator}/{name} is declared as {asked} but exists as {existing}; give the state \
         another name, or restore without it"
    )]
    KindMismatch {
        /// Uid of the operator.
        operator: String,
        /// Name of the state.
        name: String,
        /// What it is.
        existing: &'static str,
        /// What it is declared as.
        asked: &'static str,
    },
    /// One more state than a subtask may have.
    #[error("state {operator}/{name} is one too many; a subtask has at most {max} states")]
    TooManyStates {
        /// Uid of the operator.
        operator: String,
        /// Name of the state.
        name: String,
        /// The limit.
        max: usize,
    },
    /// Columns of a call that do not fit together.
    #[error("column {column} {problem}")]
    Column {
        /// `keys`, `user-keys`, `values`, ...
        column: &'static str,
        /// What is wrong with it.
        problem: ColumnProblem,
    },
    /// User keys for a state that has one entry a key.
    #[error("state {state} is a {kind} state: it takes no user keys", kind = kind.name())]
    UserKeysOfValueState {
        /// `operator/name`.
        state: String,
        /// Its kind.
        kind: StateKind,
    },
    /// A key that another subtask owns: the stream is not partitioned by this key.
    #[error(
        "{state}: key {key} is in key group {key_group}, outside the subtask's key groups {start} \
         to {end}; send the records through a hash partitioner by the same key"
    )]
    KeyOutsideRange {
        /// `operator/name`, or whose timers.
        state: String,
        /// The key, for a person to read.
        key: ShownKey,
        /// Its key group.
        key_group: u32,
        /// First key group of the subtask.
        start: u32,
        /// Last key group of the subtask.
        end: u32,
    },
    /// The managed memory would not hold it; nothing was written.
    #[error(
        "{state}: {needed_bytes} bytes more do not fit the managed memory of {budget_bytes} bytes, \
         of which {used_bytes} are used; raise taskmanager.memory.managed.size or the parallelism"
    )]
    BudgetExceeded {
        /// `operator/name`, or whose timers.
        state: String,
        /// What the write needs.
        needed_bytes: u64,
        /// What all state of the slot uses.
        used_bytes: u64,
        /// What all state of the slot may use.
        budget_bytes: u64,
    },
    /// Time to live was given to or taken from a list that has entries.
    #[error(
        "list state {state} has entries, and lists with and without time to live are stored in \
         different forms; give the state another name, or restore without it"
    )]
    ListTtlChanged {
        /// `operator/name`.
        state: String,
    },
    /// A value of a list state with time to live that is no sequence of elements.
    #[error("{state}: a list with time to live {source}")]
    Elements {
        /// `operator/name`.
        state: String,
        /// What is wrong with it.
        source: ElementsError,
    },
    /// One entry that is larger than an entry may be; nothing was written.
    #[error("{state}: an entry of {bytes} bytes is over the limit of {max_bytes} bytes")]
    EntryTooLarge {
        /// `operator/name`.
        state: String,
        /// Size of the entry.
        bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// One call asks for more than an answer may hold.
    #[error("{state}: the answer is over the limit of {max_bytes} bytes; ask for fewer keys")]
    AnswerTooLarge {
        /// `operator/name`.
        state: String,
        /// The limit.
        max_bytes: usize,
    },
    /// A snapshot that cannot be restored. What has been restored before the error stays; drop
    /// the state.
    #[error("the snapshot cannot be restored")]
    Snapshot(#[from] SnapshotError),
}

/// What is wrong with the value of a list state with time to live.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("is broken behind {elements} elements: {rest} bytes are no element")]
pub struct ElementsError {
    /// Elements that are right.
    pub elements: usize,
    /// Bytes behind them.
    pub rest: usize,
}

/// What is wrong with a column.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ColumnProblem {
    /// Another length than the column it belongs to.
    #[error("has {found} entries where {expected} are needed")]
    Length {
        /// Entries needed.
        expected: usize,
        /// Entries it has.
        found: usize,
    },
    /// An end before the end in front of it.
    #[error("has ends that decrease")]
    Decreasing,
    /// The last end is not the length of the bytes.
    #[error("ends at {last} but its bytes are {bytes} long")]
    LastEnd {
        /// The last end, 0 for an empty column.
        last: usize,
        /// Length of the bytes.
        bytes: usize,
    },
}

/// The start of a key, escaped where it is not ASCII.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownKey(String);

impl ShownKey {
    /// Shows a key.
    pub fn new(key: &[u8]) -> ShownKey {
        let shown = &key[..key.len().min(SHOWN_KEY_BYTES_MAX)];
        let more = if shown.len() < key.len() { "..." } else { "" };
        ShownKey(format!("\"{}{more}\"", shown.escape_ascii()))
    }
}

impl fmt::Display for ShownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ShownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
