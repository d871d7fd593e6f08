//! The work of `sandbar bench state` as native operators over the engine's own state backend and
//! timers, a batch at a time: in key groups, so that it could be restored, rescaled and queried.

mod cells;
mod join;
mod windows;

use std::sync::Arc;

use sandbar_model::plugin::PluginDescription;
use sandbar_model::{RecordBatch, RecordBatchView};
use sandbar_state::{
    KeyedState, Packed, PackedBuffer, StateDescriptor, StateError, StateFormats, StateId,
    StateKind, TimeDomain, TimerColumns, TimerOwner, TimerView, Timers,
};
use sandbar_taskmanager::{NativeFunction, NativePlugin, NativeServices, PluginHandle};

use super::native::{self, FIVE_SECONDS, Refusal, each, emit};
use cells::Cells;

/// Timers that are taken at a time.
const TIMERS_MAX: usize = 8192;

/// Native operators by the names of the guest plugin `benchmarks`.
struct BackendKeyed;

impl NativePlugin for BackendKeyed {
    fn open(&self, operator: &str, _config: &str) -> Result<Box<dyn NativeFunction>, String> {
        Err(format!("the operator {operator} needs keyed state"))
    }

    fn open_keyed(
        &self,
        operator: &str,
        _config: &str,
        services: NativeServices,
    ) -> Result<Box<dyn NativeFunction>, String> {
        let opened: Result<Box<dyn NativeFunction>, StateError> = match operator {
            "keyed-sum" => Sum::open(services).map(|sum| Box::new(sum) as _),
            "keyed-tumble" => windows::Tumble::open(services).map(|tumble| Box::new(tumble) as _),
            "keyed-slide" => windows::Slide::open(services).map(|slide| Box::new(slide) as _),
            "keyed-session" => windows::Sessions::open(services).map(|it| Box::new(it) as _),
            "keyed-timers" => CountWithTimers::open(services).map(|timers| Box::new(timers) as _),
            "keyed-join" => join::Join::open(services).map(|join| Box::new(join) as _),
            other => return Err(format!("no native operator {other}")),
        };
        opened.map_err(|error| error.to_string())
    }
}

/// The plugin as a job's catalogue has it.
pub(super) fn plugin() -> (PluginDescription, PluginHandle) {
    (native::description("backend"), PluginHandle::Native(Arc::new(BackendKeyed)))
}

/// The state and timers of one operator.
struct Keyed {
    uid: String,
    state: KeyedState,
    timers: Timers,
    owner: TimerOwner,
    /// What is registered next. Kept for its memory.
    registered: TimerColumns,
}

impl Keyed {
    fn open(services: NativeServices) -> Result<Keyed, StateError> {
        let NativeServices { uid, state, mut timers } = services;
        let owner = timers.owner(&uid)?;
        Ok(Keyed { uid, state, timers, owner, registered: TimerColumns::default() })
    }

    fn declare(&mut self, name: &str, kind: StateKind) -> Result<StateId, StateError> {
        self.state.declare(StateDescriptor {
            operator: self.uid.clone(),
            name: name.to_owned(),
            kind,
            ttl: None,
            formats: StateFormats::default(),
        })
    }

    /// Notes a timer, to be registered with others.
    fn note_timer(&mut self, at: i64, key: &[u8], namespace: &[u8]) {
        self.registered.timestamps.push(at);
        self.registered.keys.push(key);
        if !namespace.is_empty() {
            self.registered.namespaces.push(namespace);
        }
    }

    /// Registers the timers that were noted.
    fn register(&mut self) -> Result<(), StateError> {
        let TimerColumns { timestamps, keys, namespaces } = &mut self.registered;
        if timestamps.is_empty() {
            return Ok(());
        }
        let view = TimerView { timestamps, keys: keys.view(), namespaces: namespaces.view() };
        self.timers.register(self.owner, TimeDomain::EventTime, view)?;
        timestamps.clear();
        keys.clear();
        namespaces.clear();
        Ok(())
    }

