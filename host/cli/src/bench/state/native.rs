//! The work of `sandbar bench state` as native operators of the same engine: plain hash maps, laid
//! out for this work alone. No state backend, so nothing of it could be restored or rescaled.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sandbar_model::plugin::{OperatorDescription, OperatorKind, PluginDescription, Port};
use sandbar_model::{RecordBatch, RecordBatchView};
use sandbar_taskmanager::{NativeFunction, NativePlugin, PluginHandle};

pub(super) const TEN_SECONDS: i64 = 10_000;
pub(super) const FIVE_SECONDS: i64 = 5_000;
pub(super) const SLIDE: i64 = 1_000;
pub(super) const SIZE: i64 = 60_000;

/// Native operators by the names of the guest plugin `benchmarks`.
struct NativeKeyed;

impl NativePlugin for NativeKeyed {
    fn open(&self, operator: &str, _config: &str) -> Result<Box<dyn NativeFunction>, String> {
        match operator {
            "keyed-sum" => Ok(Box::<Sum>::default()),
            "keyed-tumble" => Ok(Box::<Tumble>::default()),
            "keyed-slide" => Ok(Box::<Slide>::default()),
            "keyed-session" => Ok(Box::<Sessions>::default()),
            "keyed-timers" => Ok(Box::<Timers>::default()),
            "keyed-join" => Ok(Box::<Join>::default()),
            other => Err(format!("no native operator {other}")),
        }
    }
}

/// The plugin as a job's catalogue has it.
pub(super) fn plugin() -> (PluginDescription, PluginHandle) {
    (description("native"), PluginHandle::Native(Arc::new(NativeKeyed)))
}

/// The description of a plugin with these operators.
pub(super) fn description(plugin: &str) -> PluginDescription {
    let port = || Port { name: "main".to_owned(), format: "bytes".to_owned() };
    let operator = |name: &str, kind, inputs: Vec<Port>| OperatorDescription {
        name: name.to_owned(),
        doc: String::new(),
        kind,
        inputs,
        outputs: vec![port()],
        states: Vec::new(),
        config_schema: String::new(),
    };
    let one = ["keyed-sum", "keyed-tumble", "keyed-slide", "keyed-session", "keyed-timers"];
    let mut operators: Vec<OperatorDescription> =
        one.iter().map(|name| operator(name, OperatorKind::KeyedProcess, vec![port()])).collect();
    let two = vec![port(), port()];
    operators.push(operator("keyed-join", OperatorKind::KeyedTwoInputProcess, two));
    PluginDescription {
        name: plugin.to_owned(),
        version: "0.1.0".to_owned(),
        contract: sandbar_wasm::CONTRACT_VERSION.to_owned(),
        operators,
        defines_job: false,
    }
}

pub(super) type Refusal = (usize, String);

/// Calls back with the position, timestamp, key and number of each pair.
pub(super) fn each(
    batch: RecordBatchView<'_>,
    mut visit: impl FnMut(i64, u64, u64),
) -> Result<(), Refusal> {
    for index in 0..batch.len() {
        let value = batch.value(index);
        let word = |at: usize| {
            let bytes = value.get(at..at + 8).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
            bytes.map(u64::from_le_bytes)
        };
        let (Some(key), Some(number)) = (word(0), word(8)) else {
            return Err((index, format!("a pair has 16 bytes, this has {}", value.len())));
        };
        visit(batch.timestamps[index], key, number);
    }
    Ok(())
}

pub(super) fn emit(out: &mut RecordBatch, timestamp: i64, key: u64, number: u64) {
    let mut pair = [0; 16];
    pair[..8].copy_from_slice(&key.to_le_bytes());
    pair[8..].copy_from_slice(&number.to_le_bytes());
    out.push(timestamp, &pair);
}

#[derive(Default)]
struct Sum(FxHashMap<u64, u64>);

impl NativeFunction for Sum {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        each(batch, |at, key, number| {
            let sum = self.0.entry(key).or_default();
            *sum = sum.wrapping_add(number);
            emit(out, at, key, *sum);
        })
    }
}

/// Sums by window and key.
#[derive(Default)]
struct Tumble(BTreeMap<i64, FxHashMap<u64, u64>>);

impl NativeFunction for Tumble {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        each(batch, |at, key, number| {
            let start = at - at.rem_euclid(TEN_SECONDS);
            let sum = self.0.entry(start).or_default().entry(key).or_default();
            *sum = sum.wrapping_add(number);
        })
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some(first) = self.0.first_entry()
            && first.key() + TEN_SECONDS - 1 <= watermark
        {
            let (start, sums) = first.remove_entry();
            for (key, sum) in sums {
                emit(out, start + TEN_SECONDS - 1, key, sum);
            }
        }
        Ok(())
    }
}

/// Sums by pane and key; a window is the sum of its panes.
#[derive(Default)]
struct Slide {
    panes: BTreeMap<i64, FxHashMap<u64, u64>>,
    /// The start of the next window to fire.
    next: Option<i64>,
}

