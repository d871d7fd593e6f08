//! Totals per phase of flight, kept in keyed state and emitted once: when the input has ended.

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::report::Strike;

/// The watermark of a stream that has ended reaches this timer.
const END_OF_TIME: i64 = i64::MAX;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Totals {
    strikes: u64,
    /// Knots, added up.
    speeds: u64,
    /// Knots.
    highest: u32,
}

#[derive(Default)]
pub(crate) struct ByPhase {
    totals: ValueState<Totals>,
}

impl KeyedProcessFunction<String, Strike, String> for ByPhase {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.totals = ctx.value_state(ValueStateDescriptor::new("totals"))?;
        Ok(())
    }

    fn process(
        &mut self,
        strike: Strike,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        let before = self.totals.value();
        if before.is_none() {
            ctx.register_event_time_timer(END_OF_TIME)?;
        }
        let before = before.unwrap_or_default();
        self.totals.update(Totals {
            strikes: before.strikes + 1,
            speeds: before.speeds + u64::from(strike.speed),
            highest: before.highest.max(strike.speed),
        });
        Ok(())
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let Totals { strikes, speeds, highest } = self.totals.value().unwrap_or_default();
        out.collect(format!("{}\t{strikes}\t{speeds}\t{highest}", ctx.current_key()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sandbar_sdk::testing::OperatorHarness;

    use super::*;
    use crate::report::Damage;

    #[test]
    fn totals_come_per_phase_when_the_input_ends() {
        let by_phase = |strike: &Strike| strike.phase.clone();
        let mut harness = OperatorHarness::keyed_process(ByPhase::default(), by_phase).unwrap();
        for (phase, speed) in [("Climb", 200), ("Taxi", 5), ("Climb", 100)] {
            let strike = Strike { phase: phase.to_owned(), speed, damage: Damage::None };
            harness.push(strike, 0).unwrap();
        }
        assert!(harness.take_values().is_empty());
        harness.watermark(END_OF_TIME).unwrap();
        let mut totals = harness.take_values();
        totals.sort();
        assert_eq!(totals, ["Climb\t2\t300\t200", "Taxi\t1\t5\t5"]);
    }
}
