//! Counts by key, emitted once: when the input has ended.

use sandbar_sdk::prelude::*;

/// The watermark of a stream that has ended reaches this timer.
const END_OF_TIME: i64 = i64::MAX;

/// Counts records by key.
#[derive(Default)]
pub(crate) struct Count {
    count: ValueState<u64>,
}

impl KeyedProcessFunction<String, String, String> for Count {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.count = ctx.value_state(ValueStateDescriptor::new("count"))?;
        Ok(())
    }

    fn process(
        &mut self,
        _record: String,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        let before = self.count.value().unwrap_or(0);
        if before == 0 {
            ctx.register_event_time_timer(END_OF_TIME)?;
        }
        self.count.update(before + 1);
        Ok(())
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(format!("{}\t{}", ctx.current_key(), self.count.value().unwrap_or(0)));
        Ok(())
    }
}
