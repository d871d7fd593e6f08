//! Options of connectors: how each is declared, documented and read. A declaration is the only
//! place of an option's default; values and defaults go through the same parsers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::catalogue::ConnectorSpec;
use crate::error::{ConnectorError, hint};

/// One option of a connector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionSpec {
    /// Kebab-case.
    pub name: &'static str,
    /// What values it takes.
    pub kind: OptionKind,
    /// As the user would write it; none when unset means something else or it is required.
    pub default: Option<&'static str>,
    /// Whether it must be set.
    pub required: bool,
    /// What it does, for a person to read.
    pub doc: &'static str,
}

/// Values of an option, and their unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// A path, relative to the folder of the job file.
    Path,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Bytes, or text such as `16 MiB`; units are powers of 1024, as Flink's `MemorySize`.
    Bytes,
    /// Milliseconds, or text such as `60 s` or `1 min`.
    Duration,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A table or a list that the option's doc describes.
    Json,
}

impl Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionKind::Text => f.write_str("text"),
            OptionKind::Path => f.write_str("path"),
            OptionKind::Boolean => f.write_str("true or false"),
            OptionKind::Integer => f.write_str("whole number"),
            OptionKind::Number => f.write_str("number"),
            OptionKind::Bytes => f.write_str("size: bytes, or text such as \"16 MiB\""),
            OptionKind::Duration => f.write_str("duration: milliseconds, or text such as \"60 s\""),
            OptionKind::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            OptionKind::Json => f.write_str("table or list"),
        }
    }
}

impl OptionSpec {
    pub(crate) const fn required(
        name: &'static str,
        kind: OptionKind,
        doc: &'static str,
    ) -> OptionSpec {
        OptionSpec { name, kind, default: None, required: true, doc }
    }

    pub(crate) const fn optional(
        name: &'static str,
        kind: OptionKind,
        doc: &'static str,
    ) -> OptionSpec {
        OptionSpec { name, kind, default: None, required: false, doc }
    }

    pub(crate) const fn defaulted(
        name: &'static str,
        kind: OptionKind,
        default: &'static str,
        doc: &'static str,
    ) -> OptionSpec {
        OptionSpec { name, kind, default: Some(default), required: false, doc }
    }
}

/// The options given to one connector, all of them known.
pub(crate) struct Options<'a> {
    spec: &'static ConnectorSpec,
    values: &'a BTreeMap<String, Value>,
    base_dir: Option<&'a Path>,
}

