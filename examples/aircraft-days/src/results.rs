//! What is told of a window: its hour of an airport, or the working day of an aircraft.

use std::time::Duration;

use sandbar_sdk::prelude::*;

/// Tells how many flights departed in an hour.
pub(crate) struct PerHour;

impl ProcessWindowFunction<String, u64, String, TimeWindow> for PerHour {
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, String, TimeWindow, ()>,
        counts: &[u64],
        out: &mut Collector<String>,
    ) -> Result<()> {
        let (hour, airport) = (Rfc3339(ctx.window().start), ctx.current_key());
        for departures in counts {
            out.collect(format!("{hour}\t{airport}\t{departures}"));
        }
        Ok(())
    }
}

/// Adds flights up: departures and miles. Sessions merge, so their sums must, too.
pub(crate) struct Day;

impl AggregateFunction for Day {
    type In = crate::Flight;
    type Accumulator = (u64, u64);
    type Output = (u64, u64);

    fn create_accumulator(&self) -> (u64, u64) {
        (0, 0)
    }

    fn add(&self, (departures, miles): &mut (u64, u64), flight: crate::Flight) {
        *departures += 1;
        *miles += flight.miles;
    }

    fn result(&self, day: &(u64, u64)) -> (u64, u64) {
        *day
    }

    fn merge(&self, (departures, miles): &mut (u64, u64), other: (u64, u64)) {
        *departures += other.0;
        *miles += other.1;
    }
}

/// Tells of a session from the first departure to the last, with the number of departures.
pub(crate) struct WorkingDay {
    /// The gap that ended the session, which is part of its window.
    pub(crate) rest: Duration,
}

impl ProcessWindowFunction<String, (u64, u64), (u64, String), TimeWindow> for WorkingDay {
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, String, TimeWindow, ()>,
        days: &[(u64, u64)],
        out: &mut Collector<(u64, String)>,
    ) -> Result<()> {
        let rest = i64::try_from(self.rest.as_millis()).map_err(Error::fatal)?;
        let (first, last) = (Rfc3339(ctx.window().start), Rfc3339(ctx.window().end - rest));
        let aircraft = ctx.current_key();
        for (departures, miles) in days {
            let line = format!("{aircraft}\t{first}\t{last}\t{departures}\t{miles}");
            out.collect((*departures, line));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sandbar_sdk::testing::OperatorHarness;

    use super::*;

    /// The flight between joins the sessions of the two others, which came before it.
    #[test]
    fn a_session_ends_at_its_last_departure() {
        let rest = Duration::from_millis(1000);
        let days = Windowing::of(EventTimeSessionWindows::with_gap(rest))
            .aggregate_with(Day, WorkingDay { rest });
        let key = |flight: &crate::Flight| flight.aircraft.clone();
        let mut harness = OperatorHarness::keyed_process(days, key).unwrap();
        for at in [0, 1800, 900] {
            harness.push(crate::flight::tests::flight("N1", 100), at).unwrap();
        }
        harness.watermark(2799).unwrap();
        let line = "N1\t1970-01-01T00:00:00Z\t1970-01-01T00:00:01.800Z\t3\t300";
        assert_eq!(harness.take_values(), [(3, line.to_owned())]);
    }
}
