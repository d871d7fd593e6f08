//! Metrics of an operator: counters, gauges and histograms, shown beside the engine's own. Changes
//! are gathered in the guest and handed to the host once per call from it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::host::Host;

/// Observations that a histogram gathers before it hands them over within a call.
const OBSERVATIONS_MAX: usize = 4096;

/// A sum. Cheap to change: the host hears of it once per batch.
#[derive(Clone, Debug, Default)]
pub struct Counter(Rc<Cell<i64>>);

/// A value that can go up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Rc<Cell<Option<f64>>>);

/// A distribution.
#[derive(Clone, Default)]
pub struct Histogram(Rc<Observations>);

#[derive(Default)]
struct Observations {
    pending: RefCell<Vec<f64>>,
    target: RefCell<Option<(Rc<dyn Host>, u32)>>,
}

impl Counter {
    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `amount`, which may be negative.
    #[inline]
    pub fn add(&self, amount: i64) {
        self.0.set(self.0.get().wrapping_add(amount));
    }
}

impl Gauge {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.set(Some(value));
    }
}

impl Histogram {
    /// Adds one observation.
    #[inline]
    pub fn observe(&self, value: f64) {
        let mut pending = self.0.pending.borrow_mut();
        pending.push(value);
        if pending.len() >= OBSERVATIONS_MAX {
            drop(pending);
            self.0.flush();
        }
    }
}

impl Observations {
    fn flush(&self) {
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        if let Some((host, metric)) = &*self.target.borrow() {
            pending.iter().for_each(|value| host.observe_metric(*metric, *value));
        }
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histogram").finish_non_exhaustive()
    }
}

/// The metrics of an instance.
#[derive(Default)]
pub(crate) struct Metrics {
    counters: RefCell<Vec<(u32, Counter)>>,
    gauges: RefCell<Vec<(u32, Gauge)>>,
    histograms: RefCell<Vec<Histogram>>,
}

impl Metrics {
    pub(crate) fn counter(&self, metric: u32) -> Counter {
        let counter = Counter::default();
        self.counters.borrow_mut().push((metric, counter.clone()));
        counter
    }

    pub(crate) fn gauge(&self, metric: u32) -> Gauge {
        let gauge = Gauge::default();
        self.gauges.borrow_mut().push((metric, gauge.clone()));
        gauge
    }

    pub(crate) fn histogram(&self, host: Rc<dyn Host>, metric: u32) -> Histogram {
        let histogram = Histogram::default();
        *histogram.0.target.borrow_mut() = Some((host, metric));
        self.histograms.borrow_mut().push(histogram.clone());
        histogram
    }

    /// Hands all changes to the host.
    pub(crate) fn flush(&self, host: &dyn Host) {
        for (metric, counter) in &*self.counters.borrow() {
            let amount = counter.0.take();
            if amount != 0 {
                host.add_to_metric(*metric, amount);
            }
        }
        for (metric, gauge) in &*self.gauges.borrow() {
            if let Some(value) = gauge.0.take() {
                host.set_metric(*metric, value);
            }
        }
        self.histograms.borrow().iter().for_each(|histogram| histogram.0.flush());
    }
}
