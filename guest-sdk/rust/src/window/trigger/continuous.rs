//! Triggers that fire at intervals within a window.

use std::time::Duration;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::error::Error;
use crate::window::assigner::millis;
use crate::window::time_window::Window;

/// Fires whenever the watermark passes another multiple of an interval, and at the end of the
/// window. Source: Flink, `ContinuousEventTimeTrigger`; that one fires the global window for ever
/// when the input has ended, this one once.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::{ContinuousEventTimeTrigger, TumblingEventTimeWindows, Windowing};
///
/// // The day so far, every hour.
/// let days = TumblingEventTimeWindows::of(Duration::from_secs(86_400));
/// let hourly = ContinuousEventTimeTrigger::of(Duration::from_secs(3600));
/// let so_far = Windowing::<u64, _, _>::of(days).trigger(hourly);
/// # let _ = so_far;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ContinuousEventTimeTrigger {
    interval: i64,
}

/// Fires whenever the clock passes another multiple of an interval, up to the end of the window.
/// Source: Flink, `ContinuousProcessingTimeTrigger`.
#[derive(Clone, Copy, Debug)]
pub struct ContinuousProcessingTimeTrigger {
    interval: i64,
}

impl ContinuousEventTimeTrigger {
    /// Makes a trigger of an interval of at least 1 ms.
    pub fn of(interval: Duration) -> ContinuousEventTimeTrigger {
        ContinuousEventTimeTrigger { interval: millis(interval).max(1) }
    }
}

impl ContinuousProcessingTimeTrigger {
    /// Makes a trigger of an interval of at least 1 ms.
    pub fn of(interval: Duration) -> ContinuousProcessingTimeTrigger {
        ContinuousProcessingTimeTrigger { interval: millis(interval).max(1) }
    }
}

/// The next time to fire after `time`, at the latest the end of the window.
fn next<W: Window>(time: i64, interval: i64, window: &W) -> i64 {
    time.saturating_add(interval).min(window.max_timestamp())
}

impl<T, W: Window> Trigger<T, W> for ContinuousEventTimeTrigger {
    /// When it fires next.
    type State = Option<i64>;

    fn on_element(
        &mut self,
        _element: &T,
        timestamp: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<TriggerResult, Error> {
        if window.max_timestamp() <= ctx.current_watermark() {
            return Ok(TriggerResult::Fire);
        }
        ctx.register_event_time_timer(window.max_timestamp());
        if ctx.state().is_none() {
            let at = next(timestamp - timestamp % self.interval, self.interval, window);
            *ctx.state() = Some(at);
            ctx.register_event_time_timer(at);
        }
        Ok(TriggerResult::Continue)
    }

    fn on_event_time(
        &mut self,
        time: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<TriggerResult, Error> {
        if time == window.max_timestamp() {
            return Ok(TriggerResult::Fire);
        }
        if *ctx.state() != Some(time) {
            return Ok(TriggerResult::Continue);
        }
        let has_ended = ctx.current_watermark() == i64::MAX && window.max_timestamp() == i64::MAX;
        let at = if has_ended { i64::MAX } else { next(time, self.interval, window) };
        *ctx.state() = Some(at);
        ctx.register_event_time_timer(at);
        Ok(TriggerResult::Fire)
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &mut self,
        _window: &W,
        merged: &[Option<i64>],
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<(), Error> {
        *ctx.state() = merged.iter().flatten().min().copied();
        if let Some(at) = *ctx.state() {
            ctx.register_event_time_timer(at);
        }
        Ok(())
    }

    fn clear(
        &mut self,
        _window: &W,
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<(), Error> {
        if let Some(at) = ctx.state().take() {
            ctx.delete_event_time_timer(at);
        }
        Ok(())
    }

    fn is_empty(&self, state: &Option<i64>) -> bool {
        state.is_none()
    }
}

impl<T, W: Window> Trigger<T, W> for ContinuousProcessingTimeTrigger {
    /// When it fires next.
    type State = Option<i64>;

    fn on_element(
        &mut self,
        _element: &T,
        _timestamp: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<TriggerResult, Error> {
        if ctx.state().is_none() {
            let now = ctx.current_processing_time();
            let at = next(now - now % self.interval, self.interval, window);
            *ctx.state() = Some(at);
            ctx.register_processing_time_timer(at);
        }
        Ok(TriggerResult::Continue)
    }

    fn on_processing_time(
        &mut self,
        time: i64,
        window: &W,
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<TriggerResult, Error> {
        if *ctx.state() != Some(time) {
            return Ok(TriggerResult::Continue);
        }
        // Behind the end there is nothing to wait for.
        let at = next(time, self.interval, window);
        *ctx.state() = Some(at);
        if at > time {
            ctx.register_processing_time_timer(at);
        }
        Ok(TriggerResult::Fire)
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &mut self,
        _window: &W,
        merged: &[Option<i64>],
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<(), Error> {
        *ctx.state() = merged.iter().flatten().min().copied();
        if let Some(at) = *ctx.state() {
            ctx.register_processing_time_timer(at);
        }
        Ok(())
    }

    fn clear(
        &mut self,
        _window: &W,
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<(), Error> {
        if let Some(at) = ctx.state().take() {
            ctx.delete_processing_time_timer(at);
        }
        Ok(())
    }

    fn is_empty(&self, state: &Option<i64>) -> bool {
        state.is_none()
    }
}
