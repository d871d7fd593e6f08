//! A job written in code over event time. Its arguments: a file of events in JSON, which strategy
//! their timestamps and watermarks follow, and by how many milliseconds they may be out of order.
//! It prints a sum per key and 100 milliseconds, and each event that came too late for its sum.

mod generators;
mod sums;

use std::time::Duration;

use generators::{Periodic, Punctuated};
use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use sums::Sums;

/// One line of the input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    at: i64,
    key: String,
    value: u64,
}

fn argument(args: &[String], position: usize) -> Result<&str> {
    let found = args.get(position).map(String::as_str);
    found.ok_or_else(|| Error::fatal("give a file, a strategy and a bound in milliseconds"))
}

/// The events with the timestamps and watermarks that are asked for.
fn timed(
    env: &mut StreamExecutionEnvironment,
    kind: &str,
    source: Source<Event>,
    bound_ms: u32,
) -> Result<DataStream<Event>> {
    let late = Duration::from_millis(bound_ms.into());
    let bounded = WatermarkStrategy::for_bounded_out_of_orderness(late);
    let assigned = |strategy: WatermarkStrategy<Event>| {
        strategy.with_timestamp_assigner(|event: &Event, _| event.at)
    };
    let strategy = match kind {
        "field" => bounded.with_timestamp_field("/at", TimestampFormat::Milliseconds),
        "assigner" => assigned(bounded),
        "punctuated" => assigned(WatermarkStrategy::for_generator(Punctuated::new(bound_ms))),
        "periodic" => assigned(WatermarkStrategy::for_generator(Periodic::new(bound_ms))),
        "end" => assigned(WatermarkStrategy::no_watermarks()),
        // Timestamps of the source stay, its watermarks do not.
        "behind" => {
            let field = WatermarkStrategy::for_monotonous_timestamps()
                .with_timestamp_field("/at", TimestampFormat::Milliseconds);
            let events = env.from_source_with_watermarks(source, field, "events");
            return Ok(events
                .map(|event: Event| event)
                .assign_timestamps_and_watermarks(bounded)
                .name("behind"));
        }
        other => return Err(Error::fatal(format!("there is no strategy '{other}'"))),
    };
    Ok(env.from_source_with_watermarks(source, strategy, "events"))
}

sandbar_sdk::job! {
    fn event_time(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let source = FileSource::json(argument(args, 0)?).option("split-size", "2 KiB");
        let bound_ms = argument(args, 2)?.parse()?;
        timed(env, argument(args, 1)?, source, bound_ms)?
            .filter(|event| event.value > 0)
            .key_by(|event| event.key.clone())
            .process(Sums::default())
            .name("sums")
            .sink_to(PrintSink::text());
        Ok(())
    }
}
