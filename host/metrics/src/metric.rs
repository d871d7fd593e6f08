//! Counters, gauges and meters: single atomics, written by one thread or many, read by any.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::histogram::{Histogram, HistogramSnapshot};

/// A sum.
#[derive(Debug, Default)]
pub struct Counter(AtomicI64);

impl Counter {
    /// Makes a counter at 0.
    pub fn new() -> Counter {
        Counter::default()
    }

    /// Adds an amount; a negative one subtracts. Wraps around at the ends of `i64`.
    #[inline]
    pub fn add(&self, amount: i64) {
        // Relaxed: metrics order nothing but themselves.
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds 1.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// The sum so far.
    #[inline]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value that is replaced.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Makes a gauge at 0.
    pub fn new() -> Gauge {
        Gauge::default()
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The value set last.
    #[inline]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// The rate of a counter, derived by whoever reads it; each reader has its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// Count and time, in milliseconds, of the reading before.
    before: Option<(i64, i64)>,
}

impl Meter {
    /// Makes a meter that has read nothing.
    pub fn new() -> Meter {
        Meter::default()
    }

    /// Takes a reading; returns how much was counted per second since the reading before, and 0
    /// for the first or if no time has passed.
    pub fn update(&mut self, count: i64, now_ms: i64) -> f64 {
        let before = self.before.replace((count, now_ms));
        let Some((count_before, before_ms)) = before.filter(|(_, before_ms)| *before_ms < now_ms)
        else {
            return 0.0;
        };
        let counted = count.wrapping_sub(count_before) as f64;
        counted * 1000.0 / now_ms.wrapping_sub(before_ms) as f64
    }
}

/// A metric of any kind.
#[derive(Clone, Debug)]
pub enum Metric {
    /// See [`Counter`].
    Counter(Arc<Counter>),
    /// See [`Gauge`].
    Gauge(Arc<Gauge>),
    /// See [`Histogram`].
    Histogram(Arc<Histogram>),
}

impl Metric {
    /// Its kind, for a person to read.
    pub fn kind(&self) -> &'static str {
        match self {
            Metric::Counter(_) => "counter",
            Metric::Gauge(_) => "gauge",
            Metric::Histogram(_) => "histogram",
        }
    }

    /// What it shows.
    pub fn read(&self) -> MetricValue {
        match self {
            Metric::Counter(counter) => MetricValue::Counter(counter.get()),
            Metric::Gauge(gauge) => MetricValue::Gauge(gauge.get()),
            Metric::Histogram(histogram) => MetricValue::Histogram(Box::new(histogram.snapshot())),
        }
    }
}

/// What a metric showed when it was read.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// The sum.
    Counter(i64),
    /// The value.
    Gauge(f64),
    /// The distribution.
    Histogram(Box<HistogramSnapshot>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_shows_the_rate_since_the_reading_before() {
        let mut meter = Meter::new();
        assert_eq!(meter.update(100, 1000), 0.0);
        assert_eq!(meter.update(150, 1500), 100.0);
        assert_eq!(meter.update(170, 1500), 0.0);
        assert_eq!(meter.update(160, 2500), -10.0);
    }

    #[test]
    fn counters_and_gauges_show_what_was_written() {
        let (counter, gauge) = (Counter::new(), Gauge::new());
        counter.add(5);
        counter.increment();
        counter.add(-2);
        gauge.set(-0.5);
        assert_eq!((counter.get(), gauge.get()), (4, -0.5));
    }
}
