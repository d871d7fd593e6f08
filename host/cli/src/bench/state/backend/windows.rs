//! Windows over the state backend: sums by window, by pane of sliding windows, and by session, with
//! a timer where each ends.

use rustc_hash::FxHashMap;
use sandbar_model::{RecordBatch, RecordBatchView};
use sandbar_state::{KeyedState, Packed, PackedBuffer, ScanRange, StateError, StateId, StateKind};
use sandbar_taskmanager::{NativeFunction, NativeServices};

use super::cells::Cells;
use super::{Keyed, message, number, refusal, time, time_bytes};
use crate::bench::state::native::{
    Refusal, SIZE, SLIDE, Session, TEN_SECONDS, add_to_sessions, each, emit,
};

/// Bytes of a page of panes; those of one key fit.
const PAGE_BYTES: usize = 1 << 20;
/// Bytes of a session: its start, its last record's time and its sum.
const SESSION_BYTES: usize = 24;

/// Sums of tumbling windows: a map by the start of the window, and a timer at its end.
pub(super) struct Tumble {
    keyed: Keyed,
    sums: StateId,
    cells: Cells<(u64, i64)>,
    windows: PackedBuffer,
    present: Vec<u8>,
    values: PackedBuffer,
}

impl Tumble {
    pub(super) fn open(services: NativeServices) -> Result<Tumble, StateError> {
        let mut keyed = Keyed::open(services)?;
        let sums = keyed.declare("windows", StateKind::Map)?;
        let (windows, values) = (PackedBuffer::new(), PackedBuffer::new());
        Ok(Tumble { keyed, sums, cells: Cells::default(), windows, present: Vec::new(), values })
    }
}

/// Adds the numbers of a batch to what is kept of their keys and stretches of time.
fn add_up(
    batch: RecordBatchView<'_>,
    cells: &mut Cells<(u64, i64)>,
    length: i64,
    keyed: &mut Keyed,
    sums: StateId,
) -> Result<(), Refusal> {
    each(batch, |at, key, _| {
        let start = at - at.rem_euclid(length);
        cells.add((key, start), &key.to_le_bytes(), Some(&time_bytes(start)));
    })?;
    cells.load(&mut keyed.state, sums).map_err(refusal)?;
    let mut index = 0;
    each(batch, |_, _, number| {
        let sum = cells.of_record(index);
        *sum = sum.wrapping_add(number);
        index += 1;
    })
}

impl NativeFunction for Tumble {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        let Tumble { keyed, sums, cells, .. } = self;
        add_up(batch, cells, TEN_SECONDS, keyed, *sums)?;
        for (key, start) in cells.absent() {
            keyed.note_timer(time(start) + TEN_SECONDS - 1, key, &[]);
        }
        keyed.register().map_err(refusal)?;
        cells.store(&mut keyed.state, *sums).map_err(refusal)
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some(due) = self.keyed.due(watermark) {
            let Tumble { keyed, sums, windows, present, values, .. } = self;
            windows.clear();
            present.clear();
            values.clear();
            due.timestamps.iter().for_each(|at| windows.push(&time_bytes(at + 1 - TEN_SECONDS)));
            let keys = due.keys.view();
            let state = &mut keyed.state;
            state
                .multi_get(*sums, keys, windows.view(), present, values.view_mut())
                .and_then(|()| state.multi_delete(*sums, keys, windows.view()))
                .map_err(message)?;
            for (index, at) in due.timestamps.iter().enumerate() {
                emit(out, *at, number(keys.get(index)), number(values.view().get(index)));
            }
        }
        Ok(())
    }

    fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        Some(&mut self.keyed.state)
    }
}

/// Sums of sliding windows: a map by the start of the pane, and for each key a timer at the end of
/// the next window that has any.
pub(super) struct Slide {
    keyed: Keyed,
    panes: StateId,
    cells: Cells<(u64, i64)>,
    watermark: i64,
    starts: PackedBuffer,
    values: PackedBuffer,
    expired_keys: PackedBuffer,
    expired: PackedBuffer,
}

impl Slide {
    pub(super) fn open(services: NativeServices) -> Result<Slide, StateError> {
        let mut keyed = Keyed::open(services)?;
        let panes = keyed.declare("panes", StateKind::Map)?;
        Ok(Slide {
            keyed,
            panes,
            cells: Cells::default(),
            watermark: i64::MIN,
            starts: PackedBuffer::new(),
            values: PackedBuffer::new(),
            expired_keys: PackedBuffer::new(),
            expired: PackedBuffer::new(),
        })
    }

    /// The window of a key that has its last millisecond at `at`.
    fn fire(&mut self, at: i64, key: &[u8], out: &mut RecordBatch) -> Result<(), StateError> {
        self.starts.clear();
        self.values.clear();
        let all = ScanRange { prefix: &[], after: None, limit: u32::MAX, page_bytes: PAGE_BYTES };
        let (starts, values) = (self.starts.view_mut(), self.values.view_mut());
        self.keyed.state.scan(self.panes, key, all, starts, values)?;
        let first = at + 1 - SIZE;
        let (mut sum, mut has_more) = (0_u64, false);
        for (start, value) in self.starts.view().iter().zip(self.values.view().iter()) {
            let pane = time(start);
            if (first..=at).contains(&pane) {
                sum = sum.wrapping_add(number(value));
                has_more |= pane > first;
            }
            if pane <= first {
                self.expired_keys.push(key);
                self.expired.push(start);
            }
        }
        emit(out, at, number(key), sum);
        if has_more {
            self.keyed.note_timer(at + SLIDE, key, &[]);
        }
        Ok(())
    }
}

