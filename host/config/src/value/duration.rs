//! Durations: `100 ms`, `10 s`, `5 min`; a bare number is milliseconds.

use std::time::Duration;

use crate::value::{ConfigValue, number_and_unit};

/// A whole number and the unit behind it, in lower case.
pub(super) struct NumberAndUnit {
    pub(super) number: u64,
    pub(super) unit: String,
}

impl ConfigValue for Duration {
    const TYPE_NAME: &'static str = "duration";
    const EXPECTED: &'static str = "a duration: a whole number and a unit of ns, us, ms, s, min, \
         h or d, such as `100 ms` (without a unit: milliseconds)";

    fn parse(text: &str) -> Option<Duration> {
        let NumberAndUnit { number, unit } = number_and_unit(text)?;
        let seconds = match unit.as_str() {
            "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => {
                return Some(Duration::from_nanos(number));
            }
            "us" | "µs" | "micro" | "micros" | "microsecond" | "microseconds" => {
                return Some(Duration::from_micros(number));
            }
            "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => {
                return Some(Duration::from_millis(number));
            }
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 60 * 60,
            "d" | "day" | "days" => 24 * 60 * 60,
            _ => return None,
        };
        number.checked_mul(seconds).map(Duration::from_secs)
    }
}
