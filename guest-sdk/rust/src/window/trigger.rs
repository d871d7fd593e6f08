//! When a window's result is emitted, and when its elements are dropped.

mod continuous;
mod count;
mod delta;
mod purging;
mod time;
mod timeout;

pub use continuous::{ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger};
pub use count::CountTrigger;
pub use delta::DeltaTrigger;
pub use purging::PurgingTrigger;
pub use time::{EventTimeTrigger, NeverTrigger, ProcessingTimeTrigger};
pub use timeout::{ProcessingTimeoutTrigger, Timeout};

use super::due::{DueTimes, Earliest};
use crate::chain::instance::InstanceContext;
use crate::codec::Data;
use crate::error::Error;
use crate::timers::TimeDomain;

/// What a trigger decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerResult {
    /// Nothing.
    Continue,
    /// Emit the result and keep the elements.
    Fire,
    /// Drop the elements.
    Purge,
    /// Emit the result and drop the elements.
    FireAndPurge,
}

impl TriggerResult {
    /// Whether the result is emitted.
    #[inline]
    pub fn is_fire(self) -> bool {
        matches!(self, TriggerResult::Fire | TriggerResult::FireAndPurge)
    }

    /// Whether the elements are dropped.
    #[inline]
    pub fn is_purge(self) -> bool {
        matches!(self, TriggerResult::Purge | TriggerResult::FireAndPurge)
    }
}

/// Decides for each window of each key when to emit. Source: Flink, `Trigger`.
///
/// The windows of an assigner have a default trigger; setting one replaces it.
///
/// ```
/// use sandbar_sdk::prelude::*;
/// use sandbar_sdk::{Trigger, TriggerContext, TriggerResult};
///
/// /// Fires when a price is a tenth higher or lower than the last.
/// struct Jump;
///
/// impl<W: Window> Trigger<f64, W> for Jump {
///     type State = Option<f64>;
///
///     fn on_element(
///         &mut self,
///         price: &f64,
///         _timestamp: i64,
///         _window: &W,
///         ctx: &mut TriggerContext<'_, Option<f64>>,
///     ) -> Result<TriggerResult> {
///         let jumps = ctx.state().is_some_and(|last| (price / last - 1.0).abs() > 0.1);
///         *ctx.state() = Some(*price);
///         Ok(if jumps { TriggerResult::Fire } else { TriggerResult::Continue })
///     }
///
///     fn clear(&mut self, _window: &W, ctx: &mut TriggerContext<'_, Option<f64>>) -> Result<()> {
///         *ctx.state() = None;
///         Ok(())
///     }
/// }
/// ```
pub trait Trigger<T, W>: 'static {
    /// What the trigger remembers of a window; `()` for nothing.
    type State: Data + Default;

    /// An element was added to a window.
    ///
    /// # Errors
    /// As [`crate::KeyedProcessFunction::process`].
    fn on_element(
        &mut self,
        element: &T,
        timestamp: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<TriggerResult, Error>;

    /// An event time timer of a window has come due, or the cleanup of the window has.
    ///
    /// # Errors
    /// Any error fails the task.
    fn on_event_time(
        &mut self,
        _time: i64,
        _window: &W,
        _ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<TriggerResult, Error> {
        Ok(TriggerResult::Continue)
    }

    /// A processing time timer of a window has come due, or the cleanup of the window has.
    ///
    /// # Errors
    /// Any error fails the task.
    fn on_processing_time(
        &mut self,
        _time: i64,
        _window: &W,
        _ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<TriggerResult, Error> {
        Ok(TriggerResult::Continue)
    }

    /// Whether [`Trigger::on_merge`] is there, without which windows cannot merge.
    fn can_merge(&self) -> bool {
        false
    }

    /// Windows have merged into `window`, whose state is empty; `merged` are the states of those
    /// windows. Timers of theirs are gone.
    ///
    /// # Errors
    /// Any error fails the task.
    fn on_merge(
        &mut self,
        _window: &W,
        _merged: &[Self::State],
        _ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<(), Error> {
        Err(Error::fatal("windows have merged whose trigger cannot merge"))
    }

    /// A window is gone: deletes its timers and empties its state.
    ///
    /// # Errors
    /// Any error fails the task.
    fn clear(&mut self, window: &W, ctx: &mut TriggerContext<'_, Self::State>)
    -> Result<(), Error>;

    /// Whether this state is as good as none, so that a window without elements and timers may be
    /// forgotten. True for states without size.
    fn is_empty(&self, _state: &Self::State) -> bool {
        size_of::<Self::State>() == 0
    }
}

/// What a trigger sees of a window and can do for it.
pub struct TriggerContext<'a, S> {
    pub(crate) state: &'a mut S,
    pub(crate) times: &'a mut DueTimes,
    pub(crate) earliest: &'a mut Earliest,
    pub(crate) instance: &'a InstanceContext,
}

impl<S> TriggerContext<'_, S> {
    /// What the trigger remembers of the window, under the current key.
    #[inline]
    pub fn state(&mut self) -> &mut S {
        self.state
    }

    /// As [`crate::Context::current_watermark`].
    #[inline]
    pub fn current_watermark(&self) -> i64 {
        self.instance.watermark.get()
    }

    /// As [`crate::Context::current_processing_time`].
    #[inline]
    pub fn current_processing_time(&self) -> i64 {
        self.instance.processing_time()
    }

    /// Has [`Trigger::on_event_time`] called when the watermark reaches `time`.
    #[inline]
    pub fn register_event_time_timer(&mut self, time: i64) {
        self.times.register(TimeDomain::EventTime, time, self.earliest);
    }

    /// Has [`Trigger::on_processing_time`] called when the clock is past `time`.
    #[inline]
    pub fn register_processing_time_timer(&mut self, time: i64) {
        self.times.register(TimeDomain::ProcessingTime, time, self.earliest);
    }

    /// Deletes an event time timer of the window, if it is there.
    pub fn delete_event_time_timer(&mut self, time: i64) {
        self.times.delete(TimeDomain::EventTime, time);
    }

    /// Deletes a processing time timer of the window, if it is there.
    pub fn delete_processing_time_timer(&mut self, time: i64) {
        self.times.delete(TimeDomain::ProcessingTime, time);
    }
}

impl<S> std::fmt::Debug for TriggerContext<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TriggerContext").field("times", &self.times).finish_non_exhaustive()
    }
}
