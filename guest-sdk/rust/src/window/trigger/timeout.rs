//! Fires when another trigger does, and by the clock if that takes too long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Trigger, TriggerContext, TriggerResult};
use crate::error::Error;
use crate::window::assigner::millis;

/// Fires when another trigger fires, and a time of the clock after the first element if it has not.
/// Windows with it cannot merge. Source: Flink, `ProcessingTimeoutTrigger`.
///
/// It also fires whenever a timer of the other trigger comes due, and at the end of the window, as
/// Flink's does.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::prelude::*;
/// use sandbar_sdk::ProcessingTimeoutTrigger;
///
/// // Batches of a thousand, or of what has come within five seconds.
/// let thousand = PurgingTrigger::of(CountTrigger::of(1000));
/// let trigger = ProcessingTimeoutTrigger::of(thousand, Duration::from_secs(5));
/// let batches = Windowing::<u64, _, _>::of(GlobalWindows).trigger(trigger);
/// # let _ = batches;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ProcessingTimeoutTrigger<Tr> {
    nested: Tr,
    timeout: i64,
    resets_timer: bool,
    clears: bool,
}

/// What a [`ProcessingTimeoutTrigger`] remembers of a window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Timeout<S> {
    /// When it fires by the clock.
    at: Option<i64>,
    nested: S,
}

impl<Tr> ProcessingTimeoutTrigger<Tr> {
    /// Wraps a trigger. The timeout begins with the first element, and clears the window's
    /// triggers.
    pub fn of(nested: Tr, timeout: Duration) -> ProcessingTimeoutTrigger<Tr> {
        let timeout = millis(timeout);
        ProcessingTimeoutTrigger { nested, timeout, resets_timer: false, clears: true }
    }

    /// Whether the timeout begins anew with each element.
    #[must_use]
    pub fn reset_timer_on_new_record(mut self, resets: bool) -> ProcessingTimeoutTrigger<Tr> {
        self.resets_timer = resets;
        self
    }

    /// Whether the other trigger forgets what it knows when the timeout is over, and a new timeout
    /// begins with the next element. If not, there is none until the other trigger has fired.
    #[must_use]
    pub fn clear_on_timeout(mut self, clears: bool) -> ProcessingTimeoutTrigger<Tr> {
        self.clears = clears;
        self
    }

    /// What a timer that has come due leads to.
    fn on_due<T, W>(
        &mut self,
        result: TriggerResult,
        window: &W,
        ctx: &mut TriggerContext<'_, Timeout<Tr::State>>,
    ) -> Result<TriggerResult, Error>
    where
        Tr: Trigger<T, W>,
    {
        if self.clears {
            self.clear(window, ctx)?;
        }
        Ok(if result.is_purge() { TriggerResult::FireAndPurge } else { TriggerResult::Fire })
    }
}

/// The context as the other trigger sees it.
fn nested<'a, S>(ctx: &'a mut TriggerContext<'_, Timeout<S>>) -> TriggerContext<'a, S> {
    TriggerContext {
        state: &mut ctx.state.nested,
        times: ctx.times,
        earliest: ctx.earliest,
        instance: ctx.instance,
    }
}

impl<T, W, Tr: Trigger<T, W>> Trigger<T, W> for ProcessingTimeoutTrigger<Tr> {
    type State = Timeout<Tr::State>;

    fn on_element(
        &mut self,
        element: &T,
        timestamp: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<TriggerResult, Error> {
        let result = self.nested.on_element(element, timestamp, window, &mut nested(ctx))?;
        if result.is_fire() {
            self.clear(window, ctx)?;
            return Ok(result);
        }
        if self.resets_timer
            && let Some(at) = ctx.state().at.take()
        {
            ctx.delete_processing_time_timer(at);
        }
        if ctx.state().at.is_none() {
            let at = ctx.current_processing_time().saturating_add(self.timeout);
            ctx.state().at = Some(at);
            ctx.register_processing_time_timer(at);
        }
        Ok(result)
    }

    fn on_event_time(
        &mut self,
        time: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<TriggerResult, Error> {
        let result = self.nested.on_event_time(time, window, &mut nested(ctx))?;
        self.on_due(result, window, ctx)
    }

    fn on_processing_time(
        &mut self,
        time: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<TriggerResult, Error> {
        let result = self.nested.on_processing_time(time, window, &mut nested(ctx))?;
        self.on_due(result, window, ctx)
    }

    fn clear(
        &mut self,
        window: &W,
        ctx: &mut TriggerContext<'_, Self::State>,
    ) -> Result<(), Error> {
        if let Some(at) = ctx.state().at.take() {
            ctx.delete_processing_time_timer(at);
        }
        self.nested.clear(window, &mut nested(ctx))
    }

    fn is_empty(&self, state: &Self::State) -> bool {
        state.at.is_none() && self.nested.is_empty(&state.nested)
    }
}
