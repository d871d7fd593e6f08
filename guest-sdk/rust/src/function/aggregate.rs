//! Aggregation with an accumulator of its own type.

/// Adds values to an accumulator and reads a result from it. Source: Flink, `AggregateFunction`.
///
/// ```
/// use sandbar_sdk::AggregateFunction;
///
/// struct Average;
///
/// impl AggregateFunction for Average {
///     type In = f64;
///     type Accumulator = (f64, u64);
///     type Output = f64;
///
///     fn create_accumulator(&self) -> (f64, u64) {
///         (0.0, 0)
///     }
///
///     fn add(&self, accumulator: &mut (f64, u64), value: f64) {
///         accumulator.0 += value;
///         accumulator.1 += 1;
///     }
///
///     fn result(&self, accumulator: &(f64, u64)) -> f64 {
///         accumulator.0 / accumulator.1 as f64
///     }
///
///     fn merge(&self, accumulator: &mut (f64, u64), other: (f64, u64)) {
///         accumulator.0 += other.0;
///         accumulator.1 += other.1;
///     }
/// }
///
/// let mut accumulator = Average.create_accumulator();
/// Average.add(&mut accumulator, 2.0);
/// Average.add(&mut accumulator, 4.0);
/// assert_eq!(Average.result(&accumulator), 3.0);
/// ```
pub trait AggregateFunction: 'static {
    /// What is added.
    type In;
    /// What is stored.
    type Accumulator;
    /// What comes out.
    type Output;

    /// Makes an accumulator that nothing was added to.
    fn create_accumulator(&self) -> Self::Accumulator;

    /// Adds a value.
    fn add(&self, accumulator: &mut Self::Accumulator, value: Self::In);

    /// Reads the result so far.
    fn result(&self, accumulator: &Self::Accumulator) -> Self::Output;

    /// Adds to an accumulator all that was added to another. Windows that merge, sliding windows
    /// and two-phase aggregation need it: the order in which values were added may differ.
    fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator);
}
