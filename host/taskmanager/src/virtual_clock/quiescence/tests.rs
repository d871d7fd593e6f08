//! When time moves: cases one by one, and a random system of tasks that send one another messages,
//! in every step of which time must have passed nobody by.

use proptest::prelude::*;
use sandbar_model::job_graph::JobVertex;

use super::*;

const JOB: JobId = JobId(7);

fn graph(parallelisms: &[u32]) -> JobGraph {
    let vertex = |(id, parallelism): (u32, &u32)| JobVertex {
        id: VertexId(id),
        name: String::new(),
        parallelism: *parallelism,
        max_parallelism: 128,
        slot_sharing_group: String::new(),
        operators: Vec::new(),
    };
    let vertices = (0..).zip(parallelisms).map(vertex).collect();
    let (name, arguments) = (String::new(), Vec::new());
    let (configuration, edges) = Default::default();
    JobGraph { name, configuration, arguments, vertices, edges }
}

fn task(vertex: u32, subtask: u32, attempt: u32) -> TaskAttempt {
    TaskAttempt { job: JOB, vertex: VertexId(vertex), subtask, attempt }
}

fn until(due_ms: i64) -> Wait {
    Wait { due_ms: Some(due_ms), on_outside: false }
}

/// Two vertices of one subtask each, which run.
fn two() -> (Quiescence, TaskAttempt, TaskAttempt) {
    let mut quiescence = Quiescence::new(100);
    let (first, second) = (task(0, 0, 0), task(1, 0, 0));
    quiescence.on_deploy(JOB, &graph(&[1, 1]), [first, second]);
    quiescence.on_start(first);
    quiescence.on_start(second);
    (quiescence, first, second)
}

#[test]
fn time_moves_to_what_is_due_first_when_all_wait() {
    let (mut quiescence, first, second) = two();
    quiescence.on_wait(first, until(150));
    assert_eq!(quiescence.advance(), None, "the second works");
    quiescence.on_wait(second, until(120));
    assert_eq!((quiescence.advance(), quiescence.now_ms()), (Some(second), 120));
    assert_eq!(quiescence.advance(), None, "the second works");
    quiescence.on_wait(second, Wait::default());
    assert_eq!((quiescence.advance(), quiescence.now_ms()), (Some(first), 150));
    quiescence.on_wait(first, Wait::default());
    assert_eq!(quiescence.advance(), None, "nothing is due");
}

#[test]
fn those_due_at_one_time_go_on_one_after_the_other() {
    let (mut quiescence, first, second) = two();
    quiescence.on_wait(second, until(150));
    quiescence.on_wait(first, until(150));
    assert_eq!(quiescence.advance(), Some(first));
    quiescence.on_wait(first, Wait { due_ms: None, on_outside: true });
    // It was due before, so that time need not move.
    assert_eq!((quiescence.advance(), quiescence.now_ms()), (Some(second), 150));
    quiescence.on_wait(second, until(151));
    assert_eq!(quiescence.advance(), None, "something may come from outside");
    quiescence.on_end(first, true);
    assert_eq!((quiescence.advance(), quiescence.now_ms()), (Some(second), 151));
}

#[test]
fn a_task_that_was_told_something_or_is_due_does_not_wait() {
    let (mut quiescence, first, second) = two();
    quiescence.on_wait(second, until(200));
    quiescence.on_wake(first);
    quiescence.on_wait(first, Wait::default());
    assert!(!quiescence.is_waiting(first), "told before it waited");
    assert_eq!(quiescence.advance(), None);
    quiescence.on_wait(first, until(100));
    assert!(!quiescence.is_waiting(first), "due");
    quiescence.on_wait(first, Wait::default());
    assert!(quiescence.is_waiting(first));
    quiescence.on_wake(first);
    assert!(!quiescence.is_waiting(first), "told while it waited");
    assert_eq!(quiescence.advance(), None);
}

#[test]
fn the_last_time_that_there_is_never_comes() {
    let (mut quiescence, first, second) = two();
    quiescence.on_wait(first, until(i64::MAX));
    quiescence.on_wait(second, Wait::default());
    assert_eq!((quiescence.advance(), quiescence.now_ms()), (None, 100));
}

#[test]
fn time_waits_for_tasks_that_have_not_started_or_may_run_again() {
    let mut quiescence = Quiescence::new(0);
    let (map, source) = (task(1, 0, 0), task(0, 0, 0));
    // Only one of two vertices has been deployed.
    quiescence.on_deploy(JOB, &graph(&[1, 1]), [map]);
    quiescence.on_start(map);
    quiescence.on_wait(map, until(5));
    assert_eq!(quiescence.advance(), None);
    quiescence.on_deploy(JOB, &graph(&[1, 1]), [source]);
    assert_eq!(quiescence.advance(), None);
    quiescence.on_start(source);
    quiescence.on_end(source, true);
    assert_eq!(quiescence.advance(), Some(map));
    // It fails, and runs again together with what had finished.
    quiescence.on_end(map, false);
    assert_eq!(quiescence.advance(), None);
    let (second_map, second_source) = (task(1, 0, 1), task(0, 0, 1));
    quiescence.on_deploy(JOB, &graph(&[1, 1]), [second_map, second_source]);
    quiescence.on_start(second_map);
    quiescence.on_wait(second_map, until(9));
    assert_eq!(quiescence.advance(), None, "the source is to start");
    quiescence.on_start(second_source);
    quiescence.on_wait(second_source, Wait::default());
    quiescence.on_wake(map);
    assert!(quiescence.is_waiting(second_map), "another attempt was woken");
    assert_eq!((quiescence.advance(), quiescence.now_ms()), (Some(second_map), 9));
    quiescence.on_release(JOB);
    assert_eq!(quiescence.advance(), None);
}

