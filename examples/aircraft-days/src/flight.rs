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
}

impl Row {
    /// The time of the departure, by the hour of the schedule.
    ///
    /// # Errors
    /// The row has no hour, or a number is none: the row is bad.
    pub(crate) fn departed(&self, hour: Option<i64>) -> Result<i64> {
        let hour = hour.ok_or_else(|| Error::bad_record("the flight has no hour"))?;
        let minutes = self.minute.parse::<i64>()? + self.dep_delay.parse::<i64>()?;
        Ok(hour + minutes * MINUTE_MS)
    }

    /// # Errors
    /// The distance is no number: the row is bad.
    pub(crate) fn flight(self) -> Result<Flight> {
        let miles = self.distance.parse()?;
        Ok(Flight { airport: self.origin, aircraft: self.tailnum, miles })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn flight(aircraft: &str, miles: u64) -> Flight {
        let (airport, aircraft) = ("JFK".to_owned(), aircraft.to_owned());
        Flight { airport, aircraft, miles }
    }

    fn row(minute: &str, dep_delay: &str) -> Row {
        let [origin, tailnum, minute, dep_delay, distance] =
            ["JFK", "N1", minute, dep_delay, "187"].map(str::to_owned);
        Row { origin, tailnum, minute, dep_delay, distance }
    }

    #[test]
    fn a_flight_departs_its_delay_after_its_schedule() {
        let departed = |minute, delay| row(minute, delay).departed(Some(0));
        assert_eq!(departed("15", "2").unwrap(), 17 * MINUTE_MS);
        assert_eq!(departed("0", "-6").unwrap(), -6 * MINUTE_MS);
        assert!(departed("15", "NA").is_err());
        assert!(row("15", "2").departed(None).is_err());
        assert_eq!(row("15", "2").flight().unwrap().miles, 187);
    }
}
