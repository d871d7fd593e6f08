//! One operator under test. Records go in as an encoded batch and come out of encoded outputs, as
//! they do in a component.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::rc::Rc;

use super::setup::HarnessSetup;
use crate::chain::instance::{CallError, Instance};
use crate::codec::{Compact, Data, Decode, Encode, Key};
use crate::collector::OutputTag;
use crate::error::{Error, Result};
use crate::function::{
    FilterFunction, FlatMapFunction, KeyedProcessFunction, MapFunction, ProcessFunction,
};
use crate::host::harness::{HarnessHost, Storage};
use crate::host::{self, Batch, NO_TIMESTAMP, cut};
use crate::log::Level;
use crate::timers::{self, TimeDomain};

/// The second input of an operator that has one.
#[derive(Clone, Copy, Debug)]
pub enum OneInput {}

type KeyOf<In> = Box<dyn FnMut(&In) -> Result<Vec<u8>>>;

/// An operator under test, with inputs of the types `In` and, if it has two, `Second`.
///
/// ```
/// use sandbar_sdk::testing::OperatorHarness;
///
/// let mut harness = OperatorHarness::map(|value: u32| value + 1)?;
/// harness.push(1, 1000)?;
/// assert_eq!(harness.take_output(), [(2, Some(1000))]);
/// # Ok::<(), sandbar_sdk::Error>(())
/// ```
pub struct OperatorHarness<In, Out, Second = OneInput> {
    pub(super) host: Rc<HarnessHost>,
    pub(super) instance: Instance,
    outputs: Vec<String>,
    pub(super) first_key: Option<KeyOf<In>>,
    pub(super) second_key: Option<KeyOf<Second>>,
    marker: PhantomData<fn(In, Second) -> Out>,
}

/// The state of an operator at one point, for [`HarnessSetup::restore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HarnessSnapshot {
    pub(super) storage: Storage,
}

impl OperatorHarness<(), ()> {
    /// Sets a harness up in more detail than the shortcuts do.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    /// use sandbar_sdk::testing::OperatorHarness;
    ///
    /// const ODD: OutputTag<u32> = OutputTag::new("odd");
    ///
    /// struct Even;
    ///
    /// impl ProcessFunction<u32, u32> for Even {
    ///     fn process(
    ///         &mut self,
    ///         value: u32,
    ///         ctx: &mut Context<Unkeyed>,
    ///         out: &mut Collector<u32>,
    ///     ) -> Result<()> {
    ///         if value % 2 == 0 { out.collect(value) } else { ctx.output(&ODD, value) }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut harness = OperatorHarness::setup().side_output(&ODD).process(Even)?;
    /// harness.push_batch([(1, 0), (2, 0), (3, 0)])?;
    /// assert_eq!(harness.take_values(), [2]);
    /// assert_eq!(harness.take_side_output(&ODD), [1, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn setup() -> HarnessSetup {
        HarnessSetup::default()
    }
}

impl<In: Data, Out: Data> OperatorHarness<In, Out> {
    /// Makes a harness for a map.
    ///
    /// # Errors
    /// The function fails to open; so for all others.
    pub fn map(function: impl MapFunction<In, Out>) -> Result<Self> {
        HarnessSetup::default().map(function)
    }

    /// Makes a harness for a flat map.
    ///
    /// # Errors
    /// As [`OperatorHarness::map`].
    pub fn flat_map(function: impl FlatMapFunction<In, Out>) -> Result<Self> {
        HarnessSetup::default().flat_map(function)
    }

    /// Makes a harness for a process function.
    ///
    /// # Errors
    /// As [`OperatorHarness::map`].
    pub fn process(function: impl ProcessFunction<In, Out>) -> Result<Self> {
        HarnessSetup::default().process(function)
    }

    /// Makes a harness for a keyed process function and the key of its records.
    ///
    /// # Errors
    /// As [`OperatorHarness::map`].
    pub fn keyed_process<K: Key>(
        function: impl KeyedProcessFunction<K, In, Out>,
        key: impl FnMut(&In) -> K + 'static,
    ) -> Result<Self> {
        HarnessSetup::default().keyed_process(function, key)
    }

    /// Processes one record.
    ///
    /// # Errors
    /// What the function failed with.
    pub fn push(&mut self, value: In, timestamp: i64) -> Result<()> {
        self.push_batch([(value, timestamp)])
    }

    /// Processes one record without a timestamp.
    ///
    /// # Errors
    /// As [`OperatorHarness::push`].
    pub fn push_untimed(&mut self, value: In) -> Result<()> {
        self.push_batch([(value, NO_TIMESTAMP)])
    }

