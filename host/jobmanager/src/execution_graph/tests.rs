//! Histories of small jobs: what is commanded, and the states after.

use ExecutionState::{
    Canceled, Canceling, Created, Deploying, Failed, Finished, Initializing, Running, Scheduled,
};
use sandbar_model::job_graph::Partitioner::{self, Forward, Hash};
use sandbar_rpc::TaskManagerId;

use super::*;
use crate::restart_strategy::{FixedDelay, RestartStrategyOptions};
use crate::testing::{graph, task};

const JOB: JobId = JobId(7);

/// A job on TaskManagers that answer nothing by themselves; the clock ticks with each event.
struct Run {
    execution: ExecutionGraph,
    now: i64,
    commands: Vec<Command>,
}

impl Run {
    /// Vertices of these parallelisms in one slot sharing group; `restarts` with a delay of 50 ms.
    fn new(parallelisms: &[u32], edges: &[(u32, u32, Partitioner)], restarts: u32) -> Run {
        let vertices: Vec<_> = parallelisms.iter().map(|p| (*p, "default")).collect();
        let fixed = FixedDelay { attempts: restarts, delay_ms: 50 };
        let options = ExecutionGraphOptions {
            scheduler: Scheduler::Default,
            restart_strategy: RestartStrategy::new(RestartStrategyOptions::FixedDelay(fixed), 0)
                .unwrap(),
            failover_strategy: FailoverStrategy::Region,
        };
        let execution = ExecutionGraph::new(JOB, &graph(&vertices, edges), options, 0);
        Run { execution, now: 0, commands: Vec::new() }
    }

    /// The same, with all its tasks RUNNING in slots of TaskManager 0.
    fn running(parallelisms: &[u32], edges: &[(u32, u32, Partitioner)], restarts: u32) -> Run {
        let mut run = Run::new(parallelisms, edges, restarts);
        run.handle(Event::Initialized).handle(Event::Start);
        let slots = (0..run.execution.required_slots()).map(|index| slot(0, index)).collect();
        run.handle(Event::SlotsAllocated(slots));
        for each in run.tasks() {
            run.report(each, Initializing).report(each, Running);
        }
        run.commands.clear();
        run
    }

    fn tasks(&self) -> Vec<TaskRef> {
        self.execution
            .regions
            .ids()
            .flat_map(|id| self.execution.regions.tasks(id).to_vec())
            .collect()
    }

    fn handle(&mut self, event: Event) -> &mut Run {
        self.now += 1;
        self.commands.extend(self.execution.handle(event, self.now));
        self
    }

    /// Reports a state of the current attempt.
    fn report(&mut self, of: TaskRef, state: ExecutionState) -> &mut Run {
        let attempt = self.execution.attempt(of);
        self.report_attempt(attempt, state)
    }

    fn report_attempt(&mut self, of: TaskAttempt, state: ExecutionState) -> &mut Run {
        let error = (state == Failed).then(|| format!("cause of {}.{}", of.vertex.0, of.subtask));
        self.handle(Event::TaskState { task: of, state, error })
    }

    /// Checks the state of the job, the states of its tasks, and the commands since the last check.
    #[track_caller]
    fn check(
        &mut self,
        status: JobStatus,
        states: &[ExecutionState],
        commands: &[Command],
    ) -> &mut Run {
        let found: Vec<_> =
            self.execution.vertices.iter().flatten().map(ExecutionVertex::state).collect();
        assert_eq!((self.execution.status(), found.as_slice()), (status, states));
        assert_eq!(std::mem::take(&mut self.commands), commands);
        self
    }
}

fn slot(worker: u32, index: u32) -> SlotId {
    SlotId { task_manager: TaskManagerId(format!("tm-{worker}")), index }
}

fn attempt(vertex: u32, subtask: u32, attempt: u32) -> TaskAttempt {
    TaskAttempt { job: JOB, vertex: VertexId(vertex), subtask, attempt }
}

fn placed(task: TaskAttempt, slot: SlotId) -> PlacedTask {
    PlacedTask { task, slot }
}

fn restart(number: u64) -> Command {
    Command::ScheduleRestart { restart: RestartId(number), after_ms: 50 }
}

