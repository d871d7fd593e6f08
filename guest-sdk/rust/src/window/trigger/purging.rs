//! Drops the elements whenever another trigger fires.

use super::{Trigger, TriggerContext, TriggerResult};
use crate::error::Error;

/// Fires when another trigger does, and drops the elements of the window then. Source: Flink,
/// `PurgingTrigger`.
///
/// ```
/// use sandbar_sdk::{CountTrigger, PurgingTrigger};
///
/// let every_hundred = PurgingTrigger::of(CountTrigger::of(100));
/// # let _ = every_hundred;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PurgingTrigger<Tr>(Tr);

impl<Tr> PurgingTrigger<Tr> {
    /// Wraps a trigger.
    pub const fn of(trigger: Tr) -> PurgingTrigger<Tr> {
        PurgingTrigger(trigger)
    }
}

fn purging(result: TriggerResult) -> TriggerResult {
    if result.is_fire() { TriggerResult::FireAndPurge } else { result }
}

impl<T, W, Tr: Trigger<T, W>> Trigger<T, W> for PurgingTrigger<Tr> {
    type State = Tr::State;

    #[inline]
    fn on_element(
        &mut self,
        element: &T,
        timestamp: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Tr::State>,
    ) -> Result<TriggerResult, Error> {
        self.0.on_element(element, timestamp, window, ctx).map(purging)
    }

    fn on_event_time(
        &mut self,
        time: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Tr::State>,
    ) -> Result<TriggerResult, Error> {
        self.0.on_event_time(time, window, ctx).map(purging)
    }

    fn on_processing_time(
        &mut self,
        time: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Tr::State>,
    ) -> Result<TriggerResult, Error> {
        self.0.on_processing_time(time, window, ctx).map(purging)
    }

    fn can_merge(&self) -> bool {
        self.0.can_merge()
    }

    fn on_merge(
        &mut self,
        window: &W,
        merged: &[Tr::State],
        ctx: &mut TriggerContext<'_, Tr::State>,
    ) -> Result<(), Error> {
        self.0.on_merge(window, merged, ctx)
    }

    fn clear(&mut self, window: &W, ctx: &mut TriggerContext<'_, Tr::State>) -> Result<(), Error> {
        self.0.clear(window, ctx)
    }

    fn is_empty(&self, state: &Tr::State) -> bool {
        self.0.is_empty(state)
    }
}
