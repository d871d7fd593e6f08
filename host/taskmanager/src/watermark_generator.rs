//! Makes the watermarks of a stream from the timestamps of its records: of a source's subtask, by
//! the splits it reads, or of an operator's output. Pure: timestamps and the clock in, what to send
//! out.
//!
//! Law: Flink's `WatermarkOutputMultiplexer` over `BoundedOutOfOrdernessWatermarks` and
//! `WatermarksWithIdleness`: what goes out never goes back and is the least of the active splits'.

mod progress;

use std::sync::Arc;
use std::time::Duration;

use sandbar_model::Watermark;
use sandbar_model::job_graph::{WatermarkGenerator as Kind, WatermarkStrategy};

use crate::watermark_valve::{ValveOutput, WatermarkStatus};

use progress::Progress;

/// Makes watermarks.
#[derive(Clone, Debug)]
pub struct WatermarkGenerator {
    kind: Kind,
    idle_timeout_ms: Option<i64>,
    /// None for never.
    interval_ms: Option<i64>,
    /// When to look next.
    next_at: i64,
    /// The stream, where it has no splits.
    whole: Progress,
    splits: Vec<(Arc<str>, Progress)>,
    sent: Watermark,
    status: WatermarkStatus,
    /// The guest is to be asked.
    asks: bool,
    /// Nothing goes out before the end.
    only_at_end: bool,
}

impl WatermarkGenerator {
    /// Makes a generator that looks every `interval` from `now_ms` on; an interval of 0 is Flink's
    /// way to say never. None where the strategy makes no watermarks.
    pub fn new(
        strategy: &WatermarkStrategy,
        interval: Duration,
        now_ms: i64,
    ) -> Option<WatermarkGenerator> {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        Some(WatermarkGenerator {
            kind: strategy.generator?,
            idle_timeout_ms: strategy.idle_timeout_ms,
            interval_ms: (interval_ms > 0).then_some(interval_ms),
            next_at: now_ms.saturating_add(interval_ms),
            whole: Progress::default(),
            splits: Vec::new(),
            sent: Watermark::MIN,
            status: WatermarkStatus::Active,
            asks: false,
            only_at_end: false,
        })
    }

    /// Keeps all watermarks but that of the end back, as a batch does, whose only moment in time is
    /// that end.
    #[must_use]
    pub fn only_at_end(self, only_at_end: bool) -> WatermarkGenerator {
        WatermarkGenerator { only_at_end, ..self }
    }

    /// When [`WatermarkGenerator::on_time`] is to be called; never if none.
    pub fn next_at(&self) -> Option<i64> {
        self.interval_ms.filter(|_| !self.only_at_end).map(|_| self.next_at)
    }

    /// The watermark sent last.
    pub fn current(&self) -> Watermark {
        self.sent
    }

    /// The status sent last.
    pub fn status(&self) -> WatermarkStatus {
        self.status
    }

    /// A split is read from here on. It holds the watermark back until its first record, unless it
    /// is idle.
    pub fn add_split(&mut self, split: &str) {
        if self.splits.iter().all(|(known, _)| &**known != split) {
            self.splits.push((split.into(), Progress::default()));
        }
    }

    /// A split has been read to its end.
    pub fn remove_split(&mut self, split: &str) {
        self.splits.retain(|(known, _)| &**known != split);
    }

    /// All splits have been read to their end.
    pub fn remove_all_splits(&mut self) {
        self.splits.clear();
    }

    /// Takes the timestamps of records of the newest split, or of the whole stream.
    pub fn on_records(&mut self, timestamps: &[i64]) {
        let progress = self.splits.last_mut().map_or(&mut self.whole, |(_, progress)| progress);
        progress.on_records(timestamps);
    }

    /// Takes the timestamps of records of a split; those of one that is not known are the stream's.
    pub fn on_records_of(&mut self, split: &str, timestamps: &[i64]) {
        let found = self.splits.iter_mut().find(|(known, _)| &**known == split);
        found.map_or(&mut self.whole, |(_, progress)| progress).on_records(timestamps);
    }

    /// Looks, if it is time to. Time that the task spent blocked does not make a stream idle
    /// (FLINK-35886).
    pub fn on_time(&mut self, now_ms: i64, blocked: Duration) -> ValveOutput {
        if self.next_at().is_none_or(|at| now_ms < at) {
            return ValveOutput::default();
        }
        self.next_at = now_ms.saturating_add(self.interval_ms.unwrap_or(i64::MAX));
        let blocked_ms = i64::try_from(blocked.as_millis()).unwrap_or(i64::MAX);
        let idle_clock_ms = now_ms.saturating_sub(blocked_ms);
        let (kind, timeout) = (self.kind, self.idle_timeout_ms);
        let mut is_any_awake = false;
        for progress in self.parts() {
            let is_awake = !progress.becomes_idle(idle_clock_ms, timeout);
            is_any_awake |= is_awake;
            if let (Kind::BoundedOutOfOrderness { max_out_of_orderness_ms }, true) =
                (kind, is_awake)
            {
                progress.advance(max_out_of_orderness_ms);
            }
        }
        self.asks = kind == Kind::Custom && is_any_awake;
        self.combine()
    }

    /// Whether the guest is to be asked for a watermark since the last look; says so once.
    pub fn takes_question(&mut self) -> bool {
        std::mem::take(&mut self.asks)
    }

    /// Takes a watermark of the guest's; one that is not later than the last is ignored.
    pub fn on_emitted(&mut self, watermark: Watermark) -> ValveOutput {
        if self.only_at_end {
            return ValveOutput::default();
        }
        self.whole.emitted(watermark);
        self.combine()
    }

    /// The stream has ended.
    pub fn on_end(&mut self) -> ValveOutput {
        self.send(Watermark::MAX)
    }

    fn parts(&mut self) -> impl Iterator<Item = &mut Progress> {
        let whole = self.splits.is_empty().then_some(&mut self.whole);
        self.splits.iter_mut().map(|(_, progress)| progress).chain(whole)
    }

    /// Source: Flink's `CombinedWatermarkStatus.updateCombinedWatermark`. A stream that was idle is
    /// active again with its next watermark, not with its next record.
    fn combine(&mut self) -> ValveOutput {
        let active = self.parts().filter(|progress| !progress.is_idle());
        match active.map(|progress| progress.watermark()).min() {
            Some(least) => self.send(least),
            None if self.status == WatermarkStatus::Active => {
                self.status = WatermarkStatus::Idle;
                ValveOutput { watermark: None, status: Some(WatermarkStatus::Idle) }
            }
            None => ValveOutput::default(),
        }
    }

    fn send(&mut self, watermark: Watermark) -> ValveOutput {
        if watermark <= self.sent {
            return ValveOutput::default();
        }
        self.sent = watermark;
        let was = std::mem::replace(&mut self.status, WatermarkStatus::Active);
        let status = (was == WatermarkStatus::Idle).then_some(WatermarkStatus::Active);
        ValveOutput { watermark: Some(watermark), status }
    }
}

#[cfg(test)]
mod tests;
