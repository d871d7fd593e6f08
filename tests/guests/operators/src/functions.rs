//! The process functions: side outputs, refused records, state that ends with the input.

use std::time::Duration;

use sandbar_sdk::prelude::*;
use serde::Deserialize;

/// The watermark of a stream that has ended reaches this timer.
const END_OF_TIME: i64 = i64::MAX;

/// Lines of an odd number of bytes.
pub(crate) const ODD: OutputTag<String> = OutputTag::new("odd");

pub(crate) struct Parity;

impl ProcessFunction<String, String> for Parity {
    fn process(
        &mut self,
        line: String,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        match line.len() % 2 {
            0 => out.collect(line),
            _ => ctx.output(&ODD, line),
        }
        Ok(())
    }
}

/// Config of `refuse`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefuseConfig {
    containing: String,
}

pub(crate) struct Refuse {
    containing: String,
}

impl Refuse {
    pub(crate) fn new(config: RefuseConfig) -> Refuse {
        Refuse { containing: config.containing }
    }
}

impl ProcessFunction<String, String> for Refuse {
    fn process(
        &mut self,
        line: String,
        _ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        // What a refused record has emitted is undone, so it may emit before it is refused.
        let refused = line.contains(&self.containing);
        out.collect(line);
        match refused {
            true => Err(Error::bad_record(format!("it holds '{}'", self.containing))),
            false => Ok(()),
        }
    }
}

#[derive(Default)]
pub(crate) struct Share {
    records: u64,
}

impl ProcessFunction<String, String> for Share {
    fn process(
        &mut self,
        _line: String,
        _ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.records += 1;
        Ok(())
    }

    fn finish(&mut self, ctx: &mut Context<Unkeyed>, out: &mut Collector<String>) -> Result<()> {
        let subtask = ctx.runtime().subtask();
        let (number, parallelism) = (subtask.index + 1, subtask.parallelism);
        out.collect(format!("{number}/{parallelism} got {}", self.records));
        Ok(())
    }
}

pub(crate) struct Merge;

impl TwoInputProcessFunction<String, String, String> for Merge {
    fn process_first(
        &mut self,
        line: String,
        _ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(format!("first {line}"));
        Ok(())
    }

    fn process_second(
        &mut self,
        line: String,
        _ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(format!("second {line}"));
        Ok(())
    }
}

#[derive(Default)]
pub(crate) struct KeyedMerge {
    counts: ValueState<(u64, u64)>,
}

impl KeyedMerge {
    fn add(&self, ctx: &Context<String>, first: u64, second: u64) -> Result<()> {
        let before = self.counts.value();
        if before.is_none() {
            ctx.register_event_time_timer(END_OF_TIME)?;
        }
        let before = before.unwrap_or_default();
        self.counts.update((before.0 + first, before.1 + second));
        Ok(())
    }
}

impl KeyedTwoInputProcessFunction<String, String, String, String> for KeyedMerge {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.counts = ctx.value_state(ValueStateDescriptor::new("counts"))?;
        Ok(())
    }

    fn process_first(
        &mut self,
        _line: String,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.add(ctx, 1, 0)
    }

    fn process_second(
        &mut self,
        _line: String,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.add(ctx, 0, 1)
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let (first, second) = self.counts.value().unwrap_or_default();
        out.collect(format!("{}: {first} and {second}", ctx.current_key()));
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RecentConfig {
    ttl_ms: u64,
}

pub(crate) struct Recent {
    ttl: StateTtlConfig,
    count: ValueState<u64>,
    seen: MapState<u32, Option<String>>,
}

impl Recent {
    pub(crate) fn new(config: &RecentConfig) -> Recent {
        Recent {
            ttl: StateTtlConfig::new(Duration::from_millis(config.ttl_ms)),
            count: ValueState::default(),
            seen: MapState::default(),
        }
    }
}

impl KeyedProcessFunction<String, String, String> for Recent {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        let count = ValueStateDescriptor::new("count").enable_time_to_live(self.ttl);
        self.count = ctx.value_state(count)?;
        self.seen = ctx.map_state(MapStateDescriptor::new("seen").enable_time_to_live(self.ttl))?;
        Ok(())
    }

    fn process(
        &mut self,
        line: String,
        _ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let count = self.count.value().unwrap_or(0) + 1;
        self.count.update(count);
        self.seen.put(&(line.len() as u32), Some(line.clone()))?;
        out.collect(format!("{line}\t{count}"));
        Ok(())
    }
}
