//! Aggregations of events of which most have one key, in one phase or in two.

use std::time::Duration;

use sandbar_sdk::aggregates::CountAggregate;
use sandbar_sdk::prelude::*;
use sandbar_sdk::{ProcessWindowFunction, WindowContext};
use serde::{Deserialize, Serialize};

/// One line of the input.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Event {
    at: i64,
    key: String,
    value: u64,
}

/// The count of a window, with what it is of.
struct Show;

impl ProcessWindowFunction<String, u64, String, TimeWindow> for Show {
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, String, TimeWindow, ()>,
        counts: &[u64],
        out: &mut Collector<String>,
    ) -> Result<()> {
        let TimeWindow { start, end } = *ctx.window();
        out.collect(format!("{} {start}..{end}: {}", ctx.current_key(), counts[0]));
        Ok(())
    }
}

fn windows<A: sandbar_sdk::WindowAssigner<Event>>(
    events: &KeyedStream<String, Event>,
    assigner: A,
    settings: Option<TwoPhase>,
) -> WindowedStream<String, Event, A, A::OwnTrigger> {
    let windows = events.window(assigner);
    match settings {
        Some(settings) => windows.two_phase(settings),
        None => windows,
    }
}

pub(super) fn define(env: &mut StreamExecutionEnvironment, path: &str, mode: &str) -> Result<()> {
    let settings = match mode {
        "one" => None,
        "two" => Some(TwoPhase::new()),
        "small" => Some(TwoPhase::new().keys_max(3)),
        "salted" => Some(TwoPhase::new().keys_max(3).salt(3)),
        other => return Err(Error::fatal(format!("there is no mode '{other}'"))),
    };
    let late = Duration::from_millis(50);
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(late)
        .with_timestamp_field("/at", TimestampFormat::Milliseconds);
    let source = FileSource::json(path).option("split-size", "8 KiB");
    let events = env.from_source_with_watermarks(source, strategy, "events");
    let events = events.filter(|event: &Event| event.value > 0).name("events");
    let keyed = events.key_by(|event: &Event| event.key.clone());
    let of = Duration::from_millis;
    windows(&keyed, TumblingEventTimeWindows::of(of(500)), settings)
        .aggregate_with(CountAggregate::default(), Show)
        .name("tumbling")
        .sink_to(PrintSink::text());
    windows(&keyed, SlidingEventTimeWindows::of(of(500), of(200)), settings)
        .aggregate_with(CountAggregate::default(), Show)
        .name("sliding")
        .sink_to(PrintSink::text());
    let sums = match settings {
        Some(settings) => keyed.two_phase(settings).sum(|event: &Event| event.value),
        None => keyed.sum(|event: &Event| event.value),
    };
    sums.name("sums").map(|sum| format!("sum {sum}")).sink_to(PrintSink::text());
    Ok(())
}
