//! Timers that are registered more than once, by both clocks, and deleted.

use sandbar_sdk::prelude::*;

use crate::Event;

#[derive(Default)]
struct Timers;

impl KeyedProcessFunction<String, Event, String> for Timers {
    fn process(
        &mut self,
        event: Event,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        for _ in 0..3 {
            ctx.register_event_time_timer(event.at + 10)?;
        }
        if event.value < 0 {
            ctx.delete_event_time_timer(event.at + 10)?;
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(format!("{} {}", ctx.current_key(), timer.timestamp));
        Ok(())
    }
}

pub(crate) fn run(events: &KeyedStream<String, Event>) {
    events.process(Timers).name("timers").sink_to(PrintSink::text());
}
