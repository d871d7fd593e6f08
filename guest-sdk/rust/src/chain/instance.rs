//! One opened instance: what its operators share, and the calls of the host.

mod firing;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::head::Head;
use super::pipe::{CHUNK_RECORDS_FIRST, Signal};
use crate::error::{Error, ErrorKind, Failure};
use crate::host::{Batch, Host, TimerBatch};
use crate::metrics::Metrics;
use crate::state::OperatorStore;
use crate::state::slots::{CACHE_ENTRIES_DEFAULT, CACHE_MEMORY_DEFAULT, CacheLimits, KeyContext};
use crate::timers::{TimeDomain, Timers};

/// Key of the job configuration for the number of cached keys.
const CACHE_ENTRIES_KEY: &str = "sandbar.state.cache.entries";
/// Key of the job configuration for the memory that cached keys may take.
const CACHE_MEMORY_KEY: &str = "sandbar.state.cache.memory";
/// Key of the job configuration that is set if there are checkpoints.
const CHECKPOINT_INTERVAL_KEY: &str = "execution.checkpointing.interval";
/// Units of a memory size, as the host reads them.
const MEMORY_UNITS: [(&[&str], u64); 5] = [
    (&["", "b", "byte", "bytes"], 1),
    (&["k", "kb", "kibibyte", "kibibytes"], 1 << 10),
    (&["m", "mb", "mebibyte", "mebibytes"], 1 << 20),
    (&["g", "gb", "gibibyte", "gibibytes"], 1 << 30),
    (&["t", "tb", "tebibyte", "tebibytes"], 1 << 40),
];

/// What the operators of an instance share.
pub(crate) struct InstanceContext {
    pub(crate) host: Rc<dyn Host>,
    /// Counts the input records; outputs note at which one their columns stood where.
    pub(crate) record: Cell<u32>,
    /// Values that operators may gather: fewer, the larger those were that left last.
    pub(crate) chunk_records: Cell<usize>,
    /// The last record of which outputs had to leave before it was done.
    pub(crate) leaked: Cell<u32>,
    pub(crate) keys: Rc<KeyContext>,
    pub(crate) timers: Timers,
    pub(crate) metrics: Metrics,
    /// Broadcast state may not be changed: what is processed differs from subtask to subtask.
    pub(crate) broadcast_is_read_only: Rc<Cell<bool>>,
    pub(crate) operator_stores: RefCell<Vec<Rc<dyn OperatorStore>>>,
    pub(crate) watermark: Cell<i64>,
    /// Whether an operator holds records back, so that it must be told of time.
    pub(crate) holds_back: Cell<bool>,
    processing_time: Cell<Option<i64>>,
}

impl InstanceContext {
    pub(crate) fn new(host: Rc<dyn Host>) -> Result<Rc<InstanceContext>, Error> {
        let limits = CacheLimits {
            entries: setting(
                &*host,
                CACHE_ENTRIES_KEY,
                CACHE_ENTRIES_DEFAULT,
                |text| text.parse().ok(),
                "a number of keys above 0",
            )?,
            memory_bytes: setting(
                &*host,
                CACHE_MEMORY_KEY,
                CACHE_MEMORY_DEFAULT,
                memory_size,
                "a memory size above 0, such as 128 mb",
            )?,
            writes_behind: host.config(CHECKPOINT_INTERVAL_KEY).is_some(),
        };
        Ok(Rc::new(InstanceContext {
            host,
            record: Cell::new(0),
            chunk_records: Cell::new(CHUNK_RECORDS_FIRST),
            leaked: Cell::new(0),
            keys: Rc::new(KeyContext::new(limits)),
            timers: Timers::default(),
            metrics: Metrics::default(),
            broadcast_is_read_only: Rc::default(),
            operator_stores: RefCell::default(),
            watermark: Cell::new(i64::MIN),
            holds_back: Cell::new(false),
            processing_time: Cell::new(None),
        }))
    }

