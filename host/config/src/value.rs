//! The types of option values: how each is written, and what is accepted.
//!
//! Units follow Flink (`TimeUtils`, `MemorySize`), read without regard to case.

mod duration;
mod memory_size;
mod modes;
mod server_name;

use std::num::NonZeroU32;

use crate::value::duration::NumberAndUnit;
pub use crate::value::memory_size::MemorySize;
pub use crate::value::modes::{
    BufferTimeout, CheckpointingMode, CompressionCodec, ExecutionTarget, FailoverStrategyType,
    MaxParallelism, PortRange, ResourceProvider, RestartStrategyType, RuntimeMode, SchedulerType,
};
pub use crate::value::server_name::TlsServerName;

/// A type that options can have.
pub trait ConfigValue: Sized {
    /// The name of the type in lists of options.
    const TYPE_NAME: &'static str;
    /// What a value must look like, to go after "expected".
    const EXPECTED: &'static str;
    /// Whether no value at all is a value too.
    const IS_OPTIONAL: bool = false;

    /// Reads a value as a user writes it; none when it is not one.
    fn parse(text: &str) -> Option<Self>;

    /// The value of an option that has neither a value nor a default; there with
    /// [`ConfigValue::IS_OPTIONAL`].
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: ConfigValue> ConfigValue for Option<T> {
    const TYPE_NAME: &'static str = T::TYPE_NAME;
    const EXPECTED: &'static str = T::EXPECTED;
    const IS_OPTIONAL: bool = true;

    fn parse(text: &str) -> Option<Option<T>> {
        T::parse(text).map(Some)
    }

    fn absent() -> Option<Option<T>> {
        Some(None)
    }
}

impl ConfigValue for String {
    const TYPE_NAME: &'static str = "string";
    const EXPECTED: &'static str = "a text that is not empty";

    fn parse(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl ConfigValue for bool {
    const TYPE_NAME: &'static str = "boolean";
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Option<bool> {
        if text.eq_ignore_ascii_case("true") {
            Some(true)
        } else if text.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    }
}

impl ConfigValue for f64 {
    const TYPE_NAME: &'static str = "number";
    const EXPECTED: &'static str = "a finite number";

    fn parse(text: &str) -> Option<f64> {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// Whole numbers: (type, what is expected).
macro_rules! whole_numbers {
    ($($number:ty, $expected:literal;)+) => {$(
        impl ConfigValue for $number {
            const TYPE_NAME: &'static str = "integer";
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<$number> {
                text.parse().ok()
            }
        }
    )+};
}

whole_numbers! {
    u16, "a whole number from 0 to 65535";
    u32, "a whole number from 0 to 4294967295";
    u64, "a whole number from 0 to 18446744073709551615";
    NonZeroU32, "a whole number from 1 to 4294967295";
}

/// Splits `12 min` into `12` and `min`; the unit may be empty.
fn number_and_unit(text: &str) -> Option<NumberAndUnit> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text[..digits].parse().ok()?;
    Some(NumberAndUnit { number, unit: text[digits..].trim().to_lowercase() })
}

#[cfg(test)]
mod tests;
