//! Values in postcard's form as JSON and back, for the types that a format `compact:TYPE` names in
//! Rust's words: numbers, text, tuples, arrays, options, lists and maps of such. Types of a
//! plugin's own are unknown here.

use serde_json::{Map, Number, Value};

/// Deepest nesting of a type.
const DEPTH_MAX: usize = 16;
/// Longest name of a type, in bytes. With the other limits it bounds what a value becomes.
const NAME_BYTES_MAX: usize = 512;
/// Longest array; of scalars only.
const ARRAY_LEN_MAX: usize = 1024;

/// A type that this host can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Byte { signed: bool },
    Integer { signed: bool },
    F32,
    F64,
    Text,
    Option(Box<Type>),
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Fields(Vec<Type>),
}

impl Type {
    /// Reads a type's name; none for a type that is unknown.
    pub(super) fn parse(name: &str) -> Option<Type> {
        (name.len() <= NAME_BYTES_MAX).then(|| Type::parse_nested(name.trim(), DEPTH_MAX))?
    }

    /// Whether it is no type of types, so that each value has a byte at least.
    fn is_scalar(&self) -> bool {
        match self {
            Type::Bool | Type::Byte { .. } | Type::Integer { .. } => true,
            Type::F32 | Type::F64 | Type::Text => true,
            Type::Option(_) | Type::List(_) | Type::Map(..) | Type::Fields(_) => false,
        }
    }

    fn parse_nested(name: &str, depth: usize) -> Option<Type> {
        let depth = depth.checked_sub(1)?;
        let inner = |text: &str| Type::parse_nested(text, depth);
        if let Some(fields) = name.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return split(fields).into_iter().map(inner).collect::<Option<_>>().map(Type::Fields);
        }
        if let Some(array) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (element, len) = array.rsplit_once(';')?;
            let len = len.trim().parse::<usize>().ok().filter(|len| *len <= ARRAY_LEN_MAX)?;
            let element = inner(element.trim()).filter(Type::is_scalar)?;
            return Some(Type::Fields(vec![element; len]));
        }
        let (path, arguments) = match name.split_once('<') {
            Some((path, rest)) => (path, split(rest.strip_suffix('>')?)),
            None => (name, Vec::new()),
        };
        Some(match (path, arguments.as_slice()) {
            ("bool", []) => Type::Bool,
            ("u8", []) => Type::Byte { signed: false },
            ("i8", []) => Type::Byte { signed: true },
            ("u16" | "u32" | "u64" | "usize", []) => Type::Integer { signed: false },
            ("i16" | "i32" | "i64" | "isize", []) => Type::Integer { signed: true },
            ("f32", []) => Type::F32,
            ("f64", []) => Type::F64,
            ("alloc::string::String" | "char", []) => Type::Text,
            ("core::option::Option", [value]) => Type::Option(Box::new(inner(value)?)),
            ("alloc::boxed::Box", [value]) => inner(value)?,
            ("alloc::vec::Vec", [element]) => Type::List(Box::new(inner(element)?)),
            ("alloc::collections::vec_deque::VecDeque", [element]) => {
                Type::List(Box::new(inner(element)?))
            }
            ("alloc::collections::btree::set::BTreeSet", [element]) => {
                Type::List(Box::new(inner(element)?))
            }
            ("alloc::collections::btree::map::BTreeMap", [key, value]) => {
                Type::Map(Box::new(inner(key)?), Box::new(inner(value)?))
            }
            ("std::collections::hash::map::HashMap", [key, value, ..]) => {
                Type::Map(Box::new(inner(key)?), Box::new(inner(value)?))
            }
            _ => return None,
        })
    }

    /// Reads a value, which must be all of the bytes.
    pub(super) fn decode(&self, mut bytes: &[u8]) -> Option<Value> {
        let value = self.take(&mut bytes)?;
        bytes.is_empty().then_some(value)
    }

    fn take(&self, bytes: &mut &[u8]) -> Option<Value> {
        Some(match self {
            Type::Bool => Value::Bool(take_byte(bytes)? == 1),
            Type::Byte { signed: false } => take_byte(bytes)?.into(),
            Type::Byte { signed: true } => take_byte(bytes)?.cast_signed().into(),
            Type::Integer { signed: false } => take_varint(bytes)?.into(),
            Type::Integer { signed: true } => {
                let raw = take_varint(bytes)?;
                ((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()).into()
            }
            Type::F32 => float(f64::from(f32::from_le_bytes(take_array(bytes)?))),
            Type::F64 => float(f64::from_le_bytes(take_array(bytes)?)),
            Type::Text => {
                let len = usize::try_from(take_varint(bytes)?).ok()?;
                let (text, rest) = bytes.split_at_checked(len)?;
                *bytes = rest;
                Value::String(str::from_utf8(text).ok()?.to_owned())
            }
            Type::Option(value) => match take_byte(bytes)? {
                0 => Value::Null,
                _ => value.take(bytes)?,
            },
            Type::List(element) => {
                let len = take_len(bytes)?;
                (0..len).map(|_| element.take(bytes)).collect::<Option<_>>()?
            }
            Type::Map(key, value) => take_map(key, value, bytes)?,
            Type::Fields(fields) => {
                fields.iter().map(|field| field.take(bytes)).collect::<Option<_>>()?
            }
        })
    }

    /// Appends the bytes of a value; none if the value is of another type.
    pub(super) fn encode(&self, value: &Value, bytes: &mut Vec<u8>) -> Option<()> {
        match (self, value) {
            (Type::Bool, Value::Bool(flag)) => bytes.push(u8::from(*flag)),
            (Type::Byte { signed: false }, _) => bytes.push(u8::try_from(value.as_u64()?).ok()?),
            (Type::Byte { signed: true }, _) => {
                bytes.push(i8::try_from(value.as_i64()?).ok()?.cast_unsigned());
            }
            (Type::Integer { signed: false }, _) => put_varint(value.as_u64()?, bytes),
            (Type::Integer { signed: true }, _) => {
                let number = value.as_i64()?;
                put_varint(((number << 1) ^ (number >> 63)).cast_unsigned(), bytes);
            }
            (Type::Text, Value::String(text)) => {
                put_varint(text.len() as u64, bytes);
                bytes.extend_from_slice(text.as_bytes());
            }
            (Type::Option(_), Value::Null) => bytes.push(0),
            (Type::Option(inner), _) => {
                bytes.push(1);
                inner.encode(value, bytes)?;
            }
            (Type::List(element), Value::Array(values)) => {
                put_varint(values.len() as u64, bytes);
                values.iter().try_for_each(|of_list| element.encode(of_list, bytes))?;
            }
            (Type::Fields(fields), Value::Array(values)) if fields.len() == values.len() => {
                let mut pairs = fields.iter().zip(values);
                pairs.try_for_each(|(field, of_field)| field.encode(of_field, bytes))?;
            }
            (
                Type::Bool
                | Type::F32
                | Type::F64
                | Type::Text
                | Type::List(_)
                | Type::Map(..)
                | Type::Fields(_),
                _,
            ) => return None,
        }
        Some(())
    }
}

