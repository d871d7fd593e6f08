//! Histories of small jobs that are scheduled adaptively.

use sandbar_model::job_graph::Partitioner::{Forward, Rescale};
use sandbar_model::{JobId, VertexId};
use sandbar_rpc::{TaskAttempt, TaskManagerId};

use super::*;
use crate::execution_graph::{Event, ExecutionGraphOptions, PlacedTask, Scheduler};
use crate::restart_strategy::{FixedDelay, RestartStrategy, RestartStrategyOptions};
use crate::slot_manager::SlotId;
use crate::testing::graph;

const OPTIONS: AdaptiveOptions = AdaptiveOptions {
    resource_wait_timeout_ms: 900,
    submission_stabilization_ms: 100,
    executing_stabilization_ms: 200,
    cooldown_ms: 300,
    min_parallelism_increase: 1,
};

/// A job whose timers are fired and whose tasks answer as the test says.
struct Run {
    execution: ExecutionGraph,
    commands: Vec<Command>,
}

fn slots(range: std::ops::Range<u32>) -> Vec<SlotId> {
    range.map(|index| SlotId { task_manager: TaskManagerId("tm".into()), index }).collect()
}

fn bounds(all: &[(u32, u32)]) -> Event {
    let bounds =
        all.iter().map(|(lower, upper)| ParallelismBounds { lower: *lower, upper: *upper });
    Event::Requirements(bounds.collect())
}

impl Run {
    /// Two vertices of this parallelism in one slot sharing group, and one restart.
    fn new(parallelism: u32, options: AdaptiveOptions) -> Run {
        let vertices = [(parallelism, "default"), (parallelism, "default")];
        let fixed = FixedDelay { attempts: 1, delay_ms: 50 };
        let options = ExecutionGraphOptions {
            scheduler: Scheduler::Adaptive(options),
            restart_strategy: RestartStrategy::new(RestartStrategyOptions::FixedDelay(fixed), 0)
                .unwrap(),
            failover_strategy: FailoverStrategy::Region,
        };
        let graph = graph(&vertices, &[(0, 1, Forward)]);
        let execution = ExecutionGraph::new(JobId(7), &graph, options, 0);
        let mut run = Run { execution, commands: Vec::new() };
        run.handle(Event::Initialized).handle(Event::Start);
        run
    }

    fn handle(&mut self, event: Event) -> &mut Run {
        self.commands.extend(self.execution.handle(event, 1));
        self
    }

    fn give(&mut self, range: std::ops::Range<u32>) -> &mut Run {
        self.handle(Event::SlotsAllocated(slots(range)))
    }

    fn take(&mut self, range: std::ops::Range<u32>) -> &mut Run {
        self.handle(Event::SlotsLost { slots: slots(range), reason: "lost".into() })
    }

    /// Ends the newest wait of this length.
    #[track_caller]
    fn wait(&mut self, length: u64) -> &mut Run {
        let mut waits = self.commands.iter().rev();
        let wait = waits.find_map(|command| {
            let Command::Wait { wait, after_ms } = command else { return None };
            (*after_ms == length).then_some(*wait)
        });
        self.handle(Event::WaitOver(wait.expect("there is such a wait")))
    }

    /// All tasks that are being cancelled have ended.
    fn cancelled(&mut self) -> &mut Run {
        for vertex in [VertexId(0), VertexId(1)] {
            for (subtask, of_subtask) in (0..).zip(self.execution.subtasks(vertex).to_vec()) {
                let attempt = of_subtask.current().attempt;
                if of_subtask.state() == ExecutionState::Canceling {
                    let task = TaskAttempt { job: JobId(7), vertex, subtask, attempt };
                    self.report(task, ExecutionState::Canceled);
                }
            }
        }
        self
    }

    fn report(&mut self, task: TaskAttempt, state: ExecutionState) -> &mut Run {
        self.handle(Event::TaskState { task, state, error: None })
    }

    /// Attempts in the newest deployment, vertex by vertex.
    fn deployed(&self) -> Vec<(u32, u32, u32)> {
        let deployed = self.commands.iter().rev().find_map(|command| {
            let Command::Deploy(tasks) = command else { return None };
            Some(tasks.clone())
        });
        let of =
            |placed: &PlacedTask| (placed.task.vertex.0, placed.task.subtask, placed.task.attempt);
        let mut tasks: Vec<_> = deployed.unwrap_or_default().iter().map(of).collect();
        tasks.sort_unstable();
        tasks
    }

