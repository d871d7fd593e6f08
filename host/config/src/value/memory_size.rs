//! Memory sizes: `32 kb`, `64 mb`, `4096m`; a bare number is bytes, and k is 1024.

use std::fmt;

use crate::value::duration::NumberAndUnit;
use crate::value::{ConfigValue, number_and_unit};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemorySize(u64);

impl MemorySize {
    /// Makes the size of that many bytes.
    pub const fn from_bytes(bytes: u64) -> MemorySize {
        MemorySize(bytes)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The size in bytes as an index type; the largest one where it does not fit.
    pub fn bytes_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The largest unit that divides the size, and so what [`ConfigValue::parse`] reads back.
impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1u64 << 40, "tb"), (1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
        let fitting =
            units.iter().find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size));
        match fitting {
            Some((size, unit)) => write!(f, "{} {unit}", self.0 / size),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

impl ConfigValue for MemorySize {
    const TYPE_NAME: &'static str = "memory size";
    const EXPECTED: &'static str = "a memory size: a whole number and a unit of b, kb, mb, gb or \
         tb, such as `64 mb` (without a unit: bytes)";

    fn parse(text: &str) -> Option<MemorySize> {
        let NumberAndUnit { number, unit } = number_and_unit(text)?;
        let size: u64 = match unit.as_str() {
            "" | "b" | "byte" | "bytes" => 1,
            "k" | "kb" | "kibibyte" | "kibibytes" => 1 << 10,
            "m" | "mb" | "mebibyte" | "mebibytes" => 1 << 20,
            "g" | "gb" | "gibibyte" | "gibibytes" => 1 << 30,
            "t" | "tb" | "tebibyte" | "tebibytes" => 1 << 40,
            _ => return None,
        };
        number.checked_mul(size).map(MemorySize)
    }
}
