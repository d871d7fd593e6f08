//! The pattern: a quake, and as the next one of its cell, within an hour, a much stronger one.
//!
//! Law: a quake is watched until its hour is over or another one comes, whichever is first; nothing
//! is kept of it then, neither state nor timer.

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::quake::Quake;

/// How long a quake is watched, in milliseconds.
const WATCHED_MS: i64 = 3_600_000;
/// By how much the next one must be stronger.
const STRONGER: f64 = 1.0;
const MINUTE_MS: i64 = 60_000;

/// The quake that is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Watched {
    magnitude: f64,
    time: i64,
}

impl Watched {
    /// When its hour is over.
    fn until(&self) -> i64 {
        self.time + WATCHED_MS
    }
}

/// Watches the last quake of each cell.
#[derive(Default)]
pub(crate) struct Watch {
    watched: ValueState<Watched>,
}

impl KeyedProcessFunction<(i32, i32), Quake, String> for Watch {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.watched = ctx.value_state(ValueStateDescriptor::new("watched"))?;
        Ok(())
    }

    fn process(
        &mut self,
        quake: Quake,
        ctx: &mut Context<(i32, i32)>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        if let Some(before) = self.watched.value() {
            // Complete or broken, the pattern is over, and so is the need for its timer.
            ctx.delete_event_time_timer(before.until())?;
            // The hour is compared, since the watermark is behind the records: this one may come
            // from after the hour, and yet before the timer.
            if quake.time <= before.until() && quake.magnitude >= before.magnitude + STRONGER {
                out.collect(alert(&before, &quake));
            }
        }
        let watched = Watched { magnitude: quake.magnitude, time: quake.time };
        ctx.register_event_time_timer(watched.until())?;
        self.watched.update(watched);
        Ok(())
    }

    /// The hour is over.
    fn on_timer(
        &mut self,
        _timer: &Timer,
        _ctx: &mut Context<(i32, i32)>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.watched.clear();
        Ok(())
    }
}

/// `time of the second, magnitudes of both, minutes between them, place of the second`.
fn alert(before: &Watched, quake: &Quake) -> String {
    let (at, minutes) = (Rfc3339(quake.time), (quake.time - before.time) / MINUTE_MS);
    let (first, second, place) = (before.magnitude, quake.magnitude, &quake.place);
    format!("{at}\t{first:.2}\t{second:.2}\t{minutes}\t{place}")
}

#[cfg(test)]
mod tests {
    use sandbar_sdk::TimeDomain;
    use sandbar_sdk::testing::OperatorHarness;

    use super::*;

    fn quake(time: i64, magnitude: f64) -> Quake {
        let [kind, place] = ["earthquake", "here"].map(str::to_owned);
        Quake { time, magnitude, kind, place, longitude: -122.5, latitude: 38.8 }
    }

    /// The minutes of the alerts that quakes at these times, of these magnitudes, cause.
    fn check(quakes: &[(i64, f64)], alerts: &[&str]) {
        let mut harness = OperatorHarness::keyed_process(Watch::default(), Quake::cell).unwrap();
        for (time, magnitude) in quakes {
            harness.push(quake(*time, *magnitude), *time).unwrap();
        }
        let told: Vec<String> = harness.take_values();
        let minutes: Vec<&str> = told.iter().filter_map(|line| line.split('\t').nth(3)).collect();
        assert_eq!(minutes, alerts);
        let last = quakes.last().unwrap().0;
        assert_eq!(harness.timers(TimeDomain::EventTime), [last + WATCHED_MS], "one is watched");
        harness.watermark(last + WATCHED_MS).unwrap();
        assert!(harness.timers(TimeDomain::EventTime).is_empty());
        assert!(harness.state_sizes().unwrap().is_empty());
    }

    #[test]
    fn a_stronger_quake_within_the_hour_is_told() {
        check(&[(0, 0.5), (14 * MINUTE_MS + 999, 1.5)], &["14"]);
        check(&[(0, 0.5), (WATCHED_MS, 3.25)], &["60"]);
        check(&[(0, 0.5), (1, 1.5), (2, 2.5)], &["0", "0"]);
    }

    #[test]
    fn a_weaker_or_a_later_one_breaks_the_pattern() {
        check(&[(0, 0.5), (1, 1.49)], &[]);
        check(&[(0, 0.5), (1, 0.6), (2, 1.5)], &[]);
        check(&[(0, 0.5), (WATCHED_MS + 1, 3.25)], &[]);
    }

    #[test]
    fn an_hour_later_nothing_is_kept() {
        let mut harness = OperatorHarness::keyed_process(Watch::default(), Quake::cell).unwrap();
        harness.push(quake(0, 0.5), 0).unwrap();
        harness.watermark(WATCHED_MS - 1).unwrap();
        assert_eq!(harness.state_sizes().unwrap()["watched"], 1);
        harness.watermark(WATCHED_MS).unwrap();
        assert!(harness.state_sizes().unwrap().is_empty());
    }
}
