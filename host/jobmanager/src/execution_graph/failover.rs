//! Reports of tasks, failures, and what follows: restart of regions, the end of the job, cancel.
//!
//! Law: one event is one failure to the restart strategy, however many tasks it ends. A region runs
//! again when its delay is over and none of its attempts is left, whichever comes last.

use std::collections::BTreeSet;

use sandbar_model::status::{ExecutionState, JobStatus};
use sandbar_rpc::TaskAttempt;

use super::adaptive::Adaptive;
use super::failure_history::bounded_cause;
use super::transitions::is_deployed;
use super::{
    Command, ExecutionGraph, Failure, Phase, RestartId, SlotRequestId, SlotShortage, task_ref,
};
use crate::failover_region::RegionId;
use crate::restart_strategy::Decision;
use crate::slot_manager::SlotId;
use crate::task_ref::TaskRef;

impl ExecutionGraph {
    pub(super) fn on_task_state(
        &mut self,
        task: TaskAttempt,
        state: ExecutionState,
        error: Option<String>,
        now: i64,
    ) -> Vec<Command> {
        let job = self.job;
        let known = self.vertex_mut(task_ref(task)).filter(|vertex| {
            let current = vertex.current();
            task.job == job && task.attempt == current.attempt && is_deployed(current.state)
        });
        let Some(vertex) = known else {
            self.ignore();
            return Vec::new();
        };
        let was_asked = vertex.state() == ExecutionState::Canceling;
        let cause = match state {
            // However a cancelled task ends, it is CANCELED; so in Flink's `Execution`.
            ExecutionState::Finished | ExecutionState::Canceled | ExecutionState::Failed
                if was_asked =>
            {
                vertex.switch_to(ExecutionState::Canceled, now);
                None
            }
            ExecutionState::Failed => {
                let cause = error.unwrap_or_else(|| "the task failed and gave no reason".into());
                let cause = bounded_cause(cause);
                vertex.fail(&cause, now).then_some(cause)
            }
            ExecutionState::Canceled => {
                vertex.switch_to(ExecutionState::Canceled, now);
                Some("the TaskManager cancelled the task without being asked to".to_owned())
            }
            ExecutionState::Initializing | ExecutionState::Running | ExecutionState::Finished => {
                if !vertex.switch_to(state, now) {
                    self.ignore();
                    return Vec::new();
                }
                None
            }
            // States that only the JobManager sets.
            ExecutionState::Created
            | ExecutionState::Scheduled
            | ExecutionState::Deploying
            | ExecutionState::Canceling => {
                self.ignore();
                return Vec::new();
            }
        };
        let regions: BTreeSet<RegionId> =
            self.regions.region_of(task_ref(task)).into_iter().collect();
        match cause {
            Some(cause) => self.on_failure(regions, self.failure_of(Some(task), cause, now), now),
            None if state.is_terminal() => self.settle(&regions, now),
            None => Vec::new(),
        }
    }

    pub(super) fn on_slots_lost(
        &mut self,
        slots: &[SlotId],
        reason: String,
        now: i64,
    ) -> Vec<Command> {
        let reason = bounded_cause(reason);
        let emptied = self.slots.remove(slots);
        let sharing = self.slots.sharing();
        let tasks: Vec<TaskRef> = emptied.iter().flat_map(|slot| sharing.tasks_in(*slot)).collect();
        let mut failed = Vec::new();
        for task in tasks.iter().copied() {
            let Some(vertex) = self.vertex_mut(task) else { continue };
            match vertex.state() {
                ExecutionState::Canceling => {
                    vertex.switch_to(ExecutionState::Canceled, now);
                }
                ExecutionState::Deploying
                | ExecutionState::Initializing
                | ExecutionState::Running => {
                    vertex.fail(&reason, now);
                    failed.push(task);
                }
                ExecutionState::Created
                | ExecutionState::Scheduled
                | ExecutionState::Finished
                | ExecutionState::Canceled
                | ExecutionState::Failed => {}
            }
        }
        let regions_of = |of: &[TaskRef]| -> BTreeSet<RegionId> {
            of.iter().filter_map(|task| self.regions.region_of(*task)).collect()
        };
        let (of_all, of_failed) = (regions_of(&tasks), regions_of(&failed));
        let mut commands = match failed.first().map(|task| self.attempt(*task)) {
            Some(first) => {
                self.on_failure(of_failed, self.failure_of(Some(first), reason, now), now)
            }
            None => Vec::new(),
        };
        commands.extend(self.settle(&of_all, now));
        // A spare slot may have taken the place of a lost one.
        commands.extend(self.on_resources_changed(now));
        commands
    }

    pub(super) fn on_slot_request_timed_out(
        &mut self,
        request: SlotRequestId,
        now: i64,
    ) -> Vec<Command> {
        let regions: BTreeSet<RegionId> = self
            .regions
            .ids()
            .filter(|region| self.phases[region.0] == Phase::Waiting(request))
            .collect();
        let tasks: Vec<TaskRef> =
            regions.iter().flat_map(|region| self.regions.tasks(*region)).copied().collect();
        let Some(first) = tasks.first().map(|task| self.attempt(*task)) else {
            self.ignore();
            return Vec::new();
        };
        let shortage = SlotShortage { needs: self.required_slots(), has: self.slots.filled() };
        let cause = format!(
            "NoResourceAvailableException: the job {shortage}, and slot.request.timeout is over; \
             start TaskManagers with more slots, cancel other jobs, or lower the parallelism"
        );
        for task in tasks {
            if let Some(vertex) = self.vertex_mut(task) {
                vertex.fail(&cause, now);
            }
        }
        self.on_failure(regions, self.failure_of(Some(first), cause, now), now)
    }

