//! Counts, periods and durations, over made-up attempts.

use proptest::prelude::*;
use sandbar_model::status::ExecutionState as State;
use sandbar_rpc::{SubtaskView, TaskManagerId};

use super::{EXECUTION_STATES, Locations, Period, aggregate_state, state_counts, state_durations};

fn subtask(state: State, timestamps: &[(State, i64)]) -> SubtaskView {
    SubtaskView {
        attempt: 0,
        state,
        timestamps: timestamps.iter().copied().collect(),
        task_manager: None,
        metrics: Default::default(),
        accumulators: Default::default(),
        earlier: Vec::new(),
    }
}

#[track_caller]
fn check_state(states: &[State], expected: State) {
    let subtasks: Vec<SubtaskView> = states.iter().map(|state| subtask(*state, &[])).collect();
    assert_eq!(aggregate_state(&state_counts(&subtasks)), expected, "{states:?}");
}

#[test]
fn one_state_stands_for_all_subtasks_as_in_flink() {
    check_state(&[], State::Created);
    check_state(&[State::Created, State::Scheduled, State::Deploying], State::Created);
    check_state(&[State::Finished, State::Finished], State::Finished);
    check_state(&[State::Finished, State::Created], State::Running);
    check_state(&[State::Running, State::Initializing], State::Initializing);
    check_state(&[State::Running, State::Canceled], State::Canceled);
    check_state(&[State::Canceling, State::Canceled], State::Canceling);
    check_state(&[State::Running, State::Failed, State::Canceling], State::Failed);
}

#[test]
fn a_period_is_from_the_first_deployment_to_the_last_end() {
    let deployed = |at, state, then| subtask(state, &[(State::Deploying, at), (state, then)]);
    let running = [deployed(10, State::Running, 12), deployed(8, State::Finished, 20)];
    assert_eq!(Period::of(&running, 50), Period { start: 8, end: -1, duration: 42 });
    let ended = [deployed(10, State::Failed, 12), deployed(8, State::Finished, 20)];
    assert_eq!(Period::of(&ended, 50), Period { start: 8, end: 20, duration: 12 });
    let waiting = [subtask(State::Scheduled, &[(State::Scheduled, 5)])];
    assert_eq!(Period::of(&waiting, 50), Period { start: -1, end: -1, duration: -1 });
}

#[test]
fn durations_of_states_end_where_the_next_begins() {
    let times = [(State::Created, 1), (State::Scheduled, 3), (State::Deploying, 3)];
    let durations = state_durations(&subtask(State::Deploying, &times), 10);
    assert_eq!(durations[&State::Created], 2);
    assert_eq!(durations[&State::Scheduled], 0);
    assert_eq!(durations[&State::Deploying], 7);
    assert_eq!(durations[&State::Running], -1);
}

#[test]
fn places_have_addresses_names_or_flinks_word() {
    let locations = Locations::of(Vec::new());
    assert_eq!(locations.endpoint(None), "(unassigned)");
    assert_eq!(locations.endpoint(Some(&TaskManagerId("tm-9".to_owned()))), "tm-9");
}

proptest! {
    #[test]
    fn every_subtask_is_counted_once(states in prop::collection::vec(0..9_usize, 0..50)) {
        let states: Vec<State> = states.into_iter().map(|at| EXECUTION_STATES[at]).collect();
        let subtasks: Vec<SubtaskView> = states.iter().map(|one| subtask(*one, &[])).collect();
        let counts = state_counts(&subtasks);
        prop_assert_eq!(counts.len(), EXECUTION_STATES.len());
        prop_assert_eq!(counts.values().sum::<u32>() as usize, states.len());
    }
}
