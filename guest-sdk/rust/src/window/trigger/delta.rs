//! Fires when elements have moved far enough.

use std::marker::PhantomData;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::codec::Data;
use crate::error::Error;

/// Fires when an element is more than `threshold` away from the element that it fired for last, or
/// from the first. Windows with it cannot merge. Source: Flink, `DeltaTrigger`.
///
/// ```
/// use sandbar_sdk::DeltaTrigger;
///
/// let every_50_metres = DeltaTrigger::of(50.0, |before: &f64, after: &f64| after - before);
/// # let _ = every_50_metres;
/// ```
pub struct DeltaTrigger<T, F> {
    threshold: f64,
    delta: F,
    marker: PhantomData<fn(&T)>,
}

impl<T, F: FnMut(&T, &T) -> f64 + 'static> DeltaTrigger<T, F> {
    /// Makes a trigger of the distance from an earlier element to a later one.
    pub fn of(threshold: f64, delta: F) -> DeltaTrigger<T, F> {
        DeltaTrigger { threshold, delta, marker: PhantomData }
    }
}

impl<T, F> std::fmt::Debug for DeltaTrigger<T, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaTrigger").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}

impl<T: Data, W, F: FnMut(&T, &T) -> f64 + 'static> Trigger<T, W> for DeltaTrigger<T, F> {
    type State = Option<T>;

    fn on_element(
        &mut self,
        element: &T,
        _timestamp: i64,
        _window: &W,
        ctx: &mut TriggerContext<'_, Option<T>>,
    ) -> Result<TriggerResult, Error> {
        let Some(last) = ctx.state() else {
            *ctx.state() = Some(element.clone());
            return Ok(TriggerResult::Continue);
        };
        if (self.delta)(last, element) > self.threshold {
            last.clone_from(element);
            return Ok(TriggerResult::Fire);
        }
        Ok(TriggerResult::Continue)
    }

    fn clear(&mut self, _window: &W, ctx: &mut TriggerContext<'_, Option<T>>) -> Result<(), Error> {
        *ctx.state() = None;
        Ok(())
    }

    fn is_empty(&self, state: &Option<T>) -> bool {
        state.is_none()
    }
}
