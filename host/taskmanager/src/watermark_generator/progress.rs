//! How far one stream has come: a split, or all of an output.

use sandbar_model::Watermark;
use sandbar_model::time::NO_TIMESTAMP;

/// The state of Flink's `BoundedOutOfOrdernessWatermarks`, `WatermarksWithIdleness` and
/// `PartialWatermark` for one stream.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// The latest timestamp.
    latest: Option<i64>,
    watermark: Watermark,
    /// Whether there was a record since the last look.
    has_news: bool,
    /// The first look that found none.
    silent_since: Option<i64>,
    is_idle: bool,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress {
            latest: None,
            watermark: Watermark::MIN,
            has_news: false,
            silent_since: None,
            is_idle: false,
        }
    }
}

impl Progress {
    pub(super) fn watermark(&self) -> Watermark {
        self.watermark
    }

    pub(super) fn is_idle(&self) -> bool {
        self.is_idle
    }

    pub(super) fn on_records(&mut self, timestamps: &[i64]) {
        let latest = timestamps.iter().copied().filter(|time| *time != NO_TIMESTAMP).max();
        self.latest = self.latest.max(latest);
        self.has_news |= !timestamps.is_empty();
    }

    /// Looks whether the stream has been silent for longer than the timeout. The time counts from
    /// the first look that finds no record.
    pub(super) fn becomes_idle(&mut self, clock_ms: i64, timeout_ms: Option<i64>) -> bool {
        if std::mem::take(&mut self.has_news) {
            self.silent_since = None;
            return false;
        }
        let since = *self.silent_since.get_or_insert(clock_ms);
        let is_over = timeout_ms.is_some_and(|timeout| clock_ms.saturating_sub(since) > timeout);
        self.is_idle |= is_over;
        is_over
    }

    /// Brings the watermark of a stream that is not idle up to its records.
    pub(super) fn advance(&mut self, max_out_of_orderness_ms: i64) {
        let behind = max_out_of_orderness_ms.saturating_add(1);
        let reached = self.latest.map(|latest| Watermark(latest.saturating_sub(behind)));
        self.emitted(reached.unwrap_or(Watermark::MIN));
    }

    /// The stream has this watermark, if it is later than the one it has, and is not idle.
    pub(super) fn emitted(&mut self, watermark: Watermark) {
        self.is_idle = false;
        self.watermark = self.watermark.max(watermark);
    }
}
