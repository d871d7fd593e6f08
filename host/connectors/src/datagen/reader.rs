//! Makes the records of its splits, taking turns between them, at the pace that the rate sets.

use std::collections::VecDeque;
use std::sync::Arc;

use sandbar_model::{Clock, RecordBatch};

use super::{RecordRange, Settings, Stamp};
use crate::error::ConnectorError;
use crate::source::{ReaderStatus, SourceReader, Split, SplitRun, has_room};

pub(super) struct DatagenReader {
    settings: Arc<Settings>,
    clock: Arc<dyn Clock>,
    added: VecDeque<Split>,
    running: VecDeque<RunningSplit>,
    /// Of the last poll.
    runs: Vec<SplitRun>,
}

struct RunningSplit {
    id: Arc<str>,
    range: RecordRange,
    /// When the split was first polled, and the record number that this time stands for: that
    /// of the first in its round over all subtasks, so that their records are spread evenly.
    started_ms: i64,
    base: u64,
    /// Of the record before.
    stamp: Stamp,
}

/// Where a split stands after its turn.
enum Turn {
    BatchFull,
    DueAt(i64),
    Done,
}

impl DatagenReader {
    pub(super) fn new(settings: Arc<Settings>, clock: Arc<dyn Clock>) -> DatagenReader {
        let (added, running) = (VecDeque::new(), VecDeque::new());
        DatagenReader { settings, clock, added, running, runs: Vec::new() }
    }

    fn start_added(&mut self, now_ms: i64) -> Result<(), ConnectorError> {
        while let Some(split) = self.added.front() {
            let range: RecordRange = split.decode("datagen")?;
            let base = range.next - range.next % range.step.max(1);
            let id = split.id.as_str().into();
            let stamp = Stamp::default();
            self.running.push_back(RunningSplit { id, range, started_ms: now_ms, base, stamp });
            self.added.pop_front();
        }
        Ok(())
    }
}

impl SourceReader for DatagenReader {
    fn add_split(&mut self, split: Split) {
        self.added.push_back(split);
    }

    fn poll(&mut self, batch: &mut RecordBatch) -> Result<ReaderStatus, ConnectorError> {
        let now_ms = self.clock.now_ms();
        self.start_added(now_ms)?;
        self.runs.clear();
        let mut wake_at_ms = None;
        for _ in 0..self.running.len() {
            let Some(mut split) = self.running.pop_front() else {
                break;
            };
            let before = batch.len();
            let turn = split.fill_batch(&self.settings, now_ms, batch);
            self.runs.push(SplitRun {
                split: Arc::clone(&split.id),
                records: batch.len() - before,
                is_last: matches!(turn, Turn::Done),
            });
            match turn {
                Turn::BatchFull => {
                    self.running.push_back(split);
                    return Ok(ReaderStatus::Ready);
                }
                Turn::DueAt(due_ms) => {
                    let earliest = wake_at_ms.map_or(due_ms, |known: i64| known.min(due_ms));
                    wake_at_ms = Some(earliest);
                    self.running.push_back(split);
                }
                Turn::Done => {}
            }
        }
        if self.running.is_empty() {
            return Ok(ReaderStatus::NeedsSplit);
        }
        Ok(ReaderStatus::Pending { wake_at_ms })
    }

    fn runs(&self) -> &[SplitRun] {
        &self.runs
    }

    fn snapshot(&self) -> Vec<Split> {
        let running = self.running.iter();
        let running = running.map(|split| Split::encode(split.id.to_string(), &split.range));
        running.chain(self.added.iter().cloned()).collect()
    }
}

impl RunningSplit {
    fn fill_batch(&mut self, settings: &Settings, now_ms: i64, batch: &mut RecordBatch) -> Turn {
        let count = settings.count.unwrap_or(u64::MAX);
        while self.range.next < count {
            if !has_room(batch) {
                return Turn::BatchFull;
            }
            if let Some(rate) = settings.rate {
                let due_ms = self.due_ms(rate);
                if due_ms > now_ms {
                    return Turn::DueAt(due_ms);
                }
            }
            let timestamp =
                settings.write(self.range.next, now_ms, &mut self.stamp, &mut batch.values);
            batch.timestamps.push(timestamp);
            batch.value_ends.push(batch.values.len() as u32);
            self.range.next = self.range.next.saturating_add(self.range.step.max(1));
        }
        Turn::Done
    }

    fn due_ms(&self, rate: f64) -> i64 {
        let wait_ms = ((self.range.next - self.base) as f64 * 1000.0 / rate).ceil();
        self.started_ms.saturating_add(wait_ms as i64)
    }
}
