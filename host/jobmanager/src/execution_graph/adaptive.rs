//! Adaptive scheduling: a job runs on the slots that there are, and is rescaled when these or its
//! requirements change. Owns the stages of that; what is decided is in `vertex_parallelism`.
//!
//! Laws: all tasks of a job have the same attempt number, so that those of an earlier graph are
//! known by theirs. The graph changes only while none of its tasks is at a TaskManager.
//! Source: Flink, `AdaptiveScheduler`, `DefaultStateTransitionManager`.

use std::collections::BTreeSet;
use std::sync::Arc;

use sandbar_model::job_graph::JobGraph;
use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_rpc::ParallelismBounds;

use super::{
    Command, ExecutionGraph, ExecutionVertex, Phase, RestartId, SlotRequestId, SlotShortage, WaitId,
};
use crate::failover_region::{FailoverRegions, FailoverStrategy, RegionId};
use crate::slot_sharing::SlotSharing;
use crate::vertex_parallelism::{
    at_parallelism, desired_slots, determine_parallelism, is_worth_rescaling, least_slots,
};

/// Waits of the adaptive scheduler, in milliseconds. For each one Flink's option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveOptions {
    /// `submission.resource-wait-timeout`: for the slots of the lower bounds, before the job fails.
    pub resource_wait_timeout_ms: u64,
    /// `submission.resource-stabilization-timeout`: for all slots, before the job runs with fewer.
    pub submission_stabilization_ms: u64,
    /// `executing.resource-stabilization-timeout`: for all slots, before the job is rescaled to
    /// some.
    pub executing_stabilization_ms: u64,
    /// `executing.cooldown-after-rescaling`: from deployment to the next rescaling.
    pub cooldown_ms: u64,
    /// `min-parallelism-increase`: subtasks that some vertex gains at least by being rescaled.
    pub min_parallelism_increase: u32,
}

/// What is kept of a job that is scheduled adaptively.
#[derive(Clone, Debug)]
pub(super) struct Adaptive {
    options: AdaptiveOptions,
    /// The graph at the parallelism it was submitted with.
    submitted: Arc<JobGraph>,
    /// One a vertex.
    bounds: Vec<ParallelismBounds>,
    stage: Stage,
}

/// Where the job stands.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// It has not started, or ends.
    Idle,
    /// No task is deployed: it waits for slots.
    Waiting { timeout: WaitId, stabilization: Stabilization },
    /// Its tasks are deployed; there is a cooldown until it may be rescaled.
    Executing { cooldown: Option<WaitId>, stabilization: Stabilization },
    /// Its tasks are about to end and to run again.
    Restarting { is_rescaling: bool },
}

/// The wait for slots beyond those that would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stabilization {
    NotNeeded,
    Pending(WaitId),
    Over,
}

impl Adaptive {
    /// Lower bounds are 1, upper bounds the parallelism that the job was submitted with.
    pub(super) fn new(options: AdaptiveOptions, graph: &Arc<JobGraph>) -> Adaptive {
        let of_vertex = |parallelism: u32| ParallelismBounds { lower: 1, upper: parallelism };
        let bounds = graph.vertices.iter().map(|vertex| of_vertex(vertex.parallelism)).collect();
        Adaptive { options, submitted: Arc::clone(graph), bounds, stage: Stage::Idle }
    }

    pub(super) fn bounds(&self) -> &[ParallelismBounds] {
        &self.bounds
    }

    pub(super) fn desired_slots(&self) -> u32 {
        desired_slots(&self.submitted, &self.bounds)
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. })
    }

    /// The job ends: slots and requirements do not matter any more.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Idle;
    }

    /// A failure restarts the job.
    pub(super) fn restart(&mut self) {
        self.stage = Stage::Restarting { is_rescaling: false };
    }

    fn determine(&self, slots: u32) -> Option<Vec<u32>> {
        determine_parallelism(&self.submitted, &self.bounds, slots)
    }

    fn stabilization(&mut self) -> Option<&mut Stabilization> {
        match &mut self.stage {
            Stage::Waiting { stabilization, .. } | Stage::Executing { stabilization, .. } => {
                Some(stabilization)
            }
            Stage::Idle | Stage::Restarting { .. } => None,
        }
    }
}

impl ExecutionGraph {
    /// The slots or the requirements of the job are others.
    pub(super) fn on_resources_changed(&mut self, now: i64) -> Vec<Command> {
        let Some(adaptive) = &self.adaptive else { return self.deploy_ready(now) };
        match adaptive.stage {
            Stage::Idle | Stage::Restarting { .. } => Vec::new(),
            Stage::Waiting { .. } => self.run_if_stable(now),
            Stage::Executing { .. } => self.rescale_if_due(now),
        }
    }

