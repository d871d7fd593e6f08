//! Histories of two tasks, and the state of the job after each.

use std::collections::BTreeMap;

use ExecutionState::{Canceled, Failed, Finished, Running};
use sandbar_model::job_graph::JobVertex;

use super::*;

fn graph(parallelism: u32) -> JobGraph {
    JobGraph {
        name: "job".into(),
        configuration: BTreeMap::new(),
        arguments: Vec::new(),
        vertices: vec![JobVertex {
            id: VertexId(0),
            name: "v".into(),
            parallelism,
            max_parallelism: 128,
            slot_sharing_group: "default".into(),
            operators: Vec::new(),
        }],
        edges: Vec::new(),
    }
}

fn task(subtask: u32) -> TaskRef {
    TaskRef { vertex: VertexId(0), subtask }
}

enum Step {
    Report(u32, ExecutionState),
    Cancel,
}

fn check(steps: &[Step], expected: JobStatus) -> ExecutionGraph {
    let mut execution = ExecutionGraph::new(&graph(2));
    assert_eq!(execution.start(), [Command::Deploy(task(0)), Command::Deploy(task(1))]);
    let mut completed = Vec::new();
    for step in steps {
        let commands = match step {
            Step::Report(subtask, state) => {
                let cause = (*state == Failed).then(|| format!("cause {subtask}"));
                execution.on_task_state(task(*subtask), *state, cause)
            }
            Step::Cancel => execution.on_cancel(),
        };
        completed.extend(commands.into_iter().filter_map(|command| match command {
            Command::Complete(status) => Some(status),
            Command::Deploy(_) | Command::CancelTasks => None,
        }));
    }
    assert_eq!(execution.status(), expected);
    let ended: Vec<JobStatus> = expected.is_terminal().then_some(expected).into_iter().collect();
    assert_eq!(completed, ended, "a job completes exactly once");
    execution
}

#[test]
fn a_job_ends_as_its_tasks_do() {
    use Step::{Cancel, Report};
    check(&[Report(0, Running), Report(1, Running)], JobStatus::Running);
    check(&[Report(0, Finished), Report(1, Finished)], JobStatus::Finished);
    check(&[Report(0, Finished), Report(1, Failed)], JobStatus::Failed);
    check(&[Report(0, Failed)], JobStatus::Failing);
    check(&[Report(0, Failed), Report(1, Canceled)], JobStatus::Failed);
    check(&[Report(0, Running), Cancel], JobStatus::Cancelling);
    check(&[Cancel, Report(0, Canceled), Report(1, Finished)], JobStatus::Canceled);
    check(&[Cancel, Report(0, Finished), Report(1, Finished)], JobStatus::Finished);
    check(&[Report(0, Failed), Cancel, Report(1, Canceled)], JobStatus::Failed);
}

#[test]
fn the_first_failure_is_the_cause() {
    use Step::Report;
    let execution = check(&[Report(1, Failed), Report(0, Failed)], JobStatus::Failed);
    let failure = execution.failure().expect("it failed");
    assert_eq!((failure.task, failure.cause.as_str()), (task(1), "cause 1"));
}

#[test]
fn what_a_task_reports_after_its_end_is_ignored() {
    use Step::Report;
    check(&[Report(0, Finished), Report(0, Failed), Report(1, Finished)], JobStatus::Finished);
}