    /// The state of the job, and the parallelism of its vertices.
    fn shape(&self) -> (JobStatus, Vec<u32>) {
        let vertices = &self.execution.graph().vertices;
        for vertex in vertices {
            let subtasks = self.execution.subtasks(vertex.id).len();
            assert_eq!(subtasks as u32, vertex.parallelism);
        }
        let parallelism = vertices.iter().map(|vertex| vertex.parallelism).collect();
        (self.execution.status(), parallelism)
    }
}

#[test]
fn with_all_its_slots_a_job_runs_at_once() {
    let mut run = Run::new(2, OPTIONS);
    assert_eq!(run.execution.status(), JobStatus::Created);
    assert_eq!(run.execution.waiting_for().unwrap().to_string(), "needs 2 slots, has 0");
    run.give(0..2);
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 2]));
    assert_eq!(run.deployed(), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)]);
    assert_eq!(run.execution.waiting_for(), None);
}

#[test]
fn with_some_of_its_slots_a_job_runs_when_no_more_came_for_a_while() {
    let mut run = Run::new(4, OPTIONS);
    run.give(0..1).give(1..3);
    let waits = run.commands.iter().filter(|command| matches!(command, Command::Wait { .. }));
    assert_eq!(waits.count(), 2, "more slots do not make it wait longer");
    assert_eq!(run.execution.status(), JobStatus::Created);
    run.wait(100);
    assert_eq!(run.shape(), (JobStatus::Running, vec![3, 3]));
    // The other timer has lost its reason.
    let ignored = run.execution.ignored_events();
    run.wait(900);
    assert_eq!(run.execution.ignored_events(), ignored + 1);
}

#[test]
fn slots_that_go_while_a_job_waits_begin_its_wait_anew() {
    let mut run = Run::new(4, OPTIONS);
    run.give(0..2).take(0..2).wait(100);
    assert_eq!(run.execution.status(), JobStatus::Created);
    run.give(0..2).wait(100);
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 2]));
}

#[test]
fn below_its_lower_bounds_a_job_waits_and_fails_without_a_restart() {
    let mut run = Run::new(4, OPTIONS);
    run.handle(bounds(&[(3, 4), (1, 4)])).give(0..2).wait(900);
    assert_eq!(run.execution.status(), JobStatus::Failed);
    let why = &run.execution.failure().unwrap().cause;
    assert!(why.starts_with("NoResourceAvailableException: the job needs 3 slots, has 2"), "{why}");
    assert_eq!(run.commands.last(), Some(&Command::Complete(JobStatus::Failed)));
    assert_eq!(run.execution.restarts(), 0);
}

#[test]
fn a_job_grows_when_it_has_cooled_down_and_all_slots_are_there() {
    let mut run = Run::new(4, OPTIONS);
    run.give(0..2).wait(100).give(2..4);
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 2]));
    run.wait(300);
    assert_eq!(run.execution.status(), JobStatus::Restarting);
    run.cancelled();
    assert_eq!(run.shape(), (JobStatus::Running, vec![4, 4]));
    let (old, grown) = ([(0, 0, 1), (0, 1, 1)], [(0, 2, 1), (0, 3, 1)]);
    assert_eq!(run.deployed()[..4], [old, grown].concat());
    assert_eq!((run.execution.restarts(), run.execution.rescales()), (1, 1));
    assert_eq!(run.execution.failures().len(), 0);
    // The restart strategy has its restart still.
    run.take(0..1);
    assert_eq!(run.execution.status(), JobStatus::Restarting);
}

#[test]
fn a_job_grows_by_some_slots_when_no_more_came_for_a_while() {
    let options = AdaptiveOptions { min_parallelism_increase: 2, ..OPTIONS };
    let mut run = Run::new(6, options);
    run.give(0..2).wait(100).wait(300).give(2..3);
    assert!(
        !run.commands.iter().any(|command| matches!(command, Command::Wait { after_ms: 200, .. }))
    );
    run.give(3..4);
    assert_eq!(run.execution.status(), JobStatus::Running);
    run.wait(200).cancelled();
    assert_eq!(run.shape(), (JobStatus::Running, vec![4, 4]));
}