impl NativeFunction for Slide {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        each(batch, |at, key, number| {
            let start = at - at.rem_euclid(SLIDE);
            let sum = self.panes.entry(start).or_default().entry(key).or_default();
            *sum = sum.wrapping_add(number);
        })
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some((first, _)) = self.panes.first_key_value() {
            let earliest = first + SLIDE - SIZE;
            let start = self.next.map_or(earliest, |next| next.max(earliest));
            if start + SIZE - 1 > watermark {
                return Ok(());
            }
            let mut sums: FxHashMap<u64, u64> = FxHashMap::default();
            for (key, number) in self.panes.range(start..start + SIZE).flat_map(|(_, pane)| pane) {
                let sum = sums.entry(*key).or_default();
                *sum = sum.wrapping_add(*number);
            }
            for (key, sum) in sums {
                emit(out, start + SIZE - 1, key, sum);
            }
            self.panes = self.panes.split_off(&(start + SLIDE));
            self.next = Some(start + SLIDE);
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
pub(super) struct Session {
    pub(super) start: i64,
    /// The last record's time.
    pub(super) last: i64,
    pub(super) sum: u64,
}

impl Session {
    /// Its last millisecond.
    pub(super) fn end(&self) -> i64 {
        self.last + TEN_SECONDS - 1
    }
}

/// Adds a record to the sessions of its key, which it may join. Returns the end of the session if
/// that was not there before in any part.
pub(super) fn add_to_sessions(sessions: &mut Vec<Session>, at: i64, number: u64) -> Option<i64> {
    let mut merged = Session { start: at, last: at, sum: number };
    let before = sessions.len();
    sessions.retain(|session| {
        let touches = session.start <= merged.last + TEN_SECONDS
            && merged.start <= session.last + TEN_SECONDS;
        if touches {
            merged.start = merged.start.min(session.start);
            merged.last = merged.last.max(session.last);
            merged.sum = merged.sum.wrapping_add(session.sum);
        }
        !touches
    });
    let is_new = sessions.len() == before;
    sessions.push(merged);
    is_new.then(|| merged.end())
}

/// The sessions of each key, and when keys are looked at.
#[derive(Default)]
struct Sessions {
    sessions: FxHashMap<u64, Vec<Session>>,
    due: BTreeMap<i64, Vec<u64>>,
}

impl NativeFunction for Sessions {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        each(batch, |at, key, number| {
            let sessions = self.sessions.entry(key).or_default();
            if let Some(end) = add_to_sessions(sessions, at, number) {
                self.due.entry(end).or_default().push(key);
            }
        })
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some(first) = self.due.first_entry()
            && *first.key() <= watermark
        {
            for key in first.remove() {
                let Some(sessions) = self.sessions.get_mut(&key) else { continue };
                sessions.retain(|session| {
                    if session.end() <= watermark {
                        emit(out, session.end(), key, session.sum);
                    }
                    session.end() > watermark
                });
                match sessions.iter().map(Session::end).min() {
                    Some(next) => self.due.entry(next).or_default().push(key),
                    None => {
                        self.sessions.remove(&key);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Counts, and the keys by when their timers are due.
#[derive(Default)]
struct Timers {
    counts: FxHashMap<u64, u64>,
    due: BTreeMap<i64, Vec<u64>>,
}

impl NativeFunction for Timers {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        each(batch, |at, key, _| {
            *self.counts.entry(key).or_default() += 1;
            self.due.entry(at + FIVE_SECONDS).or_default().push(key);
        })
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some(first) = self.due.first_entry()
            && *first.key() <= watermark
        {
            let (at, mut keys) = first.remove_entry();
            // One timer a key and time.
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                emit(out, at, key, self.counts.get(&key).copied().unwrap_or(0));
            }
        }
        Ok(())
    }
}

/// The records of both sides by key, in the order of their times, and when keys are looked at.
#[derive(Default)]
struct Join {
    kept: FxHashMap<u64, [VecDeque<(i64, u64)>; 2]>,
    due: BTreeMap<i64, Vec<u64>>,
}

impl NativeFunction for Join {
    fn process(
        &mut self,
        input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        let side = input.min(1) as usize;
        each(batch, |at, key, number| {
            let sides = self.kept.entry(key).or_default();
            for (other_at, other) in &sides[1 - side] {
                if (at - other_at).abs() <= FIVE_SECONDS {
                    let (left, right) = if side == 0 { (number, *other) } else { (*other, number) };
                    emit(out, at.max(*other_at), left, right);
                }
            }
            if sides.iter().all(VecDeque::is_empty) {
                self.due.entry(at + FIVE_SECONDS).or_default().push(key);
            }
            let place = sides[side].partition_point(|(earlier, _)| *earlier <= at);
            sides[side].insert(place, (at, number));
        })
    }

    fn on_watermark(&mut self, watermark: i64, _out: &mut RecordBatch) -> Result<(), String> {
        while let Some(first) = self.due.first_entry()
            && *first.key() <= watermark
        {
            for key in first.remove() {
                let Some(sides) = self.kept.get_mut(&key) else { continue };
                for side in &mut *sides {
                    while side.front().is_some_and(|(at, _)| at + FIVE_SECONDS <= watermark) {
                        side.pop_front();
                    }
                }
                match sides.iter().filter_map(|side| Some(side.front()?.0)).min() {
                    Some(next) => self.due.entry(next + FIVE_SECONDS).or_default().push(key),
                    None => {
                        self.kept.remove(&key);
                    }
                }
            }
        }
        Ok(())
    }
}
