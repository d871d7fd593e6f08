//! Jobs that a seed draws: small graphs, and how they deal with failures.

use std::collections::BTreeMap;

use sandbar_jobmanager::restart_strategy::{ExponentialDelay, FailureRate, FixedDelay};
use sandbar_jobmanager::{AdaptiveOptions, FailoverStrategy, RestartStrategyOptions, Scheduler};
use sandbar_model::VertexId;
use sandbar_model::job_graph::{EdgeId, JobEdge, JobGraph, JobVertex, Partitioner};
use sandbar_rpc::{RequestedBounds, RequestedRequirements};

use crate::random::Random;

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

/// Of every vertex.
pub(crate) const MAX_PARALLELISM: u32 = 8;

/// The longest wait of an adaptive scheduler, in milliseconds.
pub(crate) const SCHEDULER_WAIT_MAX: i64 = 3_000;

pub(crate) fn scheduler(random: &mut Random) -> Scheduler {
    if random.chance(60) {
        return Scheduler::Default;
    }
    let mut wait = |max: i64| random.between(0, max) as u64;
    Scheduler::Adaptive(AdaptiveOptions {
        resource_wait_timeout_ms: 100 + wait(SCHEDULER_WAIT_MAX - 100),
        submission_stabilization_ms: wait(300),
        executing_stabilization_ms: wait(500),
        cooldown_ms: wait(400),
        min_parallelism_increase: 1 + wait(1) as u32,
    })
}

/// What a user may ask for, mostly; the rest is wrong.
pub(crate) fn requirements(random: &mut Random, graph: &JobGraph) -> RequestedRequirements {
    let mut requested = RequestedRequirements::new();
    for vertex in &graph.vertices {
        let lower = if random.chance(80) { 1 } else { random.between(-1, 2) };
        let least = if random.chance(3) { -1 } else { 0 };
        let upper = lower + random.between(least, 3);
        requested.insert(vertex.id, RequestedBounds { lower, upper });
    }
    if random.chance(3) {
        requested.pop_last();
    }
    requested
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
        max_parallelism: MAX_PARALLELISM,
        slot_sharing_group: (*random.pick(&["default", "default", "other"])).to_owned(),
        operators: Vec::new(),
    }
}
