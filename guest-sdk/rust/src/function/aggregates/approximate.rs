//! Distinct counts that take little memory however much there is to count, by HyperLogLog. Source:
//! Apache DataSketches, `HllSketch`.

use std::fmt;
use std::hash::Hash;

use datasketches::hll::{HllSketch, HllType, HllUnion};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Of;
use crate::function::AggregateFunction;

/// The logarithm of the number of registers, unless a job says otherwise: 4 KiB and 1.6 % off.
const PRECISION: u8 = 12;

/// About how many different things there are in values.
///
/// The result is off by 1.6 % on average, and nearly exact up to some two hundred things. Up to
/// that the accumulator is written in 4 bytes a thing, and then in 4 KiB.
/// [`crate::aggregates::DistinctCount`] keeps all things and is exact.
///
/// ```
/// use sandbar_sdk::aggregates::ApproximateDistinctCount;
/// use sandbar_sdk::AggregateFunction;
///
/// let visitors = ApproximateDistinctCount::of(|visit: &(u32, String)| visit.0);
/// let mut accumulator = visitors.create_accumulator();
/// for visit in [(1, "a"), (2, "a"), (1, "b")] {
///     visitors.add(&mut accumulator, (visit.0, visit.1.to_owned()));
/// }
/// assert_eq!(visitors.result(&accumulator), 2);
/// ```
pub struct ApproximateDistinctCount<T, F> {
    of: Of<T, F>,
    precision: u8,
}

impl<T, R: Hash, F: Fn(&T) -> R + 'static> ApproximateDistinctCount<T, F> {
    /// Makes the aggregation of what `read` reads.
    pub fn of(read: F) -> ApproximateDistinctCount<T, F> {
        ApproximateDistinctCount { of: Of::new(read), precision: PRECISION }
    }

    /// Sets the logarithm of the number of registers, from 4 to 21; 12 unless given. One more
    /// halves the square of the error and doubles the memory.
    #[must_use]
    pub fn precision(mut self, precision: u8) -> ApproximateDistinctCount<T, F> {
        self.precision = precision.clamp(4, 21);
        self
    }
}

impl<T, F> fmt::Debug for ApproximateDistinctCount<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = self.precision;
        f.debug_struct("ApproximateDistinctCount").field("precision", &precision).finish()
    }
}

impl<T, R, F> AggregateFunction for ApproximateDistinctCount<T, F>
where
    T: 'static,
    R: Hash,
    F: Fn(&T) -> R + 'static,
{
    type In = T;
    type Accumulator = DistinctSketch;
    type Output = u64;

    fn create_accumulator(&self) -> DistinctSketch {
        DistinctSketch::new(self.precision)
    }

    fn add(&self, accumulator: &mut DistinctSketch, value: T) {
        accumulator.0.update((self.of.read)(&value));
    }

    fn result(&self, accumulator: &DistinctSketch) -> u64 {
        accumulator.estimate()
    }

    fn merge(&self, accumulator: &mut DistinctSketch, other: DistinctSketch) {
        accumulator.merge(other);
    }
}

/// The accumulator of [`ApproximateDistinctCount`]: a few hashes, or registers once they are many.
/// Its bytes are those of Apache DataSketches, which other languages read.
#[derive(Clone, PartialEq)]
pub struct DistinctSketch(HllSketch);

impl DistinctSketch {
    fn new(precision: u8) -> DistinctSketch {
        let sketch = HllSketch::new(precision, HllType::Hll8);
        DistinctSketch(sketch.expect("the precision is within bounds"))
    }

    /// About how many different things were added.
    pub fn estimate(&self) -> u64 {
        self.0.estimate().round() as u64
    }

    /// Bytes that it takes in memory, about.
    pub fn size(&self) -> usize {
        self.0.estimated_size()
    }

    fn merge(&mut self, other: DistinctSketch) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        if other.0.is_empty() {
            return;
        }
        // Sketches merge in a third that both are added to.
        if let Ok(mut union) = HllUnion::new(self.0.lg_config_k()) {
            union.update(&self.0);
            union.update(&other.0);
            self.0 = union.to_sketch(HllType::Hll8);
        }
    }
}

impl fmt::Debug for DistinctSketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistinctSketch").field("estimate", &self.estimate()).finish()
    }
}

impl Serialize for DistinctSketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.serialize())
    }
}

impl<'de> Deserialize<'de> for DistinctSketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DistinctSketch, D::Error> {
        deserializer.deserialize_bytes(SketchBytes)
    }
}

/// Reads a sketch from bytes, or from a list of them where a format has no bytes.
struct SketchBytes;

impl<'de> Visitor<'de> for SketchBytes {
    type Value = DistinctSketch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a sketch")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<DistinctSketch, E> {
        HllSketch::deserialize(bytes).map(DistinctSketch).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DistinctSketch, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element::<u8>()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes).map_err(|error: A::Error| A::Error::custom(error))
    }
}

#[cfg(test)]
mod tests;