    /// Processes records as one batch.
    ///
    /// # Errors
    /// What the function failed with; the records before that one have been processed, those
    /// behind it have not.
    pub fn push_batch(&mut self, records: impl IntoIterator<Item = (In, i64)>) -> Result<()> {
        let batch = encode(records, self.first_key.as_mut())?;
        self.run(0, batch)
    }
}

impl<T: Data> OperatorHarness<T, T> {
    /// Makes a harness for a filter.
    ///
    /// # Errors
    /// As [`OperatorHarness::map`].
    pub fn filter(function: impl FilterFunction<T>) -> Result<Self> {
        HarnessSetup::default().filter(function)
    }
}

impl<First: Data, Second: Data, Out> OperatorHarness<First, Out, Second> {
    /// Processes one record of the first input.
    ///
    /// # Errors
    /// What the function failed with.
    pub fn push_first(&mut self, value: First, timestamp: i64) -> Result<()> {
        let batch = encode([(value, timestamp)], self.first_key.as_mut())?;
        self.run(0, batch)
    }

    /// Processes one record of the second input.
    ///
    /// # Errors
    /// What the function failed with.
    pub fn push_second(&mut self, value: Second, timestamp: i64) -> Result<()> {
        let batch = encode([(value, timestamp)], self.second_key.as_mut())?;
        self.run(1, batch)
    }
}

pub(super) fn encode<T: Data>(
    records: impl IntoIterator<Item = (T, i64)>,
    mut key: Option<&mut KeyOf<T>>,
) -> Result<Batch> {
    let mut batch = host::batch();
    for (value, timestamp) in records {
        if let Some(key) = &mut key {
            batch.keys.extend(key(&value)?);
            batch.key_ends.push(batch.keys.len() as u32);
        }
        Compact.encode(&value, &mut batch.values)?;
        batch.value_ends.push(batch.values.len() as u32);
        batch.timestamps.push(timestamp);
    }
    Ok(batch)
}

fn decode<T: Data>(bytes: &[u8]) -> T {
    Compact.decode(bytes).expect("the output was encoded from this type")
}

pub(super) fn outcome(result: Result<(), CallError>) -> Result<()> {
    result.map_err(|error| match error {
        CallError::BadRecord { message, .. } => Error::bad_record(message),
        CallError::Fatal(message) => Error::fatal(message),
    })
}

impl<In, Out, Second> OperatorHarness<In, Out, Second> {
    pub(super) fn new(
        host: Rc<HarnessHost>,
        instance: Instance,
        outputs: Vec<String>,
        first_key: Option<KeyOf<In>>,
        second_key: Option<KeyOf<Second>>,
    ) -> Self {
        OperatorHarness { host, instance, outputs, first_key, second_key, marker: PhantomData }
    }

    pub(super) fn run(&mut self, input: u32, batch: Batch) -> Result<()> {
        outcome(self.instance.process(input, batch))
    }

    /// Advances event time: fires the timers up to the watermark, then passes it on.
    ///
    /// # Errors
    /// What a timer failed with.
    pub fn watermark(&mut self, watermark: i64) -> Result<()> {
        self.host.watermark.set(watermark);
        loop {
            let is_due = |at: &i64| *at <= watermark;
            let at_host = self.host.storage.borrow().next_due(TimeDomain::EventTime);
            let cached = self.host.cached_timers.get().filter(is_due);
            match (at_host.filter(is_due), cached) {
                (None, None) => break,
                (Some(at_host), Some(cached)) if cached < at_host => {
                    outcome(self.instance.on_cached_timers(at_host - 1))?;
                }
                (None, Some(_)) => outcome(self.instance.on_cached_timers(watermark))?,
                (Some(_), _) => {
                    self.fire_due(TimeDomain::EventTime, cached.unwrap_or(watermark))?;
                }
            }
        }
        outcome(self.instance.on_watermark(watermark))
    }

    /// Says that no records are expected for a while, as an idle source does.
    ///
    /// # Errors
    /// What the function failed with.
    pub fn idle(&mut self) -> Result<()> {
        outcome(self.instance.on_timers(0, TimeDomain::EventTime, &timers::empty()))
    }

    /// Advances the clock by some milliseconds and fires the timers whose millisecond is over.
    ///
    /// # Errors
    /// What a timer failed with.
    pub fn advance_processing_time(&mut self, by_ms: i64) -> Result<()> {
        let now = self.host.processing_time.get() + by_ms;
        self.host.processing_time.set(now);
        while self.fire_due(TimeDomain::ProcessingTime, now - 1)? {}
        if self.host.wake_at.get().is_some_and(|at| at <= now) {
            self.host.wake_at.set(None);
            outcome(self.instance.on_timers(0, TimeDomain::ProcessingTime, &timers::empty()))?;
        }
        Ok(())
    }

