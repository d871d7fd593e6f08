//! Expressions of jq, compiled once and evaluated for each record.
//!
//! Law: what an expression makes is JSON, or it is an error of the record.

use jaq_core::compile::Compiler;
use jaq_core::load::{Arena, Error as LoadError, File, Loader};
use jaq_core::{Ctx, Filter, Vars, data};
use jaq_json::{Num, Val};
use sandbar_sdk::prelude::*;

use crate::scalar::Scalar;

/// Takes the place of what would ask the machine: expressions are functions of their record.
const PRELUDE: &str = r#"
def now: error("now is not there: take a time from the record");
def input: error("input is not there: an expression sees one record");
def inputs: error("inputs is not there: an expression sees one record");
def env: error("env is not there: an operator has no environment");
"#;

type Lut = data::JustLut<Val>;

/// A compiled expression.
pub(crate) struct Expression {
    filter: Filter<Lut>,
    /// As it was written, for errors.
    code: String,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is none, or names what there is not; the error is fatal and says where.
    pub(crate) fn compile(code: &str) -> Result<Expression> {
        let refused = |why: String| Error::fatal(format!("the expression `{code}` {why}"));
        let program = format!("{PRELUDE}{code}");
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let file = File { code: &*program, path: () };
        let modules = Loader::new(definitions).load(&arena, file).map_err(|errors| {
            refused(errors.iter().map(|(_, error)| unparsed(error)).collect::<Vec<_>>().join("; "))
        })?;
        let filter =
            Compiler::default().with_funs(functions).compile(modules).map_err(|errors| {
                let names = errors.iter().flat_map(|(_, undefined)| undefined);
                let unknown = names.map(|(name, kind)| format!("{} `{name}`", kind.as_str()));
                refused(format!(
                    "names what jq has not: {}",
                    unknown.collect::<Vec<_>>().join(", ")
                ))
            })?;
        Ok(Expression { filter, code: code.to_owned() })
    }

    /// Gives all that the expression makes of a record to `take`, until that fails.
    ///
    /// # Errors
    /// The expression fails for this record, which is bad then, or `take` fails.
    pub(crate) fn each(&self, record: Val, mut take: impl FnMut(Val) -> Result<()>) -> Result<()> {
        let context = Ctx::<Lut>::new(&self.filter.lut, Vars::new([]));
        for made in self.filter.id.run((context, record)) {
            match made.map_err(jaq_core::Exn::get_err) {
                Ok(value) => take(value)?,
                Err(Ok(error)) => return Err(self.bad(&error.to_string())),
                // jq would end the program here.
                Err(Err(_)) => {
                    return Err(self.bad("it halts, and an operator ends with its input"));
                }
            }
        }
        Ok(())
    }

    /// The one value that the expression makes of a record.
    ///
    /// # Errors
    /// As [`Expression::each`], or it makes none or several.
    pub(crate) fn one(&self, record: Val) -> Result<Val> {
        let mut only = None;
        self.each(record, |value| match only.replace(value) {
            None => Ok(()),
            Some(_) => Err(self.bad("it makes several values, and one is wanted")),
        })?;
        only.ok_or_else(|| self.bad("it makes no value, and one is wanted"))
    }

    /// Whether the expression holds for a record: its one value is neither `null` nor `false`.
    ///
    /// # Errors
    /// As [`Expression::one`].
    pub(crate) fn holds(&self, record: Val) -> Result<bool> {
        Ok(!matches!(self.one(record)?, Val::Null | Val::Bool(false)))
    }

    /// The one value that the expression makes of a record, which has no members; a number or
    /// null if `wants_number`.
    ///
    /// # Errors
    /// As [`Expression::one`], or it is another value.
    pub(crate) fn scalar(&self, record: Val, wants_number: bool) -> Result<Scalar> {
        let value = self.one(record)?;
        let wanted = |scalar: &Scalar| {
            !wants_number || *scalar == Scalar::Null || scalar.number().is_some_and(f64::is_finite)
        };
        let expected = if wants_number { "a number" } else { "a number, a text or a boolean" };
        Scalar::of(&value)
            .filter(wanted)
            .ok_or_else(|| self.bad(&format!("it makes {value}, and {expected} is wanted")))
    }

    /// Shows a value as JSON text.
    ///
    /// # Errors
    /// JSON has no such value: the record is bad.
    pub(crate) fn json(&self, value: &Val) -> Result<TextSlice> {
        check(value).map_err(|why| self.bad(why))?;
        Ok(TextSlice::from(value.to_string()))
    }

    /// What is wrong with a record that the expression fails for.
    pub(crate) fn bad(&self, why: &str) -> Error {
        Error::bad_record(format!("the expression `{}` fails: {why}", self.code))
    }
}

/// Why an expression does not parse.
fn unparsed(error: &LoadError<&str>) -> String {
    let at = |found: &str| match found.lines().next() {
        Some(rest) if !rest.is_empty() => format!("at `{rest}`"),
        _ => "at its end".to_owned(),
    };
    let all: Vec<String> = match error {
        LoadError::Io(failed) => {
            failed.iter().map(|(path, why)| format!("{path}: {why}")).collect()
        }
        LoadError::Lex(failed) => {
            let one = |(expected, found): &(jaq_core::load::lex::Expect<&str>, &str)| {
                format!("lacks a {} {}", expected.as_str(), at(found))
            };
            failed.iter().map(one).collect()
        }
        LoadError::Parse(failed) => {
            let one = |(expected, found): &(jaq_core::load::parse::Expect<&str>, &str)| {
                format!("lacks a {} {}", expected.as_str(), at(found))
            };
            failed.iter().map(one).collect()
        }
    };
    all.join("; ")
}

/// Whether a value is JSON; jq has values that are not.
fn check(value: &Val) -> std::result::Result<(), &'static str> {
    match value {
        Val::Null | Val::Bool(_) | Val::TStr(_) => Ok(()),
        Val::Num(Num::Float(number)) if !number.is_finite() => {
            Err("it makes a number that JSON has not (infinite, or no number)")
        }
        Val::Num(_) => Ok(()),
        Val::BStr(_) => Err("it makes a string of bytes, which JSON has not"),
        Val::Arr(values) => values.iter().try_for_each(check),
        Val::Obj(members) => members.iter().try_for_each(|(key, member)| match key {
            Val::TStr(_) => check(member),
            Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => {
                Err("it makes an object with a key that is no string")
            }
        }),
    }
}
