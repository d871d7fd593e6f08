//! A row of the log as the `csv` format delivers it, and the flight that is in it.

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;

/// The columns that the job reads: every field of a row is text.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    origin: String,
    tailnum: String,
    /// Of the schedule, within the hour.
    minute: String,
    /// Minutes; below zero for a flight that departed early.
    dep_delay: String,
    /// Miles.
    distance: String,
}

/// A flight that has landed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Flight {
    pub(crate) airport: String,
    /// The number on its tail.
    pub(crate) aircraft: String,
    pub(crate) miles: u64,
    /// From the hour of the schedule to the departure.
    minutes: i64,
}

impl Row {
    /// # Errors
    /// A number is none: the row is bad.
    pub(crate) fn flight(self) -> Result<Flight> {
        let minutes = self.minute.parse::<i64>()? + self.dep_delay.parse::<i64>()?;
        let miles = self.distance.parse()?;
        Ok(Flight { airport: self.origin, aircraft: self.tailnum, miles, minutes })
    }
}

impl Flight {
    /// The time of the departure, by the hour of the schedule.
    ///
    /// # Errors
    /// The row had no hour.
    pub(crate) fn departed(&self, hour: Option<i64>) -> Result<i64> {
        let hour = hour.ok_or_else(|| Error::bad_record("the flight has no hour"))?;
        Ok(hour + self.minutes * MINUTE_MS)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn flight(aircraft: &str, miles: u64) -> Flight {
        let (airport, aircraft) = ("JFK".to_owned(), aircraft.to_owned());
        Flight { airport, aircraft, miles, minutes: 0 }
    }

    fn row(minute: &str, dep_delay: &str) -> Row {
        let [origin, tailnum, minute, dep_delay, distance] =
            ["JFK", "N1", minute, dep_delay, "187"].map(str::to_owned);
        Row { origin, tailnum, minute, dep_delay, distance }
    }

    #[test]
    fn a_flight_departs_its_delay_after_its_schedule() {
        let departed = |minute, delay| row(minute, delay).flight().unwrap().departed(Some(0));
        assert_eq!(departed("15", "2").unwrap(), 17 * MINUTE_MS);
        assert_eq!(departed("0", "-6").unwrap(), -6 * MINUTE_MS);
        assert!(row("15", "NA").flight().is_err());
        assert!(row("15", "2").flight().unwrap().departed(None).is_err());
    }
}