/// Splits the arguments of a type at the commas that are not in brackets.
fn split(arguments: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in arguments.char_indices() {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(arguments[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = arguments[start..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// A map as an object if its keys are text, else as a list of pairs.
fn take_map(key_type: &Type, value_type: &Type, bytes: &mut &[u8]) -> Option<Value> {
    let len = take_len(bytes)?;
    let pairs = (0..len).map(|_| Some((key_type.take(bytes)?, value_type.take(bytes)?)));
    let pairs = pairs.collect::<Option<Vec<_>>>()?;
    if *key_type != Type::Text {
        return Some(
            pairs.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect(),
        );
    }
    let text = |key: Value| key.as_str().unwrap_or_default().to_owned();
    Some(Value::Object(
        pairs.into_iter().map(|(key, value)| (text(key), value)).collect::<Map<_, _>>(),
    ))
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*array)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A number of elements. Each has a byte, or there may not be more of them than bytes all the same.
fn take_len(bytes: &mut &[u8]) -> Option<usize> {
    let len = usize::try_from(take_varint(bytes)?).ok()?;
    (len <= bytes.len()).then_some(len)
}

fn put_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(name: &str, value: &Value, bytes: &[u8]) {
        let known = Type::parse(name).unwrap();
        assert_eq!(known.decode(bytes).as_ref(), Some(value), "{name}");
        assert_eq!(known.decode(&[bytes, &[0]].concat()), None, "{name} with a byte too many");
        let mut encoded = Vec::new();
        if known.encode(value, &mut encoded).is_some() {
            assert_eq!(encoded, bytes, "{name}");
        }
    }

    #[test]
    fn values_of_known_types_are_json() {
        check("u64", &json!(300), &[0xac, 0x02]);
        check("i32", &json!(-2), &[3]);
        check("i64", &json!(i64::MIN), &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        check("u8", &json!(200), &[200]);
        check("f64", &json!(0.5), &0.5f64.to_le_bytes());
        check("(u64, alloc::string::String)", &json!([1, "ab"]), &[1, 2, b'a', b'b']);
        check("core::option::Option<bool>", &json!(true), &[1, 1]);
        check("alloc::vec::Vec<(u32, i8)>", &json!([[1, -1], [2, 2]]), &[2, 1, 255, 2, 2]);
        check("[u16; 2]", &json!([1, 2]), &[1, 2]);
        check(
            "alloc::collections::btree::map::BTreeMap<alloc::string::String, u8>",
            &json!({ "a": 1 }),
            &[1, 1, b'a', 1],
        );
    }

    #[test]
    fn what_is_unknown_or_broken_is_nothing() {
        for name in [
            "my::Type",
            "alloc::vec::Vec<my::Type>",
            "",
            "(",
            "u128",
            "alloc::vec::Vec<",
            "[[u8; 9]; 9]",
        ] {
            assert_eq!(Type::parse(name), None, "{name}");
        }
        assert_eq!(Type::parse(&"(".repeat(100_000)), None);
        let list = Type::parse("alloc::vec::Vec<()>").unwrap();
        assert_eq!(list.decode(&[255, 255, 255, 255, 15]), None, "no room for that many");
    }
}
