//! Aircraft days: departures per hour and airport, and the working days of aircraft, from a log
//! whose rows are in the order in which flights *landed*. Their event time is when they *departed*,
//! so that rows are up to ten hours out of order.
//!
//! Arguments: the folder of the log, and the fewest departures of a working day that is shown.

mod flight;
mod results;

use std::time::Duration;

use flight::{Flight, Row};
use results::{Day, PerHour, WorkingDay};
use sandbar_sdk::aggregates::CountAggregate;
use sandbar_sdk::prelude::*;

const HOUR: Duration = Duration::from_secs(3600);
/// No flight from New York takes longer: once a flight has landed, all that departed this much
/// before it departed have landed too. It is how far out of order the log can be.
const LONGEST_FLIGHT: Duration = Duration::from_secs(12 * 3600);
/// An aircraft that does not depart for longer has ended its day.
const REST: Duration = Duration::from_secs(6 * 3600);
/// Flights that came too late for their hour. The bound above says that there are none.
const LATE: OutputTag<Flight> = OutputTag::new("late");

sandbar_sdk::job! {
    fn aircraft_days(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let folder = args.first().ok_or_else(|| Error::fatal("give the folder of the log"))?;
        let fewest = args.get(1).map_or("4", String::as_str);
        let fewest: u64 = fewest.parse().map_err(|_| {
            Error::fatal(format!("the fewest departures are {fewest:?} but must be a number"))
        })?;

        // The host reads the hour of the schedule from each row. The minute and the delay are in
        // other columns, which the assigner adds.
        let departed = WatermarkStrategy::for_bounded_out_of_orderness(LONGEST_FLIGHT)
            .with_timestamp_field("/time_hour", TimestampFormat::Rfc3339)
            .try_with_timestamp_assigner(Row::departed);
        let flights = env
            .from_source_with_watermarks(FileSource::csv(folder), departed, "landings")
            .try_map(Row::flight)
            .name("parse");

        let hours = flights
            .key_by(|flight| flight.airport.clone())
            .window(TumblingEventTimeWindows::of(HOUR))
            .side_output_late_data(&LATE)
            .aggregate_with(CountAggregate::default(), PerHour)
            .name("hours")
            .uid("hours");
        print(&hours, "hour");
        print(&hours.side_output(&LATE).map(|flight| flight.aircraft), "late");

        let days = flights
            .key_by(|flight| flight.aircraft.clone())
            .window(EventTimeSessionWindows::with_gap(REST))
            .aggregate_with(Day, WorkingDay { rest: REST })
            .name("days")
            .uid("days")
            .filter(move |(departures, _)| *departures >= fewest)
            .map(|(_, line)| line);
        print(&days, "day");
        Ok(())
    }
}

/// Prints lines, each behind a word that says what it is.
fn print(lines: &DataStream<String>, identifier: &str) {
    lines
        .sink_to(PrintSink::text().option("identifier", identifier))
        .name(identifier)
        .set_parallelism(1);
}