fn ended(status: JobStatus) -> [Command; 2] {
    [Command::ReleaseSlots, Command::Complete(status)]
}

fn lost(slots: &[SlotId]) -> Event {
    Event::SlotsLost { slots: slots.to_vec(), reason: "tm lost".into() }
}

#[test]
fn a_job_is_deployed_when_all_its_slots_are_there_receivers_first() {
    let mut run = Run::new(&[2, 1], &[(0, 1, Hash)], 0);
    run.check(JobStatus::Initializing, &[Created; 3], &[]);
    run.handle(Event::Initialized).check(JobStatus::Created, &[Created; 3], &[]);
    let request = Command::RequestSlots { slots: 2, request: SlotRequestId(1) };
    run.handle(Event::Start).check(JobStatus::Running, &[Scheduled; 3], &[request]);
    run.handle(Event::SlotsAllocated(vec![slot(1, 0)]));
    run.check(JobStatus::Running, &[Scheduled; 3], &[]);
    assert_eq!(run.execution.waiting_for().unwrap().to_string(), "needs 2 slots, has 1");
    run.handle(Event::SlotsAllocated(vec![slot(2, 4)]));
    let deploy = Command::Deploy(vec![
        placed(attempt(1, 0, 0), slot(1, 0)),
        placed(attempt(0, 0, 0), slot(1, 0)),
        placed(attempt(0, 1, 0), slot(2, 4)),
    ]);
    run.check(JobStatus::Running, &[Deploying; 3], &[deploy]);
    assert_eq!(run.execution.waiting_for(), None);
    assert_eq!(run.execution.slot_of(attempt(0, 1, 0)), Some(&slot(2, 4)));
    run.handle(Event::SlotRequestTimedOut(SlotRequestId(1)));
    run.check(JobStatus::Running, &[Deploying; 3], &[]);
    assert_eq!(run.execution.ignored_events(), 1, "the timer outlived its reason");
}

#[test]
fn a_job_finishes_with_its_tasks() {
    let mut run = Run::running(&[1, 1], &[(0, 1, Hash)], 0);
    run.report(task(0, 0), Finished).check(JobStatus::Running, &[Finished, Running], &[]);
    run.report(task(1, 0), Finished);
    run.check(JobStatus::Finished, &[Finished; 2], &ended(JobStatus::Finished));
    run.handle(Event::Cancel).report(task(1, 0), Failed).handle(Event::GlobalFailure("x".into()));
    run.handle(lost(&[slot(0, 0)]));
    run.check(JobStatus::Finished, &[Finished; 2], &[]);
    run.handle(Event::SlotsAllocated(vec![slot(1, 0)]));
    run.check(JobStatus::Finished, &[Finished; 2], &[Command::ReleaseSlots]);
    let states: Vec<_> = run.execution.timestamps().keys().copied().collect();
    use JobStatus as Job;
    assert_eq!(states, [Job::Initializing, Job::Created, Job::Running, Job::Finished]);
    let history = &run.execution.subtask(task(0, 0)).unwrap().current().timestamps;
    let of_task: Vec<_> = history.keys().copied().collect();
    assert_eq!(of_task, [Created, Scheduled, Deploying, Initializing, Running, Finished]);
    assert!(history.values().is_sorted());
    run = Run::new(&[], &[], 0);
    run.handle(Event::Initialized).handle(Event::Start);
    run.check(JobStatus::Finished, &[], &ended(JobStatus::Finished));
}

#[test]
fn a_failure_without_restarts_fails_the_job() {
    let mut run = Run::running(&[2, 1], &[], 0);
    run.report(task(0, 1), Failed);
    let cancel = Command::Cancel(vec![
        placed(attempt(0, 0, 0), slot(0, 0)),
        placed(attempt(1, 0, 0), slot(0, 0)),
    ]);
    run.check(JobStatus::Failing, &[Canceling, Failed, Canceling], &[cancel]);
    // What happens to tasks that are being cancelled is no failure of its own.
    run.report(task(0, 0), Failed).report(task(1, 0), Finished);
    run.check(JobStatus::Failed, &[Canceled, Failed, Canceled], &ended(JobStatus::Failed));
    let failure = run.execution.failure().unwrap();
    assert_eq!((failure.task, failure.cause.as_str()), (Some(attempt(0, 1, 0)), "cause of 0.1"));
    assert_eq!(failure.task_manager, Some(TaskManagerId("tm-0".into())));
    assert_eq!(run.execution.failures().len(), 1);
    let why = run.execution.suppressed_by().unwrap();
    assert!(why.contains("restart-strategy.fixed-delay.attempts"), "{why}");
}

