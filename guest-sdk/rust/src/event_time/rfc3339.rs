//! Event times as people write them: the counterpart of [`super::TimestampFormat::Rfc3339`] for
//! results.

use std::fmt;

const DAY_MS: i64 = 86_400_000;
/// Days from 0000-03-01, where a cycle of the calendar begins, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
/// Days after which the calendar repeats: 400 years.
const DAYS_OF_CYCLE: i64 = 146_097;

/// Displays milliseconds since the Unix epoch in UTC, in the format of RFC 3339. Milliseconds are
/// shown if there are any. Years outside 0 to 9999, which the RFC has not, are shown as they are.
///
/// ```
/// use sandbar_sdk::Rfc3339;
///
/// assert_eq!(Rfc3339(1_385_899_200_000).to_string(), "2013-12-01T12:00:00Z");
/// assert_eq!(Rfc3339(1_385_899_200_250).to_string(), "2013-12-01T12:00:00.250Z");
/// assert_eq!(Rfc3339(1_385_899_200_250).date(), "2013-12-01");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rfc3339(pub i64);

impl Rfc3339 {
    /// The day alone, in UTC.
    pub fn date(self) -> String {
        let (year, month, day) = calendar(self.0.div_euclid(DAY_MS));
        format!("{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.0.rem_euclid(DAY_MS);
        let (seconds, millis) = (of_day / 1000, of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}", self.date())?;
        if millis > 0 {
            write!(f, ".{millis:03}")?;
        }
        f.write_str("Z")
    }
}

/// Year, month and day of a number of days since the Unix epoch. Years are counted from March on,
/// so that the leap day is the last of its year.
fn calendar(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let (cycle, day) = (days.div_euclid(DAYS_OF_CYCLE), days.rem_euclid(DAYS_OF_CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // Months from March on have 31, 30, 31, 30, 31 days, and again: 153 in five.
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (year_later, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (cycle * 400 + year + year_later, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_in(year: i64, month: i64) -> i64 {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Counts the days of a whole cycle of the calendar, forwards from the epoch.
    #[test]
    fn days_are_those_of_the_calendar() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..=DAYS_OF_CYCLE {
            assert_eq!(calendar(days), (year, month, day));
            let (earlier, earlier_month, earlier_day) = calendar(days - DAYS_OF_CYCLE);
            assert_eq!((earlier + 400, earlier_month, earlier_day), (year, month, day));
            day += 1;
            if day > days_in(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (2370, 1, 2));
    }

    #[test]
    fn times_before_the_epoch_and_at_the_ends_of_time_have_a_form() {
        assert_eq!(Rfc3339(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Rfc3339(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Rfc3339(i64::MAX).date(), "292278994-08-17");
        assert_eq!(Rfc3339(i64::MIN).to_string(), "-292275055-05-16T16:47:04.192Z");
    }
}