    pub(super) fn on_global_failure(&mut self, reason: String, now: i64) -> Vec<Command> {
        let failure = self.failure_of(None, bounded_cause(reason), now);
        match self.status {
            JobStatus::Running | JobStatus::Restarting => {
                let regions = self.regions.ids().collect();
                self.on_failure(regions, failure, now)
            }
            JobStatus::Created => self.fail(failure, None, now),
            JobStatus::Initializing => {
                self.failures.push(failure.clone());
                self.failure = Some(failure);
                self.switch_to(JobStatus::Failed, now);
                self.cancel_all(now);
                vec![Command::ReleaseSlots, Command::Complete(JobStatus::Failed)]
            }
            JobStatus::Failing
            | JobStatus::Failed
            | JobStatus::Cancelling
            | JobStatus::Canceled
            | JobStatus::Finished => {
                self.ignore();
                Vec::new()
            }
        }
    }

    pub(super) fn on_cancel(&mut self, now: i64) -> Vec<Command> {
        if !self.switch_to(JobStatus::Cancelling, now) {
            return Vec::new();
        }
        let mut commands: Vec<Command> = self.cancel_all(now).into_iter().collect();
        commands.extend(self.complete(now));
        commands
    }

    pub(super) fn on_restart_due(&mut self, due: RestartId, now: i64) -> Vec<Command> {
        let mut regions = BTreeSet::new();
        for (region, phase) in self.regions.ids().zip(&mut self.phases) {
            if let Phase::Restarting { restart, is_due } = phase
                && *restart == due
            {
                *is_due = true;
                regions.insert(region);
            }
        }
        if regions.is_empty() {
            self.ignore();
        }
        self.settle(&regions, now)
    }

    /// Asks the restart strategy, and restarts these regions or fails the job. Their failed tasks
    /// are terminal.
    fn on_failure(
        &mut self,
        regions: BTreeSet<RegionId>,
        failure: Failure,
        now: i64,
    ) -> Vec<Command> {
        if !matches!(self.status, JobStatus::Running | JobStatus::Restarting) {
            // The job ends already: no task of it is left that this could be the failure of.
            self.ignore();
            return self.complete(now);
        }
        match self.restart_strategy.on_failure(now) {
            Decision::Fail(reason) => self.fail(failure, Some(reason), now),
            Decision::Restart { delay_ms, is_new_attempt } => {
                self.failures.push(failure);
                self.adaptive.iter_mut().for_each(Adaptive::restart);
                self.restarts = self.restarts.saturating_add(u32::from(is_new_attempt));
                let restart = RestartId(self.take_number());
                let regions: Vec<RegionId> = regions.into_iter().collect();
                for region in &regions {
                    self.phases[region.0] = Phase::Restarting { restart, is_due: false };
                }
                if self.status == JobStatus::Running {
                    self.switch_to(JobStatus::Restarting, now);
                }
                let cancel = self.cancel(&regions, now);
                let schedule = Command::ScheduleRestart { restart, after_ms: delay_ms };
                cancel.into_iter().chain([schedule]).collect()
            }
        }
    }

    pub(super) fn failure_of(&self, task: Option<TaskAttempt>, cause: String, now: i64) -> Failure {
        let slot = task.and_then(|task| self.slot_of(task));
        let task_manager = slot.map(|slot| slot.task_manager.clone());
        let parallelism = task.map_or(0, |task| self.subtasks(task.vertex).len() as u32);
        Failure { timestamp: now, task, parallelism, task_manager, cause }
    }

    pub(super) fn fail(
        &mut self,
        failure: Failure,
        suppressed_by: Option<String>,
        now: i64,
    ) -> Vec<Command> {
        self.failures.push(failure.clone());
        self.failure = Some(failure);
        self.suppressed_by = suppressed_by;
        self.switch_to(JobStatus::Failing, now);
        let mut commands: Vec<Command> = self.cancel_all(now).into_iter().collect();
        commands.extend(self.complete(now));
        commands
    }

    fn cancel_all(&mut self, now: i64) -> Option<Command> {
        self.adaptive.iter_mut().for_each(Adaptive::end);
        self.phases.fill(Phase::Settled);
        let regions: Vec<RegionId> = self.regions.ids().collect();
        self.cancel(&regions, now)
    }

    /// Does what had to wait for the end of tasks of these regions.
    pub(super) fn settle(&mut self, regions: &BTreeSet<RegionId>, now: i64) -> Vec<Command> {
        let is_ready = |region: &RegionId| {
            matches!(self.phases[region.0], Phase::Restarting { is_due: true, .. })
                && self.is_ended(*region)
        };
        let ready: Vec<RegionId> = regions.iter().copied().filter(is_ready).collect();
        if ready.is_empty() {
            return self.complete(now);
        }
        if self.adaptive.is_some() {
            return self.run_again(now);
        }
        for task in ready.iter().flat_map(|region| self.regions.tasks(*region)) {
            self.vertices[task.vertex.index()][task.subtask as usize].reset(now);
        }
        let commands = self.schedule(&ready, now);
        let is_restarting = |phase: &Phase| matches!(phase, Phase::Restarting { .. });
        if self.status == JobStatus::Restarting && !self.phases.iter().any(is_restarting) {
            self.switch_to(JobStatus::Running, now);
        }
        commands
    }
}
