//! Finds the scalar at a path of a JSON value in one pass over its text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Bytes of a text that messages show.
const TEXT_PREVIEW_CHARS_MAX: usize = 100;

/// What is at the path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Integer(i64),
    Float(f64),
    Text(String),
    /// Of a type that holds no time.
    Other(&'static str),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Integer(value) => value.fmt(f),
            Scalar::Float(value) => value.fmt(f),
            Scalar::Text(text) => {
                let shown: String = text.chars().take(TEXT_PREVIEW_CHARS_MAX).collect();
                let more = if shown.len() < text.len() { "..." } else { "" };
                write!(f, "\"{}{more}\"", shown.escape_debug())
            }
            Scalar::Other(kind) => f.write_str(kind),
        }
    }
}

/// A look at one value, of which the rest of the path is wanted.
#[derive(Clone, Copy)]
pub(super) struct Lookup<'p> {
    path: &'p [String],
}

impl Lookup<'_> {
    /// What is at the path, if anything is.
    ///
    /// # Errors
    /// The text is no JSON.
    pub(super) fn run(path: &[String], json: &[u8]) -> Result<Option<Scalar>, serde_json::Error> {
        let mut text = serde_json::Deserializer::from_slice(json);
        let found = Lookup { path }.deserialize(&mut text)?;
        text.end()?;
        Ok(found)
    }

    fn scalar<E>(self, found: Scalar) -> Result<Option<Scalar>, E> {
        Ok(self.path.is_empty().then_some(found))
    }
}

impl<'de> DeserializeSeed<'de> for Lookup<'_> {
    type Value = Option<Scalar>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Option<Scalar>, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lookup<'_> {
    type Value = Option<Scalar>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Option<Scalar>, E> {
        self.scalar(Scalar::Other("a boolean"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Option<Scalar>, E> {
        self.scalar(Scalar::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<Scalar>, E> {
        let found = i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Integer);
        self.scalar(found)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Option<Scalar>, E> {
        self.scalar(Scalar::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Option<Scalar>, E> {
        Ok(self.path.is_empty().then(|| Scalar::Text(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Option<Scalar>, E> {
        self.scalar(Scalar::Other("null"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Scalar>, A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Some(Scalar::Other("an object")));
        };
        let mut found = None;
        while let Some(is_wanted) = map.next_key_seed(Is(wanted))? {
            if is_wanted {
                found = map.next_value_seed(Lookup { path: rest })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Scalar>, A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Some(Scalar::Other("an array")));
        };
        // RFC 6901: no leading zeros.
        let is_index = wanted == "0" || !wanted.starts_with(['0', '+']);
        let position = wanted.parse::<usize>().ok().filter(|_| is_index);
        for _ in 0..position.unwrap_or(0) {
            if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = match position {
            Some(_) => list.next_element_seed(Lookup { path: rest })?.flatten(),
            None => None,
        };
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

/// Whether a key is the wanted one.
struct Is<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}
