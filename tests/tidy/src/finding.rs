//! What a rule found: where, what is wrong and what to do instead.

use std::fmt;

/// A breach of one rule at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root of the repository; or a crate.
    pub place: String,
    /// The line, counted from 1; 0 for the place as a whole.
    pub line: usize,
    /// What is wrong, with its value, and the remedy.
    pub message: String,
}

impl Finding {
    /// Makes a finding at a line of a file.
    pub fn at(place: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { place: place.to_owned(), line, message: message.into() }
    }

    /// Makes a finding on a whole file or crate.
    pub fn on(place: &str, message: impl Into<String>) -> Finding {
        Finding::at(place, 0, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.place, self.message),
            line => write!(formatter, "{}:{line}: {}", self.place, self.message),
        }
    }
}

/// Fails the test that called it, with one line a finding.
///
/// # Panics
/// When there is any finding.
pub fn assert_none(rule: &str, mut findings: Vec<Finding>) {
    findings.sort();
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{rule}: {} found\n{}", lines.len(), lines.join("\n"));
}