    /// Starts an input record, timer or signal: outputs made from here on belong to it.
    #[inline]
    pub(crate) fn begin_record(&self) {
        // 0 is the number of no record.
        self.record.set(self.record.get().wrapping_add(1).max(1));
    }

    /// Processing time, asked of the host once per call.
    #[inline]
    pub(crate) fn processing_time(&self) -> i64 {
        if let Some(now) = self.processing_time.get() {
            return now;
        }
        let now = self.host.processing_time();
        self.processing_time.set(Some(now));
        now
    }

    /// Looks up the keys of a call's records or timers. Cached timers of keys that may have to make
    /// room are handed over before.
    ///
    /// # Errors
    /// As [`KeyContext::begin_call`], or the host has no room for more timers.
    pub(crate) fn begin_keyed_call(
        &self,
        count: usize,
        key_ends: &[u32],
        keys: &[u8],
    ) -> Result<(), Error> {
        if self.timers.has_cached() && self.keys.may_evict(count) {
            self.timers.hand_over(&*self.host, &self.keys)?;
        }
        self.keys.begin_call(count, key_ends, keys)
    }

    /// Hands timers to the host when there are too many to keep.
    pub(crate) fn bound_timers(&self) -> Result<(), Error> {
        if self.timers.is_full() {
            self.timers.flush(&*self.host, &self.keys)?;
        }
        Ok(())
    }
}

/// Why a call failed, in the contract's terms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// One record of the batch is at fault.
    BadRecord { operator: u32, index: u32, message: String },
    /// The task fails.
    Fatal(String),
}

/// A number of the job configuration.
fn setting(
    host: &dyn Host,
    key: &str,
    default: usize,
    parse: impl Fn(&str) -> Option<usize>,
    expected: &str,
) -> Result<usize, Error> {
    let Some(text) = host.config(key) else { return Ok(default) };
    let number = parse(&text).filter(|number| *number > 0);
    number.ok_or_else(|| Error::fatal(format!("{key} is '{text}', expected {expected}")))
}

/// Reads a memory size; one that is beyond the address space is all of it.
fn memory_size(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim());
    let (_, size) = MEMORY_UNITS.iter().find(|(names, _)| names.contains(&unit))?;
    Some(usize::try_from(number.saturating_mul(*size)).unwrap_or(usize::MAX))
}

/// An opened chain.
pub(crate) struct Instance {
    context: Rc<InstanceContext>,
    /// One a input of the head operator; signals go to the first.
    heads: Vec<Box<dyn Head>>,
    names: Vec<String>,
    failed: bool,
}

impl Instance {
    pub(crate) fn new(
        context: Rc<InstanceContext>,
        heads: Vec<Box<dyn Head>>,
        names: Vec<String>,
    ) -> Instance {
        Instance { context, heads, names, failed: false }
    }

    /// Processes a batch of one input.
    pub(crate) fn process(&mut self, input: u32, batch: Batch) -> Result<(), CallError> {
        let Some(head) = self.heads.get_mut(input as usize) else {
            return self.fail(format!("operator {} has no input {input}", self.names[0]));
        };
        match head.process(batch) {
            Ok(()) => self.end_call(),
            Err((index, failure)) => self.refuse(index, failure),
        }
    }

    /// Notes a watermark, and lets operators emit what they hold back no longer.
    pub(crate) fn on_watermark(&mut self, watermark: i64) -> Result<(), CallError> {
        self.context.watermark.set(watermark);
        if !self.context.holds_back.get() {
            return Ok(());
        }
        self.context.begin_record();
        self.signal(Signal::Watermark(watermark))?;
        self.end_call()
    }

    /// Lets operators emit all that they hold back.
    fn on_idle(&mut self) -> Result<(), CallError> {
        if !self.context.holds_back.get() {
            return Ok(());
        }
        self.context.begin_record();
        self.signal(Signal::Release)?;
        self.end_call()
    }

