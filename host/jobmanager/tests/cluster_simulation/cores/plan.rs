//! What a seed decides before the simulation begins: the cluster, and what goes wrong how often.

use std::num::NonZeroU32;

use sandbar_jobmanager::SlotManagerOptions;

use crate::random::Random;

/// Numbers that hold for a whole run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) slots: SlotManagerOptions,
    pub(crate) slot_request_timeout_ms: i64,
    /// Percent of the steps of a task that fail it.
    pub(crate) task_failures: u32,
    /// Percent of the reports that come twice.
    pub(crate) duplicates: u32,
    /// The longest time that a report takes, in milliseconds.
    pub(crate) report_delay_ms: i64,
    /// When the faults stop, in milliseconds.
    pub(crate) faults_end: i64,
}

pub(crate) fn plan(random: &mut Random) -> Plan {
    let has_provider = random.chance(30);
    let slots = SlotManagerOptions {
        evenly_spread_out_slots: random.chance(50),
        task_manager_timeout_ms: has_provider.then_some(400),
        slots_per_worker: has_provider.then_some(NonZeroU32::MIN.saturating_add(1)),
    };
    Plan {
        slots,
        slot_request_timeout_ms: random.between(100, 3_000),
        task_failures: random.number(0, 4),
        duplicates: random.number(0, 30),
        report_delay_ms: random.between(1, 120),
        faults_end: random.between(500, 2_500),
    }
}