    /// Fires the timers of the host that are due, if there are any.
    fn fire_due(&mut self, domain: TimeDomain, until: i64) -> Result<bool> {
        let due = self.host.storage.borrow_mut().take_due(domain, until);
        if due.is_empty() {
            return Ok(false);
        }
        let mut batch = timers::empty();
        for (_, timestamp, key, namespace) in due {
            batch.timestamps.push(timestamp);
            batch.keys.extend(key);
            batch.key_ends.push(batch.keys.len() as u32);
            batch.namespaces.extend(namespace);
            batch.namespace_ends.push(batch.namespaces.len() as u32);
        }
        outcome(self.instance.on_timers(0, domain, &batch))?;
        Ok(true)
    }

    /// Ends the input: emits what is left.
    ///
    /// # Errors
    /// What the function failed with.
    pub fn finish(&mut self) -> Result<()> {
        outcome(self.instance.finish())
    }

    /// Closes the operator.
    ///
    /// # Errors
    /// What the function failed with.
    pub fn close(mut self) -> Result<()> {
        outcome(self.instance.close())
    }

    /// Takes a checkpoint: the state to restore another harness from.
    ///
    /// # Errors
    /// What the function failed with.
    pub fn snapshot(&mut self) -> Result<HarnessSnapshot> {
        outcome(self.instance.before_checkpoint())?;
        Ok(HarnessSnapshot { storage: self.host.storage.borrow().clone() })
    }

    /// Takes the results so far with their timestamps.
    pub fn take_output(&mut self) -> Vec<(Out, Option<i64>)>
    where
        Out: Data,
    {
        self.take(0)
    }

    /// Takes the results so far.
    pub fn take_values(&mut self) -> Vec<Out>
    where
        Out: Data,
    {
        self.take(0).into_iter().map(|(value, _)| value).collect()
    }

    /// Takes the results of a side output that the setup collects.
    ///
    /// # Panics
    /// The setup does not.
    pub fn take_side_output<T: Data>(&mut self, tag: &OutputTag<T>) -> Vec<T> {
        let number = self.outputs.iter().position(|name| name == tag.name());
        let number = number.unwrap_or_else(|| panic!("{tag:?} is not part of the setup"));
        self.take(number as u32).into_iter().map(|(value, _)| value).collect()
    }

    fn take<T: Data>(&self, output: u32) -> Vec<(T, Option<i64>)> {
        let mut records = Vec::new();
        self.host.emitted.borrow_mut().retain(|(number, batch)| {
            if *number == output {
                records.extend(batch.timestamps.iter().enumerate().map(|(index, timestamp)| {
                    let value = decode(cut(&batch.value_ends, &batch.values, index));
                    (value, (*timestamp != NO_TIMESTAMP).then_some(*timestamp))
                }));
            }
            *number != output
        });
        records
    }

    /// The timestamps of the pending timers of a domain, in order.
    pub fn timers(&self, domain: TimeDomain) -> Vec<i64> {
        let storage = self.host.storage.borrow();
        let of_domain = storage.timers.iter().filter(|timer| timer.0 == domain);
        let mut timers: BTreeSet<_> =
            of_domain.map(|(_, at, key, namespace)| (*at, key.clone(), namespace)).collect();
        let (cached, none) = (self.instance.cached_timers(), Vec::new());
        if domain == TimeDomain::EventTime {
            timers.extend(cached.into_iter().map(|(at, key)| (at, key, &none)));
        }
        timers.into_iter().map(|(at, ..)| at).collect()
    }

    /// The log lines so far.
    pub fn logs(&self) -> Vec<(Level, String)> {
        let logs = self.host.logs.borrow();
        logs.iter().map(|(_, level, message)| (*level, message.clone())).collect()
    }

    /// What a metric has got: the sum of a counter, the last value of a gauge, all observations of
    /// a histogram. Empty if it was never declared or never changed.
    pub fn metric(&self, name: &str) -> Vec<f64> {
        self.host.metric(name).unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn host(&self) -> &HarnessHost {
        &self.host
    }
}

impl<In, Out, Second> std::fmt::Debug for OperatorHarness<In, Out, Second> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperatorHarness").field("outputs", &self.outputs).finish_non_exhaustive()
    }
}
