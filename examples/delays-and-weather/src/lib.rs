//! Delays and weather: joins each departure with the airport's last report of the weather in the
//! hour before, and tells by day how late flights departed in good visibility and in poor.
//!
//! Arguments: the path of the flights, and the path of the reports.

mod inputs;
mod totals;

use std::time::Duration;

use inputs::{Departure, Flight, Report};
use sandbar_sdk::prelude::*;
use totals::{Mean, PerDay, Visibility};

const HOUR_MS: i64 = 3_600_000;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Midnight in New York in summer, in UTC.
const MIDNIGHT_MS: i64 = 4 * HOUR_MS;
/// The flights of a day are sorted by the hour on the clock at which they departed: one that was
/// to depart at 23:00 and did at 0:30 is the first of its day, a day before its time.
const MAX_OUT_OF_ORDERNESS: Duration = Duration::from_secs(24 * 3600);

sandbar_sdk::job! {
    fn delays_and_weather(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let [flights, reports] = args else {
            return Err(Error::fatal("give the path of the flights and that of the reports"));
        };
        let departures = departures(env, flights);
        let reports = env.from_source_with_watermarks(
            FileSource::csv::<Report>(reports),
            WatermarkStrategy::for_monotonous_timestamps()
                .with_timestamp_field("/time_hour", TimestampFormat::Rfc3339),
            "reports",
        );

        departures
            .key_by(|departure| departure.airport.clone())
            .interval_join(&reports.key_by(|report| report.origin.clone()))
            // Reports are made on the hour, so that one of (t - 1 h, t] is the last before t.
            .between(-HOUR_MS, 0)
            .lower_bound_exclusive()
            .apply_left_outer(Visibility::of)
            .name("with weather")
            .uid("with-weather")
            .key_by(|(airport, visibility, _)| (airport.clone(), *visibility))
            .window(TumblingEventTimeWindows::of(DAY).offset(MIDNIGHT_MS))
            .aggregate_with(Mean, PerDay)
            .name("days")
            .uid("days")
            .sink_to(PrintSink::text())
            .name("print")
            .set_parallelism(1);
        Ok(())
    }
}

/// The flights that departed, at the time when they did.
fn departures(env: &mut StreamExecutionEnvironment, path: &str) -> DataStream<Departure> {
    let departed = WatermarkStrategy::for_bounded_out_of_orderness(MAX_OUT_OF_ORDERNESS)
        .with_timestamp_field("/time_hour", TimestampFormat::Rfc3339)
        .try_with_timestamp_assigner(Flight::time);
    env.from_source_with_watermarks(FileSource::csv(path), departed, "flights")
        .filter(|flight| !flight.is_cancelled())
        .name("not cancelled")
        .try_map(Flight::departure)
        .name("parse")
}
