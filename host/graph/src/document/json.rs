//! JSON with positions: raw values are slices of the text, so their address is their position.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Reading, Spot};
use crate::error::SyntaxProblem;

pub(super) fn read(text: &str, reading: &mut Reading<'_>) -> Value {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => {
            let offset = offset_in(text, raw.get()).unwrap_or(0);
            convert(raw, &Spot { offset, ..Spot::root() }, reading)
        }
        Err(error) => {
            let offset = reading
                .line_starts
                .get(error.line().saturating_sub(1))
                .map_or(0, |start| start + error.column().saturating_sub(1));
            invalid(&error, &Spot { offset, ..Spot::root() }, reading)
        }
    }
}

fn convert(raw: &RawValue, spot: &Spot, reading: &mut Reading<'_>) -> Value {
    reading.note(&spot.path, spot.offset);
    let text = raw.get();
    if !text.starts_with(['{', '[']) {
        return serde_json::from_str(text).unwrap_or_else(|error| invalid(&error, spot, reading));
    }
    if !reading.may_enter(&spot.path, spot.offset, spot.depth) {
        return Value::Null;
    }
    if text.starts_with('{') {
        match serde_json::from_str::<Entries<'_>>(text) {
            Ok(entries) => convert_object(entries, spot, reading),
            Err(error) => invalid(&error, spot, reading),
        }
    } else {
        match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(elements) => Value::Array(convert_elements(&elements, spot, reading)),
            Err(error) => invalid(&error, spot, reading),
        }
    }
}

fn convert_elements(elements: &[&RawValue], spot: &Spot, reading: &mut Reading<'_>) -> Vec<Value> {
    let convert_element = |(index, element): (usize, &&RawValue)| {
        let offset = offset_in(reading.text, element.get()).unwrap_or(spot.offset);
        convert(element, &spot.element(index, offset), reading)
    };
    elements.iter().enumerate().map(convert_element).collect()
}

fn convert_object(entries: Entries<'_>, spot: &Spot, reading: &mut Reading<'_>) -> Value {
    let mut object = Map::new();
    for (key, raw) in entries.0 {
        // A key without escapes is a slice of the text too; its quote is one byte before it.
        let key_offset = match &key {
            Cow::Borrowed(key) => offset_in(reading.text, key).map(|offset| offset - 1),
            Cow::Owned(_) => None,
        };
        let offset = key_offset.or_else(|| offset_in(reading.text, raw.get()));
        let inner = spot.field(&key, offset.unwrap_or(spot.offset));
        let value = convert(raw, &inner, reading);
        if object.insert(key.to_string(), value).is_some() {
            let problem = SyntaxProblem::DuplicateField { field: key.to_string() };
            reading.error(&inner.path, inner.offset, problem);
        }
    }
    Value::Object(object)
}

fn invalid(error: &serde_json::Error, spot: &Spot, reading: &mut Reading<'_>) -> Value {
    let text = error.to_string();
    // The position goes into the place instead.
    let message = match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    };
    reading.error(&spot.path, spot.offset, SyntaxProblem::Invalid { format: "JSON", message });
    Value::Null
}

/// Where `part` begins in `text`, if it is a slice of it.
fn offset_in(text: &str, part: &str) -> Option<usize> {
    let offset = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (offset + part.len() <= text.len()).then_some(offset)
}

/// The entries of an object in their order, repeated keys included.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<'a>, D::Error> {
        deserializer.deserialize_map(EntriesVisitor).map(Entries)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((Key(key), raw)) = access.next_entry::<Key<'de>, &'de RawValue>()? {
            entries.push((key, raw));
        }
        Ok(entries)
    }
}

/// A key that stays a slice of the text where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'a>, D::Error> {
        deserializer.deserialize_str(KeyVisitor).map(Key)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
