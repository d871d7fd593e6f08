//! Bird strikes: `parse` checks reports, with a side output for those of damage, and refuses bad
//! rows, which the job keeps as dead letters; `by-phase` adds strikes up per phase of flight.

mod by_phase;
mod report;

use by_phase::ByPhase;
use report::{DAMAGED, Parse};
use sandbar_sdk::prelude::*;

sandbar_sdk::plugin! {
    name: "bird-strikes",
    version: env!("CARGO_PKG_VERSION"),
    operators: |plugin| {
        plugin
            .process("parse", Parse)
            .input(Json)
            .output(Json)
            .side_output(&DAMAGED, Text)
            .doc(
                "Parses rows of the FAA's table of strikes; rows of damage also go, as they \
                 were, to the side output `damaged`.",
            );
        plugin
            .keyed_process("by-phase", ByPhase::default())
            .input(Json)
            .output(Text)
            .state("totals", "value", "Totals { strikes: u64, speeds: u64, highest: u32 }")
            .doc("Adds strikes up per phase of flight; emits the totals when the input ends.");
    },
}
