//! An interval join over the state backend: a map of records a side, by their times, and a timer
//! for each record where it can be forgotten. Source: Flink, `IntervalJoinOperator`.

use sandbar_model::{RecordBatch, RecordBatchView};
use sandbar_state::{KeyedState, PackedBuffer, ScanRange, StateError, StateId, StateKind};
use sandbar_taskmanager::{NativeFunction, NativeServices};

use super::{Keyed, message, number, refusal, time, time_bytes};
use crate::bench::state::native::{FIVE_SECONDS, Refusal, each, emit};

/// Entries of a page of the other side.
const PAGE_ENTRIES: u32 = 1024;
/// Bytes of such a page.
const PAGE_BYTES: usize = 64 * 1024;

/// The place of a record on its side: its time and its number.
type Entry = [u8; 16];

fn entry(at: i64, number: u64) -> Entry {
    let mut entry = [0; 16];
    entry[..8].copy_from_slice(&time_bytes(at));
    entry[8..].copy_from_slice(&number.to_le_bytes());
    entry
}

/// What both sides have.
pub(super) struct Join {
    keyed: Keyed,
    sides: [StateId; 2],
    page: PackedBuffer,
    /// The values of a page, which are empty: all of a record is in its place.
    nothing: PackedBuffer,
    keys: PackedBuffer,
    entries: PackedBuffer,
}

impl Join {
    pub(super) fn open(services: NativeServices) -> Result<Join, StateError> {
        let mut keyed = Keyed::open(services)?;
        let first = keyed.declare("first", StateKind::Map)?;
        let second = keyed.declare("second", StateKind::Map)?;
        Ok(Join {
            keyed,
            sides: [first, second],
            page: PackedBuffer::new(),
            nothing: PackedBuffer::new(),
            keys: PackedBuffer::new(),
            entries: PackedBuffer::new(),
        })
    }

    /// Joins a record with those of the other side.
    fn probe(
        &mut self,
        side: usize,
        (at, key, own): (i64, u64, u64),
        out: &mut RecordBatch,
    ) -> Result<(), StateError> {
        // The last place before the first time that is near enough.
        let mut after = [0xFF; 16];
        after[..8].copy_from_slice(&time_bytes(at - FIVE_SECONDS - 1));
        loop {
            self.page.clear();
            self.nothing.clear();
            let range = ScanRange {
                prefix: &[],
                after: Some(&after),
                limit: PAGE_ENTRIES,
                page_bytes: PAGE_BYTES,
            };
            let (page, values) = (self.page.view_mut(), self.nothing.view_mut());
            self.keyed.state.scan(self.sides[1 - side], &key.to_le_bytes(), range, page, values)?;
            let Some(last) = self.page.view().iter().last() else { return Ok(()) };
            for place in self.page.view().iter() {
                let (other_at, other) = (time(place), number(&place[8..]));
                if other_at > at + FIVE_SECONDS {
                    return Ok(());
                }
                let (left, right) = if side == 0 { (own, other) } else { (other, own) };
                emit(out, at.max(other_at), left, right);
            }
            after.copy_from_slice(last);
            if (self.page.view().len() as u32) < PAGE_ENTRIES {
                return Ok(());
            }
        }
    }
}

impl NativeFunction for Join {
    fn process(
        &mut self,
        input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), Refusal> {
        let side = input.min(1) as usize;
        self.keys.clear();
        self.entries.clear();
        self.nothing.clear();
        let mut failure = None;
        each(batch, |at, key, own| {
            if failure.is_none() {
                failure = self.probe(side, (at, key, own), out).err();
            }
            let (key, entry) = (key.to_le_bytes(), entry(at, own));
            self.keys.push(&key);
            self.entries.push(&entry);
            let mut namespace = [side as u8; 17];
            namespace[1..].copy_from_slice(&entry);
            self.keyed.note_timer(at + FIVE_SECONDS, &key, &namespace);
        })?;
        if let Some(error) = failure {
            return Err(refusal(error));
        }
        self.nothing.clear();
        (0..batch.len()).for_each(|_| self.nothing.push(&[]));
        let (keys, entries, values) = (self.keys.view(), self.entries.view(), self.nothing.view());
        self.keyed.state.multi_put(self.sides[side], keys, entries, values).map_err(refusal)?;
        self.keyed.register().map_err(refusal)
    }

    fn on_watermark(&mut self, watermark: i64, _out: &mut RecordBatch) -> Result<(), String> {
        while let Some(due) = self.keyed.due(watermark) {
            for (side, state) in self.sides.into_iter().enumerate() {
                self.keys.clear();
                self.entries.clear();
                for (key, namespace) in due.keys.view().iter().zip(due.namespaces.view().iter()) {
                    if let Some((of, entry)) = namespace.split_first()
                        && usize::from(*of) == side
                    {
                        self.keys.push(key);
                        self.entries.push(entry);
                    }
                }
                let (keys, entries) = (self.keys.view(), self.entries.view());
                self.keyed.state.multi_delete(state, keys, entries).map_err(message)?;
            }
        }
        Ok(())
    }

    fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        Some(&mut self.keyed.state)
    }
}
