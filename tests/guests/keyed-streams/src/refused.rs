//! Sums by a key that some records do not have: what the key selector refuses is a dead letter of
//! the aggregation behind it.

use sandbar_sdk::aggregates::CountAggregate;
use sandbar_sdk::prelude::*;

pub(super) fn define(env: &mut StreamExecutionEnvironment, path: &str) -> Result<()> {
    let keyed = env
        .from_source::<(String, u64)>(FileSource::json(path), "pairs")
        .key_by(|(key, _)| key.clone());
    let sums = keyed.sum(|(_, number)| *number).name("sums").on_error(ErrorPolicy::DeadLetter);
    sums.dead_letters()
        .map(|letter| format!("{} refused {}", letter.operator, letter.value.unwrap_or_default()))
        .sink_to(PrintSink::text());
    sums.map(|sum| format!("sum {sum}")).sink_to(PrintSink::text());
    keyed
        .count_window(2)
        .aggregate_apply(CountAggregate::default(), |key, _, count, out| {
            out.collect(format!("{count} of {key}"));
        })
        .name("counts")
        .on_error(ErrorPolicy::Skip)
        .sink_to(PrintSink::text());
    Ok(())
}
