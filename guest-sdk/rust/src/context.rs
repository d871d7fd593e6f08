//! What a process function can see and do while it processes a record or a timer.

mod broadcast;
mod runtime;

use std::cell::OnceCell;
use std::fmt;
use std::mem::needs_drop;
use std::rc::Rc;

pub use broadcast::BroadcastContext;
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

/// The number of no record, whose changes of timers are never undone.
const NO_RECORD: u32 = 0;

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
    /// Keys with memory of their own, decoded once, by slot; none for one that does not decode.
    /// Others are decoded when they are asked for, which takes no longer than to look them up here.
    decoded: Vec<Option<K>>,
    /// The current key, if it has no memory of its own and was asked for.
    current: OnceCell<K>,
    /// Whether a key ever failed to decode.
    has_undecodable: bool,
}

impl<K> Context<K> {
    pub(crate) fn new(runtime: RuntimeContext, sides: SideOutputs) -> Context<K> {
        let instance = Rc::clone(runtime.instance());
        let keys = Rc::clone(&instance.keys);
        Context {
            runtime,
            instance,
            keys,
            timestamp: NO_TIMESTAMP,
            sides,
            decoded: Vec::new(),
            current: OnceCell::new(),
            has_undecodable: false,
        }
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

    /// The side outputs, and the number of the operator that they are of.
    #[inline]
    pub(crate) fn sides(&mut self) -> (u32, &mut SideOutputs) {
        (self.runtime.operator(), &mut self.sides)
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
        if !needs_drop::<K>() {
            return self.current.get_or_init(|| {
                let decoded = self.keys.with_key(current, decode_key);
                decoded.expect("the key was found to decode before the function was called")
            });
        }
        let decoded = &self.decoded[current as usize];
        decoded.as_ref().expect("the key was decoded before the function was called")
    }

    /// Sees to it that the current key decodes: all new keys of a call do, or it is known that some
    /// do not.
    #[inline(always)]
    pub(crate) fn prepare_key(&mut self) -> Outcome {
        if !needs_drop::<K>() {
            self.current = OnceCell::new();
        }
        if self.keys.has_claimed() || self.has_undecodable {
            return self.decode_keys();
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn decode_keys(&mut self) -> Outcome {
        for slot in self.keys.take_claimed() {
            let key = self.keys.with_key(slot, decode_key).ok();
            self.has_undecodable |= key.is_none();
            self.keep(slot, key);
        }
        let Some(current) = self.keys.current().filter(|_| self.has_undecodable) else {
            return Ok(());
        };
        match self.keys.with_key(current, decode_key::<K>) {
            Ok(key) => {
                self.keep(current, Some(key));
                Ok(())
            }
            Err(error) => Err(Failure::new(self.runtime.operator(), error)),
        }
    }

    fn keep(&mut self, slot: u32, key: Option<K>) {
        if needs_drop::<K>() {
            let slot = slot as usize;
            if self.decoded.len() <= slot {
                self.decoded.resize_with(slot + 1, || None);
            }
            self.decoded[slot] = key;
        }
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

    /// Registers a timer under the current key that fires when the clock is past `timestamp`.
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

    /// Registers a timer that stays even if the record turns out bad, for operators whose state
    /// counts on it: what a bad record has changed in state stays too.
    pub(crate) fn register_kept_timer(
        &self,
        domain: TimeDomain,
        timestamp: i64,
    ) -> Result<(), Error> {
        match (domain, self.keys.current()) {
            (TimeDomain::EventTime, Some(slot)) => {
                self.instance.timers.register_kept(slot, timestamp);
                Ok(())
            }
            (_, _) => self.change_by(NO_RECORD, domain, timestamp, &[], Action::Register),
        }
    }

    fn change(
        &self,
        domain: TimeDomain,
        timestamp: i64,
        namespace: &[u8],
        action: Action,
    ) -> Result<(), Error> {
        self.change_by(self.instance.record.get(), domain, timestamp, namespace, action)
    }

    fn change_by(
        &self,
        record: u32,
        domain: TimeDomain,
        timestamp: i64,
        namespace: &[u8],
        action: Action,
    ) -> Result<(), Error> {
        let Some(current) = self.keys.current() else {
            return Err(Error::fatal("timers belong to a key, and there is no current key"));
        };
        let timer = Timer { timestamp, domain, namespace: namespace.to_vec() };
        self.instance.timers.change(record, current, &timer, action);
        self.instance.bound_timers()
    }
}

impl<K> fmt::Debug for Context<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}
