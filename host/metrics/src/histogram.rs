//! Histograms: log-linear buckets of atomics. Every power of two is cut into 16 buckets, so a
//! quantile is off by at most 1/32 of its value; memory is fixed and an observation is a shift and
//! an addition.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of the mantissa that choose a bucket: 2^4 buckets a power of two.
const SUB_BUCKET_BITS: u32 = 4;
/// Values below 2^-16, and zero and negative ones, share the first bucket.
const EXPONENT_MIN: i32 = -16;
/// Values from 2^48 on share the last bucket: 78 hours in nanoseconds, 256 TiB in bytes.
const EXPONENT_MAX: i32 = 48;
/// All buckets of a histogram, 8 bytes each: 8 KiB and a little.
pub const BUCKETS: usize = (((EXPONENT_MAX - EXPONENT_MIN) as usize) << SUB_BUCKET_BITS) + 2;

const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const SHIFT: u32 = MANTISSA_BITS - SUB_BUCKET_BITS;
const EXPONENT_BIAS: i32 = 1023;
/// What the bits of the smallest value that has a bucket of its own are shifted to.
const FIRST: u64 = ((EXPONENT_MIN + EXPONENT_BIAS) as u64) << SUB_BUCKET_BITS;

/// A distribution of all values observed so far.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    /// Sum, minimum and maximum as the bits of `f64`s.
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
}

/// A histogram when it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramSnapshot {
    /// Number of values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest, exactly; 0 without values.
    pub min: f64,
    /// The largest, exactly; 0 without values.
    pub max: f64,
    /// The median.
    pub p50: f64,
    /// 75 % are at most this.
    pub p75: f64,
    /// 95 % are at most this.
    pub p95: f64,
    /// 98 % are at most this.
    pub p98: f64,
    /// 99 % are at most this.
    pub p99: f64,
    /// 99.9 % are at most this.
    pub p999: f64,
}

impl Histogram {
    /// Makes an empty histogram.
    pub fn new() -> Histogram {
        Histogram {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0f64.to_bits()),
            min: AtomicU64::new(f64::INFINITY.to_bits()),
            max: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
        }
    }

    /// Adds a value; one that is not finite is left out.
    #[inline]
    pub fn observe(&self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.buckets[bucket_of(value)].fetch_add(1, Ordering::Relaxed);
        replace(&self.sum, |sum| Some(sum + value));
        replace(&self.min, |min| (value < min).then_some(value));
        replace(&self.max, |max| (value > max).then_some(value));
    }

    /// Reads it. Values observed meanwhile may be in some of the numbers and not in others.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let counts: Vec<u64> =
            self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let load = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        let (min, max) = (load(&self.min), load(&self.max));
        if count == 0 || min > max {
            return HistogramSnapshot::default();
        }
        let quantile = |quantile: f64| quantile_of(&counts, count, quantile).clamp(min, max);
        HistogramSnapshot {
            count,
            sum: load(&self.sum),
            min,
            max,
            p50: quantile(0.5),
            p75: quantile(0.75),
            p95: quantile(0.95),
            p98: quantile(0.98),
            p99: quantile(0.99),
            p999: quantile(0.999),
        }
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::new()
    }
}

impl HistogramSnapshot {
    /// The mean; 0 without values.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

/// Replaces a float unless `next` has nothing to write.
#[inline]
fn replace(bits: &AtomicU64, next: impl Fn(f64) -> Option<f64>) {
    let next_bits = |current: u64| next(f64::from_bits(current)).map(f64::to_bits);
    // An error says that there was nothing to write.
    let _unchanged = bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next_bits).is_err();
}

#[inline]
fn bucket_of(value: f64) -> usize {
    if value <= 0.0 {
        return 0;
    }
    // The bits of positive floats are ordered as the floats are, exponent first.
    let shifted = value.to_bits() >> SHIFT;
    match shifted.checked_sub(FIRST) {
        None => 0,
        Some(index) => (index as usize + 1).min(BUCKETS - 1),
    }
}

/// The middle of a bucket; of the first bucket 0, of the last its lower end.
fn middle_of(bucket: usize) -> f64 {
    let lower_end = |index: usize| f64::from_bits((FIRST + index as u64 - 1) << SHIFT);
    match bucket {
        0 => 0.0,
        last if last == BUCKETS - 1 => lower_end(last),
        index => f64::midpoint(lower_end(index), lower_end(index + 1)),
    }
}

fn quantile_of(counts: &[u64], count: u64, quantile: f64) -> f64 {
    // The rank of the value that at least this share of all values does not exceed.
    let rank = ((count as f64 * quantile).ceil() as u64).clamp(1, count);
    let mut seen = 0;
    let bucket = counts.iter().position(|in_bucket| {
        seen += in_bucket;
        seen >= rank
    });
    middle_of(bucket.unwrap_or(BUCKETS - 1))
}

#[cfg(test)]
mod tests;
