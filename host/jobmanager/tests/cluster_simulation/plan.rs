//! What a seed decides before the simulation begins: the numbers of the cluster, of its network,
//! and of what goes wrong. Times are milliseconds.

use std::num::NonZeroU32;
use std::time::Duration;

use sandbar_jobmanager::SlotManagerOptions;

use crate::random::Random;

/// How the provider starts TaskManagers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProviderPlan {
    /// Slots of each.
    pub(crate) slots: u32,
    /// Percent that are refused at once.
    pub(crate) refused: u32,
    /// Percent of the others that end before they register.
    pub(crate) failed: u32,
    /// The longest that a start takes.
    pub(crate) start_max: i64,
}

/// Numbers that hold for a whole run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) heartbeat_interval: i64,
    pub(crate) heartbeat_timeout: i64,
    pub(crate) slot_request_timeout: i64,
    pub(crate) slots: SlotManagerOptions,
    pub(crate) provider: Option<ProviderPlan>,
    /// The longest that a message is on its way.
    pub(crate) delay_max: i64,
    /// The longest until an end notices that its link is broken, if it is told at once.
    pub(crate) notice_max: i64,
    /// The longest if it is not: what TCP's and HTTP/2's keep-alive take.
    pub(crate) keep_alive: i64,
    /// Messages that wait for a TaskManager before the link takes no more.
    pub(crate) outgoing_max: usize,
    /// The longest that a task takes to end when it is cancelled.
    pub(crate) cancel_max: i64,
    /// Waits of a TaskManager that is not registered.
    pub(crate) back_off: (i64, i64),
    /// How long a TaskManager waits for the answer to its registration.
    pub(crate) answer_max: i64,
    /// Percent of the steps of a task that fail it.
    pub(crate) task_failures: u32,
    /// When the faults stop.
    pub(crate) faults_end: i64,
}

impl Plan {
    pub(crate) fn draw(random: &mut Random) -> Plan {
        let heartbeat_interval = random.between(60, 200);
        let delay_max = random.between(1, 40);
        let provider = random.chance(35).then(|| ProviderPlan {
            slots: random.number(1, 3),
            refused: random.number(0, 40),
            failed: random.number(0, 40),
            start_max: random.between(1, 400),
        });
        let slots = SlotManagerOptions {
            evenly_spread_out_slots: random.chance(50),
            task_manager_timeout_ms: provider.map(|_| random.between(200, 1_500) as u64),
            slots_per_worker: provider.and_then(|provider| NonZeroU32::new(provider.slots)),
        };
        Plan {
            heartbeat_interval,
            // Room for a heartbeat, its answer, and one that is missed.
            heartbeat_timeout: 2 * heartbeat_interval + 2 * delay_max + random.between(1, 300),
            slot_request_timeout: random.between(100, 3_000),
            slots,
            provider,
            delay_max,
            notice_max: random.between(1, 60),
            keep_alive: random.between(300, 2_000),
            outgoing_max: random.number(3, 20) as usize,
            cancel_max: random.between(1, 150),
            back_off: (10, random.between(20, 300)),
            answer_max: random.between(300, 1_000),
            task_failures: random.number(0, 4),
            faults_end: random.between(500, 3_000),
        }
    }

    /// The longest that a task may run which the JobManager has given up: until the end of its link
    /// is heard of, or nothing else is, and the task has ended.
    pub(crate) fn grace(&self) -> i64 {
        self.delay_max + self.heartbeat_timeout.max(self.answer_max) + self.cancel_max
    }
}

pub(crate) fn duration(milliseconds: i64) -> Duration {
    Duration::from_millis(milliseconds.unsigned_abs())
}
