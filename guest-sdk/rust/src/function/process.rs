//! Process functions: everything an operator can do with one input. Source: Flink,
//! `docs/content/docs/dev/datastream/operators/process_function.md`.

use crate::collector::Collector;
use crate::context::{Context, RuntimeContext, Unkeyed};
use crate::error::Error;
use crate::timers::Timer;

/// A function over one input, with side outputs and metrics, without keys.
pub trait ProcessFunction<In, Out>: 'static {
    /// Prepares for the first record: operator state, metrics.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Processes a record.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn process(
        &mut self,
        value: In,
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

    /// The input has ended: emits what is left.
    ///
    /// # Errors
    /// Any error fails the task.
    fn finish(
        &mut self,
        _ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<Out>,
    ) -> Result<(), Error> {
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

/// A function over one input keyed by `K`, with keyed state and timers.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// /// Emits the latest reading of a sensor once it has been silent for a second of event time.
/// #[derive(Default)]
/// struct LastReading {
///     last: ValueState<(i64, f64)>,
/// }
///
/// impl KeyedProcessFunction<String, f64, (String, f64)> for LastReading {
///     fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
///         self.last = ctx.value_state(ValueStateDescriptor::new("last"))?;
///         Ok(())
///     }
///
///     fn process(
///         &mut self,
///         reading: f64,
///         ctx: &mut Context<String>,
///         _out: &mut Collector<(String, f64)>,
///     ) -> Result<()> {
///         let at = ctx.timestamp().ok_or_else(|| Error::bad_record("no timestamp"))?;
///         self.last.update((at, reading));
///         ctx.register_event_time_timer(at + 1000)
///     }
///
///     fn on_timer(
///         &mut self,
///         timer: &Timer,
///         ctx: &mut Context<String>,
///         out: &mut Collector<(String, f64)>,
///     ) -> Result<()> {
///         if let Some((at, reading)) = self.last.value()
///             && at + 1000 == timer.timestamp
///         {
///             out.collect((ctx.current_key().clone(), reading));
///             self.last.clear();
///         }
///         Ok(())
///     }
/// }
///
/// use sandbar_sdk::testing::OperatorHarness;
///
/// let mut harness =
///     OperatorHarness::keyed_process(LastReading::default(), |_: &f64| "s1".to_owned())?;
/// harness.push(20.5, 100)?;
/// harness.push(21.0, 900)?;
/// harness.watermark(2000)?;
/// assert_eq!(harness.take_values(), [("s1".to_owned(), 21.0)]);
/// # Ok::<(), Error>(())
/// ```
pub trait KeyedProcessFunction<K, In, Out>: 'static {
    /// Prepares for the first record: keyed state, operator state, metrics.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Processes a record under its key.
    ///
    /// What a record that turns out bad has changed in keyed state before the error stays changed;
    /// what it emitted, and the timers it set, are undone.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn process(
        &mut self,
        value: In,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// A timer has come due under the key it was registered with. What is emitted has the timer's
    /// timestamp, or none for a processing time timer.
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

    /// The input has ended and all timers have fired: emits what is left. There is no current key.
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