impl<'a> Options<'a> {
    /// Refuses names that the connector does not declare.
    pub(crate) fn open(
        spec: &'static ConnectorSpec,
        values: &'a BTreeMap<String, Value>,
        base_dir: Option<&'a Path>,
    ) -> Result<Options<'a>, ConnectorError> {
        let options = Options { spec, values, base_dir };
        let known: Vec<&str> = spec.options.iter().map(|option| option.name).collect();
        match values.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(options),
            Some(unknown) => Err(ConnectorError::UnknownOption {
                connector: spec.to_string(),
                option: unknown.clone(),
                hint: hint(unknown, &known),
                known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            }),
        }
    }

    /// Whether the user set the option.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// The folder that relative paths start from, absolute.
    pub(crate) fn base_dir(&self) -> Result<PathBuf, ConnectorError> {
        let base = self.base_dir.unwrap_or(Path::new(""));
        let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
        std::path::absolute(base).map_err(|source| ConnectorError::Io {
            action: "find the working directory for",
            path: base.display().to_string(),
            source,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, ConnectorError> {
        self.parse(name, "it must be text", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, ConnectorError> {
        let parse = |value: &Value| value.as_bool().or_else(|| value.as_str()?.parse().ok());
        self.parse(name, "it must be true or false", parse)
    }

    pub(crate) fn integer(
        &self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<i64, ConnectorError> {
        let expected =
            format!("it must be a whole number from {} to {}", range.start(), range.end());
        let parse = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        self.parse(name, &expected, |value| parse(value).filter(|number| range.contains(number)))
    }

    /// A finite number for which `accept` holds.
    pub(crate) fn number(
        &self,
        name: &str,
        expected: &str,
        accept: fn(f64) -> bool,
    ) -> Result<f64, ConnectorError> {
        let parse = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        self.parse(name, expected, |value| {
            parse(value).filter(|number: &f64| number.is_finite() && accept(*number))
        })
    }

    pub(crate) fn bytes(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<u64, ConnectorError> {
        let expected = format!(
            "it must be a size from {} to {} bytes, as a number of bytes or as text such as \
             \"16 MiB\"",
            range.start(),
            range.end()
        );
        let parse = |value: &Value| with_unit(value, byte_unit);
        self.parse(name, &expected, |value| parse(value).filter(|bytes| range.contains(bytes)))
    }

    pub(crate) fn duration_ms(&self, name: &str) -> Result<u64, ConnectorError> {
        let expected = "it must be a duration, as a number of milliseconds or as text such as \
                        \"500 ms\", \"60 s\", \"1 min\", \"2 h\"";
        self.parse(name, expected, |value| with_unit(value, millisecond_unit))
    }

    /// One of the words that the option's kind lists.
    pub(crate) fn choice(&self, name: &str) -> Result<&'static str, ConnectorError> {
        let spec = self.spec(name);
        let words: &[&str] = match spec.kind {
            OptionKind::OneOf(words) => words,
            OptionKind::Text
            | OptionKind::Path
            | OptionKind::Boolean
            | OptionKind::Integer
            | OptionKind::Number
            | OptionKind::Bytes
            | OptionKind::Duration
            | OptionKind::Json => &[],
        };
        let expected = format!("it must be {}", spec.kind);
        self.parse(name, &expected, |value| {
            value.as_str().and_then(|text| words.iter().find(|word| **word == text).copied())
        })
    }

    /// The value as it is, for options with a parser of their own.
    pub(crate) fn json(&self, name: &str) -> Option<&'a Value> {
        self.values.get(name)
    }

    /// The error for a value that cannot be.
    pub(crate) fn invalid(&self, name: &str, expected: impl Display) -> ConnectorError {
        let value = self.value(name).map_or("unset".to_owned(), |value| value.to_string());
        ConnectorError::InvalidOption {
            connector: self.spec.to_string(),
            option: name.to_owned(),
            value,
            expected: expected.to_string(),
        }
    }

    fn parse<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, ConnectorError> {
        let Some(value) = self.value(name) else {
            let spec = self.spec(name);
            return Err(ConnectorError::MissingOption {
                connector: self.spec.to_string(),
                option: spec.name,
                doc: spec.doc,
            });
        };
        parse(&value).ok_or_else(|| self.invalid(name, expected))
    }

    fn value(&self, name: &str) -> Option<Cow<'a, Value>> {
        let given = self.values.get(name).filter(|value| !value.is_null());
        let default = || self.spec(name).default.map(|text| Cow::Owned(Value::from(text)));
        given.map(Cow::Borrowed).or_else(default)
    }

    fn spec(&self, name: &str) -> &'static OptionSpec {
        let found = self.spec.options.iter().find(|option| option.name == name);
        found.expect("connectors read only options that they declare")
    }
}

/// A number, or text of a number and a unit; a number alone is in the smallest unit.
fn with_unit(value: &Value, unit: fn(&str) -> Option<u64>) -> Option<u64> {
    let Some(text) = value.as_str() else {
        return value.as_u64();
    };
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    number.parse::<u64>().ok()?.checked_mul(unit(&suffix.trim().to_ascii_lowercase())?)
}

fn byte_unit(suffix: &str) -> Option<u64> {
    match suffix {
        "" | "b" | "bytes" => Some(1),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1 << 30),
        _ => None,
    }
}

fn millisecond_unit(suffix: &str) -> Option<u64> {
    match suffix {
        "" | "ms" => Some(1),
        "s" | "sec" => Some(1000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    }
}
