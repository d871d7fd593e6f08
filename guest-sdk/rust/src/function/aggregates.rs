//! Aggregations that most jobs need, ready to be given to `aggregate`.

mod approximate;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::AggregateFunction;

pub use approximate::{ApproximateDistinctCount, DistinctSketch};

/// What an aggregation reads of each value, as a closure.
pub struct Of<T, F> {
    read: F,
    marker: PhantomData<fn(&T)>,
}

impl<T, F> Of<T, F> {
    fn new(read: F) -> Of<T, F> {
        Of { read, marker: PhantomData }
    }
}

macro_rules! opaque {
    ($($name:ident<$($parameter:ident),*>),* $(,)?) => {
        $(impl<$($parameter),*> std::fmt::Debug for $name<$($parameter),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

opaque!(Of<T, F>, CountAggregate<T>, Average<T, F>, Best<T, F>, DistinctCount<T, F>, TopN<T, F>);

/// Counts values.
///
/// ```
/// use sandbar_sdk::aggregates::CountAggregate;
/// use sandbar_sdk::AggregateFunction;
///
/// let count = CountAggregate::<String>::default();
/// let mut accumulator = count.create_accumulator();
/// count.add(&mut accumulator, "a".to_owned());
/// count.merge(&mut accumulator, 2);
/// assert_eq!(count.result(&accumulator), 3);
/// ```
pub struct CountAggregate<T>(PhantomData<fn(T)>);

impl<T> Default for CountAggregate<T> {
    fn default() -> CountAggregate<T> {
        CountAggregate(PhantomData)
    }
}

impl<T: 'static> AggregateFunction for CountAggregate<T> {
    type In = T;
    type Accumulator = u64;
    type Output = u64;

    fn create_accumulator(&self) -> u64 {
        0
    }

    fn add(&self, accumulator: &mut u64, _value: T) {
        *accumulator += 1;
    }

    fn result(&self, accumulator: &u64) -> u64 {
        *accumulator
    }

    fn merge(&self, accumulator: &mut u64, other: u64) {
        *accumulator += other;
    }
}

/// The mean of a number of each value; not a number for no values.
///
/// ```
/// use sandbar_sdk::aggregates::Average;
/// use sandbar_sdk::AggregateFunction;
///
/// let average = Average::of(|reading: &(String, f64)| reading.1);
/// let mut accumulator = average.create_accumulator();
/// average.add(&mut accumulator, ("a".to_owned(), 1.0));
/// average.add(&mut accumulator, ("b".to_owned(), 2.0));
/// assert_eq!(average.result(&accumulator), 1.5);
/// ```
pub struct Average<T, F>(Of<T, F>);

impl<T, F: Fn(&T) -> f64 + 'static> Average<T, F> {
    /// Makes the aggregation of a number of each value.
    pub fn of(number: F) -> Average<T, F> {
        Average(Of::new(number))
    }
}

impl<T: 'static, F: Fn(&T) -> f64 + 'static> AggregateFunction for Average<T, F> {
    type In = T;
    type Accumulator = (f64, u64);
    type Output = f64;

    fn create_accumulator(&self) -> (f64, u64) {
        (0.0, 0)
    }

    fn add(&self, accumulator: &mut (f64, u64), value: T) {
        accumulator.0 += (self.0.read)(&value);
        accumulator.1 += 1;
    }

    fn result(&self, accumulator: &(f64, u64)) -> f64 {
        accumulator.0 / accumulator.1 as f64
    }

    fn merge(&self, accumulator: &mut (f64, u64), other: (f64, u64)) {
        accumulator.0 += other.0;
        accumulator.1 += other.1;
    }
}

/// The value with the least or the greatest of something; the first of equals. None for no values.
///
/// ```
/// use sandbar_sdk::aggregates::Best;
/// use sandbar_sdk::AggregateFunction;
///
/// let dearest = Best::max_by(|bid: &(String, u64)| bid.1);
/// let mut accumulator = dearest.create_accumulator();
/// for bid in [("a", 3), ("b", 7), ("c", 7)] {
///     dearest.add(&mut accumulator, (bid.0.to_owned(), bid.1));
/// }
/// assert_eq!(dearest.result(&accumulator), Some(("b".to_owned(), 7)));
/// ```
pub struct Best<T, F> {
    of: Of<T, F>,
    better: Ordering,
}

impl<T, R: PartialOrd, F: Fn(&T) -> R + 'static> Best<T, F> {
    /// Makes the aggregation to the value with the least of what `read` reads.
    pub fn min_by(read: F) -> Best<T, F> {
        Best { of: Of::new(read), better: Ordering::Less }
    }

    /// Makes the aggregation to the value with the greatest of what `read` reads.
    pub fn max_by(read: F) -> Best<T, F> {
        Best { of: Of::new(read), better: Ordering::Greater }
    }
}

