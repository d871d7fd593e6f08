//! Restart strategies: whether a job runs again after a failure, and how long it waits. Pure: time
//! is given, jitter comes from a seed.
//!
//! Law: Flink's `NoRestart`, `FixedDelay`, `FailureRate` and `ExponentialDelay`
//! `RestartBackoffTimeStrategy`, decision by decision (exponential delay as of Flink 1.19: failures
//! within one backoff are one attempt).

use std::collections::VecDeque;

use thiserror::Error;

/// The largest `restart-strategy.failure-rate.max-failures-per-interval`: a timestamp is kept for
/// each.
pub const FAILURES_PER_INTERVAL_MAX: u32 = 10_000;

/// `restart-strategy.type` and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RestartStrategyOptions {
    /// `none`: the first failure ends the job.
    None,
    /// `fixed-delay`.
    FixedDelay(FixedDelay),
    /// `failure-rate`.
    FailureRate(FailureRate),
    /// `exponential-delay`.
    ExponentialDelay(ExponentialDelay),
}

/// Restarts a number of times, with the same delay each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedDelay {
    /// How many restarts there are; default 1.
    pub attempts: u32,
    /// Milliseconds before each; default 1 s.
    pub delay_ms: u64,
}

impl Default for FixedDelay {
    fn default() -> FixedDelay {
        FixedDelay { attempts: 1, delay_ms: 1_000 }
    }
}

/// Gives up when the last `max_failures_per_interval` failures lie within one interval, the
/// current one among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate {
    /// From 1 to [`FAILURES_PER_INTERVAL_MAX`]; default 1.
    pub max_failures_per_interval: u32,
    /// Length of the interval in milliseconds, at least 1; default 1 min.
    pub failure_rate_interval_ms: u64,
    /// Milliseconds before each restart; default 1 s.
    pub delay_ms: u64,
}

impl Default for FailureRate {
    fn default() -> FailureRate {
        FailureRate {
            max_failures_per_interval: 1,
            failure_rate_interval_ms: 60_000,
            delay_ms: 1_000,
        }
    }
}

/// Restarts with a delay that grows with each attempt, until the job has been quiet for long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialDelay {
    /// Delay of the first attempt in milliseconds, at least 1; default 1 s.
    pub initial_backoff_ms: u64,
    /// The longest delay in milliseconds, at least the first; default 5 min.
    pub max_backoff_ms: u64,
    /// What the delay grows by with each attempt, more than 1; default 2.
    pub backoff_multiplier: f64,
    /// Milliseconds after a restart without a failure that make the next failure the first again,
    /// at least 1; default 1 h.
    pub reset_backoff_threshold_ms: u64,
    /// Part of the delay that is added or taken off at random, from 0 to 1; default 0.1.
    pub jitter_factor: f64,
    /// Attempts without such a quiet time after which the job fails; default 2^32 - 1.
    pub attempts_before_reset_backoff: u32,
}

impl Default for ExponentialDelay {
    fn default() -> ExponentialDelay {
        ExponentialDelay {
            initial_backoff_ms: 1_000,
            max_backoff_ms: 300_000,
            backoff_multiplier: 2.0,
            reset_backoff_threshold_ms: 3_600_000,
            jitter_factor: 0.1,
            attempts_before_reset_backoff: u32::MAX,
        }
    }
}

/// What follows from a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Run again.
    Restart {
        /// Milliseconds to wait.
        delay_ms: u64,
        /// False if the failure fell into the backoff of an earlier one and counts as the same.
        is_new_attempt: bool,
    },
    /// The job fails; why it is not restarted.
    Fail(String),
}

/// An option of a restart strategy is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("restart-strategy.{key} is {value}: it must be {allowed}")]
pub struct RestartStrategyError {
    /// The option, without `restart-strategy.`.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// What it may be.
    pub allowed: String,
}

/// A restart strategy and what it remembers of one job's failures.
#[derive(Clone, Debug)]
pub struct RestartStrategy {
    options: RestartStrategyOptions,
    /// Restarts so far: of all for fixed delay, since the last reset for exponential delay.
    attempts: u32,
    /// The last failures, oldest first. Invariant: at most `max_failures_per_interval`.
    failures: VecDeque<i64>,
    /// When the restart of the last attempt is or was due.
    next_restart: Option<i64>,
    /// State of splitmix64.
    random: u64,
}

impl RestartStrategy {
    /// Makes the strategy of one job. Equal seeds give equal jitter.
    ///
    /// # Errors
    /// An option is out of its range; the first such is named.
    pub fn new(
        options: RestartStrategyOptions,
        seed: u64,
    ) -> Result<RestartStrategy, RestartStrategyError> {
        check(&options)?;
        Ok(RestartStrategy {
            options,
            attempts: 0,
            failures: VecDeque::new(),
            next_restart: None,
            random: seed,
        })
    }

    /// Makes the strategy that never restarts.
    pub fn none() -> RestartStrategy {
        RestartStrategy {
            options: RestartStrategyOptions::None,
            attempts: 0,
            failures: VecDeque::new(),
            next_restart: None,
            random: 0,
        }
    }

    /// Decides on a failure at `now`, in milliseconds.
    pub fn on_failure(&mut self, now: i64) -> Decision {
        match self.options {
            RestartStrategyOptions::None => Decision::Fail(
                "restart strategy \"none\": jobs are not restarted; set restart-strategy.type to \
                 restart them"
                    .to_owned(),
            ),
            RestartStrategyOptions::FixedDelay(options) => self.on_fixed_delay(options),
            RestartStrategyOptions::FailureRate(options) => self.on_failure_rate(options, now),
            RestartStrategyOptions::ExponentialDelay(options) => {
                self.on_exponential_delay(options, now)
            }
        }
    }

