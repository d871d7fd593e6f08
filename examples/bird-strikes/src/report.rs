//! A row of the table as the `csv` format delivers it, and what makes it a strike.

use std::fmt;

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows of strikes that did damage.
pub(crate) const DAMAGED: OutputTag<String> = OutputTag::new("damaged");

/// A row: every field is text.
#[derive(Deserialize)]
pub(crate) struct Report {
    #[serde(rename = "Airport Name")]
    airport: String,
    #[serde(rename = "Aircraft Make Model")]
    aircraft: String,
    #[serde(rename = "Effect Amount of damage")]
    damage: String,
    #[serde(rename = "Flight Date")]
    date: String,
    #[serde(rename = "Aircraft Airline Operator")]
    airline: String,
    #[serde(rename = "Origin State")]
    state: String,
    #[serde(rename = "Phase of flight")]
    phase: String,
    #[serde(rename = "Wildlife Size")]
    size: String,
    #[serde(rename = "Wildlife Species")]
    species: String,
    #[serde(rename = "Time of day")]
    time: String,
    #[serde(rename = "Cost Other")]
    cost_other: String,
    #[serde(rename = "Cost Repair")]
    cost_repair: String,
    #[serde(rename = "Cost Total $")]
    cost_total: String,
    #[serde(rename = "Speed IAS in knots")]
    speed: String,
}

/// How badly an aircraft was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Damage {
    None,
    Minor,
    Medium,
    Substantial,
}

/// A good row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Strike {
    pub(crate) phase: String,
    /// Knots of indicated airspeed.
    pub(crate) speed: u32,
    pub(crate) damage: Damage,
}

impl Report {
    /// # Errors
    /// The row has no speed, or its damage is none of the four words.
    fn strike(&self) -> Result<Strike> {
        if self.speed.is_empty() {
            return Err(Error::bad_record("speed is blank"));
        }
        let speed =
            self.speed.parse().map_err(|_| Error::bad_record("speed is no whole number"))?;
        let damage = match self.damage.as_str() {
            "None" => Damage::None,
            "Minor" => Damage::Minor,
            "Medium" => Damage::Medium,
            "Substantial" => Damage::Substantial,
            _ => return Err(Error::bad_record("unknown damage code")),
        };
        Ok(Strike { phase: self.phase.clone(), speed, damage })
    }
}

impl fmt::Display for Report {
    /// Writes the row as it was; no field of the table holds a comma or a quote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { airport, aircraft, damage, date, airline, state, phase, .. } = self;
        let Report { size, species, time, cost_other, cost_repair, cost_total, speed, .. } = self;
        write!(f, "{airport},{aircraft},{damage},{date},{airline},{state},{phase},")?;
        write!(f, "{size},{species},{time},{cost_other},{cost_repair},{cost_total},{speed}")
    }
}

/// Parses rows, and refuses the bad ones.
pub(crate) struct Parse;

impl ProcessFunction<Report, Strike> for Parse {
    fn process(
        &mut self,
        report: Report,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Strike>,
    ) -> Result<()> {
        let strike = report.strike()?;
        if strike.damage != Damage::None {
            ctx.output(&DAMAGED, report.to_string());
        }
        out.collect(strike);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(damage: &str, speed: &str) -> Report {
        let text = |text: &str| text.to_owned();
        Report {
            airport: text("ATLANTA INTL"),
            aircraft: text("DC-9"),
            damage: text(damage),
            date: text("2000-01-03"),
            airline: text("AIRTRAN AIRWAYS"),
            state: text("Georgia"),
            phase: text("Climb"),
            size: text("Medium"),
            species: text("Killdeer"),
            time: text("Day"),
            cost_other: text("0"),
            cost_repair: text("10"),
            cost_total: text("10"),
            speed: text(speed),
        }
    }

    fn check(damage: &str, speed: &str, expected: Result<(u32, Damage), &str>) {
        let strike = report(damage, speed).strike();
        let found = strike.map(|strike| (strike.speed, strike.damage));
        assert_eq!(found.as_ref().map_err(Error::message).copied(), expected);
    }

    #[test]
    fn a_row_is_good_with_a_speed_and_one_of_four_words() {
        check("None", "0", Ok((0, Damage::None)));
        check("Substantial", "350", Ok((350, Damage::Substantial)));
        check("None", "", Err("speed is blank"));
        check("None", "fast", Err("speed is no whole number"));
        check("B", "120", Err("unknown damage code"));
        check("C", "", Err("speed is blank"));
    }

    #[test]
    fn a_row_is_written_as_it_was() {
        assert_eq!(
            report("Minor", "230").to_string(),
            "ATLANTA INTL,DC-9,Minor,2000-01-03,AIRTRAN AIRWAYS,Georgia,Climb,Medium,Killdeer,\
             Day,0,10,10,230"
        );
    }
}
