//! Checks a JSON value against a JSON Schema, as far as schemas of structs and enums go: types,
//! properties, required fields, enums, alternatives, bounds. Keywords that it does not know
//! (`pattern`, `format` other than integer widths, `if`) accept anything.

mod alternatives;
mod scalars;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Hint, SchemaProblem};
use crate::place;

/// Steps after which a check is given up: schemas come from plugins, and references within
/// alternatives can take exponential time. A job file of 10,000 operators takes 10^6.
const STEPS_MAX: u32 = 10_000_000;
/// Depth of references and alternatives within one value.
const DEPTH_MAX: u32 = 200;

/// A value that is not what the schema asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where it is.
    pub path: String,
    /// What is wrong.
    pub problem: SchemaProblem,
}

/// All violations of a schema by a value; `path` is where the value is.
pub fn check(schema: &Value, value: &Value, path: &str) -> Vec<Violation> {
    let mut checker = Checker { root: schema, steps: 0 };
    let mut found = Vec::new();
    checker.check(schema, value, Depth { path, depth: 0 }, &mut found);
    if checker.steps > STEPS_MAX {
        let problem = SchemaProblem::TooManySteps { limit: STEPS_MAX };
        return vec![Violation { path: path.to_owned(), problem }];
    }
    found
}

struct Checker<'a> {
    root: &'a Value,
    steps: u32,
}

/// Where a check is: the path of the value and the depth in the schema.
#[derive(Clone, Copy)]
struct Depth<'p> {
    path: &'p str,
    depth: u32,
}

impl Depth<'_> {
    fn deeper(self) -> Self {
        Depth { depth: self.depth + 1, ..self }
    }

    fn violation(self, problem: SchemaProblem) -> Violation {
        Violation { path: self.path.to_owned(), problem }
    }
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: Depth<'_>, found: &mut Vec<Violation>) {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS_MAX {
            return;
        }
        if at.depth > DEPTH_MAX {
            self.steps = u32::MAX;
            return;
        }
        let Value::Object(keywords) = schema else {
            // `true` accepts anything; `false`, an unreachable value.
            if schema == &Value::Bool(false) {
                let expected = "nothing".to_owned();
                let found_type = scalars::type_name(value);
                found.push(at.violation(SchemaProblem::WrongType { found: found_type, expected }));
            }
            return;
        };
        if let Some(target) = self.referenced(keywords) {
            self.check(&target, value, at.deeper(), found);
        }
        for part in list(keywords, "allOf") {
            self.check(part, value, at.deeper(), found);
        }
        for alternatives in ["anyOf", "oneOf"] {
            let branches = list(keywords, alternatives);
            if !branches.is_empty() {
                self.check_alternatives(branches, value, at, found);
            }
        }
        if let Some(problem) = scalars::check(keywords, value) {
            found.push(at.violation(problem));
            return;
        }
        match value {
            Value::Object(fields) => self.check_fields(keywords, fields, at, found),
            Value::Array(elements) => {
                if let Some(items) = keywords.get("items") {
                    for (index, element) in elements.iter().enumerate() {
                        let path = place::element(at.path, index);
                        let inner = Depth { path: &path, depth: at.depth + 1 };
                        self.check(items, element, inner, found);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The schema that `$ref` points to; what points nowhere accepts anything.
    fn referenced(&self, keywords: &Map<String, Value>) -> Option<Value> {
        let reference = keywords.get("$ref")?.as_str()?;
        self.root.pointer(reference.strip_prefix('#')?).cloned()
    }

    fn check_fields(
        &mut self,
        keywords: &Map<String, Value>,
        fields: &Map<String, Value>,
        at: Depth<'_>,
        found: &mut Vec<Violation>,
    ) {
        let no_properties = Map::new();
        let properties =
            keywords.get("properties").and_then(Value::as_object).unwrap_or(&no_properties);
        let additional = keywords.get("additionalProperties").unwrap_or(&Value::Bool(true));
        // A required field that an unknown one is most like: reported once, as unknown.
        let mut misspelt = BTreeMap::new();
        for (name, value) in fields {
            let path = place::field(at.path, name);
            let inner = Depth { path: &path, depth: at.depth + 1 };
            match properties.get(name) {
                Some(schema) => self.check(schema, value, inner, found),
                None if additional == &Value::Bool(false) => {
                    let free = properties.keys().filter(|known| !fields.contains_key(*known));
                    let hint = Hint::new(name, free.cloned());
                    if let Some(nearest) = hint.nearest() {
                        misspelt.insert(nearest.to_owned(), ());
                    }
                    let field = name.clone();
                    found.push(inner.violation(SchemaProblem::UnknownField { field, hint }));
                }
                None => self.check(additional, value, inner, found),
            }
        }
        for field in list(keywords, "required").iter().filter_map(Value::as_str) {
            if !fields.contains_key(field) && !misspelt.contains_key(field) {
                let field = field.to_owned();
                found.push(at.violation(SchemaProblem::MissingField { field }));
            }
        }
    }
}

fn list<'k>(keywords: &'k Map<String, Value>, name: &str) -> &'k [Value] {
    keywords.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests;
