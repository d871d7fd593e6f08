//! What happens by the clock: timers and windows by processing time, with the times at which the
//! functions are called.

use std::time::Duration;

use sandbar_sdk::prelude::*;
use serde_json::json;

use crate::Event;
use crate::streams::{print, show};

/// Numbered events, each with the time at which it was made.
pub(crate) fn paced(rate: &str, count: &str) -> Source<Event> {
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    DatagenSource::json(json!({
        "at": { "kind": "now" },
        "key": { "kind": "constant", "value": "k" },
        "value": { "kind": "sequence" },
    }))
    .option("rate", number(rate))
    .option("count", number(count))
}

/// Tells of each event and, so many milliseconds later, once more.
struct Echo {
    ahead_ms: i64,
    /// When to fail, unless the events have just begun.
    fails_at: Option<i64>,
}

impl KeyedProcessFunction<String, Event, String> for Echo {
    fn process(
        &mut self,
        event: Event,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let now_ms = ctx.current_processing_time();
        if self.fails_at == Some(now_ms) && event.value > 0 {
            return Err(Error::fatal("it was asked to fail"));
        }
        ctx.register_processing_time_timer(now_ms + self.ahead_ms)?;
        out.collect(format!("set {} {} {now_ms}", event.value, event.at));
        Ok(())
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let (key, now_ms) = (ctx.current_key(), ctx.current_processing_time());
        out.collect(format!("fired {key} {} {now_ms}", timer.timestamp));
        // At the end of a batch this one is ignored, or the job would never end.
        if timer.timestamp % 7 == 0 {
            ctx.register_processing_time_timer(timer.timestamp + 7000)?;
        }
        Ok(())
    }
}

/// Echoes, and windows of ten seconds and of silence, of three keys that take turns.
pub(crate) fn run(events: &DataStream<Event>, ahead_ms: i64, fails_at: Option<i64>) {
    let events = events.key_by(|event| format!("k{}", event.value % 3));
    print(events.process(Echo { ahead_ms, fails_at }), "echo");
    let ten = TumblingProcessingTimeWindows::of(Duration::from_secs(10));
    print(events.window(ten).apply(show("tumbling")), "tumbling");
    let silence = ProcessingTimeSessionWindows::with_gap(Duration::from_secs(2));
    print(events.window(silence).apply(show("session")), "session");
}
