//! Selection and aggregation, and that no value makes either fail.

use proptest::prelude::*;
use sandbar_rpc::MetricTable;

use super::{Aggregation, Metric, aggregate, select, value_text};

fn metrics(pairs: &[(&str, f64)]) -> MetricTable {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn values_are_written_as_flink_writes_them() {
    assert_eq!(value_text(42.0), "42");
    assert_eq!(value_text(0.5), "0.5");
    assert_eq!(value_text(f64::NAN), "NaN");
    assert_eq!(value_text(i64::MIN as f64), "-9223372036854775808");
}

#[test]
fn names_alone_without_get_and_values_with_it() {
    let all = metrics(&[("a", 1.0), ("b", 2.5)]);
    let metric = |id: &str, value: Option<&str>| Metric {
        id: id.to_owned(),
        value: value.map(str::to_owned),
    };
    assert_eq!(select(&all, &[]), [metric("a", None), metric("b", None)]);
    assert_eq!(select(&all, &names(&["b", "gone"])), [metric("b", Some("2.5"))]);
}

#[test]
fn aggregates_leave_out_what_is_not_asked_for_or_no_number() {
    let sets = [metrics(&[("a", 1.0)]), metrics(&[("a", 4.0)]), metrics(&[("a", f64::NAN)])];
    let sets: Vec<_> = sets.iter().collect();
    let all = aggregate(&sets, &names(&["a", "gone"]), &[]);
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].min, all[0].max, all[0].avg, all[0].sum),
        (Some(1.0), Some(4.0), Some(2.5), Some(5.0))
    );
    let least = aggregate(&sets, &names(&["a"]), &[Aggregation::Min]);
    assert_eq!(
        (least[0].min, least[0].max, least[0].avg, least[0].sum),
        (Some(1.0), None, None, None)
    );
    assert_eq!(aggregate(&sets, &[], &[])[0].id, "a");
}

proptest! {
    #[test]
    fn aggregates_are_in_order(values in prop::collection::vec(-1e9..1e9_f64, 1..20)) {
        let sets: Vec<_> = values.iter().map(|value| metrics(&[("a", *value)])).collect();
        let sets: Vec<_> = sets.iter().collect();
        let all = aggregate(&sets, &names(&["a"]), &[]);
        let (min, max, avg) = (all[0].min.unwrap(), all[0].max.unwrap(), all[0].avg.unwrap());
        prop_assert!(min - 1e-3 <= avg && avg <= max + 1e-3);
    }
}
