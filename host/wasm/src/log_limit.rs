//! The log volume of one instance: a token bucket of bytes. What does not fit is dropped, counted,
//! and reported by one line as soon as there is room.

use std::time::Instant;

pub(crate) struct LogLimit {
    bytes_per_second: usize,
    tokens: f64,
    filled_at: Instant,
    dropped_since: u64,
    dropped_lines: u64,
}

/// What to do with a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Write it; first say that this many lines were dropped, unless 0.
    Write { dropped_before: u64 },
    /// Drop it.
    Drop,
}

impl LogLimit {
    pub(crate) fn new(bytes_per_second: usize, now: Instant) -> LogLimit {
        LogLimit {
            bytes_per_second,
            tokens: bytes_per_second as f64,
            filled_at: now,
            dropped_since: 0,
            dropped_lines: 0,
        }
    }

    /// Decides on a line of `bytes`.
    pub(crate) fn admit(&mut self, bytes: usize, now: Instant) -> Verdict {
        let rate = self.bytes_per_second as f64;
        let refill = now.saturating_duration_since(self.filled_at).as_secs_f64() * rate;
        self.tokens = (self.tokens + refill).min(rate);
        self.filled_at = now;
        // A line longer than the whole bucket passes when the bucket is full.
        let cost = (bytes as f64).min(rate);
        if self.tokens < cost {
            self.dropped_since += 1;
            self.dropped_lines += 1;
            return Verdict::Drop;
        }
        self.tokens -= cost;
        Verdict::Write { dropped_before: std::mem::take(&mut self.dropped_since) }
    }

    /// Lines dropped so far.
    pub(crate) fn dropped_lines(&self) -> u64 {
        self.dropped_lines
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_beyond_the_rate_are_dropped_counted_and_reported_once() {
        let start = Instant::now();
        let mut limit = LogLimit::new(100, start);
        assert_eq!(limit.admit(60, start), Verdict::Write { dropped_before: 0 });
        assert_eq!(limit.admit(60, start), Verdict::Drop);
        assert_eq!(limit.admit(60, start), Verdict::Drop);
        let later = start + Duration::from_millis(500);
        assert_eq!(limit.admit(60, later), Verdict::Write { dropped_before: 2 });
        assert_eq!(
            limit.admit(60, later + Duration::from_secs(9)),
            Verdict::Write { dropped_before: 0 }
        );
        assert_eq!(limit.dropped_lines(), 2);
    }
}
