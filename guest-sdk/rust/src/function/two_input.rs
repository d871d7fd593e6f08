//! Process functions over two inputs of different types. Source: Flink, `CoProcessFunction`,
//! `KeyedCoProcessFunction`.

use crate::collector::Collector;
use crate::context::{Context, RuntimeContext, Unkeyed};
use crate::error::Error;
use crate::timers::Timer;

/// A function over two inputs without keys.
///
/// The inputs arrive in no particular order to each other.
pub trait TwoInputProcessFunction<First, Second, Out>: 'static {
    /// Prepares for the first record.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Processes a record of the first input.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn process_first(
        &mut self,
        value: First,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// Processes a record of the second input.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn process_second(
        &mut self,
        value: Second,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// A snapshot follows: the place to bring operator state up to date.
    ///
    /// # Errors
    /// Any error fails the task.
    fn before_checkpoint(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Both inputs have ended: emits what is left.
    ///
    /// # Errors
    /// Any error fails the task.
    fn finish(&mut self, _out: &mut Collector<Out>) -> Result<(), Error> {
        Ok(())
    }

    /// Cleans up. Nothing may be emitted.
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// A function over two inputs keyed alike, which share keyed state and timers.
pub trait KeyedTwoInputProcessFunction<K, First, Second, Out>: 'static {
    /// Prepares for the first record.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Processes a record of the first input under its key.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn process_first(
        &mut self,
        value: First,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// Processes a record of the second input under its key.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn process_second(
        &mut self,
        value: Second,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// A timer has come due; as [`crate::KeyedProcessFunction::on_timer`].
    ///
    /// # Errors
    /// Any error fails the task.
    fn on_timer(
        &mut self,
        _timer: &Timer,
        _ctx: &mut Context<K>,
        _out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// A snapshot follows: the place to bring operator state up to date.
    ///
    /// # Errors
    /// Any error fails the task.
    fn before_checkpoint(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Both inputs have ended and all timers have fired: emits what is left.
    ///
    /// # Errors
    /// Any error fails the task.
    fn finish(&mut self, _out: &mut Collector<Out>) -> Result<(), Error> {
        Ok(())
    }

    /// Cleans up. Nothing may be emitted.
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