    pub(super) fn on_requirements(
        &mut self,
        bounds: Vec<ParallelismBounds>,
        now: i64,
    ) -> Vec<Command> {
        let known = self.adaptive.as_mut().filter(|adaptive| {
            adaptive.bounds.len() == bounds.len() && !matches!(adaptive.stage, Stage::Idle)
        });
        let Some(adaptive) = known else {
            self.ignore();
            return Vec::new();
        };
        adaptive.bounds = bounds;
        let desired = adaptive.desired_slots();
        let mut commands = vec![Command::DeclareSlots(desired)];
        commands.extend(self.limit_slots(desired));
        commands.extend(self.on_resources_changed(now));
        commands
    }

    pub(super) fn on_wait_over(&mut self, over: WaitId, now: i64) -> Vec<Command> {
        let Some(adaptive) = &mut self.adaptive else {
            self.ignore();
            return Vec::new();
        };
        if let Stage::Waiting { timeout, .. } = adaptive.stage
            && timeout == over
        {
            return self.on_resource_wait_timeout(now);
        }
        if let Stage::Executing { cooldown, .. } = &mut adaptive.stage
            && *cooldown == Some(over)
        {
            *cooldown = None;
            return self.on_resources_changed(now);
        }
        match adaptive.stabilization() {
            Some(stabilization) if *stabilization == Stabilization::Pending(over) => {
                *stabilization = Stabilization::Over;
                self.on_resources_changed(now)
            }
            Some(_) | None => {
                self.ignore();
                Vec::new()
            }
        }
    }

    /// Waits for slots; no task is at a TaskManager.
    pub(super) fn wait_for_slots(&mut self, now: i64) -> Vec<Command> {
        self.reset_tasks(now);
        let timeout = WaitId(self.take_number());
        let Some(adaptive) = &mut self.adaptive else { return Vec::new() };
        adaptive.stage = Stage::Waiting { timeout, stabilization: Stabilization::NotNeeded };
        let after_ms = adaptive.options.resource_wait_timeout_ms;
        let desired = adaptive.desired_slots();
        let mut commands = vec![Command::DeclareSlots(desired)];
        commands.extend(self.limit_slots(desired));
        commands.push(Command::Wait { wait: timeout, after_ms });
        commands.extend(self.run_if_stable(now));
        commands
    }

    /// All tasks have ended that were to end: a rescaled job has its slots, any other waits for
    /// more to come.
    pub(super) fn run_again(&mut self, now: i64) -> Vec<Command> {
        let Some(adaptive) = &self.adaptive else { return Vec::new() };
        let is_rescaling = matches!(adaptive.stage, Stage::Restarting { is_rescaling: true });
        match adaptive.determine(self.slots.total()).filter(|_| is_rescaling) {
            Some(parallelism) => {
                self.reset_tasks(now);
                self.run(&parallelism, now)
            }
            None => self.wait_for_slots(now),
        }
    }

    /// Runs a job that waits, if it has all the slots it would like, or has waited for them.
    fn run_if_stable(&mut self, now: i64) -> Vec<Command> {
        let total = self.slots.total();
        let Some(adaptive) = &self.adaptive else { return Vec::new() };
        let after_ms = adaptive.options.submission_stabilization_ms;
        let has_all = total >= adaptive.desired_slots();
        let parallelism = adaptive.determine(total);
        if !self.is_stable(parallelism.is_some(), has_all) {
            return self.stabilize(parallelism.is_some(), after_ms).into_iter().collect();
        }
        parallelism.map_or_else(Vec::new, |parallelism| self.run(&parallelism, now))
    }

    /// Rescales a job that runs, if that is worth it, it has run for long enough, and it has all
    /// the slots it would like, or has waited for them.
    fn rescale_if_due(&mut self, now: i64) -> Vec<Command> {
        // It runs on these, whether or not one is lost whose tasks have finished.
        let total = self.slots.total().max(self.slots.sharing().required_slots());
        let Some(adaptive) = &self.adaptive else { return Vec::new() };
        let AdaptiveOptions { executing_stabilization_ms, min_parallelism_increase, .. } =
            adaptive.options;
        let has_all = total >= adaptive.desired_slots();
        let is_cold = matches!(adaptive.stage, Stage::Executing { cooldown: None, .. });
        let is_worth = adaptive.determine(total).is_some_and(|target| {
            is_worth_rescaling(&self.graph, &target, min_parallelism_increase)
        });
        if self.is_stable(is_worth, has_all) && is_cold {
            return self.rescale(now);
        }
        self.stabilize(is_worth, executing_stabilization_ms).into_iter().collect()
    }

    fn is_stable(&self, can_be: bool, has_all: bool) -> bool {
        let over = match self.adaptive.as_ref().map(|adaptive| adaptive.stage) {
            Some(Stage::Waiting { stabilization, .. } | Stage::Executing { stabilization, .. }) => {
                matches!(stabilization, Stabilization::Over)
            }
            Some(Stage::Idle | Stage::Restarting { .. }) | None => false,
        };
        can_be && (has_all || over)
    }

