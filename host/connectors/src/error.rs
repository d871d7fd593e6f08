//! How connectors fail: wrong options, input that is missing or malformed, and I/O. Every message
//! names the option, path or address at fault and what to do about it.

use std::io;

use thiserror::Error;

/// A connector cannot be made or cannot go on.
#[derive(Debug, Error)]
pub enum ConnectorError {
    /// The enumerator, which runs at the JobManager, found no split to deal out.
    #[error("{message}")]
    Enumerator {
        /// What went wrong there.
        message: String,
    },
    /// No connector of that role has the name.
    #[error("unknown {role} '{name}'{hint}; the {role}s are: {known}")]
    UnknownConnector {
        /// `source` or `sink`.
        role: &'static str,
        /// As the user wrote it.
        name: String,
        /// Empty, or a question that starts with a comma.
        hint: String,
        /// All names, with commas between.
        known: String,
    },
    /// The connector has no such option.
    #[error("{connector} has no option '{option}'{hint}; its options are: {known}")]
    UnknownOption {
        /// Role and name.
        connector: String,
        /// As the user wrote it.
        option: String,
        /// Empty, or a question that starts with a comma.
        hint: String,
        /// All names, with commas between.
        known: String,
    },
    /// An option that has no default is not set.
    #[error("{connector} needs the option '{option}': {doc}")]
    MissingOption {
        /// Role and name.
        connector: String,
        /// The missing one.
        option: &'static str,
        /// What it is for.
        doc: &'static str,
    },
    /// The value of an option is of the wrong kind, out of range or at odds with another.
    #[error("option '{option}' of {connector} is {value}, but {expected}")]
    InvalidOption {
        /// Role and name.
        connector: String,
        /// The option.
        option: String,
        /// Its value as JSON.
        value: String,
        /// A sentence on what it has to be.
        expected: String,
    },
    /// The path of a files source leads to no file.
    #[error(
        "no file to read at {path}; option 'path' takes a file, a folder with at least one file \
         that is not hidden, or a glob that matches one"
    )]
    NoInput {
        /// The path or glob, absolute.
        path: String,
    },
    /// A path leads to something else than it should.
    #[error("{path} is {found}; {remedy}")]
    WrongPath {
        /// The path.
        path: String,
        /// What it leads to.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// More files or folders than a source takes.
    #[error("{path} has more than {limit} {subject}; read a part of it, or merge files")]
    TooMany {
        /// Where counting stopped.
        path: String,
        /// The limit.
        limit: usize,
        /// What was counted.
        subject: &'static str,
    },
    /// An operation on a file failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// A verb.
        action: &'static str,
        /// The path, or the name of a stream.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// A line is longer than the limit.
    #[error(
        "the line at byte {offset} of {input} is longer than {limit} bytes; raise option \
         'max-line-bytes' if it is meant to be"
    )]
    LineTooLong {
        /// Path or address.
        input: String,
        /// Where the line starts; in compressed files, of the text within.
        offset: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// A row of a CSV file makes no record.
    #[error("the CSV row at byte {offset} of {path} {message}")]
    Row {
        /// The file.
        path: String,
        /// Where the row starts; in compressed files, of the text within.
        offset: u64,
        /// A verb and the rest, with a remedy.
        message: String,
    },
    /// A split of another connector or version.
    #[error("the {connector} source cannot read split {split}: {message}")]
    Split {
        /// The reader's connector.
        connector: &'static str,
        /// Id of the split.
        split: String,
        /// The cause.
        message: String,
    },
    /// No connection, and no attempt left.
    #[error(
        "cannot connect to {address} after {attempts} attempt(s): {source}; start the server \
         first, or raise option 'max-retries'"
    )]
    Connect {
        /// Host and port.
        address: String,
        /// How often it was tried in a row.
        attempts: u32,
        /// The last cause.
        source: io::Error,
    },
    /// The thread that reads for a source has died.
    #[error("the reader thread of {input} ended unexpectedly; see the log for its panic")]
    ReaderThread {
        /// What it read.
        input: String,
    },
    /// No free name for a part file was found.
    #[error("{folder} has no free name for {name} after {attempts} tries; use an empty folder")]
    NoFreeName {
        /// The folder.
        folder: String,
        /// The last name tried.
        name: String,
        /// How many were tried.
        attempts: u32,
    },
}

/// Similarity, from 0 to 1, from which on a name is worth a hint.
const HINT_SIMILARITY_MIN: f64 = 0.7;

/// The end of a clause: `, did you mean 'x'?` where a known name is near, else empty.
pub(crate) fn hint(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity >= HINT_SIMILARITY_MIN)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| format!(", did you mean '{known}'?"))
        .unwrap_or_default()
}