impl<T, R, F> AggregateFunction for Best<T, F>
where
    T: Clone + 'static,
    R: PartialOrd,
    F: Fn(&T) -> R + 'static,
{
    type In = T;
    type Accumulator = Option<T>;
    type Output = Option<T>;

    fn create_accumulator(&self) -> Option<T> {
        None
    }

    fn add(&self, accumulator: &mut Option<T>, value: T) {
        let is_better = accumulator.as_ref().is_none_or(|best| {
            (self.of.read)(&value).partial_cmp(&(self.of.read)(best)) == Some(self.better)
        });
        if is_better {
            *accumulator = Some(value);
        }
    }

    fn result(&self, accumulator: &Option<T>) -> Option<T> {
        accumulator.clone()
    }

    fn merge(&self, accumulator: &mut Option<T>, other: Option<T>) {
        if let Some(value) = other {
            self.add(accumulator, value);
        }
    }
}

/// The number of different things in values. Exact: all of them are in the accumulator;
/// [`ApproximateDistinctCount`] is the one that stays small.
///
/// ```
/// use sandbar_sdk::aggregates::DistinctCount;
/// use sandbar_sdk::AggregateFunction;
///
/// let visitors = DistinctCount::of(|visit: &(u32, String)| visit.0);
/// let mut accumulator = visitors.create_accumulator();
/// for visit in [(1, "a"), (2, "a"), (1, "b")] {
///     visitors.add(&mut accumulator, (visit.0, visit.1.to_owned()));
/// }
/// assert_eq!(visitors.result(&accumulator), 2);
/// ```
pub struct DistinctCount<T, F>(Of<T, F>);

impl<T, R: Ord, F: Fn(&T) -> R + 'static> DistinctCount<T, F> {
    /// Makes the aggregation of what `read` reads.
    pub fn of(read: F) -> DistinctCount<T, F> {
        DistinctCount(Of::new(read))
    }
}

impl<T, R, F> AggregateFunction for DistinctCount<T, F>
where
    T: 'static,
    R: Ord + Clone + Serialize + DeserializeOwned + 'static,
    F: Fn(&T) -> R + 'static,
{
    type In = T;
    type Accumulator = BTreeSet<R>;
    type Output = u64;

    fn create_accumulator(&self) -> BTreeSet<R> {
        BTreeSet::new()
    }

    fn add(&self, accumulator: &mut BTreeSet<R>, value: T) {
        accumulator.insert((self.0.read)(&value));
    }

    fn result(&self, accumulator: &BTreeSet<R>) -> u64 {
        accumulator.len() as u64
    }

    fn merge(&self, accumulator: &mut BTreeSet<R>, other: BTreeSet<R>) {
        accumulator.extend(other);
    }
}

/// The values with the greatest of something, the greatest first and of equals the earlier.
///
/// ```
/// use sandbar_sdk::aggregates::TopN;
/// use sandbar_sdk::AggregateFunction;
///
/// let top = TopN::by(2, |score: &u32| *score);
/// let mut accumulator = top.create_accumulator();
/// [3, 9, 1, 5].into_iter().for_each(|score| top.add(&mut accumulator, score));
/// assert_eq!(top.result(&accumulator), [9, 5]);
/// ```
pub struct TopN<T, F> {
    of: Of<T, F>,
    count: usize,
}

/// The accumulator of [`TopN`]: its values in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked<T>(Vec<T>);

impl<T, R: PartialOrd, F: Fn(&T) -> R + 'static> TopN<T, F> {
    /// Makes the aggregation to the `count` values with the greatest of what `read` reads.
    pub fn by(count: usize, read: F) -> TopN<T, F> {
        TopN { of: Of::new(read), count }
    }
}

impl<T, R, F> AggregateFunction for TopN<T, F>
where
    T: Clone + 'static,
    R: PartialOrd,
    F: Fn(&T) -> R + 'static,
{
    type In = T;
    type Accumulator = Ranked<T>;
    type Output = Vec<T>;

    fn create_accumulator(&self) -> Ranked<T> {
        Ranked(Vec::new())
    }

    fn add(&self, accumulator: &mut Ranked<T>, value: T) {
        let rank = (self.of.read)(&value);
        let behind = accumulator.0.partition_point(|known| (self.of.read)(known) >= rank);
        if behind < self.count {
            accumulator.0.insert(behind, value);
            accumulator.0.truncate(self.count);
        }
    }

    fn result(&self, accumulator: &Ranked<T>) -> Vec<T> {
        accumulator.0.clone()
    }

    fn merge(&self, accumulator: &mut Ranked<T>, other: Ranked<T>) {
        other.0.into_iter().for_each(|value| self.add(accumulator, value));
    }
}
