//! Process functions over a keyed input and one that all subtasks get. Source: Flink,
//! `KeyedBroadcastProcessFunction`,
//! `docs/content/docs/dev/datastream/fault-tolerance/broadcast_state.md`.

use crate::collector::Collector;
use crate::context::{BroadcastContext, Context, RuntimeContext};
use crate::error::Error;
use crate::timers::Timer;

/// A function over a keyed input and a broadcast one, such as events and the rules for them.
///
/// Records of the broadcast input come to every subtask, in no particular order to those of the
/// keyed one, and have no key. Only they may change broadcast state, so that it is the same in all
/// subtasks; elsewhere writing to it is a fatal error.
///
/// To run outside the test harness it needs a host that broadcasts into a keyed operator and lists
/// the keys of a state. The contract in `wit/` has neither: the runtime refuses the job.
///
/// ```
/// use sandbar_sdk::prelude::*;
/// use sandbar_sdk::testing::OperatorHarness;
///
/// /// Lets numbers pass that are above the limit of the day; counts them anew with each limit.
/// #[derive(Default)]
/// struct AboveLimit {
///     limits: BroadcastState<String, u32>,
///     passed: ValueState<u32>,
/// }
///
/// impl KeyedBroadcastProcessFunction<u32, u32, u32, (u32, u32)> for AboveLimit {
///     fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
///         self.limits = ctx.broadcast_state("limits")?;
///         self.passed = ctx.value_state(ValueStateDescriptor::new("passed"))?;
///         Ok(())
///     }
///
///     fn process_element(
///         &mut self,
///         value: u32,
///         _ctx: &mut Context<u32>,
///         out: &mut Collector<(u32, u32)>,
///     ) -> Result<()> {
///         if value > self.limits.get(&"day".to_owned())?.unwrap_or(0) {
///             let passed = self.passed.value().unwrap_or(0) + 1;
///             self.passed.update(passed);
///             out.collect((value, passed));
///         }
///         Ok(())
///     }
///
///     fn process_broadcast_element(
///         &mut self,
///         limit: u32,
///         ctx: &mut BroadcastContext<'_, u32>,
///         _out: &mut Collector<(u32, u32)>,
///     ) -> Result<()> {
///         self.limits.put(&"day".to_owned(), limit)?;
///         ctx.apply_to_keyed_state(&self.passed, |_key, passed| {
///             passed.clear();
///             Ok(())
///         })
///     }
/// }
///
/// let mut harness = OperatorHarness::setup()
///     .keyed_broadcast_process(AboveLimit::default(), |value: &u32| value % 2)?;
/// harness.push_first(5, 0)?;
/// harness.push_first(7, 0)?;
/// harness.push_second(6, 0)?;
/// harness.push_first(5, 0)?;
/// harness.push_first(9, 0)?;
/// assert_eq!(harness.take_values(), [(5, 1), (7, 2), (9, 1)]);
/// # Ok::<(), Error>(())
/// ```
pub trait KeyedBroadcastProcessFunction<K, In, Broadcast, Out>: 'static {
    /// Prepares for the first record: keyed and broadcast state, metrics.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Processes a record of the keyed input under its key.
    ///
    /// # Errors
    /// As the function says; see [`Error`].
    fn process_element(
        &mut self,
        value: In,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// Processes a record of the broadcast input. There is no current key.
    ///
    /// # Errors
    /// As the function says; see [`Error`]. What a record that turns out bad has changed in state
    /// stays changed.
    fn process_broadcast_element(
        &mut self,
        value: Broadcast,
        ctx: &mut BroadcastContext<'_, K>,
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