#[test]
fn a_failure_restarts_its_region_when_the_delay_is_over_and_its_tasks_have_ended() {
    for is_due_first in [true, false] {
        let mut run = Run::running(&[2, 2], &[(0, 1, Forward)], 1);
        run.report(task(0, 0), Failed);
        let cancel = Command::Cancel(vec![placed(attempt(1, 0, 0), slot(0, 0))]);
        let states = [Failed, Running, Canceling, Running];
        run.check(JobStatus::Restarting, &states, &[cancel, restart(2)]);
        assert_eq!(run.execution.restarts(), 1);
        if is_due_first {
            run.handle(Event::RestartDue(RestartId(2)));
            run.check(JobStatus::Restarting, &states, &[]);
            run.report(task(1, 0), Canceled);
        } else {
            run.report(task(1, 0), Canceled);
            run.check(JobStatus::Restarting, &[Failed, Running, Canceled, Running], &[]);
            run.handle(Event::RestartDue(RestartId(2)));
        }
        let deploy = Command::Deploy(vec![
            placed(attempt(1, 0, 1), slot(0, 0)),
            placed(attempt(0, 0, 1), slot(0, 0)),
        ]);
        let again = [Deploying, Running, Deploying, Running];
        run.check(JobStatus::Running, &again, &[deploy]);
        let earlier: Vec<_> = run.execution.subtasks(VertexId(0))[0].earlier().collect();
        assert_eq!((earlier[0].attempt, earlier[0].state), (0, Failed));
        assert_eq!(earlier[0].failure.as_deref(), Some("cause of 0.0"));
    }
}

#[test]
fn reports_of_attempts_that_are_not_current_are_ignored() {
    let mut run = Run::running(&[1], &[], 1);
    let other_job = TaskAttempt { job: JobId(8), ..attempt(0, 0, 0) };
    run.report_attempt(other_job, Failed).report_attempt(attempt(0, 0, 1), Failed);
    run.report_attempt(attempt(0, 9, 0), Failed).report_attempt(attempt(9, 0, 0), Failed);
    run.check(JobStatus::Running, &[Running], &[]);
    run.report(task(0, 0), Failed).handle(Event::RestartDue(RestartId(2)));
    run.report_attempt(attempt(0, 0, 0), Running).report_attempt(attempt(0, 0, 0), Failed);
    run.report_attempt(attempt(0, 0, 0), Canceled);
    let deploy = Command::Deploy(vec![placed(attempt(0, 0, 1), slot(0, 0))]);
    run.check(JobStatus::Running, &[Deploying], &[restart(2), deploy]);
    assert_eq!(run.execution.ignored_events(), 7);
}

#[test]
fn reports_may_be_late_and_twice() {
    let mut run = Run::running(&[1, 1], &[], 0);
    run.report(task(0, 0), Initializing).report(task(0, 0), Running);
    run.report(task(0, 0), Finished).report(task(0, 0), Running).report(task(0, 0), Failed);
    for set_by_us in [Created, Scheduled, Deploying, Canceling] {
        run.report(task(1, 0), set_by_us);
    }
    run.check(JobStatus::Running, &[Finished, Running], &[]);
    assert_eq!(run.execution.ignored_events(), 8);
}

