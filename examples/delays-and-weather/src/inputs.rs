//! Rows of the two tables as the `csv` format delivers them, and the departure in a row.

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;

/// The columns of a flight that the job reads.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Flight {
    origin: String,
    /// Of the schedule, within the hour.
    minute: String,
    /// Minutes; below zero for one that was early; `NA` for one that was cancelled.
    dep_delay: String,
}

/// A flight that departed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Departure {
    pub(crate) airport: String,
    /// Minutes.
    pub(crate) delay: i64,
}

/// The columns of a report of the weather that the job reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) origin: String,
    /// Miles, at most 10.
    #[serde(rename = "visib")]
    visibility: String,
}

impl Flight {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.dep_delay == "NA"
    }

    /// When it departed, by the hour of its schedule; when it should have, if it was cancelled.
    ///
    /// # Errors
    /// The row has no hour, or a number is none: the row is bad.
    pub(crate) fn time(&self, hour: Option<i64>) -> Result<i64> {
        let hour = hour.ok_or_else(|| Error::bad_record("the flight has no hour"))?;
        let delay = if self.is_cancelled() { 0 } else { self.dep_delay.parse::<i64>()? };
        Ok(hour + (self.minute.parse::<i64>()? + delay) * MINUTE_MS)
    }

    /// # Errors
    /// The delay is no number: the row is bad.
    pub(crate) fn departure(self) -> Result<Departure> {
        let delay = self.dep_delay.parse()?;
        Ok(Departure { airport: self.origin, delay })
    }
}

impl Report {
    /// Miles.
    pub(crate) fn visibility(&self) -> Option<f64> {
        self.visibility.parse().ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn departure(delay: i64) -> Departure {
        Departure { airport: "JFK".to_owned(), delay }
    }

    pub(crate) fn report(visibility: &str) -> Report {
        Report { origin: "JFK".to_owned(), visibility: visibility.to_owned() }
    }

    fn flight(dep_delay: &str) -> Flight {
        let [origin, minute, dep_delay] = ["JFK", "15", dep_delay].map(str::to_owned);
        Flight { origin, minute, dep_delay }
    }

    #[test]
    fn a_departure_is_its_delay_after_its_schedule() {
        assert_eq!(flight("-3").time(Some(1)).unwrap(), 1 + 12 * MINUTE_MS);
        assert_eq!(flight("-3").departure().unwrap().delay, -3);
        assert!(flight("NA").is_cancelled());
        assert_eq!(flight("NA").time(Some(1)).unwrap(), 1 + 15 * MINUTE_MS);
        assert!(flight("NA").departure().is_err());
        assert!(flight("-3").time(None).is_err());
    }
}
