//! Accumulators: the counters of a job's guests, summed by name over operators and subtasks when
//! their tasks have ended. Source: Flink, `docs/content/docs/dev/datastream/user-functions`.
//!
//! Law: a sum that is shown is whole. What is too much is left out by name, the last names first,
//! whichever task told of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Accumulators of a task, and of a job. Guests name them, so there has to be an end.
pub const ACCUMULATORS_MAX: usize = 1000;
/// Bytes of the names of accumulators of a task, and of a job.
pub const ACCUMULATOR_NAME_BYTES_MAX: usize = 64 << 10;

/// Sums by name. They saturate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accumulators {
    sums: BTreeMap<String, i64>,
    /// The first name of those that are left out.
    left_out_from: Option<String>,
}

impl Accumulators {
    /// Sums counters; those of one name are one accumulator, as in Flink.
    pub fn of(counters: impl IntoIterator<Item = (String, i64)>) -> Accumulators {
        let mut accumulators = Accumulators::default();
        counters.into_iter().for_each(|(name, amount)| accumulators.add(name, amount));
        accumulators.trim();
        accumulators
    }

    /// Adds those of another task.
    pub fn merge(&mut self, other: &Accumulators) {
        other.sums.iter().for_each(|(name, amount)| self.add(name.clone(), *amount));
        if let Some(name) = &other.left_out_from {
            self.leave_out_from(name.clone());
        }
        self.trim();
    }

    /// What was told by somebody who had left out those from a name on.
    pub fn of_told(sums: BTreeMap<String, i64>, left_out_from: Option<String>) -> Accumulators {
        let mut accumulators = Accumulators::of(sums);
        if let Some(name) = left_out_from {
            accumulators.leave_out_from(name);
        }
        accumulators
    }

    /// The sums by name.
    pub fn sums(&self) -> &BTreeMap<String, i64> {
        &self.sums
    }

    /// The name from which on accumulators are left out, in the order of names: there are more than
    /// [`ACCUMULATORS_MAX`], or their names are longer than [`ACCUMULATOR_NAME_BYTES_MAX`].
    pub fn left_out_from(&self) -> Option<&str> {
        self.left_out_from.as_deref()
    }

    fn add(&mut self, name: String, amount: i64) {
        // Others have not told of it, or their sums are gone.
        if self.left_out_from.as_ref().is_none_or(|from| name < *from) {
            let sum = self.sums.entry(name).or_default();
            *sum = sum.saturating_add(amount);
        }
    }

    fn leave_out_from(&mut self, name: String) {
        if self.left_out_from.as_ref().is_none_or(|from| name < *from) {
            drop(self.sums.split_off(&name));
            self.left_out_from = Some(name);
        }
    }

    fn trim(&mut self) {
        let mut bytes = 0;
        let is_too_much = |(index, name): &(usize, &String)| {
            bytes += name.len();
            *index >= ACCUMULATORS_MAX || bytes > ACCUMULATOR_NAME_BYTES_MAX
        };
        let first = self.sums.keys().enumerate().find(is_too_much).map(|(_, name)| name.clone());
        if let Some(name) = first {
            self.leave_out_from(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: usize, amount: i64) -> Accumulators {
        Accumulators::of((0..count).map(|index| (format!("n{index:04}"), amount)))
    }

    #[test]
    fn counters_of_one_name_are_one_sum_that_saturates() {
        let counters = [("a", 2), ("b", 1), ("a", 3), ("c", i64::MAX), ("c", 1)];
        let mut sums = Accumulators::of(counters.map(|(name, amount)| (name.to_owned(), amount)));
        sums.merge(&sums.clone());
        let expected = [("a", 10), ("b", 2), ("c", i64::MAX)];
        assert!(sums.sums().iter().map(|(name, sum)| (name.as_str(), *sum)).eq(expected));
        assert_eq!(sums.left_out_from(), None);
    }

    #[test]
    fn what_one_task_left_out_is_left_out_of_the_sum_in_either_order() {
        let (few, many) = (numbered(ACCUMULATORS_MAX + 2, 1), numbered(3, 1));
        let last = Accumulators::of([("z".to_owned(), 1)]);
        let orders = [[&few, &many, &last], [&last, &many, &few], [&many, &few, &last]];
        let summed = orders.map(|order| {
            let mut all = Accumulators::default();
            order.into_iter().for_each(|one| all.merge(one));
            all
        });
        for all in &summed {
            assert_eq!(all.left_out_from(), Some("n1000"));
            assert_eq!((all.sums().len(), all.sums()["n0000"]), (ACCUMULATORS_MAX, 2));
            assert_eq!(all, &summed[0]);
        }
    }

    #[test]
    fn long_names_are_left_out_too() {
        let name = |letter: char| letter.to_string().repeat(ACCUMULATOR_NAME_BYTES_MAX / 2);
        let sums = Accumulators::of(['a', 'b', 'c'].map(|letter| (name(letter), 1)));
        assert_eq!((sums.sums().len(), sums.left_out_from()), (2, Some(name('c').as_str())));
    }
}