#[test]
fn the_loss_of_slots_is_one_failure_and_its_tasks_get_others() {
    // Two regions in slots of one TaskManager, one attempt left: both restart all the same.
    let mut run = Run::running(&[3], &[], 1);
    run.handle(lost(&[slot(0, 0), slot(0, 2), slot(5, 5)]));
    run.check(JobStatus::Restarting, &[Failed, Running, Failed], &[restart(2)]);
    assert_eq!((run.execution.restarts(), run.execution.failures().len()), (1, 1));
    run.handle(Event::RestartDue(RestartId(2)));
    let request = Command::RequestSlots { slots: 3, request: SlotRequestId(3) };
    run.check(JobStatus::Running, &[Scheduled, Running, Scheduled], &[request]);
    assert_eq!(run.execution.waiting_for().unwrap().to_string(), "needs 3 slots, has 1");
    run.handle(Event::SlotsAllocated(vec![slot(1, 0)]));
    let deploy = Command::Deploy(vec![placed(attempt(0, 0, 1), slot(1, 0))]);
    run.check(JobStatus::Running, &[Deploying, Running, Scheduled], &[deploy]);
    run.handle(Event::SlotRequestTimedOut(SlotRequestId(3)));
    let states = [Canceling, Canceling, Failed];
    let cancel = Command::Cancel(vec![
        placed(attempt(0, 0, 1), slot(1, 0)),
        placed(attempt(0, 1, 0), slot(0, 1)),
    ]);
    run.check(JobStatus::Failing, &states, &[cancel]);
    let cause = &run.execution.failure().unwrap().cause;
    assert!(cause.starts_with("NoResourceAvailableException: the job needs 3 slots, has 2"));
}

#[test]
fn slots_lost_while_cancelling_end_the_tasks_there() {
    let mut run = Run::running(&[2], &[], 0);
    run.handle(Event::Cancel);
    run.commands.clear();
    run.handle(lost(&[slot(0, 0)])).check(JobStatus::Cancelling, &[Canceled, Canceling], &[]);
    run.handle(lost(&[slot(0, 1)]));
    run.check(JobStatus::Canceled, &[Canceled; 2], &ended(JobStatus::Canceled));
    assert_eq!(run.execution.failures().len(), 0);
}

#[test]
fn spare_slots_take_the_place_of_lost_ones() {
    let mut run = Run::running(&[1], &[], 1);
    run.handle(Event::SlotsAllocated(vec![slot(1, 0), slot(1, 0), slot(0, 0), slot(2, 0)]));
    assert_eq!(run.execution.ignored_events(), 3, "known, or one too many");
    run.handle(lost(&[slot(0, 0)])).handle(Event::RestartDue(RestartId(2)));
    let deploy = Command::Deploy(vec![placed(attempt(0, 0, 1), slot(1, 0))]);
    run.check(JobStatus::Running, &[Deploying], &[restart(2), deploy]);
}

#[test]
fn a_global_failure_restarts_everything() {
    let mut run = Run::running(&[1, 1], &[], 2);
    run.report(task(0, 0), Failed).report(task(1, 0), Finished);
    run.check(JobStatus::Restarting, &[Failed, Finished], &[restart(2)]);
    run.handle(Event::GlobalFailure("no splits".into())).handle(Event::RestartDue(RestartId(2)));
    run.check(JobStatus::Restarting, &[Failed, Finished], &[restart(3)]);
    run.handle(Event::RestartDue(RestartId(3)));
    let deploy = Command::Deploy(vec![
        placed(attempt(1, 0, 1), slot(0, 0)),
        placed(attempt(0, 0, 1), slot(0, 0)),
    ]);
    run.check(JobStatus::Running, &[Deploying; 2], &[deploy]);
    run = Run::new(&[1], &[], 2);
    run.handle(Event::GlobalFailure("no plugin".into()));
    run.check(JobStatus::Failed, &[Canceled], &ended(JobStatus::Failed));
    assert_eq!(run.execution.failure().unwrap().cause, "no plugin");
}

fn check_cancel(run: &mut Run, states: &[ExecutionState]) {
    run.commands.clear();
    run.handle(Event::Cancel);
    run.check(JobStatus::Canceled, states, &ended(JobStatus::Canceled));
}

