//! How user code and the SDK fail without a trap: [`Error`], and inside the SDK [`Failure`], which
//! also knows the operator. Law: an error is either the fault of one record or fatal.

use std::fmt;

/// What an operator function returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function failed.
///
/// `?` turns any standard error into a bad record, since the usual cause is input that does not
/// parse. Use [`Error::fatal`] where going on makes no sense.
///
/// ```
/// use sandbar_sdk::{Error, ErrorKind};
///
/// fn parse(text: &str) -> Result<u64, Error> {
///     Ok(text.parse::<u64>()?)
/// }
///
/// assert_eq!(parse("7").unwrap(), 7);
/// assert_eq!(parse("seven").unwrap_err().kind(), ErrorKind::BadRecord);
/// ```
pub struct Error(Box<Cause>);

struct Cause {
    kind: ErrorKind,
    message: String,
}

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// One record is at fault; the operator's error policy decides what happens to it.
    BadRecord,
    /// The operator cannot go on; the task fails.
    Fatal,
}

impl Error {
    /// Makes the error of a record that the operator cannot accept.
    pub fn bad_record(message: impl fmt::Display) -> Error {
        Error::new(ErrorKind::BadRecord, message.to_string())
    }

    /// Makes an error that ends the task.
    pub fn fatal(message: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Fatal, message.to_string())
    }

    #[cold]
    fn new(kind: ErrorKind, message: String) -> Error {
        Error(Box::new(Cause { kind, message }))
    }

    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Why, for a person to read.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Puts what was being done in front of the message: `parsing the price: invalid digit`.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Error {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }

    /// Makes the error fatal and keeps its message.
    #[must_use]
    pub fn into_fatal(mut self) -> Error {
        self.0.kind = ErrorKind::Fatal;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)
    }
}

// `Error` itself is no `std::error::Error`: the two impls would overlap.
impl<E: std::error::Error> From<E> for Error {
    #[cold]
    fn from(error: E) -> Error {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Error::new(ErrorKind::BadRecord, message)
    }
}

/// An error and the position of the operator it comes from. One pointer wide, so that the calls
/// between fused operators stay cheap.
#[derive(Debug)]
pub(crate) struct Failure(Box<FailureCause>);

#[derive(Debug)]
struct FailureCause {
    operator: u32,
    error: Error,
}

/// What a call from one fused operator to the next returns.
pub(crate) type Outcome = std::result::Result<(), Failure>;

impl Failure {
    #[cold]
    pub(crate) fn new(operator: u32, error: Error) -> Failure {
        Failure(Box::new(FailureCause { operator, error }))
    }

    pub(crate) fn operator(&self) -> u32 {
        self.0.operator
    }

    pub(crate) fn into_error(self) -> Error {
        self.0.error
    }
}
