//! What a seed decides before the simulation begins: jobs, their restart strategies, the cluster.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use sandbar_jobmanager::restart_strategy::{ExponentialDelay, FailureRate, FixedDelay};
use sandbar_jobmanager::{FailoverStrategy, RestartStrategyOptions, SlotManagerOptions};
use sandbar_model::VertexId;
use sandbar_model::job_graph::{EdgeId, JobEdge, JobGraph, JobVertex, Partitioner};

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

pub(crate) fn restart_strategy(random: &mut Random) -> RestartStrategyOptions {
    let delay_ms = random.between(0, 100) as u64;
    match random.number(0, 4) {
        0 => RestartStrategyOptions::None,
        1 => RestartStrategyOptions::FixedDelay(FixedDelay {
            attempts: random.number(0, 4),
            delay_ms,
        }),
        2 => RestartStrategyOptions::FailureRate(FailureRate {
            max_failures_per_interval: random.number(1, 4),
            failure_rate_interval_ms: random.between(1, 500) as u64,
            delay_ms,
        }),
        _ => RestartStrategyOptions::ExponentialDelay(ExponentialDelay {
            initial_backoff_ms: delay_ms + 1,
            max_backoff_ms: delay_ms + 300,
            ..ExponentialDelay::default()
        }),
    }
}

pub(crate) fn failover_strategy(random: &mut Random) -> FailoverStrategy {
    if random.chance(20) { FailoverStrategy::Full } else { FailoverStrategy::Region }
}

/// A graph of few small vertices; each but the first reads one before it, or nothing.
pub(crate) fn job_graph(random: &mut Random) -> JobGraph {
    let vertices: Vec<JobVertex> =
        (0..random.number(1, 4)).map(|index| vertex(random, index)).collect();
    let mut edges = Vec::new();
    for target in 1..vertices.len() as u32 {
        if random.chance(80) {
            let source = random.number(0, target - 1);
            let partitioners = [Partitioner::Rescale, Partitioner::Rescale, Partitioner::Hash];
            edges.push(JobEdge {
                id: EdgeId(edges.len() as u32),
                source: VertexId(source),
                target: VertexId(target),
                input: 0,
                partitioner: *random.pick(&partitioners),
            });
        }
    }
    let (configuration, arguments) = (BTreeMap::new(), Vec::new());
    JobGraph { name: "job".to_owned(), configuration, arguments, vertices, edges }
}

fn vertex(random: &mut Random, index: u32) -> JobVertex {
    JobVertex {
        id: VertexId(index),
        name: format!("v{index}"),
        parallelism: random.number(1, 4),
        max_parallelism: 128,
        slot_sharing_group: (*random.pick(&["default", "default", "other"])).to_owned(),
        operators: Vec::new(),
    }
}
