//! JSON objects of declared members.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Deserialize;
use serde_json::Value;

use super::random::Random;
use crate::error::ConnectorError;
use crate::options::Options;

/// The longest random text, in letters.
const STRING_LENGTH_MAX: usize = 64 * 1024;

/// How the value of one member is made.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Field {
    Sequence {
        #[serde(default)]
        start: i64,
        #[serde(default = "one")]
        step: i64,
    },
    RandomInt {
        min: i64,
        max: i64,
    },
    RandomFloat {
        min: f64,
        max: f64,
    },
    RandomString {
        length: usize,
    },
    RandomBool {},
    OneOf {
        values: Vec<Value>,
    },
    Constant {
        value: Value,
    },
    Timestamp {},
    Now {},
}

fn one() -> i64 {
    1
}

/// The members of an object in the order of their names, each with what precedes its value.
pub(super) struct Fields(Vec<(Vec<u8>, Field)>);

impl Fields {
    pub(super) fn new(
        options: &Options<'_>,
        has_timestamps: bool,
    ) -> Result<Fields, ConnectorError> {
        let Some(declared) = options.json("fields") else {
            let id = Field::Sequence { start: 0, step: 1 };
            return Ok(Fields(vec![(b"{\"id\":".to_vec(), id)]));
        };
        let invalid = |expected: String| options.invalid("fields", expected);
        let members = BTreeMap::<String, Value>::deserialize(declared)
            .map_err(|_| invalid("it must be a table from member to {kind, ...}".to_owned()))?;
        if members.is_empty() {
            return Err(invalid("it must have at least one member".to_owned()));
        }
        let mut fields = Vec::with_capacity(members.len());
        for (name, value) in members {
            let wrong = |why: String| invalid(format!("its member '{name}' is wrong: {why}"));
            let field = Field::deserialize(value).map_err(|error| wrong(error.to_string()))?;
            field.check(has_timestamps).map_err(|why| wrong(why.to_owned()))?;
            let mut lead = vec![if fields.is_empty() { b'{' } else { b',' }];
            write_json(&mut lead, &Value::from(name));
            lead.push(b':');
            fields.push((lead, field));
        }
        Ok(Fields(fields))
    }

    pub(super) fn write(
        &self,
        n: u64,
        timestamp: i64,
        now_ms: i64,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) {
        for (lead, field) in &self.0 {
            out.extend_from_slice(lead);
            field.write(n, timestamp, now_ms, random, out);
        }
        out.push(b'}');
    }
}

impl Field {
    fn check(&self, has_timestamps: bool) -> Result<(), &'static str> {
        let (fits, why) = match self {
            Field::RandomInt { min, max } => (min <= max, "min must not exceed max"),
            Field::RandomFloat { min, max } => {
                ((max - min).is_finite() && min <= max, "min must not exceed max, nor be too far")
            }
            Field::RandomString { length } => {
                (*length <= STRING_LENGTH_MAX, "length must not exceed 65536")
            }
            Field::OneOf { values } => (!values.is_empty(), "values must not be empty"),
            Field::Timestamp {} => (has_timestamps, "option 'timestamp-start' must be set"),
            Field::Sequence { .. }
            | Field::RandomBool {}
            | Field::Constant { .. }
            | Field::Now {} => (true, ""),
        };
        if fits { Ok(()) } else { Err(why) }
    }

    fn write(&self, n: u64, timestamp: i64, now_ms: i64, random: &mut Random, out: &mut Vec<u8>) {
        match self {
            Field::Sequence { start, step } => {
                write_integer(out, start.wrapping_add((n as i64).wrapping_mul(*step)));
            }
            Field::RandomInt { min, max } => write_integer(out, random.between(*min, *max)),
            Field::RandomFloat { min, max } => {
                write_json(out, &Value::from(min + random.unit() * (max - min)));
            }
            Field::RandomString { length } => {
                out.push(b'"');
                out.extend((0..*length).map(|_| b'a' + random.below(26) as u8));
                out.push(b'"');
            }
            Field::RandomBool {} => {
                out.extend_from_slice(if random.below(2) == 1 { b"true" } else { b"false" });
            }
            Field::OneOf { values } => {
                write_json(out, &values[random.below(values.len() as u64) as usize]);
            }
            Field::Constant { value } => write_json(out, value),
            Field::Timestamp {} => write_integer(out, timestamp),
            Field::Now {} => write_integer(out, now_ms),
        }
    }
}

fn write_integer(out: &mut Vec<u8>, number: i64) {
    write!(out, "{number}").expect("numbers can be written to memory");
}

fn write_json(out: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(out, value).expect("a value can be written to memory");
}
