//! Checks of one value without what is in it: type, enum, bounds.

use serde_json::{Map, Value};

use crate::error::{Hint, SchemaProblem};

/// The first thing that is wrong with the value itself.
pub(super) fn check(keywords: &Map<String, Value>, value: &Value) -> Option<SchemaProblem> {
    wrong_type(keywords, value).or_else(|| not_one_of(keywords, value)).or_else(|| match value {
        Value::Number(_) => number_bounds(keywords, value),
        Value::String(text) => {
            count_bounds(keywords, "the length", text.chars().count(), ["minLength", "maxLength"])
        }
        Value::Array(elements) => {
            let subject = "the number of elements";
            count_bounds(keywords, subject, elements.len(), ["minItems", "maxItems"])
        }
        Value::Object(fields) => {
            let subject = "the number of fields";
            count_bounds(keywords, subject, fields.len(), ["minProperties", "maxProperties"])
        }
        Value::Null | Value::Bool(_) => None,
    })
}

/// A value's type with its article.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn wrong_type(keywords: &Map<String, Value>, value: &Value) -> Option<SchemaProblem> {
    let declared = keywords.get("type")?;
    let names: Vec<&str> = match declared.as_array() {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => declared.as_str().into_iter().collect(),
    };
    if names.is_empty() || names.iter().any(|name| is_of_type(value, name)) {
        return None;
    }
    let mut expected: Vec<&str> =
        names.iter().filter(|name| **name != "null").map(|name| described(name)).collect();
    if expected.is_empty() {
        expected.push("null");
    }
    Some(SchemaProblem::WrongType { found: type_name(value), expected: expected.join(" or ") })
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || is_whole(value),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn described(name: &str) -> &str {
    match name {
        "boolean" => "a boolean",
        "number" => "a number",
        "integer" => "an integer",
        "string" => "a string",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

fn not_one_of(keywords: &Map<String, Value>, value: &Value) -> Option<SchemaProblem> {
    let possible: Vec<&Value> = match (keywords.get("const"), keywords.get("enum")) {
        (Some(only), _) => vec![only],
        (None, Some(Value::Array(values))) => values.iter().collect(),
        (None, _) => return None,
    };
    if possible.contains(&value) {
        return None;
    }
    let is_of_one_type = |it: &&Value| std::mem::discriminant(*it) == std::mem::discriminant(value);
    if !possible.iter().any(is_of_one_type) {
        let expected: Vec<String> = possible.iter().map(|it| format!("`{}`", plain(it))).collect();
        let (found, expected) = (type_name(value), expected.join(" or "));
        return Some(SchemaProblem::WrongType { found, expected });
    }
    let hint = Hint::new(&plain(value), possible.into_iter().map(plain));
    Some(SchemaProblem::NotOneOf { value: format!("`{}`", plain(value)), hint })
}

/// A value as a person writes it: strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number_bounds(keywords: &Map<String, Value>, value: &Value) -> Option<SchemaProblem> {
    let number = value.as_f64()?;
    let bound = |name: &str| keywords.get(name).filter(|bound| bound.is_number());
    let breaks = |name: &str, broken: fn(f64, f64) -> bool| {
        bound(name).filter(|bound| bound.as_f64().is_some_and(|bound| broken(number, bound)))
    };
    let expected = if let Some(least) = breaks("minimum", |it, least| it < least) {
        format!("at least {least} is expected")
    } else if let Some(most) = breaks("maximum", |it, most| it > most) {
        format!("at most {most} is expected")
    } else if let Some(least) = breaks("exclusiveMinimum", |it, least| it <= least) {
        format!("more than {least} is expected")
    } else if let Some(most) = breaks("exclusiveMaximum", |it, most| it >= most) {
        format!("less than {most} is expected")
    } else {
        let most = width_limit(keywords).filter(|most| number > *most)?;
        format!("at most {most} is expected")
    };
    Some(out_of_bounds("the value", value, expected))
}

/// The largest integer of a `format`, which schemars does not write as `maximum`.
fn width_limit(keywords: &Map<String, Value>) -> Option<f64> {
    match keywords.get("format")?.as_str()? {
        "uint8" => Some(u8::MAX.into()),
        "uint16" => Some(u16::MAX.into()),
        "uint32" => Some(u32::MAX.into()),
        "int32" => Some(i32::MAX.into()),
        _ => None,
    }
}

fn count_bounds(
    keywords: &Map<String, Value>,
    subject: &'static str,
    count: usize,
    [least, most]: [&str; 2],
) -> Option<SchemaProblem> {
    let bound = |name: &str| keywords.get(name).and_then(Value::as_u64);
    let measure = count as u64;
    if let Some(least) = bound(least).filter(|least| measure < *least) {
        return Some(out_of_bounds(subject, count, format!("at least {least} is expected")));
    }
    let most = bound(most).filter(|most| measure > *most)?;
    Some(out_of_bounds(subject, count, format!("at most {most} is expected")))
}

fn out_of_bounds(subject: &'static str, value: impl ToString, bound: String) -> SchemaProblem {
    SchemaProblem::OutOfBounds { subject, value: value.to_string(), bound }
}