    fn on_fixed_delay(&mut self, options: FixedDelay) -> Decision {
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts > options.attempts {
            return Decision::Fail(format!(
                "restart strategy \"fixed-delay\": all of its {} attempts are used up; \
                 restart-strategy.fixed-delay.attempts sets how many there are",
                options.attempts
            ));
        }
        Decision::Restart { delay_ms: options.delay_ms, is_new_attempt: true }
    }

    fn on_failure_rate(&mut self, options: FailureRate, now: i64) -> Decision {
        let failures_max = options.max_failures_per_interval as usize;
        if self.failures.len() >= failures_max {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let oldest = self.failures.front().copied().unwrap_or(now);
        let is_full = self.failures.len() >= failures_max;
        if is_full && millis_between(oldest, now) <= options.failure_rate_interval_ms {
            return Decision::Fail(format!(
                "restart strategy \"failure-rate\": {} failures within {} ms; restart-strategy.\
                 failure-rate.max-failures-per-interval sets how many are too many",
                options.max_failures_per_interval, options.failure_rate_interval_ms
            ));
        }
        Decision::Restart { delay_ms: options.delay_ms, is_new_attempt: true }
    }

    fn on_exponential_delay(&mut self, options: ExponentialDelay, now: i64) -> Decision {
        if let Some(next) = self.next_restart.filter(|next| now <= *next) {
            // The bound holds even if the clock is set back.
            let delay_ms = millis_between(now, next).min(options.max_backoff_ms);
            return self.within_attempts(options, delay_ms, false);
        }
        let quiet_ms = self.next_restart.map(|next| millis_between(next, now));
        if quiet_ms.is_none_or(|quiet| quiet >= options.reset_backoff_threshold_ms) {
            self.attempts = 0;
        }
        let delay_ms = self.backoff_ms(options);
        self.attempts = self.attempts.saturating_add(1);
        self.next_restart = Some(now.saturating_add_unsigned(delay_ms));
        self.within_attempts(options, delay_ms, true)
    }

    fn within_attempts(
        &self,
        options: ExponentialDelay,
        delay_ms: u64,
        is_new_attempt: bool,
    ) -> Decision {
        if self.attempts > options.attempts_before_reset_backoff {
            return Decision::Fail(format!(
                "restart strategy \"exponential-delay\": {} attempts did not bring a quiet time of \
                 {} ms; restart-strategy.exponential-delay.attempts-before-reset-backoff sets how \
                 many there are",
                options.attempts_before_reset_backoff, options.reset_backoff_threshold_ms
            ));
        }
        Decision::Restart { delay_ms, is_new_attempt }
    }

    fn backoff_ms(&mut self, options: ExponentialDelay) -> u64 {
        let grown = options.backoff_multiplier.powf(f64::from(self.attempts));
        // Casts from float saturate, and the cap keeps the jitter's range within an i64.
        let backoff = (options.initial_backoff_ms as f64 * grown) as u64;
        let backoff = backoff.min(BACKOFF_LIMIT_MS);
        let range = (backoff as f64 * options.jitter_factor) as u64;
        let jittered = backoff - range + self.draw(2 * range + 1);
        jittered.min(options.max_backoff_ms).max(options.initial_backoff_ms)
    }

    /// Draws a number below `bound` with splitmix64 (Steele, Lea, Flood 2014).
    fn draw(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// No delay is longer: a hundred years, in milliseconds.
const BACKOFF_LIMIT_MS: u64 = 100 * 366 * 24 * 3_600 * 1_000;

/// 0 if the clock was set back.
fn millis_between(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

fn check(options: &RestartStrategyOptions) -> Result<(), RestartStrategyError> {
    let refuse = |key, value: &dyn ToString, allowed: &str| {
        Err(RestartStrategyError { key, value: value.to_string(), allowed: allowed.to_owned() })
    };
    match options {
        RestartStrategyOptions::None | RestartStrategyOptions::FixedDelay(_) => Ok(()),
        RestartStrategyOptions::FailureRate(rate) => {
            let max = rate.max_failures_per_interval;
            if max == 0 || max > FAILURES_PER_INTERVAL_MAX {
                let allowed = format!("from 1 to {FAILURES_PER_INTERVAL_MAX}");
                refuse("failure-rate.max-failures-per-interval", &max, &allowed)
            } else if rate.failure_rate_interval_ms == 0 {
                refuse("failure-rate.failure-rate-interval", &"0 ms", "at least 1 ms")
            } else {
                Ok(())
            }
        }
        RestartStrategyOptions::ExponentialDelay(delay) => {
            let (first, longest) = (delay.initial_backoff_ms, delay.max_backoff_ms);
            if first == 0 {
                refuse("exponential-delay.initial-backoff", &"0 ms", "at least 1 ms")
            } else if longest < first || longest > BACKOFF_LIMIT_MS {
                let value = format!("{longest} ms");
                let allowed = format!("from initial-backoff ({first} ms) to {BACKOFF_LIMIT_MS} ms");
                refuse("exponential-delay.max-backoff", &value, &allowed)
            } else if !(delay.backoff_multiplier > 1.0 && delay.backoff_multiplier.is_finite()) {
                let value = delay.backoff_multiplier;
                refuse("exponential-delay.backoff-multiplier", &value, "more than 1")
            } else if delay.reset_backoff_threshold_ms == 0 {
                refuse("exponential-delay.reset-backoff-threshold", &"0 ms", "at least 1 ms")
            } else if !(0.0..=1.0).contains(&delay.jitter_factor) {
                refuse("exponential-delay.jitter-factor", &delay.jitter_factor, "from 0 to 1")
            } else {
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