/// The end of the first window that has a pane in it and has not fired.
fn first_end(pane: i64, watermark: i64) -> i64 {
    let earliest = pane + SLIDE - 1;
    if earliest > watermark {
        return earliest;
    }
    let next = watermark + 1;
    next - next.rem_euclid(SLIDE) + SLIDE - 1
}

impl NativeFunction for Slide {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        let Slide { keyed, panes, cells, .. } = self;
        add_up(batch, cells, SLIDE, keyed, *panes)?;
        for (key, start) in cells.absent() {
            keyed.note_timer(first_end(time(start), self.watermark), key, &[]);
        }
        keyed.register().map_err(refusal)?;
        cells.store(&mut keyed.state, *panes).map_err(refusal)
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some(due) = self.keyed.due(watermark) {
            self.expired_keys.clear();
            self.expired.clear();
            for (index, at) in due.timestamps.iter().enumerate() {
                self.fire(*at, due.keys.view().get(index), out).map_err(message)?;
            }
            let (keys, starts) = (self.expired_keys.view(), self.expired.view());
            self.keyed.state.multi_delete(self.panes, keys, starts).map_err(message)?;
            self.keyed.register().map_err(message)?;
        }
        self.watermark = watermark;
        Ok(())
    }

    fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        Some(&mut self.keyed.state)
    }
}

/// Sums of sessions: all sessions of a key in one value, and a timer where one may end.
pub(super) struct Sessions {
    keyed: Keyed,
    sessions: StateId,
    index: FxHashMap<u64, u32>,
    /// What the distinct keys of a call have. Kept for their memory.
    decoded: Vec<Vec<Session>>,
    keys: PackedBuffer,
    ended_keys: PackedBuffer,
    present: Vec<u8>,
    values: PackedBuffer,
}

impl Sessions {
    pub(super) fn open(services: NativeServices) -> Result<Sessions, StateError> {
        let mut keyed = Keyed::open(services)?;
        let sessions = keyed.declare("sessions", StateKind::Value)?;
        Ok(Sessions {
            keyed,
            sessions,
            index: FxHashMap::default(),
            decoded: Vec::new(),
            keys: PackedBuffer::new(),
            ended_keys: PackedBuffer::new(),
            present: Vec::new(),
            values: PackedBuffer::new(),
        })
    }

    /// Reads the sessions of some keys.
    fn load(&mut self, keys: Packed<'_>) -> Result<(), StateError> {
        self.present.clear();
        self.values.clear();
        let (present, values) = (&mut self.present, self.values.view_mut());
        self.keyed.state.multi_get(self.sessions, keys, Packed::EMPTY, present, values)?;
        if self.decoded.len() < keys.len() {
            self.decoded.resize_with(keys.len(), Vec::new);
        }
        for (sessions, bytes) in self.decoded.iter_mut().zip(self.values.view().iter()) {
            sessions.clear();
            sessions.extend(bytes.chunks_exact(SESSION_BYTES).map(|session| Session {
                start: time(session),
                last: time(&session[8..]),
                sum: number(&session[16..]),
            }));
        }
        Ok(())
    }

    /// Writes the sessions of some keys; those without any are deleted.
    fn store(&mut self, keys: Packed<'_>) -> Result<(), StateError> {
        self.values.clear();
        self.keys.clear();
        self.ended_keys.clear();
        for (sessions, key) in self.decoded.iter().zip(keys.iter()) {
            if sessions.is_empty() {
                self.ended_keys.push(key);
                continue;
            }
            self.keys.push(key);
            for session in sessions {
                let bytes = &mut self.values.bytes;
                bytes.extend_from_slice(&time_bytes(session.start));
                bytes.extend_from_slice(&time_bytes(session.last));
                bytes.extend_from_slice(&session.sum.to_le_bytes());
            }
            self.values.ends.push(self.values.bytes.len() as u32);
        }
        let (state, values) = (&mut self.keyed.state, self.values.view());
        state.multi_put(self.sessions, self.keys.view(), Packed::EMPTY, values)?;
        state.multi_delete(self.sessions, self.ended_keys.view(), Packed::EMPTY)
    }
}

impl NativeFunction for Sessions {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        _out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        self.index.clear();
        let mut keys = PackedBuffer::new();
        each(batch, |_, key, _| {
            let next = self.index.len() as u32;
            if *self.index.entry(key).or_insert(next) == next {
                keys.push(&key.to_le_bytes());
            }
        })?;
        self.load(keys.view()).map_err(refusal)?;
        each(batch, |at, key, number| {
            let sessions = &mut self.decoded[self.index[&key] as usize];
            if let Some(end) = add_to_sessions(sessions, at, number) {
                self.keyed.note_timer(end, &key.to_le_bytes(), &[]);
            }
        })?;
        self.store(keys.view()).map_err(refusal)?;
        self.keyed.register().map_err(refusal)
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        while let Some(due) = self.keyed.due(watermark) {
            let keys = due.keys.view();
            self.load(keys).map_err(message)?;
            for (sessions, key) in self.decoded.iter_mut().zip(keys.iter()) {
                sessions.retain(|session| {
                    let is_over = session.end() <= watermark;
                    if is_over {
                        emit(out, session.end(), number(key), session.sum);
                    }
                    !is_over
                });
                if let Some(next) = sessions.iter().map(Session::end).min() {
                    self.keyed.note_timer(next, key, &[]);
                }
            }
            self.store(keys).map_err(message)?;
            self.keyed.register().map_err(message)?;
        }
        Ok(())
    }

    fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        Some(&mut self.keyed.state)
    }
}
