//! From pairs to totals: how far one could see at a departure, and the mean delay of a day.

use std::fmt;

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::inputs::{Departure, Report};

/// Below this one flies by instruments, in miles.
const GOOD_MILES: f64 = 3.0;

/// How far one could see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Visibility {
    Good,
    Poor,
    /// There was no report in the hour before.
    Unknown,
}

/// Airport, visibility, and minutes of delay.
pub(crate) type Joined = (String, Visibility, i64);

impl Visibility {
    /// Of a departure with its report, if there is one.
    pub(crate) fn of(departure: &Departure, report: Option<&Report>) -> Joined {
        let visibility = match report.and_then(Report::visibility) {
            Some(miles) if miles >= GOOD_MILES => Visibility::Good,
            Some(_) => Visibility::Poor,
            None => Visibility::Unknown,
        };
        (departure.airport.clone(), visibility, departure.delay)
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Visibility::Good => "good",
            Visibility::Poor => "poor",
            Visibility::Unknown => "unknown",
        })
    }
}

/// Counts departures and adds their delays up.
pub(crate) struct Mean;

impl AggregateFunction for Mean {
    type In = Joined;
    type Accumulator = (i64, i64);
    /// The number of departures, and the mean of their delays.
    type Output = (i64, f64);

    fn create_accumulator(&self) -> (i64, i64) {
        (0, 0)
    }

    fn add(&self, (departures, minutes): &mut (i64, i64), (_, _, delay): Joined) {
        *departures += 1;
        *minutes += delay;
    }

    fn result(&self, (departures, minutes): &(i64, i64)) -> (i64, f64) {
        (*departures, *minutes as f64 / *departures as f64)
    }

    fn merge(&self, (departures, minutes): &mut (i64, i64), other: (i64, i64)) {
        *departures += other.0;
        *minutes += other.1;
    }
}

/// Tells of a day: `day, airport, visibility, departures, mean delay in minutes`.
pub(crate) struct PerDay;

impl ProcessWindowFunction<(String, Visibility), (i64, f64), String, TimeWindow> for PerDay {
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, (String, Visibility), TimeWindow, ()>,
        means: &[(i64, f64)],
        out: &mut Collector<String>,
    ) -> Result<()> {
        let day = Rfc3339(ctx.window().start).date();
        let (airport, visibility) = ctx.current_key();
        for (departures, delay) in means {
            out.collect(format!("{day}\t{airport}\t{visibility}\t{departures}\t{delay:.1}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::tests::{departure, report};

    fn check(report: Option<&Report>, expected: Visibility) {
        let joined = Visibility::of(&departure(7), report);
        assert_eq!(joined, ("JFK".to_owned(), expected, 7));
    }

    #[test]
    fn visibility_is_that_of_the_report() {
        check(Some(&report("3")), Visibility::Good);
        check(Some(&report("2.5")), Visibility::Poor);
        check(Some(&report("NA")), Visibility::Unknown);
        check(None, Visibility::Unknown);
    }
}
