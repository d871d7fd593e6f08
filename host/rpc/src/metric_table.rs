//! The metrics of one task or process as they are shown: values under names that tables share.
//! A task has some sixty metrics with the same names as its neighbours', and an ended job is shown
//! for an hour.
//!
//! Law: names are sorted and different; there is a value for each.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Metric values by Flink's names: `numRecordsIn`, `numBytesOut`, `busyTimeMsPerSecond`, ...
///
/// ```
/// use sandbar_rpc::MetricTable;
///
/// let table: MetricTable = [("numRecordsIn".to_owned(), 7.0)].into_iter().collect();
/// assert_eq!(table.get("numRecordsIn"), Some(7.0));
/// assert_eq!(table.get("numRecordsOut"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricTable {
    names: Arc<[Box<str>]>,
    values: Arc<[f64]>,
}

impl MetricTable {
    /// The value of a metric.
    pub fn get(&self, name: &str) -> Option<f64> {
        let at = self.names.binary_search_by(|known| (**known).cmp(name)).ok()?;
        self.values.get(at).copied()
    }

    /// All metrics, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.names.iter().map(|name| &**name).zip(self.values.iter().copied())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Uses the names of another table, if they are the same. Whether they are.
    pub fn share_names(&mut self, other: &MetricTable) -> bool {
        let same = self.names == other.names;
        if same {
            self.names = Arc::clone(&other.names);
        }
        same
    }
}

impl From<BTreeMap<String, f64>> for MetricTable {
    fn from(metrics: BTreeMap<String, f64>) -> MetricTable {
        let values = metrics.values().copied().collect();
        MetricTable { names: metrics.into_keys().map(String::into_boxed_str).collect(), values }
    }
}

impl FromIterator<(String, f64)> for MetricTable {
    fn from_iter<I: IntoIterator<Item = (String, f64)>>(metrics: I) -> MetricTable {
        MetricTable::from(metrics.into_iter().collect::<BTreeMap<String, f64>>())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_table_holds_what_it_was_made_of_and_shares_names_that_are_the_same(
            metrics in prop::collection::btree_map("[a-e.]{0,3}", -9.0..9.0f64, 0..9),
            other in prop::collection::btree_map("[a-b]", -9.0..9.0f64, 0..3),
        ) {
            let mut table = MetricTable::from(metrics.clone());
            prop_assert_eq!(table.is_empty(), metrics.is_empty());
            let shown: BTreeMap<String, f64> =
                table.iter().map(|(name, value)| (name.to_owned(), value)).collect();
            prop_assert_eq!(&shown, &metrics);
            for name in metrics.keys().chain(other.keys()) {
                prop_assert_eq!(table.get(name), metrics.get(name).copied());
            }
            let others = MetricTable::from(other.clone());
            prop_assert_eq!(table.share_names(&others), metrics.keys().eq(other.keys()));
            prop_assert_eq!(table, MetricTable::from(metrics));
        }
    }
}
