//! Problems of the text: its syntax, its fields and their types.

use thiserror::Error;

use crate::error::Hint;

/// The text of a job file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SyntaxProblem {
    /// The text breaks the rules of its format.
    #[error("not valid {format}: {message}")]
    Invalid {
        /// `TOML` or `JSON`.
        format: &'static str,
        /// What the parser says.
        message: String,
    },
    /// A JSON object has a field twice.
    #[error("the field `{field}` is given twice")]
    DuplicateField {
        /// Its name.
        field: String,
    },
    /// The file is larger than any job needs to be.
    #[error("the job has {bytes} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// Lists and tables are nested deeper than any job needs.
    #[error("values are nested more than {limit} deep")]
    TooDeep {
        /// The largest depth.
        limit: u32,
    },
}

impl SyntaxProblem {
    pub(super) fn remedy(&self) -> Option<String> {
        match self {
            SyntaxProblem::DuplicateField { .. } => Some("keep one of them".to_owned()),
            SyntaxProblem::Invalid { .. }
            | SyntaxProblem::TooLarge { .. }
            | SyntaxProblem::TooDeep { .. } => None,
        }
    }
}

/// A value is not what its schema asks for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaProblem {
    /// A field that does not exist.
    #[error("there is no field `{field}`")]
    UnknownField {
        /// Its name.
        field: String,
        /// The fields that exist.
        hint: Hint,
    },
    /// A required field is not given.
    #[error("the field `{field}` is missing")]
    MissingField {
        /// Its name.
        field: String,
    },
    /// A value of another type.
    #[error("{found} found where {expected} is expected")]
    WrongType {
        /// The type of the value.
        found: &'static str,
        /// The types that are accepted.
        expected: String,
    },
    /// A value that is not in the list of possible ones.
    #[error("{value} is not a possible value")]
    NotOneOf {
        /// The value.
        value: String,
        /// The possible values.
        hint: Hint,
    },
    /// A number, a length or a count beyond a bound.
    #[error("{subject} is {value}, {bound}")]
    OutOfBounds {
        /// What is measured: the value, its length or its number of elements.
        subject: &'static str,
        /// The measure.
        value: String,
        /// Such as "at least 1 is expected".
        bound: String,
    },
    /// The schema is too large or too deep to be followed.
    #[error("the schema takes more than {limit} steps to check")]
    TooManySteps {
        /// The limit.
        limit: u32,
    },
}

impl SchemaProblem {
    pub(super) fn remedy(&self) -> Option<String> {
        match self {
            SchemaProblem::UnknownField { hint, .. } => hint.remedy("fields"),
            SchemaProblem::NotOneOf { hint, .. } => hint.remedy("values"),
            SchemaProblem::MissingField { .. }
            | SchemaProblem::WrongType { .. }
            | SchemaProblem::OutOfBounds { .. }
            | SchemaProblem::TooManySteps { .. } => None,
        }
    }
}
