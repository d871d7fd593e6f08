//! Functions of one record and nothing else: map, filter, flat map.

use crate::collector::Collector;
use crate::context::RuntimeContext;
use crate::error::Error;

/// Turns each record into exactly one.
///
/// Closures `FnMut(In) -> Out` are map functions; wrap fallible ones in [`Try`].
///
/// ```
/// use sandbar_sdk::{MapFunction, Result, Try};
///
/// struct Parse;
///
/// impl MapFunction<String, u64> for Parse {
///     fn map(&mut self, value: String) -> Result<u64> {
///         Ok(value.parse::<u64>()?)
///     }
/// }
///
/// fn run<In, Out>(mut function: impl MapFunction<In, Out>, value: In) -> Result<Out> {
///     function.map(value)
/// }
///
/// assert_eq!(run(Parse, "7".into()).unwrap(), 7);
/// assert_eq!(run(|value: u64| value + 1, 7).unwrap(), 8);
/// assert!(run(Try(|value: String| Ok(value.parse::<u64>()?)), "seven".into()).is_err());
/// ```
pub trait MapFunction<In, Out>: 'static {
    /// Prepares for the first record.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Turns a record into another.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn map(&mut self, value: In) -> Result<Out, Error>;

    /// Whether `map` never returns an error. Records are then handed on many at a time, which is
    /// faster. A function that says so and returns an error ends the task. False unless the
    /// function says otherwise; closures say true.
    fn never_fails(&self) -> bool {
        false
    }

    /// Cleans up. Nothing may be emitted.
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Keeps some records. Closures `FnMut(&In) -> bool` are filter functions.
pub trait FilterFunction<In>: 'static {
    /// Prepares for the first record; as [`MapFunction::open`].
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Whether to keep a record.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn filter(&mut self, value: &In) -> Result<bool, Error>;

    /// As [`MapFunction::never_fails`]: whether `filter` never returns an error.
    fn never_fails(&self) -> bool {
        false
    }

    /// Cleans up; as [`MapFunction::close`].
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Turns each record into any number of records. Closures `FnMut(In, &mut Collector<Out>)` are
/// flat map functions.
///
/// ```
/// use sandbar_sdk::{Collector, FlatMapFunction, Result};
///
/// struct Split;
///
/// impl FlatMapFunction<String, String> for Split {
///     fn flat_map(&mut self, line: String, out: &mut Collector<String>) -> Result<()> {
///         line.split_whitespace().for_each(|word| out.collect(word.to_owned()));
///         Ok(())
///     }
/// }
/// ```
pub trait FlatMapFunction<In, Out>: 'static {
    /// Prepares for the first record; as [`MapFunction::open`].
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Emits what becomes of a record.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn flat_map(&mut self, value: In, out: &mut Collector<Out>) -> Result<(), Error>;

    /// As [`MapFunction::never_fails`]: whether `flat_map` never returns an error.
    fn never_fails(&self) -> bool {
        false
    }

    /// The input has ended: emits what is left.
    ///
    /// # Errors
    /// Any error fails the task.
    fn finish(&mut self, _out: &mut Collector<Out>) -> Result<(), Error> {
        Ok(())
    }

    /// Cleans up; as [`MapFunction::close`].
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<In, Out, F: FnMut(In) -> Out + 'static> MapFunction<In, Out> for F {
    #[inline]
    fn map(&mut self, value: In) -> Result<Out, Error> {
        Ok(self(value))
    }

    fn never_fails(&self) -> bool {
        true
    }
}

impl<In, F: FnMut(&In) -> bool + 'static> FilterFunction<In> for F {
    #[inline]
    fn filter(&mut self, value: &In) -> Result<bool, Error> {
        Ok(self(value))
    }

    fn never_fails(&self) -> bool {
        true
    }
}

impl<In, Out, F: FnMut(In, &mut Collector<Out>) + 'static> FlatMapFunction<In, Out> for F {
    #[inline]
    fn flat_map(&mut self, value: In, out: &mut Collector<Out>) -> Result<(), Error> {
        self(value, out);
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }
}

/// A closure that may fail, as a map, filter or flat map function.
#[derive(Clone, Copy, Debug)]
pub struct Try<F>(pub F);

impl<In, Out, F: FnMut(In) -> Result<Out, Error> + 'static> MapFunction<In, Out> for Try<F> {
    #[inline]
    fn map(&mut self, value: In) -> Result<Out, Error> {
        (self.0)(value)
    }
}

impl<In, F: FnMut(&In) -> Result<bool, Error> + 'static> FilterFunction<In> for Try<F> {
    #[inline]
    fn filter(&mut self, value: &In) -> Result<bool, Error> {
        (self.0)(value)
    }
}

impl<In, Out, F> FlatMapFunction<In, Out> for Try<F>
where
    F: FnMut(In, &mut Collector<Out>) -> Result<(), Error> + 'static,
{
    #[inline]
    fn flat_map(&mut self, value: In, out: &mut Collector<Out>) -> Result<(), Error> {
        (self.0)(value, out)
    }
}
