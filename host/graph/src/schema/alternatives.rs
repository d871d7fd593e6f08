//! Alternatives: accepted if one of them accepts; else the one the user most likely meant
//! reports.

use std::cmp::Reverse;

use serde_json::Value;

use crate::error::{Hint, SchemaProblem};
use crate::schema::{Checker, Depth, Violation};

impl Checker<'_> {
    /// Also used for `oneOf`: that two alternatives accept is not told apart.
    pub(super) fn check_alternatives(
        &mut self,
        branches: &[Value],
        value: &Value,
        at: Depth<'_>,
        found: &mut Vec<Violation>,
    ) {
        let mut refused = Vec::with_capacity(branches.len());
        for branch in branches {
            let mut violations = Vec::new();
            self.check(branch, value, at.deeper(), &mut violations);
            if violations.is_empty() {
                return;
            }
            refused.push(violations);
        }
        if let Some(expected) = expected_types(&refused, at.path) {
            let found_type = super::scalars::type_name(value);
            found.push(at.violation(SchemaProblem::WrongType { found: found_type, expected }));
        } else if let Some(problem) = none_of_all(&refused, value, at.path) {
            found.push(at.violation(problem));
        } else if let Some(nearest) = refused.into_iter().min_by_key(|it| likeness(it, at.path)) {
            found.extend(nearest);
        }
    }
}

/// All values that would be accepted, if the value is text and several alternatives are values:
/// schemars writes each documented variant of an enum as an alternative of its own.
fn none_of_all(refused: &[Vec<Violation>], value: &Value, path: &str) -> Option<SchemaProblem> {
    let wanted = value.as_str()?;
    let mut alternatives = 0;
    let mut known: Vec<String> = Vec::new();
    for violation in refused.iter().flatten().filter(|violation| violation.path == path) {
        if let SchemaProblem::NotOneOf { hint, .. } = &violation.problem {
            alternatives += 1;
            known.extend(hint.known().iter().cloned());
        }
    }
    let hint = Hint::new(wanted, known);
    (alternatives > 1).then(|| SchemaProblem::NotOneOf { value: format!("`{wanted}`"), hint })
}

/// All types that would be accepted, if the value is of the wrong type for every alternative.
fn expected_types(refused: &[Vec<Violation>], path: &str) -> Option<String> {
    let mut types: Vec<&str> = Vec::new();
    for violations in refused {
        match wrong_type(violations, path)? {
            "null" => {}
            expected if types.contains(&expected) => {}
            expected => types.push(expected),
        }
    }
    Some(if types.is_empty() { "null".to_owned() } else { types.join(" or ") })
}

fn wrong_type<'v>(violations: &'v [Violation], path: &str) -> Option<&'v str> {
    violations.iter().filter(|violation| violation.path == path).find_map(|violation| {
        match &violation.problem {
            SchemaProblem::WrongType { expected, .. } => Some(expected.as_str()),
            SchemaProblem::UnknownField { .. }
            | SchemaProblem::MissingField { .. }
            | SchemaProblem::NotOneOf { .. }
            | SchemaProblem::OutOfBounds { .. }
            | SchemaProblem::TooManySteps { .. } => None,
        }
    })
}

/// Smaller for the alternative that was more likely meant: of the right type, with few
/// violations, whose unknown fields look like its own.
fn likeness(violations: &[Violation], path: &str) -> (bool, usize, Reverse<usize>) {
    let resembling = violations.iter().filter(|violation| match &violation.problem {
        SchemaProblem::UnknownField { hint, .. } | SchemaProblem::NotOneOf { hint, .. } => {
            hint.nearest().is_some()
        }
        SchemaProblem::MissingField { .. }
        | SchemaProblem::WrongType { .. }
        | SchemaProblem::OutOfBounds { .. }
        | SchemaProblem::TooManySteps { .. } => false,
    });
    (wrong_type(violations, path).is_some(), violations.len(), Reverse(resembling.count()))
}
