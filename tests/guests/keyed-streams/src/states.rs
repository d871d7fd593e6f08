//! Windows and joins over lines `user,number` of a socket, keyed by a pair, whose state somebody
//! asks for while the job runs.

use std::time::Duration;

use sandbar_sdk::aggregates::CountAggregate;
use sandbar_sdk::join::JoinType;
use sandbar_sdk::prelude::*;

type Key = (u32, String);
type Row = (String, u32);

fn key(row: &Row) -> Key {
    (row.1, row.0.clone())
}

fn parse(line: String) -> Result<Row> {
    let (user, number) = line.split_once(',').ok_or_else(|| Error::bad_record("no comma"))?;
    Ok((user.to_owned(), number.parse()?))
}

pub(super) fn define(env: &mut StreamExecutionEnvironment, port: &str) -> Result<()> {
    let port: u16 = port.parse()?;
    let lines = env.from_source(SocketSource::text("127.0.0.1", port), "lines");
    let late = WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_secs(3600))
        .with_timestamp_assigner(|_: &Row, _| 1000);
    let rows = lines.try_map(parse).assign_timestamps_and_watermarks(late).name("rows");
    let keyed = rows.key_by(key);
    let minute = || TumblingEventTimeWindows::of(Duration::from_secs(60));
    let sliding = SlidingEventTimeWindows::of(Duration::from_secs(60), Duration::from_secs(20));
    keyed
        .window(minute())
        .aggregate(CountAggregate::default())
        .name("tumbling")
        .sink_to(DiscardSink::json());
    keyed
        .window(sliding)
        .aggregate(CountAggregate::default())
        .name("sliding")
        .sink_to(DiscardSink::json());
    keyed
        .window(minute())
        .two_phase(TwoPhase::new().keys_max(1))
        .aggregate(CountAggregate::default())
        .name("two-phase")
        .sink_to(DiscardSink::json());
    let both = |left: &Row, right: &Row| format!("{} {}", left.0, right.0);
    keyed
        .interval_join(&keyed)
        .between(-1000, 1000)
        .apply(move |left, right| both(left, right))
        .name("interval")
        .sink_to(DiscardSink::text());
    keyed.regular_join(&keyed, JoinType::Inner).rows().map(|_| 1u8).sink_to(DiscardSink::json());
    keyed
        .temporal_join(&keyed)
        .apply(move |left, right| both(left, right))
        .name("temporal")
        .sink_to(DiscardSink::text());
    keyed
        .window_join(&keyed, minute())
        .apply(move |left, right| both(left, right))
        .name("window join")
        .sink_to(DiscardSink::text());
    Ok(())
}
