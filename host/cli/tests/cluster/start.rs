//! `cluster start`, `stop` and `status` of what cannot be started or was not.

use crate::command::Fixture;

#[test]
fn where_nothing_was_started_nothing_is_stopped() {
    let fixture = Fixture::new();
    let expected = ["no cluster was started from folder ", ".local/state/sandbar", "--state-dir"];
    fixture.run(&["cluster", "stop"]).check_refused(1, &expected);
    fixture.run(&["cluster", "status"]).check_refused(1, &["sandbar cluster start"]);
    let as_json = fixture.run(&["cluster", "status", "--json", "--state-dir", "x"]);
    assert!(as_json.last_json()["errors"][0].as_str().unwrap().contains("/x"), "{as_json:?}");
    assert!(!fixture.home.path().join(".local").exists(), "a look makes no folder");
}

#[test]
fn a_cluster_that_cannot_start_says_why_and_leaves_nothing() {
    let fixture = Fixture::new();
    // No interface has this address.
    let arguments = ["cluster", "start", "--state-dir", "state", "-Drest.bind-address=192.0.2.1"];
    let outcome = fixture.run(&arguments);
    let expected = ["error: jobmanager ended with exit status: ", "jobmanager.log ends with\n  "];
    outcome.check_refused(1, &expected);
    assert_eq!(outcome.stdout, "");
    assert!(!fixture.home.path().join("state/cluster.json").exists());
}

#[test]
fn what_is_wrong_with_the_arguments_is_said_before_anything_is_started() {
    let fixture = Fixture::new();
    let start = |arguments: &[&str]| fixture.run(&[&["cluster", "start"], arguments].concat());
    start(&["--slots", "0"]).check_refused(2, &["from 1 on, or auto"]);
    start(&["--task-managers", "257"]).check_refused(2, &["257 is not in 0..=256"]);
    start(&["--timeout", "soon"]).check_refused(2, &["write seconds"]);
    start(&["-Drest.port=x"]).check_refused(1, &["option `rest.port` has the value `x`"]);
    assert!(!fixture.home.path().join(".local").exists());
}
