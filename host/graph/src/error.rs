//! What can be wrong with a job: every error has a place, a problem and, where there is one, a
//! remedy. One enum a subject; all errors of a job are reported at once.

mod event_time;
mod hint;
mod reference;
mod settings;
mod syntax;
mod wiring;

use std::fmt;

use thiserror::Error;

use crate::place::Place;
use crate::schema::Violation;
use crate::spec::SELF_PLUGIN;

pub use event_time::EventTimeProblem;
pub use hint::Hint;
pub use reference::ReferenceProblem;
pub use settings::SettingsProblem;
pub use syntax::{SchemaProblem, SyntaxProblem};
pub use wiring::{KeyProblem, WiringProblem};

/// One thing that is wrong with a job, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphError {
    /// Where it is written.
    pub place: Place,
    /// What is wrong.
    pub problem: Problem,
}

impl GraphError {
    /// What is wrong, without place and remedy.
    pub fn message(&self) -> String {
        self.problem.to_string()
    }

    /// The plugin that is not loaded, if that is what is wrong. Who loads plugins knows more.
    pub fn missing_plugin(&self) -> Option<&str> {
        if let Problem::Reference(ReferenceProblem::PluginNotLoaded { plugin }) = &self.problem {
            return Some(plugin);
        }
        let is_self = self.problem == Problem::Reference(ReferenceProblem::NoSelf);
        is_self.then_some(SELF_PLUGIN)
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> Option<String> {
        match &self.problem {
            Problem::Syntax(problem) => problem.remedy(),
            Problem::Schema(problem) => problem.remedy(),
            Problem::Reference(problem) => problem.remedy(),
            Problem::Wiring(problem) => problem.remedy(),
            Problem::Key(problem) => problem.remedy(),
            Problem::Settings(problem) => problem.remedy(),
            Problem::EventTime(problem) => problem.remedy(),
        }
    }
}

/// `place: message; remedy`.
impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        match self.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for GraphError {}

/// Puts errors in the order of the text; those without a position stay as they are.
pub(crate) fn in_text_order(mut errors: Vec<GraphError>) -> Vec<GraphError> {
    errors.sort_by_key(|error| error.place.position);
    errors
}

/// What is wrong, by subject.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The text of the job file.
    #[error(transparent)]
    Syntax(#[from] SyntaxProblem),
    /// A field or its type.
    #[error(transparent)]
    Schema(#[from] SchemaProblem),
    /// A name that stands for something.
    #[error(transparent)]
    Reference(#[from] ReferenceProblem),
    /// How operators are wired.
    #[error(transparent)]
    Wiring(#[from] WiringProblem),
    /// How records are keyed.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// A setting of one operator.
    #[error(transparent)]
    Settings(#[from] SettingsProblem),
    /// A timestamp, or how watermarks are made.
    #[error(transparent)]
    EventTime(#[from] EventTimeProblem),
}

impl From<Violation> for Problem {
    fn from(violation: Violation) -> Problem {
        Problem::Schema(violation.problem)
    }
}
