//! What happens when a task fails: whether, when and what is restarted. Source: Flink,
//! `RestartStrategyOptions`, `JobManagerOptions.EXECUTION_FAILOVER_STRATEGY`.

use std::time::Duration;

use crate::option::options;
use crate::value::{FailoverStrategyType, RestartStrategyType};

options! {
    /// Whether and when a job that fails runs again: `none`, `fixed-delay`, `failure-rate` or
    /// `exponential-delay`.
    RESTART_STRATEGY: RestartStrategyType = "restart-strategy.type", default "none",
        also ["restart-strategy"];

    /// How often a job is restarted with `fixed-delay`.
    FIXED_DELAY_ATTEMPTS: u32 = "restart-strategy.fixed-delay.attempts", default "1";

    /// How long to wait before each restart with `fixed-delay`.
    FIXED_DELAY_DELAY: Duration = "restart-strategy.fixed-delay.delay", default "1 s";

    /// How many failures within the interval end a job with `failure-rate`.
    FAILURE_RATE_MAX: u32 = "restart-strategy.failure-rate.max-failures-per-interval", default "1";

    /// The interval in which failures are counted with `failure-rate`.
    FAILURE_RATE_INTERVAL: Duration = "restart-strategy.failure-rate.failure-rate-interval",
        default "1 min";

    /// How long to wait before each restart with `failure-rate`.
    FAILURE_RATE_DELAY: Duration = "restart-strategy.failure-rate.delay", default "1 s";

    /// How long to wait before the first restart with `exponential-delay`.
    EXPONENTIAL_INITIAL_BACKOFF: Duration = "restart-strategy.exponential-delay.initial-backoff",
        default "1 s";

    /// How long to wait at most with `exponential-delay`.
    EXPONENTIAL_MAX_BACKOFF: Duration = "restart-strategy.exponential-delay.max-backoff",
        default "5 min";

    /// What each wait is of the one before with `exponential-delay`.
    EXPONENTIAL_MULTIPLIER: f64 = "restart-strategy.exponential-delay.backoff-multiplier",
        default "2.0";

    /// How long a job must run without failure for `exponential-delay` to begin anew.
    EXPONENTIAL_RESET_THRESHOLD: Duration =
        "restart-strategy.exponential-delay.reset-backoff-threshold", default "1 h";

    /// By how much of itself a wait is changed at random with `exponential-delay`.
    EXPONENTIAL_JITTER: f64 = "restart-strategy.exponential-delay.jitter-factor", default "0.1";

    /// How often a job is restarted in a row with `exponential-delay`.
    EXPONENTIAL_ATTEMPTS: u32 =
        "restart-strategy.exponential-delay.attempts-before-reset-backoff", default "2147483647";

    /// What is restarted: the `region` of the task that failed, or the job in `full`.
    FAILOVER_STRATEGY: FailoverStrategyType = "jobmanager.execution.failover-strategy",
        default "region";
}
