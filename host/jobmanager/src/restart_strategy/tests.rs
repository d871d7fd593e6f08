//! Tables of failures and what each strategy decides.

use RestartStrategyOptions as Options;
use proptest::prelude::*;

use super::*;

/// The delay of a restart, or none when the job fails.
type Outcome = Option<u64>;

fn check_outcomes(options: Options, failures: &[(i64, Outcome)]) {
    let mut strategy = RestartStrategy::new(options, 7).unwrap();
    for (index, (at, expected)) in failures.iter().enumerate() {
        let outcome = match strategy.on_failure(*at) {
            Decision::Restart { delay_ms, .. } => Some(delay_ms),
            Decision::Fail(reason) => {
                assert!(reason.contains("restart-strategy."), "it names no remedy: {reason}");
                None
            }
        };
        assert_eq!(outcome, *expected, "failure {index} at {at} with {options:?}");
    }
}

fn exponential() -> ExponentialDelay {
    ExponentialDelay {
        initial_backoff_ms: 100,
        max_backoff_ms: 1_000,
        backoff_multiplier: 3.0,
        reset_backoff_threshold_ms: 5_000,
        jitter_factor: 0.0,
        attempts_before_reset_backoff: u32::MAX,
    }
}

#[test]
fn none_never_restarts() {
    check_outcomes(Options::None, &[(0, None), (1_000_000, None)]);
}

#[test]
fn fixed_delay_restarts_a_number_of_times() {
    let fixed = |attempts| Options::FixedDelay(FixedDelay { attempts, delay_ms: 50 });
    check_outcomes(fixed(0), &[(0, None)]);
    check_outcomes(fixed(2), &[(0, Some(50)), (0, Some(50)), (9_999_999, None)]);
    let default = Options::FixedDelay(FixedDelay::default());
    check_outcomes(default, &[(5, Some(1_000)), (6, None)]);
}

#[test]
fn failure_rate_gives_up_when_the_last_failures_are_close() {
    let rate = |max_failures_per_interval| {
        Options::FailureRate(FailureRate {
            max_failures_per_interval,
            failure_rate_interval_ms: 100,
            delay_ms: 10,
        })
    };
    check_outcomes(rate(1), &[(0, None)]);
    check_outcomes(rate(3), &[(0, Some(10)), (10, Some(10)), (100, None)]);
    check_outcomes(rate(3), &[(0, Some(10)), (10, Some(10)), (101, Some(10)), (110, None)]);
    check_outcomes(rate(2), &[(0, Some(10)), (101, Some(10)), (202, Some(10)), (302, None)]);
}

#[test]
fn exponential_delay_grows_to_its_maximum_and_resets_after_a_quiet_time() {
    check_outcomes(
        Options::ExponentialDelay(exponential()),
        &[
            (0, Some(100)),
            (101, Some(300)),
            (402, Some(900)),
            (1_303, Some(1_000)),
            (2_304, Some(1_000)),
            // Due at 3_304; quiet up to 8_303 is one millisecond short.
            (8_303, Some(1_000)),
            (9_303 + 5_000, Some(100)),
        ],
    );
}

#[test]
fn failures_within_a_backoff_are_one_attempt() {
    let options = Options::ExponentialDelay(exponential());
    check_outcomes(options, &[(0, Some(100)), (40, Some(60)), (100, Some(0)), (101, Some(300))]);
    let mut strategy = RestartStrategy::new(options, 0).unwrap();
    assert!(matches!(strategy.on_failure(0), Decision::Restart { is_new_attempt: true, .. }));
    assert!(matches!(strategy.on_failure(9), Decision::Restart { is_new_attempt: false, .. }));
}

#[test]
fn exponential_delay_may_have_a_number_of_attempts() {
    let two = ExponentialDelay { attempts_before_reset_backoff: 2, ..exponential() };
    let too_many = [(0, Some(100)), (101, Some(300)), (402, None)];
    check_outcomes(Options::ExponentialDelay(two), &too_many);
    let quiet = [(0, Some(100)), (101, Some(300)), (401 + 5_000, Some(100)), (5_502, Some(300))];
    check_outcomes(Options::ExponentialDelay(two), &quiet);
}

#[test]
fn a_clock_that_is_set_back_gives_a_bounded_delay() {
    let options = Options::ExponentialDelay(exponential());
    check_outcomes(options, &[(1_000_000_000, Some(100)), (0, Some(1_000))]);
    let rate = FailureRate { max_failures_per_interval: 2, ..FailureRate::default() };
    check_outcomes(Options::FailureRate(rate), &[(1_000_000_000, Some(1_000)), (0, None)]);
}

fn check_refused(options: Options, expected: &str) {
    assert_eq!(RestartStrategy::new(options, 0).unwrap_err().to_string(), expected);
}

#[test]
fn options_out_of_range_are_refused() {
    let rate = FailureRate { max_failures_per_interval: 0, ..FailureRate::default() };
    check_refused(
        Options::FailureRate(rate),
        "restart-strategy.failure-rate.max-failures-per-interval is 0: it must be from 1 to 10000",
    );
    check_refused(
        Options::ExponentialDelay(ExponentialDelay { backoff_multiplier: 1.0, ..exponential() }),
        "restart-strategy.exponential-delay.backoff-multiplier is 1: it must be more than 1",
    );
    check_refused(
        Options::ExponentialDelay(ExponentialDelay { max_backoff_ms: 99, ..exponential() }),
        "restart-strategy.exponential-delay.max-backoff is 99 ms: it must be from initial-backoff \
         (100 ms) to 3162240000000 ms",
    );
    check_refused(
        Options::ExponentialDelay(ExponentialDelay { jitter_factor: f64::NAN, ..exponential() }),
        "restart-strategy.exponential-delay.jitter-factor is NaN: it must be from 0 to 1",
    );
}

proptest! {
    #[test]
    fn delays_stay_within_their_bounds_and_follow_the_seed(
        seed: u64,
        jitter_factor in 0.0..=1.0_f64,
        steps in proptest::collection::vec(-10..9_000_i64, 1..80),
    ) {
        let options = ExponentialDelay { jitter_factor, ..exponential() };
        let mut strategy = RestartStrategy::new(Options::ExponentialDelay(options), seed).unwrap();
        let mut same = strategy.clone();
        let mut now = 0;
        for step in steps {
            now += step;
            let decision = strategy.on_failure(now);
            prop_assert_eq!(&decision, &same.on_failure(now));
            let Decision::Restart { delay_ms, is_new_attempt } = decision else {
                return Err(TestCaseError::fail("it has no limit of attempts"));
            };
            prop_assert!(delay_ms <= 1_000);
            prop_assert!(!is_new_attempt || delay_ms >= 100);
        }
    }
}
