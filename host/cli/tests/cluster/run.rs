//! `run` on a cluster: what is sent, what is printed, and every way to leave.

use std::path::Path;

use sandbar_model::JobId;
use sandbar_model::status::JobStatus;
use sandbar_rpc::JobView;
use serde_json::{Value, json};

use crate::command::{COPY, Fixture};
use crate::fake_dispatcher::{SUBMITTED, view};

const SUBMITTED_LINE: &str = "Job has been submitted with JobID 00000000000000000000000000000abc\n";

/// What the guests of the job counted.
const LISTED: &str = "Accumulator Results:\n- rows (LongCounter): 7\n";

fn fixture() -> Fixture {
    Fixture::with_files(&[("job.toml", COPY), ("lines.txt", "a\n")])
}

#[test]
fn a_detached_job_is_sent_whole() {
    let fixture = fixture();
    fixture.run(&["run", "-d", "job.toml"]).check_printed(SUBMITTED_LINE);
    let arguments = [
        "run",
        "-t",
        "remote",
        "-d",
        "-p",
        "3",
        "-Dpipeline.name=mine",
        "-Drest.port=1",
        "-m",
        &fixture.address,
        "job.toml",
    ];
    fixture.run(&arguments).check_printed(SUBMITTED_LINE);
    let requests = fixture.dispatcher.with(|recorded| recorded.requests.clone());
    let spec: Value = serde_json::from_str(requests[0].spec.as_ref().unwrap()).unwrap();
    assert_eq!(spec["name"], "copy");
    assert_eq!(spec["sources"][0]["options"], json!({ "path": "lines.txt" }));
    let folder = fixture.home.path().to_str().unwrap();
    assert_eq!(requests[0].base_folder.as_deref(), Some(folder));
    // The parallelism of this machine is not the cluster's.
    assert!(requests[0].configuration.is_empty());
    let configuration: Vec<(&str, &str)> =
        requests[1].configuration.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(configuration, [("parallelism.default", "3"), ("pipeline.name", "mine")]);
}

#[test]
fn a_detached_job_is_one_line_of_json() {
    let outcome = fixture().run(&["run", "-d", "-q", "--json", "job.toml"]);
    let expected = json!({ "jid": SUBMITTED.to_string(), "name": "copy" });
    assert_eq!((outcome.last_json(), outcome.stderr.as_str()), (expected, ""));
}

