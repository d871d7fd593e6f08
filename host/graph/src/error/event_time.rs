//! Problems of event time: timestamps and watermarks.

use thiserror::Error;

/// A setting of event time that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventTimeProblem {
    /// A JSON pointer into something else than JSON.
    #[error("the timestamp is a JSON pointer, and the source gives `{format}`")]
    TimestampNotJson {
        /// Format of the source.
        format: String,
    },
    /// A source refuses nothing but records without event time.
    #[error("a source refuses records only for their `timestamp`, and this one has none")]
    OnErrorWithoutTimestamp,
    /// Sources have no code of the user's.
    #[error("a source has no watermark generator of its own")]
    CustomOfSource,
    /// A bound that nobody looks at.
    #[error("only the generator bounded-out-of-orderness has a bound")]
    BoundNotUsed,
    /// Only sources can wait, and they see the watermarks of their own chain alone.
    #[error("an aligned operator must be in the chain of a source, which waits for it: {reason}")]
    AlignmentOfOperator {
        /// Why it is not.
        reason: String,
    },
    /// A time that must pass.
    #[error("`{name}` is 0")]
    Zero {
        /// The field.
        name: &'static str,
    },
    /// A group whose subtasks do not know how long to go on.
    #[error("an alignment group needs `max-drift-ms`")]
    GroupWithoutDrift,
    /// A setting of a group without one.
    #[error("`{name}` is given without an `alignment-group`")]
    WithoutGroup {
        /// The field.
        name: &'static str,
    },
}

impl EventTimeProblem {
    pub(super) fn remedy(&self) -> Option<String> {
        let text = match self {
            EventTimeProblem::TimestampNotJson { .. } => {
                "set the source's format to json or csv, or assign timestamps in an operator"
            }
            EventTimeProblem::OnErrorWithoutTimestamp => {
                "add timestamp = { json = \"/pointer\" }, or leave it out"
            }
            EventTimeProblem::CustomOfSource => {
                "leave it out, or set it on an operator behind the source"
            }
            EventTimeProblem::BoundNotUsed => "leave one of the two out",
            EventTimeProblem::AlignmentOfOperator { .. } => {
                "let it read one source, forward and with the same parallelism, or set the group \
                 on the source"
            }
            EventTimeProblem::Zero { .. } => "use 1 or more, or leave it out",
            EventTimeProblem::GroupWithoutDrift => "add how many milliseconds ahead is too far",
            EventTimeProblem::WithoutGroup { .. } => "add the group, or leave it out",
        };
        Some(text.to_owned())
    }
}