    /// Takes timers of the earliest timestamp that a watermark has passed: firing may register
    /// others of a later one, which may be there already.
    fn due(&mut self, watermark: i64) -> Option<TimerColumns> {
        let next = self.timers.next_due_of(self.owner, TimeDomain::EventTime)?;
        (next <= watermark)
            .then(|| self.timers.pop_due_of(self.owner, TimeDomain::EventTime, next, TIMERS_MAX))
    }
}

fn refusal(error: StateError) -> Refusal {
    (0, error.to_string())
}

fn message(error: StateError) -> String {
    error.to_string()
}

/// Reads a number that this module wrote.
fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

/// A time as bytes in the order of time.
fn time_bytes(at: i64) -> [u8; 8] {
    (at.cast_unsigned() ^ 1 << 63).to_be_bytes()
}

/// Reads what [`time_bytes`] wrote.
fn time(bytes: &[u8]) -> i64 {
    let bits = bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    (bits ^ 1 << 63).cast_signed()
}

/// The sums of all keys.
struct Sum {
    keyed: Keyed,
    sums: StateId,
    cells: Cells<u64>,
}

impl Sum {
    fn open(services: NativeServices) -> Result<Sum, StateError> {
        let mut keyed = Keyed::open(services)?;
        let sums = keyed.declare("sum", StateKind::Value)?;
        Ok(Sum { keyed, sums, cells: Cells::default() })
    }
}

impl NativeFunction for Sum {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        each(batch, |_, key, _| self.cells.add(key, &key.to_le_bytes(), None))?;
        self.cells.load(&mut self.keyed.state, self.sums).map_err(refusal)?;
        let mut index = 0;
        each(batch, |at, key, number| {
            let sum = self.cells.of_record(index);
            *sum = sum.wrapping_add(number);
            emit(out, at, key, *sum);
            index += 1;
        })?;
        self.cells.store(&mut self.keyed.state, self.sums).map_err(refusal)
    }

    fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        Some(&mut self.keyed.state)
    }
}

/// Counts, and a timer for each record.
struct CountWithTimers {
    keyed: Keyed,
    counts: StateId,
    cells: Cells<u64>,
    present: Vec<u8>,
    values: PackedBuffer,
}

impl CountWithTimers {
    fn open(services: NativeServices) -> Result<CountWithTimers, StateError> {
        let mut keyed = Keyed::open(services)?;
        let counts = keyed.declare("count", StateKind::Value)?;
        let (cells, present, values) = (Cells::default(), Vec::new(), PackedBuffer::new());
        Ok(CountWithTimers { keyed, counts, cells, present, values })
    }
}

impl NativeFunction for CountWithTimers {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        let CountWithTimers { keyed, cells, .. } = self;
        each(batch, |at, key, _| {
            cells.add(key, &key.to_le_bytes(), None);
            keyed.note_timer(at + FIVE_SECONDS, &key.to_le_bytes(), &[]);
        })?;
        cells.load(&mut keyed.state, self.counts).map_err(refusal)?;
        (0..batch.len()).for_each(|index| *cells.of_record(index) += 1);
        cells.store(&mut keyed.state, self.counts).map_err(refusal)?;
        keyed.register().map_err(refusal)
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some(due) = self.keyed.due(watermark) {
            self.present.clear();
            self.values.clear();
            let (keys, values) = (due.keys.view(), self.values.view_mut());
            self.keyed
                .state
                .multi_get(self.counts, keys, Packed::EMPTY, &mut self.present, values)
                .map_err(message)?;
            for (index, at) in due.timestamps.iter().enumerate() {
                emit(out, *at, number(keys.get(index)), number(self.values.view().get(index)));
            }
        }
        Ok(())
    }

    fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        Some(&mut self.keyed.state)
    }
}

#[cfg(test)]
mod tests;
