//! TOML with positions, from the spans that the parser gives.

use ::toml::de::{DeTable, DeValue};
use serde_json::{Map, Number, Value};

use super::{Reading, Spot};
use crate::error::SyntaxProblem;

pub(super) fn read(text: &str, reading: &mut Reading<'_>) -> Value {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        let message = error.message().replace('\n', ", ");
        reading.error("", offset, SyntaxProblem::Invalid { format: "TOML", message });
    }
    if !reading.errors.is_empty() {
        return Value::Null;
    }
    reading.note("", 0);
    convert_table(table.get_ref(), &Spot::root(), reading)
}

fn convert(value: &DeValue<'_>, spot: &Spot, reading: &mut Reading<'_>) -> Value {
    reading.note(&spot.path, spot.offset);
    match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(value) => Value::String(value.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Value::Number(number.into()),
            Err(_) => not_a_number(integer.as_str(), "an integer of 64 bits", spot, reading),
        },
        DeValue::Float(float) => match float.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => not_a_number(float.as_str(), "a finite number", spot, reading),
        },
        DeValue::Array(elements) => {
            if !reading.may_enter(&spot.path, spot.offset, spot.depth) {
                return Value::Null;
            }
            let convert_element = |(index, element): (usize, &::toml::Spanned<DeValue<'_>>)| {
                let inner = spot.element(index, element.span().start);
                convert(element.get_ref(), &inner, reading)
            };
            Value::Array(elements.iter().enumerate().map(convert_element).collect())
        }
        DeValue::Table(table) => convert_table(table, spot, reading),
    }
}

fn convert_table(table: &DeTable<'_>, spot: &Spot, reading: &mut Reading<'_>) -> Value {
    if !reading.may_enter(&spot.path, spot.offset, spot.depth) {
        return Value::Null;
    }
    let mut entries = Map::new();
    for (key, value) in table {
        let inner = spot.field(key.get_ref(), key.span().start);
        entries.insert(key.get_ref().to_string(), convert(value.get_ref(), &inner, reading));
    }
    Value::Object(entries)
}

fn not_a_number(
    text: &str,
    expected: &'static str,
    spot: &Spot,
    reading: &mut Reading<'_>,
) -> Value {
    let message = format!("`{text}` is not {expected}");
    let problem = SyntaxProblem::Invalid { format: "TOML", message };
    reading.error(&spot.path, spot.offset, problem);
    Value::Null
}
