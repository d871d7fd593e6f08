//! Triggers that fire at the end of a window, and the one that never does.

use super::{Trigger, TriggerContext, TriggerResult};
use crate::error::Error;
use crate::window::time_window::Window;

/// Fires when the watermark passes the end of the window, and for each late element behind it.
/// The default of windows by event time. Source: Flink, `EventTimeTrigger`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventTimeTrigger;

/// Fires when the clock passes the end of the window. The default of windows by processing time.
/// Source: Flink, `ProcessingTimeTrigger`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessingTimeTrigger;

/// Never fires. The default of the global window. Source: Flink, `GlobalWindows.NeverTrigger`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverTrigger;

impl<T, W: Window> Trigger<T, W> for EventTimeTrigger {
    type State = ();

    #[inline]
    fn on_element(
        &mut self,
        _element: &T,
        _timestamp: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<TriggerResult, Error> {
        if window.max_timestamp() <= ctx.current_watermark() {
            return Ok(TriggerResult::Fire);
        }
        ctx.register_event_time_timer(window.max_timestamp());
        Ok(TriggerResult::Continue)
    }

    fn on_event_time(
        &mut self,
        time: i64,
        window: &W,
        _ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<TriggerResult, Error> {
        let fires = time == window.max_timestamp();
        Ok(if fires { TriggerResult::Fire } else { TriggerResult::Continue })
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &mut self,
        window: &W,
        _merged: &[()],
        ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<(), Error> {
        // An element of a window whose end has passed fires it at once.
        if window.max_timestamp() > ctx.current_watermark() {
            ctx.register_event_time_timer(window.max_timestamp());
        }
        Ok(())
    }

    fn clear(&mut self, window: &W, ctx: &mut TriggerContext<'_, ()>) -> Result<(), Error> {
        ctx.delete_event_time_timer(window.max_timestamp());
        Ok(())
    }
}

impl<T, W: Window> Trigger<T, W> for ProcessingTimeTrigger {
    type State = ();

    #[inline]
    fn on_element(
        &mut self,
        _element: &T,
        _timestamp: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<TriggerResult, Error> {
        ctx.register_processing_time_timer(window.max_timestamp());
        Ok(TriggerResult::Continue)
    }

    fn on_processing_time(
        &mut self,
        _time: i64,
        _window: &W,
        _ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<TriggerResult, Error> {
        Ok(TriggerResult::Fire)
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &mut self,
        window: &W,
        _merged: &[()],
        ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<(), Error> {
        if window.max_timestamp() > ctx.current_processing_time() {
            ctx.register_processing_time_timer(window.max_timestamp());
        }
        Ok(())
    }

    fn clear(&mut self, window: &W, ctx: &mut TriggerContext<'_, ()>) -> Result<(), Error> {
        ctx.delete_processing_time_timer(window.max_timestamp());
        Ok(())
    }
}

impl<T, W> Trigger<T, W> for NeverTrigger {
    type State = ();

    fn on_element(
        &mut self,
        _element: &T,
        _timestamp: i64,
        _window: &W,
        _ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<TriggerResult, Error> {
        Ok(TriggerResult::Continue)
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &mut self,
        _window: &W,
        _merged: &[()],
        _ctx: &mut TriggerContext<'_, ()>,
    ) -> Result<(), Error> {
        Ok(())
    }

    fn clear(&mut self, _window: &W, _ctx: &mut TriggerContext<'_, ()>) -> Result<(), Error> {
        Ok(())
    }
}