    /// Fires timers of the head; without any, the stream is idle, or it is time for what an
    /// operator has asked to be called for or for watermarks.
    pub(crate) fn on_timers(
        &mut self,
        operator: u32,
        domain: TimeDomain,
        timers: &TimerBatch,
    ) -> Result<(), CallError> {
        if operator != 0 {
            return self.fail(format!("operator number {operator} is not keyed: it has no timers"));
        }
        if timers.timestamps.is_empty() {
            return match domain {
                TimeDomain::EventTime => self.on_idle(),
                TimeDomain::ProcessingTime => self.on_time(),
            };
        }
        self.fire(domain, timers)?;
        self.end_call()
    }

    /// Lets operators do what it may be time for.
    fn on_time(&mut self) -> Result<(), CallError> {
        self.context.begin_record();
        self.heads[0].on_watermark_interval();
        if self.context.holds_back.get() {
            self.signal(Signal::Wake)?;
        }
        self.end_call()
    }

    /// Writes all cached state to the host.
    pub(crate) fn before_checkpoint(&mut self) -> Result<(), CallError> {
        self.context.begin_record();
        self.signal(Signal::Checkpoint)?;
        self.write_state()?;
        self.end_call()
    }

    /// Writes what is cached of one key of a state to the host, for somebody who reads it there.
    pub(crate) fn before_query(&mut self, state: u32, key: &[u8]) -> Result<(), CallError> {
        let written = self.context.keys.write_key(state, key);
        written.or_else(|error| self.fail(error.to_string()))
    }

    /// Lets the operators emit what is left.
    pub(crate) fn finish(&mut self) -> Result<(), CallError> {
        self.context.begin_record();
        self.signal(Signal::Finish)?;
        self.end_call()
    }

    /// Closes the operators.
    pub(crate) fn close(&mut self) -> Result<(), CallError> {
        self.signal(Signal::Close)?;
        self.context.metrics.flush(&*self.context.host);
        Ok(())
    }

    fn write_state(&mut self) -> Result<(), CallError> {
        let context = &self.context;
        let handed_over = context.timers.hand_over(&*context.host, &context.keys);
        let written = handed_over.and_then(|()| context.keys.flush()).and_then(|()| {
            let stores = self.context.operator_stores.borrow();
            stores.iter().try_for_each(|store| store.flush())
        });
        written.or_else(|error| self.fail(error.to_string()))
    }

    fn signal(&mut self, signal: Signal<'_>) -> Result<(), CallError> {
        match self.heads[0].signal(signal) {
            Ok(()) => Ok(()),
            Err(failure) => {
                let name = self.name(failure.operator());
                self.fail(format!("{name}: {}", failure.into_error()))
            }
        }
    }

    /// Drops what the record at `index` did and says why it was refused.
    fn refuse(&mut self, index: u32, failure: Failure) -> Result<(), CallError> {
        let operator = failure.operator();
        let error = failure.into_error();
        let record = self.context.record.get();
        let leaked = self.context.leaked.get() == record && record != 0;
        if error.kind() == ErrorKind::Fatal || leaked {
            let name = self.name(operator);
            let after = if leaked { " after a megabyte of its results had left" } else { "" };
            return self.fail(format!("{name} at record {index} of a batch{after}: {error}"));
        }
        self.signal(Signal::Rollback)?;
        self.context.timers.rollback(record);
        self.end_call()?;
        Err(CallError::BadRecord { operator, index, message: error.message().to_owned() })
    }

    /// Hands everything that was gathered during a call to the host.
    fn end_call(&mut self) -> Result<(), CallError> {
        self.signal(Signal::Flush)?;
        let context = &self.context;
        let ended = context
            .timers
            .end_call(&*context.host, &context.keys)
            .and_then(|()| context.keys.end_call());
        context.metrics.flush(&*context.host);
        context.processing_time.set(None);
        ended.or_else(|error| self.fail(error.to_string()))
    }

    fn name(&self, operator: u32) -> String {
        let name = self.names.get(operator as usize).map_or("?", String::as_str);
        format!("operator '{name}'")
    }

    fn fail(&mut self, message: String) -> Result<(), CallError> {
        self.failed = true;
        Err(CallError::Fatal(message))
    }
}
