//! What a task answers to a question for its keyed state: finds the key, reads the state and shows
//! it as JSON, where the format of the state is one that the host can read.
//!
//! Law: an answer is bounded; whatever bytes a guest stored, showing them never panics.

mod compact;

use sandbar_model::key_group::key_group;
use sandbar_rpc::state_query::{ANSWER_BYTES_MAX, QueryKey, StateAnswer, StateQuery};
use sandbar_state::{
    KeyedState, Packed, PackedBuffer, ScanRange, StateDescriptor, StateError, StateId, StateKind,
};
use serde_json::{Value, json};

use self::compact::Type;

/// Entries of a map in one answer.
const ENTRIES_MAX: u32 = 10_000;

/// What a question asks for: one key of a state that is there, or one entry of it.
pub(crate) struct AskedState {
    id: StateId,
    descriptor: StateDescriptor,
    key: Vec<u8>,
    user_key: Option<Vec<u8>>,
}

impl AskedState {
    /// Finds the state of an operator, by its uid, and the bytes of the key.
    ///
    /// # Errors
    /// The answer, where there is nothing to read.
    pub(crate) fn find(state: &KeyedState, query: &StateQuery) -> Result<AskedState, StateAnswer> {
        let of_operator = |descriptor: &&StateDescriptor| descriptor.operator == query.operator;
        let found = state
            .descriptors()
            .enumerate()
            .find(|(_, descriptor)| of_operator(descriptor) && descriptor.name == query.state);
        let Some((index, descriptor)) = found else {
            let names = state.descriptors().filter(of_operator);
            return Err(StateAnswer::NoState(names.map(|of| of.name.clone()).collect()));
        };
        let invalid = |what: &str, reason: String| StateAnswer::Invalid(format!("{what} {reason}"));
        let key = key_bytes(&query.key, &descriptor.formats.key)
            .map_err(|reason| invalid("the key", reason))?;
        let groups = state.key_groups();
        if !groups.range().contains(&key_group(&key, groups.max_parallelism())) {
            return Err(StateAnswer::Elsewhere(key.into()));
        }
        let user_key = query
            .user_key
            .as_ref()
            .map(|asked| key_bytes(asked, &descriptor.formats.user_key))
            .transpose()
            .map_err(|reason| invalid("the user key", reason))?;
        if user_key.is_some() && descriptor.kind != StateKind::Map {
            return Err(invalid(descriptor.kind.name(), "states have no user keys".to_owned()));
        }
        Ok(AskedState { id: StateId(index as u32), descriptor: descriptor.clone(), key, user_key })
    }

    /// The number of the state.
    pub(crate) fn state(&self) -> u32 {
        self.id.0
    }

    /// The bytes of the key.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Reads and shows it.
    pub(crate) fn answer(&self, state: &mut KeyedState) -> StateAnswer {
        let AskedState { id, descriptor, key, user_key } = self;
        let shown = match (descriptor.kind, user_key) {
            (StateKind::Map, None) => map(state, *id, key, descriptor),
            (
                StateKind::Map
                | StateKind::Value
                | StateKind::List
                | StateKind::Reducing
                | StateKind::Aggregating,
                user_key,
            ) => value(state, *id, key, user_key.as_deref(), descriptor),
        };
        match shown {
            Err(error) => StateAnswer::Unavailable(error.to_string()),
            Ok(Shown::Nothing) => StateAnswer::Absent,
            Ok(Shown::TooLarge(bytes)) => StateAnswer::Unavailable(format!(
                "the value has {bytes} bytes, over the limit of {ANSWER_BYTES_MAX}"
            )),
            Ok(Shown::Json(mut shown)) => {
                shown["operator"] = json!(descriptor.operator);
                shown["state"] = json!(descriptor.name);
                shown["kind"] = json!(descriptor.kind.name());
                shown["key"] = show(key, &descriptor.formats.key);
                StateAnswer::Found(shown.to_string())
            }
        }
    }
}

/// What is shown of a key's state.
enum Shown {
    Nothing,
    TooLarge(usize),
    Json(Value),
}

fn value(
    state: &mut KeyedState,
    id: StateId,
    key: &[u8],
    user_key: Option<&[u8]>,
    descriptor: &StateDescriptor,
) -> Result<Shown, StateError> {
    let keys: PackedBuffer = [key].into_iter().collect();
    let user_keys: PackedBuffer = user_key.into_iter().collect();
    let (mut present, mut values) = (Vec::new(), PackedBuffer::new());
    let asked = if user_key.is_some() { user_keys.view() } else { Packed::EMPTY };
    state.multi_get(id, keys.view(), asked, &mut present, values.view_mut())?;
    let bytes = values.view().get(0);
    Ok(match present.first() {
        Some(1) if bytes.len() > ANSWER_BYTES_MAX => Shown::TooLarge(bytes.len()),
        Some(1) => Shown::Json(json!({ "value": show_value(bytes, descriptor) })),
        Some(_) | None => Shown::Nothing,
    })
}

