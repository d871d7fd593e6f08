//! What a process function can see and do while it processes a record or a timer.

mod runtime;

use std::fmt;
use std::rc::Rc;

pub use runtime::{RuntimeContext, SubtaskContext};

use crate::chain::instance::InstanceContext;
use crate::chain::pipe::Signal;
use crate::codec::{Key, decode_key};
use crate::collector::{OutputTag, SideOutputs};
use crate::error::{Error, Failure, Outcome};
use crate::host::NO_TIMESTAMP;
use crate::log::Level;
use crate::state::slots::KeyContext;
use crate::timers::{Action, TimeDomain, Timer};

/// The key type of a context on a stream without keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkeyed {}

/// The context of one call of a process function: the record's timestamp, the clocks, side
/// outputs, and on a stream keyed by `K` the current key and its timers.
pub struct Context<K> {
    runtime: RuntimeContext,
    instance: Rc<InstanceContext>,
    keys: Rc<KeyContext>,
    timestamp: i64,
    sides: SideOutputs,
    /// Decoded keys by slot, each with the generation of the slot it was decoded for.
    decoded: Vec<Option<(u32, K)>>,
}

impl<K> Context<K> {
    pub(crate) fn new(runtime: RuntimeContext, sides: SideOutputs) -> Context<K> {
        let instance = Rc::clone(runtime.instance());
        let keys = Rc::clone(&instance.keys);
        Context { runtime, instance, keys, timestamp: NO_TIMESTAMP, sides, decoded: Vec::new() }
    }

    /// The timestamp of the record or timer, in milliseconds since the Unix epoch; none for a
    /// record without one.
    #[inline]
    pub fn timestamp(&self) -> Option<i64> {
        (self.timestamp != NO_TIMESTAMP).then_some(self.timestamp)
    }

    /// The event time so far: no record at or before it is expected any more. The smallest `i64`
    /// before the first watermark. In an event time timer, the watermark that fires it.
    #[inline]
    pub fn current_watermark(&self) -> i64 {
        self.instance.watermark.get()
    }

    /// Milliseconds since the Unix epoch by the host's clock; the same during one batch.
    #[inline]
    pub fn current_processing_time(&self) -> i64 {
        self.instance.processing_time()
    }

    /// Emits to a side output, with the timestamp of the record. Dropped if nobody reads it.
    #[inline]
    pub fn output<T: 'static>(&mut self, tag: &OutputTag<T>, value: T) {
        self.sides.push(self.runtime.operator(), tag, self.timestamp, value);
    }

    /// The context of the operator as a whole.
    pub fn runtime(&self) -> &RuntimeContext {
        &self.runtime
    }

    /// Writes a log line; used by [`crate::info!`] and its siblings.
    pub fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        self.runtime.log(level, message);
    }

    #[inline]
    pub(crate) fn set_timestamp(&mut self, timestamp: i64) {
        self.timestamp = timestamp;
    }

    #[inline]
    pub(crate) fn side_outcome(&mut self) -> Outcome {
        self.sides.outcome()
    }

    pub(crate) fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.sides.signal(signal)
    }
}

impl<K: Key> Context<K> {
    /// The key of the record or timer.
    ///
    /// # Panics
    /// There is no current key, which only happens in `finish`.
    #[inline]
    pub fn current_key(&self) -> &K {
        let current = self.keys.current().expect("process and on_timer have a key");
        let decoded = &self.decoded[current.slot as usize];
        &decoded.as_ref().expect("the key was decoded before the function was called").1
    }

    /// Sees to it that the current key is decoded. One comparison for a key that is cached.
    #[inline]
    pub(crate) fn prepare_key(&mut self) -> Outcome {
        let Some(current) = self.keys.current() else { return Ok(()) };
        let slot = current.slot as usize;
        match self.decoded.get(slot) {
            Some(Some((generation, _))) if *generation == current.generation => Ok(()),
            _ => self.decode_key(slot, current.generation),
        }
    }

    fn decode_key(&mut self, slot: usize, generation: u32) -> Outcome {
        let key = self
            .keys
            .with_key(slot as u32, decode_key)
            .map_err(|error| Failure::new(self.runtime.operator(), error))?;
        if self.decoded.len() <= slot {
            self.decoded.resize_with(slot + 1, || None);
        }
        self.decoded[slot] = Some((generation, key));
        Ok(())
    }

    /// Registers a timer under the current key that fires when the watermark reaches `timestamp`.
    /// Registering it again changes nothing.
    ///
    /// # Errors
    /// The host has no room for more timers: fatal.
    #[inline]
    pub fn register_event_time_timer(&self, timestamp: i64) -> Result<(), Error> {
        self.change(TimeDomain::EventTime, timestamp, &[], Action::Register)
    }

    /// Registers a timer under the current key that fires when the clock reaches `timestamp`.
    ///
    /// # Errors
    /// As [`Context::register_event_time_timer`].
    #[inline]
    pub fn register_processing_time_timer(&self, timestamp: i64) -> Result<(), Error> {
        self.change(TimeDomain::ProcessingTime, timestamp, &[], Action::Register)
    }

    /// Deletes an event time timer of the current key, if it is there.
    ///
    /// # Errors
    /// As [`Context::register_event_time_timer`].
    #[inline]
    pub fn delete_event_time_timer(&self, timestamp: i64) -> Result<(), Error> {
        self.change(TimeDomain::EventTime, timestamp, &[], Action::Delete)
    }

    /// Deletes a processing time timer of the current key, if it is there.
    ///
    /// # Errors
    /// As [`Context::register_event_time_timer`].
    #[inline]
    pub fn delete_processing_time_timer(&self, timestamp: i64) -> Result<(), Error> {
        self.change(TimeDomain::ProcessingTime, timestamp, &[], Action::Delete)
    }

    /// Registers a timer that also has a namespace, such as a window: timers of one timestamp and
    /// different namespaces are different timers.
    ///
    /// # Errors
    /// As [`Context::register_event_time_timer`].
    pub fn register_timer(
        &self,
        domain: TimeDomain,
        timestamp: i64,
        namespace: &[u8],
    ) -> Result<(), Error> {
        self.change(domain, timestamp, namespace, Action::Register)
    }

    /// Deletes a timer with a namespace.
    ///
    /// # Errors
    /// As [`Context::register_event_time_timer`].
    pub fn delete_timer(
        &self,
        domain: TimeDomain,
        timestamp: i64,
        namespace: &[u8],
    ) -> Result<(), Error> {
        self.change(domain, timestamp, namespace, Action::Delete)
    }

    fn change(
        &self,
        domain: TimeDomain,
        timestamp: i64,
        namespace: &[u8],
        action: Action,
    ) -> Result<(), Error> {
        let Some(current) = self.keys.current() else {
            return Err(Error::fatal("timers belong to a key, and there is no current key"));
        };
        let timer = Timer { timestamp, domain, namespace: namespace.to_vec() };
        self.instance.timers.change(self.instance.record.get(), current.slot, &timer, action);
        self.instance.bound_timers()
    }
}

impl<K> fmt::Debug for Context<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}
