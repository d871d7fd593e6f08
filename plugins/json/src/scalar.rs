//! What aggregates and ranks are made of: one value of a record, as state can hold it.

use std::cmp::Ordering;

use jaq_json::{Num, Val};
use serde::{Deserialize, Serialize};

/// A JSON value without members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// Takes a value of an expression; none for arrays and objects.
    pub(crate) fn of(value: &Val) -> Option<Scalar> {
        match value {
            Val::Null => Some(Scalar::Null),
            Val::Bool(flag) => Some(Scalar::Bool(*flag)),
            Val::Num(number) => Some(Scalar::of_number(number)),
            Val::TStr(text) => Some(Scalar::Text(String::from_utf8_lossy(text).into_owned())),
            Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => None,
        }
    }

    fn of_number(number: &Num) -> Scalar {
        match number {
            Num::Int(whole) => Scalar::Int(*whole as i64),
            Num::Float(float) => Scalar::Float(*float),
            Num::BigInt(_) | Num::Dec(_) => {
                let digits = number.to_string();
                match digits.parse() {
                    Ok(whole) => Scalar::Int(whole),
                    Err(_) => Scalar::Float(digits.parse().unwrap_or(f64::NAN)),
                }
            }
        }
    }

    /// The value as a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Scalar::Int(whole) => Some(*whole as f64),
            Scalar::Float(float) => Some(*float),
            Scalar::Null | Scalar::Bool(_) | Scalar::Text(_) => None,
        }
    }

    /// The order of jq: null, booleans, numbers, text.
    pub(crate) fn compare(&self, other: &Scalar) -> Ordering {
        let kind = |scalar: &Scalar| match scalar {
            Scalar::Null => 0,
            Scalar::Bool(_) => 1,
            Scalar::Int(_) | Scalar::Float(_) => 2,
            Scalar::Text(_) => 3,
        };
        match (self, other) {
            (Scalar::Bool(one), Scalar::Bool(two)) => one.cmp(two),
            (Scalar::Int(one), Scalar::Int(two)) => one.cmp(two),
            (Scalar::Text(one), Scalar::Text(two)) => one.cmp(two),
            (_, _) => match (self.number(), other.number()) {
                (Some(one), Some(two)) => one.total_cmp(&two),
                (_, _) => kind(self).cmp(&kind(other)),
            },
        }
    }

    /// The value as JSON; a number that JSON has not is null.
    pub(crate) fn json(&self) -> serde_json::Value {
        match self {
            Scalar::Null => serde_json::Value::Null,
            Scalar::Bool(flag) => (*flag).into(),
            Scalar::Int(whole) => (*whole).into(),
            Scalar::Float(float) => (*float).into(),
            Scalar::Text(text) => text.as_str().into(),
        }
    }
}
