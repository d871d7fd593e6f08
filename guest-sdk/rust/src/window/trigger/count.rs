//! Fires every so many elements.

use super::{Trigger, TriggerContext, TriggerResult};
use crate::error::Error;

/// Fires when a window has got `count` elements since it fired last; at the end of a window it does
/// not. Source: Flink, `CountTrigger`.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::{CountTrigger, TumblingEventTimeWindows, Windowing};
///
/// // Updates every ten elements within a minute, and nothing at its end.
/// let minutes = TumblingEventTimeWindows::of(Duration::from_secs(60));
/// let updates = Windowing::<u64, _, _>::of(minutes).trigger(CountTrigger::of(10));
/// # let _ = updates;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CountTrigger {
    count: u64,
}

impl CountTrigger {
    /// Makes a trigger that fires every `count` elements, and for every one if that is 0.
    pub const fn of(count: u64) -> CountTrigger {
        CountTrigger { count }
    }
}

impl<T, W> Trigger<T, W> for CountTrigger {
    type State = u64;

    #[inline]
    fn on_element(
        &mut self,
        _element: &T,
        _timestamp: i64,
        _window: &W,
        ctx: &mut TriggerContext<'_, u64>,
    ) -> Result<TriggerResult, Error> {
        *ctx.state() += 1;
        if *ctx.state() >= self.count {
            *ctx.state() = 0;
            return Ok(TriggerResult::Fire);
        }
        Ok(TriggerResult::Continue)
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &mut self,
        _window: &W,
        merged: &[u64],
        ctx: &mut TriggerContext<'_, u64>,
    ) -> Result<(), Error> {
        *ctx.state() += merged.iter().sum::<u64>();
        Ok(())
    }

    fn clear(&mut self, _window: &W, ctx: &mut TriggerContext<'_, u64>) -> Result<(), Error> {
        *ctx.state() = 0;
        Ok(())
    }

    fn is_empty(&self, state: &u64) -> bool {
        *state == 0
    }
}
