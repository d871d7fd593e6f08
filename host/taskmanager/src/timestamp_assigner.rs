//! Finds the event time of a source's records in their JSON. Pure: records in, timestamps out.
//!
//! Law: only what is asked for is kept of a record; the rest is read over without being built, and
//! a record that is no JSON as a whole is refused.

mod lookup;

use sandbar_model::RecordBatch;
use sandbar_model::job_graph::{TimestampFormat, TimestampRule};
use sandbar_model::time::NO_TIMESTAMP;

use lookup::{Lookup, Scalar};

/// Milliseconds of a second.
const SECOND_MS: i64 = 1000;

/// Gives records the timestamps that a rule finds. Source: Flink's `TimestampAssigner`.
#[derive(Clone, Debug)]
pub(crate) struct TimestampAssigner {
    rule: TimestampRule,
    /// The pointer's parts.
    path: Vec<String>,
}

/// A record whose event time could not be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Untimed {
    /// Its position in the batch.
    pub(crate) index: usize,
    /// Why.
    pub(crate) message: String,
}

impl TimestampAssigner {
    pub(crate) fn new(rule: TimestampRule) -> TimestampAssigner {
        let part = |part: &str| part.replace("~1", "/").replace("~0", "~");
        let path = rule.pointer.split('/').skip(1).map(part).collect();
        TimestampAssigner { rule, path }
    }

    /// Sets the timestamps of all records. Those that have none get `NO_TIMESTAMP` and are
    /// returned, in their order.
    pub(crate) fn assign(&self, batch: &mut RecordBatch) -> Vec<Untimed> {
        let mut refused = Vec::new();
        let mut start = 0;
        for (index, timestamp) in batch.timestamps.iter_mut().enumerate() {
            let end = batch.value_ends[index] as usize;
            *timestamp = self.timestamp_of(&batch.values[start..end]).unwrap_or_else(|message| {
                refused.push(Untimed { index, message });
                NO_TIMESTAMP
            });
            start = end;
        }
        refused
    }

    fn timestamp_of(&self, value: &[u8]) -> Result<i64, String> {
        let pointer = &self.rule.pointer;
        let found = Lookup::run(&self.path, value).map_err(|error| {
            format!("cannot take the timestamp {pointer:?} from what is no JSON: {error}")
        })?;
        let Some(found) = found else {
            return Err(format!("it has nothing at the timestamp {pointer:?}"));
        };
        let milliseconds = match self.rule.format {
            TimestampFormat::Milliseconds => of_milliseconds(&found),
            TimestampFormat::Seconds => of_seconds(&found),
            TimestampFormat::Rfc3339 => of_rfc3339(&found),
        };
        milliseconds.filter(|time| *time != NO_TIMESTAMP).ok_or_else(|| {
            let expected = match self.rule.format {
                TimestampFormat::Milliseconds => "no whole number of milliseconds",
                TimestampFormat::Seconds => "no number of seconds",
                TimestampFormat::Rfc3339 => "no date and time with an offset, as RFC 3339 has them",
            };
            format!("its timestamp {pointer:?} is {found}, which is {expected}")
        })
    }
}

fn of_milliseconds(found: &Scalar) -> Option<i64> {
    match found {
        Scalar::Integer(value) => Some(*value),
        Scalar::Float(value) => whole(*value).filter(|_| value.fract() == 0.0),
        // All that CSV has is text.
        Scalar::Text(text) => text.trim().parse().ok(),
        Scalar::Other(_) => None,
    }
}

fn of_seconds(found: &Scalar) -> Option<i64> {
    let of_float = |value: f64| whole((value * SECOND_MS as f64).round());
    match found {
        Scalar::Integer(value) => value.checked_mul(SECOND_MS),
        Scalar::Float(value) => of_float(*value),
        Scalar::Text(text) => match text.trim().parse::<i64>() {
            Ok(value) => value.checked_mul(SECOND_MS),
            Err(_) => text.trim().parse().ok().and_then(of_float),
        },
        Scalar::Other(_) => None,
    }
}

fn of_rfc3339(found: &Scalar) -> Option<i64> {
    match found {
        Scalar::Text(text) => {
            text.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
        }
        Scalar::Integer(_) | Scalar::Float(_) | Scalar::Other(_) => None,
    }
}

/// The whole part of a number that is one and that fits.
fn whole(value: f64) -> Option<i64> {
    (value.abs() < i64::MAX as f64).then_some(value as i64)
}

#[cfg(test)]
mod tests;