#[test]
fn a_graph_of_fewer_subtasks_is_waited_for_no_longer() {
    let mut quiescence = Quiescence::new(0);
    quiescence.on_deploy(JOB, &graph(&[2]), [task(0, 0, 0), task(0, 1, 0)]);
    let left = task(0, 0, 1);
    quiescence.on_deploy(JOB, &graph(&[1]), [left]);
    quiescence.on_start(left);
    quiescence.on_wait(left, until(1));
    assert_eq!(quiescence.advance(), Some(left));
}

/// What a task of the random system does with a message or a timer.
#[derive(Clone, Debug)]
enum Deed {
    /// Sends a message to a task.
    Send(usize),
    /// Sets a timer so many milliseconds ahead.
    Timer(i64),
}

/// Where the thread of a task is: between any two of these another one may run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Looking,
    /// It has put a message into an inbox, and is to wake its owner.
    Waking(usize),
    /// It has found nothing to do.
    Idle,
    Parked,
}

struct Member {
    at: At,
    inbox: usize,
    timers: Vec<i64>,
    /// To be done before it looks again, the next last.
    todo: Vec<Deed>,
}

/// A system of tasks, each of which is a thread that takes its steps whenever it likes.
struct System {
    quiescence: Quiescence,
    members: Vec<Member>,
    deeds: std::vec::IntoIter<Vec<Deed>>,
    fired: usize,
    set: usize,
}

impl System {
    fn new(tasks: usize, deeds: Vec<Vec<Deed>>) -> System {
        let mut quiescence = Quiescence::new(0);
        let attempts = (0..tasks as u32).map(|subtask| task(0, subtask, 0));
        quiescence.on_deploy(JOB, &graph(&[tasks as u32]), attempts.clone());
        attempts.for_each(|attempt| quiescence.on_start(attempt));
        let member = |_| Member { at: At::Looking, inbox: 1, timers: Vec::new(), todo: Vec::new() };
        let members = (0..tasks).map(member).collect();
        System { quiescence, members, deeds: deeds.into_iter(), fired: 0, set: 0 }
    }

    /// A step of one thread.
    fn step(&mut self, index: usize) {
        let now_ms = self.quiescence.now_ms();
        let attempt = task(0, index as u32, 0);
        let tasks = self.members.len();
        let member = &mut self.members[index];
        match member.at {
            At::Looking => match member.todo.pop() {
                Some(Deed::Timer(ahead_ms)) => {
                    member.timers.push(now_ms + ahead_ms);
                    self.set += 1;
                }
                Some(Deed::Send(to)) => {
                    member.at = At::Waking(to % tasks);
                    self.members[to % tasks].inbox += 1;
                }
                None => self.look(index, now_ms),
            },
            At::Waking(to) => {
                member.at = At::Looking;
                self.quiescence.on_wake(task(0, to as u32, 0));
                self.settle();
            }
            At::Idle => {
                let due_ms = member.timers.iter().copied().min();
                member.at = At::Parked;
                self.quiescence.on_wait(attempt, Wait { due_ms, on_outside: false });
                self.settle();
            }
            At::Parked if !self.quiescence.is_waiting(attempt) => member.at = At::Looking,
            At::Parked => {}
        }
    }

    /// Fires a timer or takes a message, if there is one.
    fn look(&mut self, index: usize, now_ms: i64) {
        let member = &mut self.members[index];
        if let Some(due) = member.timers.iter().position(|due_ms| *due_ms <= now_ms) {
            let due_ms = member.timers.swap_remove(due);
            assert_eq!(due_ms, now_ms, "a timer fires at its time");
            self.fired += 1;
            member.todo = self.deeds.next().unwrap_or_default();
        } else if member.inbox > 0 {
            member.inbox -= 1;
            member.todo = self.deeds.next().unwrap_or_default();
        } else {
            member.at = At::Idle;
        }
    }

    fn settle(&mut self) {
        let before_ms = self.quiescence.now_ms();
        let Some(next) = self.quiescence.advance() else { return };
        let now_ms = self.quiescence.now_ms();
        assert!(now_ms >= before_ms);
        for member in &self.members {
            assert_eq!((member.at, member.inbox), (At::Parked, 0), "something is under way");
            assert!(member.timers.iter().all(|due_ms| *due_ms >= now_ms), "passed by");
        }
        let due_ms = self.members[next.subtask as usize].timers.iter().min();
        assert_eq!(due_ms, Some(&now_ms), "time moves to what is due, no further");
    }

    fn is_done(&self) -> bool {
        self.members.iter().enumerate().all(|(index, member)| {
            let waits = self.quiescence.is_waiting(task(0, index as u32, 0));
            waits && member.at == At::Parked && member.timers.is_empty() && member.inbox == 0
        })
    }
}

proptest! {
    #[test]
    fn time_passes_nobody_by_and_every_timer_fires_at_its_time(
        tasks in 1usize..5,
        deeds in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![(0usize..5).prop_map(Deed::Send), (0i64..20).prop_map(Deed::Timer)],
                0..4,
            ),
            0..40,
        ),
        order in prop::collection::vec(0usize..5, 1..60),
    ) {
        let mut system = System::new(tasks, deeds);
        let mut steps = 0;
        while !system.is_done() {
            // All threads go on, however uneven the order: at the end they take turns.
            let next = order.get(steps).copied().unwrap_or(steps);
            system.step(next % tasks);
            steps += 1;
            prop_assert!(steps < 100_000, "time stands still with something to do");
        }
        prop_assert_eq!(system.fired, system.set);
    }
}
