//! What an element costs in windows, beside a keyed operator that only counts:
//! `cargo bench -p sandbar-sdk --bench windows`. The harness is part of all of them.

use std::io::Write;
use std::time::{Duration, Instant};

use sandbar_sdk::aggregates::CountAggregate;
use sandbar_sdk::prelude::*;
use sandbar_sdk::testing::OperatorHarness;

const RECORDS: u64 = 1_000_000;
const BATCH: u64 = 1000;
const KEYS: u64 = 1000;

/// Keyed state and nothing else, to compare with.
#[derive(Default)]
struct Count(ValueState<u64>);

impl KeyedProcessFunction<u64, u64, u64> for Count {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.0 = ctx.value_state(ValueStateDescriptor::new("count"))?;
        Ok(())
    }

    fn process(
        &mut self,
        _value: u64,
        _ctx: &mut Context<u64>,
        _out: &mut Collector<u64>,
    ) -> Result<()> {
        self.0.modify(|count| *count = Some(count.unwrap_or(0) + 1));
        Ok(())
    }
}

/// Pushes records, a millisecond of event time for every ten, with a watermark behind each batch.
fn cost(name: &str, function: impl KeyedProcessFunction<u64, u64, u64>) -> String {
    let mut harness =
        OperatorHarness::keyed_process(function, |value: &u64| value % KEYS).expect("it opens");
    let (mut pushing, mut firing, mut results) = (Duration::ZERO, Duration::ZERO, 0);
    for batch in 0..RECORDS / BATCH {
        let records: Vec<(u64, i64)> =
            (batch * BATCH..(batch + 1) * BATCH).map(|n| (n, (n / 10) as i64)).collect();
        let start = Instant::now();
        harness.push_batch(records).expect("it takes records");
        pushing += start.elapsed();
        let pushed = Instant::now();
        harness.watermark((batch * BATCH / 10) as i64).expect("it takes a watermark");
        firing += pushed.elapsed();
        results += harness.take_values().len();
    }
    let each = |time: Duration| time.as_nanos() as u64 / RECORDS;
    format!(
        "{name}: {} ns a record, {} ns a record for {results} results",
        each(pushing),
        each(firing)
    )
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let sliding = |size: u64, slide: u64| {
        let (size, slide) = (Duration::from_millis(size), Duration::from_millis(slide));
        Windowing::of(SlidingEventTimeWindows::of(size, slide))
    };
    let count = CountAggregate::<u64>::default;
    let tumbling = TumblingEventTimeWindows::of(Duration::from_secs(10));
    writeln!(out, "{}", cost("no windows", Count::default()))?;
    writeln!(out, "{}", cost("tumbling", Windowing::of(tumbling).aggregate(count())))?;
    for windows in [1, 10, 100] {
        let slide = 10_000 / windows;
        let panes = sliding(10_000, slide).aggregate(count());
        writeln!(out, "{}", cost(&format!("{windows} windows of panes"), panes))?;
        let plain = sliding(10_000, slide).without_panes().aggregate(count());
        writeln!(out, "{}", cost(&format!("{windows} windows"), plain))?;
    }
    let sessions = EventTimeSessionWindows::with_gap(Duration::from_millis(150));
    writeln!(out, "{}", cost("session", Windowing::of(sessions).aggregate(count())))?;
    Ok(())
}
