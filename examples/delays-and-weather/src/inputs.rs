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
    /// Within the hour, in minutes.
    scheduled: i64,
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

    /// # Errors
    /// A number is none: the row is bad.
    pub(crate) fn departure(self) -> Result<Departure> {
        let (scheduled, delay) = (self.minute.parse()?, self.dep_delay.parse()?);
        Ok(Departure { airport: self.origin, scheduled, delay })
    }
}

impl Departure {
    /// When it departed, by the hour of its schedule, which the source requires of every row.
    pub(crate) fn time(&self, hour: Option<i64>) -> i64 {
        hour.unwrap_or_default() + (self.scheduled + self.delay) * MINUTE_MS
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
        Departure { airport: "JFK".to_owned(), scheduled: 15, delay }
    }

    pub(crate) fn report(visibility: &str) -> Report {
        Report { origin: "JFK".to_owned(), visibility: visibility.to_owned() }
    }

    #[test]
    fn a_departure_is_its_delay_after_its_schedule() {
        let [origin, minute, dep_delay] = ["JFK", "15", "-3"].map(str::to_owned);
        let early = Flight { origin, minute, dep_delay };
        assert!(!early.is_cancelled());
        assert_eq!(early.departure().unwrap().time(Some(1)), 1 + 12 * MINUTE_MS);
    }
}