#[test]
fn a_job_can_be_cancelled_in_every_state() {
    let mut run = Run::new(&[1], &[], 1);
    check_cancel(&mut run, &[Canceled]);
    run = Run::new(&[1], &[], 1);
    run.handle(Event::Initialized);
    check_cancel(&mut run, &[Canceled]);
    run = Run::new(&[1], &[], 1);
    run.handle(Event::Initialized).handle(Event::Start);
    check_cancel(&mut run, &[Canceled]);
    run = Run::running(&[1], &[], 1);
    run.report(task(0, 0), Failed);
    check_cancel(&mut run, &[Failed]);
    run.handle(Event::RestartDue(RestartId(2))).check(JobStatus::Canceled, &[Failed], &[]);
    run = Run::running(&[2], &[], 0);
    run.report(task(0, 0), Failed).handle(Event::Cancel);
    run.commands.clear();
    run.check(JobStatus::Cancelling, &[Failed, Canceling], &[]);
    run.report(task(0, 1), Canceled);
    run.check(JobStatus::Canceled, &[Failed, Canceled], &ended(JobStatus::Canceled));
}

#[test]
fn a_task_that_is_cancelled_without_being_asked_has_failed() {
    let mut run = Run::running(&[1], &[], 1);
    run.report(task(0, 0), Canceled).check(JobStatus::Restarting, &[Canceled], &[restart(2)]);
    let failures: Vec<_> = run.execution.failures().map(|failure| failure.cause.as_str()).collect();
    assert_eq!(failures, ["the TaskManager cancelled the task without being asked to"]);
}

#[test]
fn histories_are_bounded_and_newest_first() {
    let mut run = Run::running(&[1], &[], 100);
    for number in 0..20_u64 {
        let (task, state) = (run.execution.attempt(task(0, 0)), Failed);
        let error = Some(format!("{number}:{}", "é".repeat(CAUSE_BYTES_MAX)));
        run.handle(Event::TaskState { task, state, error });
        let due = run.commands.iter().rev().find_map(|command| match command {
            Command::ScheduleRestart { restart, .. } => Some(*restart),
            Command::RequestSlots { .. }
            | Command::Deploy(_)
            | Command::Cancel(_)
            | Command::ReleaseSlots
            | Command::DeclareSlots(_)
            | Command::FreeSlots(_)
            | Command::Wait { .. }
            | Command::Complete(_) => None,
        });
        run.handle(Event::RestartDue(due.unwrap()));
    }
    let causes: Vec<_> = run.execution.failures().map(|failure| &failure.cause).collect();
    assert_eq!(causes.len(), FAILURES_MAX);
    assert!(causes[0].starts_with("19:") && causes[15].starts_with("4:"));
    assert!(
        causes.iter().all(|cause| cause.len() <= CAUSE_BYTES_MAX && cause.ends_with("(cut off)"))
    );
    let vertex = run.execution.subtask(task(0, 0)).unwrap();
    let attempts: Vec<u32> = vertex.earlier().map(|execution| execution.attempt).collect();
    assert_eq!(attempts, (4..20).collect::<Vec<_>>());
    assert_eq!((vertex.current().attempt, run.execution.restarts()), (20, 20));
}

#[test]
fn every_state_leads_to_an_end_and_an_end_nowhere() {
    let tasks = [
        Created,
        Scheduled,
        Deploying,
        Initializing,
        Running,
        Finished,
        Canceling,
        Canceled,
        Failed,
    ];
    for state in tasks {
        let next = transitions::after_task(state);
        assert_eq!(next.is_empty(), state.is_terminal(), "{state}");
        assert!(state.is_terminal() || next.contains(&Canceled), "{state} cannot be cancelled");
        assert!(!next.contains(&state) && !next.contains(&Created), "{state}");
    }
    use JobStatus as Job;
    let jobs = [
        (Job::Initializing, true),
        (Job::Created, true),
        (Job::Running, true),
        (Job::Restarting, true),
        (Job::Failing, true),
        (Job::Cancelling, false),
        (Job::Failed, false),
        (Job::Canceled, false),
        (Job::Finished, false),
    ];
    for (status, can_be_cancelled) in jobs {
        let next = transitions::after_job(status);
        assert_eq!(next.is_empty(), status.is_terminal(), "{status}");
        assert_eq!(next.contains(&Job::Cancelling), can_be_cancelled, "{status}");
    }
}
