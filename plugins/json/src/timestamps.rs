//! `timestamps`: event time from an expression, where a pointer into the record is not enough.

use sandbar_sdk::prelude::*;
use serde::Deserialize;

use crate::expression::Expression;
use crate::record::parse;
use crate::scalar::Scalar;

/// Config of `timestamps`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimestampsConfig {
    expression: String,
}

/// Gives each record the timestamp that an expression makes of it. Watermarks are the job file's.
///
/// # Errors
/// The expression is none.
pub(crate) fn timestamps(config: &TimestampsConfig) -> Result<WatermarkStrategy<TextSlice>> {
    let expression = Expression::compile(&config.expression)?;
    let assign = move |record: &TextSlice, _| {
        let made = expression.scalar(parse(record)?, true)?;
        milliseconds(&made).ok_or_else(|| {
            let why = format!("it makes {}, and milliseconds since 1970 are wanted", made.json());
            expression.bad(&why)
        })
    };
    Ok(WatermarkStrategy::no_watermarks().try_with_timestamp_assigner(assign))
}

/// A number as a timestamp; what is behind the point is less than a millisecond, and left out.
fn milliseconds(number: &Scalar) -> Option<i64> {
    match number {
        Scalar::Int(whole) => Some(*whole),
        Scalar::Float(float) => {
            let whole = float.floor();
            // From 2^63 on a float is no i64, and -2^63 is one.
            let is_time = (i64::MIN as f64..-(i64::MIN as f64)).contains(&whole);
            is_time.then_some(whole as i64)
        }
        Scalar::Null | Scalar::Bool(_) | Scalar::Text(_) => None,
    }
}