    /// Begins to wait for more slots, or gives that up when it would lead to nothing.
    fn stabilize(&mut self, can_be: bool, after_ms: u64) -> Option<Command> {
        let wait = WaitId(self.take_number());
        let stabilization = self.adaptive.as_mut()?.stabilization()?;
        match (&stabilization, can_be) {
            (_, false) => {
                *stabilization = Stabilization::NotNeeded;
                None
            }
            (Stabilization::NotNeeded, true) => {
                *stabilization = Stabilization::Pending(wait);
                Some(Command::Wait { wait, after_ms })
            }
            (Stabilization::Pending(_) | Stabilization::Over, true) => None,
        }
    }

    fn on_resource_wait_timeout(&mut self, now: i64) -> Vec<Command> {
        let has = self.slots.total();
        let Some(adaptive) = &self.adaptive else { return Vec::new() };
        if let Some(parallelism) = adaptive.determine(has) {
            return self.run(&parallelism, now);
        }
        let needs = least_slots(&adaptive.submitted, &adaptive.bounds);
        let shortage = SlotShortage { needs, has };
        let cause = format!(
            "NoResourceAvailableException: the job {shortage}, and \
             jobmanager.adaptive-scheduler.submission.resource-wait-timeout is over; start \
             TaskManagers with more slots, cancel other jobs, or lower the job's lower bounds"
        );
        let failure = self.failure_of(None, cause, now);
        self.fail(failure, Some("a job that lacks slots is not restarted".to_owned()), now)
    }

    /// Cancels all tasks in order to run them at other parallelism.
    fn rescale(&mut self, now: i64) -> Vec<Command> {
        self.restarts = self.restarts.saturating_add(1);
        self.rescales = self.rescales.saturating_add(1);
        let restart = RestartId(self.take_number());
        self.phases.fill(Phase::Restarting { restart, is_due: true });
        self.switch_to(JobStatus::Restarting, now);
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.stage = Stage::Restarting { is_rescaling: true };
        }
        let regions: Vec<RegionId> = self.regions.ids().collect();
        let mut commands: Vec<Command> = self.cancel(&regions, now).into_iter().collect();
        let regions: BTreeSet<RegionId> = regions.into_iter().collect();
        commands.extend(self.settle(&regions, now));
        commands
    }

    /// Makes all tasks SCHEDULED, those that have ended in their next attempt.
    fn reset_tasks(&mut self, now: i64) {
        let request = SlotRequestId(self.take_number());
        self.phases.fill(Phase::Waiting(request));
        for vertex in self.vertices.iter_mut().flatten() {
            vertex.reset(now);
            vertex.switch_to(ExecutionState::Scheduled, now);
        }
    }

    /// Deploys the job at this parallelism; all its tasks are SCHEDULED.
    fn run(&mut self, parallelism: &[u32], now: i64) -> Vec<Command> {
        let cooldown = WaitId(self.take_number());
        let Some(adaptive) = &mut self.adaptive else { return Vec::new() };
        let graph = Arc::new(at_parallelism(&adaptive.submitted, parallelism));
        let desired = adaptive.desired_slots();
        let after_ms = adaptive.options.cooldown_ms;
        adaptive.stage =
            Stage::Executing { cooldown: Some(cooldown), stabilization: Stabilization::NotNeeded };
        let attempts = self.vertices.iter().flatten().map(|vertex| vertex.current().attempt);
        let attempt = attempts.max().unwrap_or(0);
        for (subtasks, vertex) in self.vertices.iter_mut().zip(&graph.vertices) {
            let scheduled = || ExecutionVertex::scheduled(attempt, now);
            subtasks.resize_with(vertex.parallelism as usize, scheduled);
        }
        let request = SlotRequestId(self.take_number());
        self.regions = FailoverRegions::of(&graph, FailoverStrategy::Full);
        self.phases = vec![Phase::Waiting(request); self.regions.len()];
        self.slots.rearrange(SlotSharing::of(&graph));
        self.graph = graph;
        self.switch_to(JobStatus::Running, now);
        let mut commands: Vec<Command> = self.limit_slots(desired).into_iter().collect();
        commands.extend(self.deploy_ready(now));
        commands.push(Command::Wait { wait: cooldown, after_ms });
        commands.extend(self.complete(now));
        commands
    }

    /// Frees the slots that are in no use and beyond what the job would like.
    fn limit_slots(&mut self, desired: u32) -> Option<Command> {
        let surplus = self.slots.limit(desired);
        (!surplus.is_empty()).then_some(Command::FreeSlots(surplus))
    }
}

#[cfg(test)]
mod tests;
