//! Makes the watermarks of a source's subtask from the timestamps of its records. Pure: timestamps
//! and the clock in, what to send out.
//!
//! Law: Flink's `BoundedOutOfOrdernessWatermarks` and `WatermarksWithIdleness`: watermarks come on
//! the clock's periods only, each later than the one before.

use std::time::Duration;

use sandbar_model::Watermark;
use sandbar_model::job_graph::WatermarkStrategy;
use sandbar_model::time::NO_TIMESTAMP;

use crate::watermark_valve::{ValveOutput, WatermarkStatus};

/// Makes watermarks.
#[derive(Clone, Debug)]
pub struct WatermarkGenerator {
    strategy: WatermarkStrategy,
    /// Not 0.
    interval_ms: i64,
    /// When to look next.
    next_at: i64,
    /// The latest timestamp.
    latest: Option<i64>,
    sent: Watermark,
    /// Whether there was a record since the last look.
    has_news: bool,
    /// The first look that found none.
    silent_since: Option<i64>,
    is_idle: bool,
}

impl WatermarkGenerator {
    /// Makes a generator that looks every `interval` from `now_ms` on; none for an interval of 0,
    /// which is Flink's way to say never.
    pub fn new(
        strategy: WatermarkStrategy,
        interval: Duration,
        now_ms: i64,
    ) -> Option<WatermarkGenerator> {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        (interval_ms > 0).then(|| WatermarkGenerator {
            strategy,
            interval_ms,
            next_at: now_ms.saturating_add(interval_ms),
            latest: None,
            sent: Watermark::MIN,
            has_news: false,
            silent_since: None,
            is_idle: false,
        })
    }

    /// When [`WatermarkGenerator::on_time`] is to be called.
    pub fn next_at(&self) -> i64 {
        self.next_at
    }

    /// Takes the timestamps of records. What comes out is to be sent before them.
    pub fn on_records(&mut self, timestamps: &[i64]) -> Option<WatermarkStatus> {
        let latest = timestamps.iter().copied().filter(|time| *time != NO_TIMESTAMP).max();
        self.latest = self.latest.max(latest);
        self.has_news |= !timestamps.is_empty();
        let wakes = self.is_idle && !timestamps.is_empty();
        self.is_idle &= !wakes;
        wakes.then_some(WatermarkStatus::Active)
    }

    /// Looks, if it is time to.
    pub fn on_time(&mut self, now_ms: i64) -> ValveOutput {
        if now_ms < self.next_at {
            return ValveOutput::default();
        }
        self.next_at = now_ms.saturating_add(self.interval_ms);
        if self.becomes_idle(now_ms) {
            let status = Some(WatermarkStatus::Idle);
            return ValveOutput { watermark: None, status };
        }
        let behind = self.strategy.max_out_of_orderness_ms.saturating_add(1);
        let reached = self.latest.map(|latest| Watermark(latest.saturating_sub(behind)));
        let watermark = reached.filter(|reached| *reached > self.sent && !self.is_idle);
        self.sent = self.sent.max(watermark.unwrap_or(Watermark::MIN));
        ValveOutput { watermark, status: None }
    }

    fn becomes_idle(&mut self, now_ms: i64) -> bool {
        if std::mem::take(&mut self.has_news) {
            self.silent_since = None;
            return false;
        }
        let since = *self.silent_since.get_or_insert(now_ms);
        let timeout = self.strategy.idle_timeout_ms;
        let is_over = timeout.is_some_and(|timeout| now_ms.saturating_sub(since) >= timeout);
        let becomes = is_over && !self.is_idle;
        self.is_idle |= is_over;
        becomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(200);

    fn generator(behind: i64, idle_timeout_ms: Option<i64>) -> WatermarkGenerator {
        let strategy = WatermarkStrategy { max_out_of_orderness_ms: behind, idle_timeout_ms };
        WatermarkGenerator::new(strategy, PERIOD, 0).unwrap()
    }

    fn watermark(of: i64) -> ValveOutput {
        ValveOutput { watermark: Some(Watermark(of)), status: None }
    }

    #[test]
    fn a_watermark_is_behind_the_latest_timestamp_and_comes_once_a_period() {
        let mut generator = generator(10, None);
        assert_eq!(generator.on_records(&[100, 300, 200, NO_TIMESTAMP]), None);
        assert!(generator.on_time(199).is_empty());
        assert_eq!(generator.next_at(), 200);
        assert_eq!(generator.on_time(200), watermark(289));
        assert_eq!(generator.next_at(), 400);
        // What is late moves nothing, and neither does nothing.
        generator.on_records(&[250]);
        assert!(generator.on_time(400).is_empty());
        generator.on_records(&[301]);
        assert!(generator.on_time(500).is_empty());
        assert_eq!(generator.on_time(650), watermark(290));
        assert_eq!(generator.next_at(), 850);
    }

    #[test]
    fn a_stream_is_idle_after_its_time_and_active_with_its_next_record() {
        let mut generator = generator(0, Some(500));
        generator.on_records(&[1000]);
        assert_eq!(generator.on_time(200), watermark(999));
        // The time counts from the first look that finds nothing.
        assert!(generator.on_time(400).is_empty());
        assert!(generator.on_time(800).is_empty());
        let idle = ValveOutput { watermark: None, status: Some(WatermarkStatus::Idle) };
        assert_eq!(generator.on_time(1000), idle);
        assert!(generator.on_time(1200).is_empty());
        assert_eq!(generator.on_records(&[2000]), Some(WatermarkStatus::Active));
        assert_eq!(generator.on_records(&[2001]), None);
        assert_eq!(generator.on_time(1400), watermark(2000));
        assert!(generator.on_time(1600).is_empty());
    }

    #[test]
    fn no_period_and_no_timestamps_make_no_watermarks() {
        let strategy = WatermarkStrategy { max_out_of_orderness_ms: 0, idle_timeout_ms: None };
        assert!(WatermarkGenerator::new(strategy, Duration::ZERO, 0).is_none());
        let mut generator = generator(0, None);
        generator.on_records(&[NO_TIMESTAMP]);
        assert!(generator.on_time(200).is_empty());
        // The earliest time there can be is no later than none.
        generator.on_records(&[i64::MIN + 1]);
        assert!(generator.on_time(400).is_empty());
    }
}
