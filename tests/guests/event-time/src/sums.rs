//! Sums by key and 100 milliseconds of event time, each told by a timer at its last millisecond.

use sandbar_sdk::prelude::*;

use crate::Event;

/// Length of a sum in milliseconds.
const LENGTH_MS: i64 = 100;

#[derive(Default)]
pub(crate) struct Sums {
    sums: MapState<i64, u64>,
}

impl KeyedProcessFunction<String, Event, String> for Sums {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.sums = ctx.map_state(MapStateDescriptor::new("sums"))?;
        Ok(())
    }

    fn process(
        &mut self,
        event: Event,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let at = ctx.timestamp().ok_or_else(|| Error::fatal("an event without a timestamp"))?;
        let last = at.div_euclid(LENGTH_MS) * LENGTH_MS + LENGTH_MS - 1;
        if last <= ctx.current_watermark() {
            out.collect(format!("late {} {at}", event.key));
            return Ok(());
        }
        ctx.register_event_time_timer(last)?;
        let sum = self.sums.get(&last)?.unwrap_or_default();
        self.sums.put(&last, sum + event.value)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let last = timer.timestamp;
        let sum = self.sums.get(&last)?.unwrap_or_default();
        out.collect(format!("sum {} {} {sum}", ctx.current_key(), last + 1 - LENGTH_MS));
        self.sums.remove(&last)
    }
}