fn map(
    state: &mut KeyedState,
    id: StateId,
    key: &[u8],
    descriptor: &StateDescriptor,
) -> Result<Shown, StateError> {
    let (mut user_keys, mut values) = (PackedBuffer::new(), PackedBuffer::new());
    let all =
        ScanRange { prefix: &[], after: None, limit: ENTRIES_MAX, page_bytes: ANSWER_BYTES_MAX };
    state.scan(id, key, all, user_keys.view_mut(), values.view_mut())?;
    let bytes = user_keys.view().bytes.len() + values.view().bytes.len();
    let count = user_keys.view().len();
    if count == 0 {
        return Ok(Shown::Nothing);
    }
    if bytes > ANSWER_BYTES_MAX {
        return Ok(Shown::TooLarge(bytes));
    }
    let last = user_keys.view().get(count - 1).to_vec();
    let rest = ScanRange { after: Some(&last), limit: 1, ..all };
    let (mut more_keys, mut more_values) = (PackedBuffer::new(), PackedBuffer::new());
    state.scan(id, key, rest, more_keys.view_mut(), more_values.view_mut())?;
    let entries = user_keys.view().iter().zip(values.view().iter()).map(|(user_key, value)| {
        json!({
            "key": show(user_key, &descriptor.formats.user_key),
            "value": show_value(value, descriptor),
        })
    });
    Ok(Shown::Json(json!({
        "entries": entries.collect::<Vec<_>>(),
        "truncated": !more_keys.view().is_empty(),
    })))
}

/// The bytes of a key in a format; or why it is none.
fn key_bytes(key: &QueryKey, format: &str) -> Result<Vec<u8>, String> {
    let (json, text) = match key {
        QueryKey::Bytes(bytes) => return Ok(bytes.to_vec()),
        QueryKey::Text(text) => match format.strip_prefix("compact:") {
            None => return Ok(text.as_bytes().to_vec()),
            Some(_) => {
                let parsed = serde_json::from_str(text);
                (parsed.unwrap_or_else(|_| Value::String(text.clone())), text)
            }
        },
        QueryKey::Json(text) => {
            let parsed = serde_json::from_str::<Value>(text);
            (parsed.map_err(|error| format!("{text} is no JSON: {error}"))?, text)
        }
    };
    if let (Value::String(string), "text" | "") = (&json, format) {
        return Ok(string.as_bytes().to_vec());
    }
    let name = format.strip_prefix("compact:").unwrap_or(format);
    let known = Type::parse(name).ok_or_else(|| {
        let asked = if name.is_empty() { "unknown" } else { name };
        format!("has type {asked}, which has no JSON here: give its bytes in hexadecimal digits")
    })?;
    let mut bytes = Vec::new();
    known.encode(&json, &mut bytes).ok_or_else(|| format!("{text} is no {name}"))?;
    Ok(bytes)
}

/// The value of a state; of a list its elements.
fn show_value(bytes: &[u8], descriptor: &StateDescriptor) -> Value {
    let format = &descriptor.formats.value;
    if descriptor.kind != StateKind::List {
        return show(bytes, format);
    }
    if descriptor.ttl.is_some() {
        return sandbar_state::elements(bytes).map(|element| show(element, format)).collect();
    }
    let list = format.strip_prefix("compact:").map(|name| format!("alloc::vec::Vec<{name}>"));
    show(bytes, &list.map_or_else(|| format.clone(), |name| format!("compact:{name}")))
}

/// Bytes as JSON; as base64 with the name of their format where that is not known.
fn show(bytes: &[u8], format: &str) -> Value {
    let known = match format {
        "text" => str::from_utf8(bytes).ok().map(|text| Value::String(text.to_owned())),
        "json" => serde_json::from_slice(bytes).ok(),
        _ => format
            .strip_prefix("compact:")
            .and_then(Type::parse)
            .and_then(|known| known.decode(bytes)),
    };
    known.unwrap_or_else(|| json!({ "base64": base64(bytes), "format": format }))
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..4 {
            let is_there = digit <= chunk.len();
            let index = (bits >> (18 - 6 * digit)) & 63;
            text.push(if is_there { DIGITS[index as usize] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), expected);
        }
    }

    #[test]
    fn keys_are_read_in_the_format_of_the_state() {
        let text = |shown: &str| QueryKey::Text(shown.to_owned());
        let json = |shown: &str| QueryKey::Json(shown.to_owned());
        assert_eq!(key_bytes(&text("7"), "text").unwrap(), b"7");
        assert_eq!(key_bytes(&text("7"), "").unwrap(), b"7");
        assert_eq!(key_bytes(&text("300"), "compact:u64").unwrap(), [0xac, 0x02]);
        assert_eq!(key_bytes(&json("\"a\""), "text").unwrap(), b"a");
        let pair = "compact:(u64, alloc::string::String)";
        assert_eq!(key_bytes(&json("[1, \"a\"]"), pair).unwrap(), [1, 1, b'a']);
        assert_eq!(key_bytes(&json("-1"), "compact:u64").unwrap_err(), "-1 is no u64");
        let unknown = key_bytes(&json("{}"), "compact:my::Key").unwrap_err();
        assert!(unknown.contains("my::Key") && unknown.contains("hexadecimal"), "{unknown}");
        assert!(key_bytes(&json("{"), "text").unwrap_err().contains("no JSON"));
    }
}
