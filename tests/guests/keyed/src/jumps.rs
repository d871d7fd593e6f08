//! A trigger of the plugin's own: it fires when a price is more than a tenth away from the last.

use sandbar_sdk::prelude::*;
use sandbar_sdk::window::{Trigger, TriggerContext, TriggerResult};

use crate::Event;

struct Jump;

impl<W: Window> Trigger<Event, W> for Jump {
    type State = Option<i64>;

    fn on_element(
        &mut self,
        event: &Event,
        _timestamp: i64,
        _window: &W,
        ctx: &mut TriggerContext<'_, Option<i64>>,
    ) -> Result<TriggerResult> {
        let last = ctx.state().replace(event.value);
        // In whole numbers: by more than a tenth of the last price.
        let jumps = last.is_some_and(|last| (event.value - last).abs() * 10 > last.abs());
        Ok(if jumps { TriggerResult::FireAndPurge } else { TriggerResult::Continue })
    }

    fn clear(&mut self, _window: &W, ctx: &mut TriggerContext<'_, Option<i64>>) -> Result<()> {
        *ctx.state() = None;
        Ok(())
    }
}

/// The prices of each key up to each jump.
pub(crate) fn run(prices: &KeyedStream<String, Event>) {
    let jumps = prices.window(GlobalWindows).trigger(Jump);
    let shown = jumps.apply(|key: &String, _: &GlobalWindow, events: &[Event], out| {
        let values: Vec<i64> = events.iter().map(|event| event.value).collect();
        out.collect(format!("{key} {values:?}"));
    });
    shown.name("jumps").sink_to(PrintSink::text());
}
