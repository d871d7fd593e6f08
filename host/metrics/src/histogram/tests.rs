//! Quantiles are near those of the sorted values.

use proptest::prelude::*;

use super::*;

fn snapshot_of(values: &[f64]) -> HistogramSnapshot {
    let histogram = Histogram::new();
    values.iter().for_each(|value| histogram.observe(*value));
    histogram.snapshot()
}

#[test]
fn odd_values_have_a_place() {
    assert_eq!(snapshot_of(&[]), HistogramSnapshot::default());
    assert_eq!(snapshot_of(&[f64::NAN, f64::INFINITY]), HistogramSnapshot::default());
    let one = snapshot_of(&[3.7]);
    assert_eq!((one.p50, one.p999, one.min, one.max, one.mean()), (3.7, 3.7, 3.7, 3.7, 3.7));
    let ends = snapshot_of(&[-5.0, 0.0, 1e-300, 1e300]);
    assert_eq!((ends.count, ends.min, ends.max), (4, -5.0, 1e300));
    assert_eq!(ends.p50, 0.0);
    for edge in [2f64.powi(EXPONENT_MIN), 2f64.powi(EXPONENT_MAX), f64::MIN_POSITIVE, f64::MAX] {
        assert_eq!(snapshot_of(&[edge]).p50, edge);
    }
}

#[test]
fn threads_count_together() {
    let histogram = Histogram::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (1..=1000).for_each(|value| histogram.observe(f64::from(value))));
        }
    });
    let snapshot = histogram.snapshot();
    assert_eq!((snapshot.count, snapshot.sum), (4000, 4.0 * 500_500.0));
    assert_eq!((snapshot.min, snapshot.max), (1.0, 1000.0));
}

proptest! {
    #[test]
    fn quantiles_are_within_a_thirty_second(
        mut values in proptest::collection::vec(0.001f64..1e12, 1..300),
    ) {
        let snapshot = snapshot_of(&values);
        values.sort_by(f64::total_cmp);
        let exact = |quantile: f64| {
            let rank = (values.len() as f64 * quantile).ceil() as usize;
            values[rank.clamp(1, values.len()) - 1]
        };
        let pairs = [
            (0.5, snapshot.p50),
            (0.75, snapshot.p75),
            (0.95, snapshot.p95),
            (0.98, snapshot.p98),
            (0.99, snapshot.p99),
            (0.999, snapshot.p999),
        ];
        for (quantile, found) in pairs {
            let error = (found - exact(quantile)).abs() / exact(quantile);
            prop_assert!(error <= 1.0 / 32.0 + 1e-9, "{quantile}: {found}, off by {error}");
        }
        prop_assert_eq!(snapshot.count, values.len() as u64);
        prop_assert_eq!((snapshot.min, snapshot.max), (values[0], values[values.len() - 1]));
    }
}