#[test]
fn lower_upper_bounds_shrink_a_job_and_free_its_slots() {
    let mut run = Run::new(3, OPTIONS);
    run.give(0..3).wait(300).handle(bounds(&[(1, 2), (1, 1)]));
    assert!(run.commands.contains(&Command::DeclareSlots(2)));
    let freed = Command::FreeSlots(slots(2..3));
    assert!(!run.commands.contains(&freed), "a task runs there still");
    run.cancelled();
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 1]));
    assert!(run.commands.contains(&freed));
    assert_eq!(run.deployed(), [(0, 0, 1), (0, 1, 1), (1, 0, 1)]);
    let graph = Arc::clone(run.execution.graph());
    assert_eq!(graph.edges[0].partitioner, Rescale);
    // What comes all the same goes back.
    run.give(5..6);
    assert_eq!(run.commands.last(), Some(&Command::FreeSlots(slots(5..6))));
    // Reports of the subtask that is gone are ignored.
    let gone = TaskAttempt { job: JobId(7), vertex: VertexId(1), subtask: 1, attempt: 0 };
    let ignored = run.execution.ignored_events();
    run.report(gone, ExecutionState::Failed);
    assert_eq!(run.execution.ignored_events(), ignored + 1);
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 1]));
}

#[test]
fn a_subtask_that_comes_back_has_an_attempt_that_it_never_had() {
    let mut run = Run::new(2, OPTIONS);
    run.give(0..2).wait(300).handle(bounds(&[(1, 1), (1, 1)])).cancelled();
    assert_eq!(run.deployed(), [(0, 0, 1), (1, 0, 1)]);
    run.handle(bounds(&[(1, 2), (1, 2)])).give(1..2).wait(300).cancelled();
    assert_eq!(run.deployed(), [(0, 0, 2), (0, 1, 2), (1, 0, 2), (1, 1, 2)]);
}

#[test]
fn a_lost_slot_is_a_failure_and_the_job_runs_on_what_is_left() {
    let mut run = Run::new(3, OPTIONS);
    run.give(0..3).take(2..3).cancelled();
    let restart = run.commands.iter().find_map(|command| {
        let Command::ScheduleRestart { restart, .. } = command else { return None };
        Some(*restart)
    });
    run.handle(Event::RestartDue(restart.unwrap()));
    assert_eq!(run.execution.status(), JobStatus::Restarting);
    assert_eq!(run.execution.waiting_for().unwrap().to_string(), "needs 3 slots, has 2");
    run.wait(100);
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 2]));
    assert_eq!((run.execution.restarts(), run.execution.rescales()), (1, 0));
    let failure = run.execution.failures().next().unwrap();
    assert_eq!((failure.cause.as_str(), failure.parallelism), ("lost", 3));
    // There is no restart left.
    run.take(0..1).cancelled();
    assert_eq!(run.execution.status(), JobStatus::Failed);
}

#[test]
fn a_slot_of_finished_tasks_is_not_missed() {
    let mut run = Run::new(2, OPTIONS);
    run.give(0..2).wait(300);
    for vertex in [VertexId(0), VertexId(1)] {
        let task = TaskAttempt { job: JobId(7), vertex, subtask: 1, attempt: 0 };
        run.report(task, ExecutionState::Finished);
    }
    run.take(1..2);
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 2]));
}

#[test]
fn bounds_that_cannot_be_met_leave_a_job_that_runs_alone() {
    let mut run = Run::new(2, OPTIONS);
    run.give(0..2).wait(300).handle(bounds(&[(4, 4), (1, 2)]));
    assert_eq!(run.shape(), (JobStatus::Running, vec![2, 2]));
    run.give(2..4).cancelled();
    assert_eq!(run.shape(), (JobStatus::Running, vec![4, 2]));
}

#[test]
fn cancelling_ends_a_job_at_every_stage() {
    let waiting = || Run::new(2, OPTIONS);
    let rescaling = || {
        let mut run = Run::new(2, OPTIONS);
        run.give(0..2).wait(300).handle(bounds(&[(1, 1), (1, 1)]));
        run
    };
    for mut run in [waiting(), rescaling()] {
        run.handle(Event::Cancel).cancelled();
        assert_eq!(run.execution.status(), JobStatus::Canceled);
        run.commands.clear();
        run.handle(bounds(&[(1, 2), (1, 2)]));
        assert_eq!(run.commands, []);
    }
}