/// Copies a guest that `make guests` has built into the folder; the id that it has.
fn add_guest(fixture: &Fixture, file: &str) -> String {
    let built = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/guests/wasm32-unknown-unknown/guest")
        .join(file);
    let bytes = std::fs::read(&built)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make guests`", built.display()));
    std::fs::write(fixture.home.path().join(file), &bytes).unwrap();
    blake3::hash(&bytes).to_string()
}

#[test]
fn a_job_plugin_is_uploaded_once_and_run_with_its_arguments() {
    let fixture = fixture();
    let id = add_guest(&fixture, "word_count.wasm");
    for _ in 0..2 {
        let outcome = fixture.run(&["run", "-d", "-p", "2", "word_count.wasm", "--", "lines.txt"]);
        outcome.check_printed(SUBMITTED_LINE);
    }
    fixture.dispatcher.with(|recorded| {
        assert_eq!(recorded.uploads, ["word_count.wasm"]);
        let request = &recorded.requests[0];
        assert_eq!(request.plugin.unwrap().to_string(), id);
        assert_eq!(request.arguments, ["lines.txt"]);
        assert_eq!(request.configuration["parallelism.default"], "2");
        assert_eq!(request.base_folder.as_deref(), fixture.home.path().to_str());
        assert_eq!(request, &recorded.requests[1]);
    });
}

#[test]
fn the_plugins_of_a_job_file_are_named_by_their_bytes() {
    let job = "\
name = \"copy\"
[plugins]
tools = { path = \"../text_tools.wasm\" }
[[sources]]
name = \"lines\"
connector = \"files\"
options = { path = \"lines.txt\" }
[[operators]]
name = \"words\"
plugin = \"tools\"
operator = \"words\"
inputs = [\"lines\"]
[[sinks]]
name = \"console\"
connector = \"print\"
inputs = [\"words\"]
";
    let fixture = Fixture::new();
    let id = add_guest(&fixture, "text_tools.wasm");
    let folder = fixture.home.path().join("jobs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("job.toml"), job).unwrap();
    let outcome = fixture.run(&["run", "-d", "jobs/job.toml"]);
    outcome.check_printed(SUBMITTED_LINE);
    assert!(outcome.stderr.contains("Uploading plugin jobs/../text_tools.wasm, "), "{outcome:?}");
    fixture.dispatcher.with(|recorded| {
        assert_eq!(recorded.uploads, ["text_tools.wasm"]);
        let request = &recorded.requests[0];
        assert_eq!(request.plugins["tools"].to_string(), id);
        assert_eq!(request.base_folder.as_deref(), folder.to_str());
    });
}

#[test]
fn what_is_wrong_with_a_job_is_said_in_its_place_and_nothing_is_sent() {
    let wrong = COPY.replace("connector", "conector");
    let fixture = Fixture::with_files(&[("wrong.toml", &wrong)]);
    fixture.run(&["run", "-d", "wrong.toml"]).check_refused(1, &["error: wrong.toml:6:1"]);
    let as_json = fixture.run(&["run", "-d", "--json", "wrong.toml"]);
    assert_eq!((as_json.code, as_json.stderr.as_str()), (Some(1), ""));
    assert!(as_json.last_json()["errors"][0].as_str().unwrap().starts_with("wrong.toml:6:1"));
    assert!(fixture.dispatcher.with(|recorded| recorded.requests.is_empty()));
}

#[test]
fn the_parallelism_of_the_cluster_decides_whether_a_job_is_right() {
    let job = "\
name = \"copy\"
[[sources]]
name = \"lines\"
connector = \"files\"
options = { path = \"lines.txt\" }
parallelism = 4
[[sinks]]
name = \"console\"
connector = \"print\"
inputs = [{ from = \"lines\", partitioner = \"forward\" }]
";
    let fixture = Fixture::with_files(&[("job.toml", job)]);
    fixture.run(&["run", "-d", "job.toml"]).check_refused(1, &["forward"]);
    fixture.dispatcher.with(|recorded| {
        recorded.configuration.insert("parallelism.default".to_owned(), "4".to_owned());
    });
    fixture.run(&["run", "-d", "job.toml"]).check_printed(SUBMITTED_LINE);
}

#[test]
fn refusals_of_the_cluster_are_its_words() {
    let outcome = fixture().run(&["run", "-d", "-Duser.refused=x", "job.toml"]);
    outcome.check_refused(1, &["error: sources.a: no path\nerror: sinks.b: no connector\n"]);
}

#[test]
fn an_attached_job_ends_with_summary_and_exit_code() {
    let fixture = fixture();
    fixture.dispatcher.with(|recorded| recorded.becomes = Some(JobStatus::Finished));
    let outcome = fixture.run(&["run", "-t", "remote", "job.toml"]);
    outcome.check_printed(SUBMITTED_LINE);
    for words in
        ["records in", "Source: lines -> Sink: console", "Job \"copy\" FINISHED after 1.500 s"]
    {
        assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
    }
    fixture.dispatcher.with(|recorded| {
        recorded.jobs.clear();
        recorded.becomes = Some(JobStatus::Failed);
    });
    let failed = fixture.run(&["run", "--json", "-m", &fixture.address, "job.toml"]);
    failed.check_refused(
        1,
        &["error: guest trapped\n  at count\n", "Job has been submitted", LISTED],
    );
    let expected = json!({
        "jid": SUBMITTED.to_string(),
        "name": "copy",
        "state": "FAILED",
        "failure": "guest trapped\n  at count",
        "duration-ms": 1500,
        "accumulators": { "rows": 7 },
        "accumulators-left-out-from": null,
        "vertices": [{
            "id": 0, "name": "Source: lines -> Sink: console", "parallelism": 1,
            "records-in": 7, "records-out": 0, "bytes-out": 0, "records-refused": 1,
            "records-per-second": 7.0 / 1.5, "back-pressured-ms": 0,
            "metrics": { "lines.words": 2.0 },
        }],
    });
    assert_eq!(failed.last_json(), expected);
}

#[test]
fn a_job_that_waits_says_what_for() {
    let fixture = fixture();
    let mut command = fixture.start(&["run", "-t", "remote", "job.toml"]);
    while fixture.dispatcher.with(|recorded| recorded.jobs.is_empty()) {
        std::thread::yield_now();
    }
    fixture.dispatcher.with(|recorded| {
        let waiting_for = Some("needs 8 slots, has 4".to_owned());
        recorded.jobs[0] = JobView { waiting_for, ..recorded.jobs[0].clone() };
    });
    command.await_line("RUNNING");
    fixture.dispatcher.set_status(SUBMITTED, JobStatus::Finished);
    let outcome = command.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("s | needs 8 slots, has 4 | "), "{outcome:?}");
}

#[test]
fn ctrl_c_leaves_a_job_running() {
    let fixture = fixture();
    fixture.dispatcher.with(|recorded| recorded.becomes = Some(JobStatus::Restarting));
    let mut command = fixture.start(&["run", "-t", "remote", "--json", "job.toml"]);
    command.await_line("Job has been submitted");
    command.interrupt();
    let outcome = command.outcome();
    let hint = format!("cancel it with `sandbar cancel -m {} {SUBMITTED}`", fixture.address);
    outcome.check_refused(130, &["goes on without this command", &hint]);
    assert_eq!(outcome.last_json()["jid"], SUBMITTED.to_string());
    assert!(fixture.dispatcher.with(|recorded| recorded.cancelled.is_empty()));
}

#[test]
fn ctrl_c_cancels_a_job_if_it_is_told_to() {
    let fixture = fixture();
    let option = "-Dexecution.shutdown-on-attached-exit=true";
    let mut command = fixture.start(&["run", "-t", "remote", "--json", option, "job.toml"]);
    command.await_line("Job has been submitted");
    command.interrupt();
    let outcome = command.outcome();
    outcome.check_refused(130, &["Job \"copy\" CANCELED"]);
    assert_eq!(outcome.last_json()["state"], "CANCELED");
    assert_eq!(fixture.dispatcher.with(|recorded| recorded.cancelled.clone()), [SUBMITTED]);
}

#[test]
fn a_job_that_somebody_else_cancels_is_no_success() {
    let fixture = fixture();
    fixture.dispatcher.with(|recorded| recorded.becomes = Some(JobStatus::Canceled));
    let outcome = fixture.run(&["run", "-t", "remote", "job.toml"]);
    outcome.check_refused(1, &["was cancelled by somebody else"]);
}

#[test]
fn a_cluster_that_is_lost_is_waited_for_and_then_given_up() {
    let mut fixture = fixture();
    let arguments = ["run", "-t", "remote", "--json", "-Dclient.timeout=500 ms", "job.toml"];
    let mut command = fixture.start(&arguments);
    command.await_line("Job has been submitted");
    fixture.server.take().unwrap().stop();
    let outcome = command.outcome();
    outcome.check_refused(1, &["warning: ", "trying again for 0.5 s"]);
    let error = outcome.last_json()["errors"][0].as_str().unwrap().to_owned();
    assert!(error.contains("itself was not touched"), "{error}");
    assert!(error.contains(&SUBMITTED.to_string()), "{error}");
}

#[test]
fn a_job_that_the_cluster_forgot_is_an_error() {
    let fixture = fixture();
    let mut command = fixture.start(&["run", "-t", "remote", "--json", "job.toml"]);
    command.await_line("Job has been submitted");
    fixture.dispatcher.with(|recorded| {
        recorded.jobs = vec![view(JobId(5), "other", JobStatus::Running)];
    });
    let outcome = command.outcome();
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.last_json()["errors"], json!([format!("no job {SUBMITTED}")]));
}

#[test]
fn targets_that_do_not_exist_are_answered_with_those_that_do() {
    let fixture = fixture();
    let targets = "local, remote, application and per-job";
    for wrong in ["kubernetes-session", "yarn-application"] {
        let outcome = fixture.run(&["run", "-t", wrong, "job.toml"]);
        outcome.check_refused(2, &[&format!("there is no target {wrong}"), targets]);
    }
    let configured = fixture.run(&["run", "-Dexecution.target=yarn-per-job", "job.toml"]);
    configured.check_refused(1, &["local, remote, application or per-job"]);
    let local = fixture.run(&["run", "-d", "-t", "local", "job.toml"]);
    local.check_refused(1, &["-d needs a cluster", "-t remote"]);
    fixture
        .run(&["run", "-Dexecution.target=remote", "-d", "job.toml"])
        .check_printed(SUBMITTED_LINE);
}
