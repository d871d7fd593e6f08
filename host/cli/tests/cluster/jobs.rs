//! `list`, `cancel`, `logs` and `cluster status -m`.

use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rpc::JobView;

use crate::command::Fixture;
use crate::fake_dispatcher::view;

fn with_jobs() -> Fixture {
    let fixture = Fixture::new();
    fixture.dispatcher.with(|recorded| {
        recorded.jobs = vec![
            JobView {
                waiting_for: Some("needs 8 slots, has 4".to_owned()),
                ..view(JobId(1), "wide", JobStatus::Running)
            },
            view(JobId(2), "new", JobStatus::Created),
            view(JobId(3), "old", JobStatus::Failed),
        ];
    });
    fixture
}

const RUNNING: &str = "\
------------------ Running/Restarting Jobs -------------------
01.01.1970 00:00:01 : 00000000000000000000000000000001 : wide (RUNNING)
    waits: needs 8 slots, has 4
--------------------------------------------------------------
";
const SCHEDULED: &str = "\
----------------------- Scheduled Jobs -----------------------
01.01.1970 00:00:01 : 00000000000000000000000000000002 : new (CREATED)
--------------------------------------------------------------
";
const TERMINATED: &str = "\
---------------------- Terminated Jobs -----------------------
01.01.1970 00:00:01 : 00000000000000000000000000000003 : old (FAILED)
--------------------------------------------------------------
";

#[test]
fn jobs_are_listed_as_flink_lists_them() {
    let fixture = with_jobs();
    let check = |flags: &[&str], groups: &[&str]| {
        let expected = format!("Waiting for response...\n{}", groups.concat());
        fixture.run(&[&["list"], flags].concat()).check_printed(&expected);
    };
    check(&[], &[RUNNING, SCHEDULED]);
    check(&["-r"], &[RUNNING]);
    check(&["-s", "-m", &fixture.address], &[SCHEDULED]);
    check(&["-rs"], &[RUNNING, SCHEDULED]);
    check(&["-a"], &[RUNNING, SCHEDULED, TERMINATED]);
    fixture.dispatcher.with(|recorded| recorded.jobs.clear());
    check(&["-a"], &["No running jobs.\n", "No scheduled jobs.\n"]);
}

#[test]
fn jobs_are_listed_as_json() {
    let fixture = with_jobs();
    let listed = fixture.run(&["list", "--json", "-a"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let names: Vec<&str> = listed["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["wide", "new", "old"]);
    assert_eq!(listed["jobs"][0]["waiting-for"], "needs 8 slots, has 4");
}

#[test]
fn a_cluster_that_is_not_there_is_named_with_the_remedy() {
    let mut fixture = Fixture::new();
    fixture.server.take().unwrap().stop();
    let address = fixture.address.clone();
    let expected = [address.as_str(), "is a JobManager running there?", "sandbar cluster start"];
    fixture.run(&["list"]).check_refused(1, &expected);
    let as_json = fixture.run(&["list", "--json"]);
    assert_eq!((as_json.code, as_json.stderr.as_str()), (Some(1), ""));
    assert!(as_json.last_json()["errors"][0].as_str().unwrap().contains(&address));
    fixture.run(&["list", "-m", "nowhere"]).check_refused(1, &["`nowhere` is no address"]);
}

#[test]
fn jobs_are_cancelled_and_waited_for() {
    let fixture = with_jobs();
    let (first, second) = (JobId(1).to_string(), JobId(2).to_string());
    let expected = format!(
        "Cancelling job {first}.\nCancelling job {second}.\n\
         Cancelled job {first}.\nCancelled job {second}.\n"
    );
    fixture.run(&["cancel", &first, &second]).check_printed(&expected);
    assert_eq!(
        fixture.dispatcher.with(|recorded| recorded.cancelled.clone()),
        [JobId(1), JobId(2)]
    );
}

#[test]
fn one_job_that_is_not_there_does_not_save_the_others() {
    let fixture = with_jobs();
    let (first, other) = (JobId(1).to_string(), JobId(9).to_string());
    let outcome = fixture.run(&["cancel", &other, &first, &JobId(3).to_string()]);
    let ended = format!("error: job {} has ended\n", JobId(3));
    outcome.check_refused(1, &[&format!("error: no job {other}\n"), &ended]);
    assert!(outcome.stdout.ends_with(&format!("Cancelled job {first}.\n")), "{outcome:?}");
}

#[test]
fn malformed_ids_are_told_what_an_id_is() {
    let fixture = with_jobs();
    for wrong in ["1", "words", "0000000000000000000000000000000g"] {
        let expected = ["32 hexadecimal digits", wrong];
        fixture.run(&["cancel", wrong]).check_refused(2, &expected);
    }
    fixture.run(&["cancel"]).check_refused(2, &["JOBID"]);
}

#[test]
fn jobs_that_are_slow_to_end_are_waited_for_so_long_and_no_longer() {
    let fixture = with_jobs();
    fixture.dispatcher.with(|recorded| recorded.is_slow_to_cancel = true);
    let id = JobId(1).to_string();
    let outcome = fixture.run(&["cancel", "--timeout", "300 ms", &id]);
    outcome.check_refused(1, &[&format!("job {id} is still CANCELLING"), "--timeout"]);
    fixture.run(&["cancel", "-d", &id]).check_printed(&format!("Cancelling job {id}.\n"));
}

#[test]
fn a_job_that_ends_by_itself_was_not_cancelled() {
    let fixture = with_jobs();
    fixture.dispatcher.with(|recorded| recorded.is_slow_to_cancel = true);
    let id = JobId(1);
    let command = fixture.start(&["cancel", &id.to_string()]);
    while fixture.dispatcher.with(|recorded| recorded.cancelled.is_empty()) {
        std::thread::yield_now();
    }
    fixture.dispatcher.set_status(id, JobStatus::Finished);
    let expected = format!("job {id} was FINISHED before it could be cancelled");
    command.outcome().check_refused(1, &[&expected]);
}

#[test]
fn logs_are_printed() {
    let fixture = Fixture::new();
    fixture.run(&["logs"]).check_printed("INFO a line\nWARN another\n");
    fixture.run(&["logs", "tm-1"]).check_printed("a line of a TaskManager\n");
    fixture.run(&["logs", "a/b"]).check_refused(1, &["no TaskManager a/b"]);
}

#[test]
fn the_status_of_any_cluster_is_shown() {
    let fixture = with_jobs();
    let expected = format!(
        "Cluster at http://{}\n\
         1 TaskManager, 4 slots, 2 free\n  \
           tm-1 at 127.0.0.1:6121, 4 slots, 2 free\n\
         Jobs: 1 running, 0 finished, 0 cancelled, 0 failed\n  \
           01.01.1970 00:00:01 : {} : wide (RUNNING)\n      \
               waits: needs 8 slots, has 4\n  \
           01.01.1970 00:00:01 : {} : new (CREATED)\n",
        fixture.address,
        JobId(1),
        JobId(2)
    );
    fixture.run(&["cluster", "status", "-m", &fixture.address]).check_printed(&expected);
    let status = fixture.run(&["cluster", "status", "--json", "-m", &fixture.address]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["overview"]["slots-total"], 4);
    assert_eq!(status["jobs"][0]["name"], "wide");
    assert_eq!(status["errors"], serde_json::json!([]));
}
