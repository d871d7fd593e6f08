//! A guest that misbehaves gets the right error, with its address, and costs nobody else anything:
//! a well-behaved job that runs beside it in the same process finishes untouched.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use sandbar_cluster::JobSource;
use sandbar_jobs::{TestCluster, guest, sorted, write_job};
use sandbar_model::status::JobStatus;

/// Limits that make misbehaviour show quickly.
const LIMITS: &[(&str, &str)] = &[
    ("sandbar.guest.memory.max", "16 mb"),
    ("sandbar.guest.call.deadline", "300 ms"),
    ("sandbar.guest.log.bytes-per-second", "4 kb"),
];

fn job(folder: &std::path::Path, operator: &str, extra: &str) -> JobSource {
    let plugin = guest("guest-faults");
    let text = format!(
        r#"
name = "job-{operator}"
parallelism = 1
[plugins]
faults = {{ path = "{}" }}
[[sources]]
name = "lines"
connector = "files"
options = {{ path = "input.txt" }}
[[operators]]
name = "the-{operator}"
plugin = "faults"
operator = "{operator}"
inputs = ["lines"]
{extra}
[[sinks]]
name = "out"
connector = "print"
inputs = ["the-{operator}"]
"#,
        plugin.display()
    );
    write_job(folder, &text, &[("input.txt", "one\nthree\nseven\ntwelve\n")])
}

/// A job that goes on for half a second, through a sandbox of its own.
fn neighbour(folder: &std::path::Path) -> JobSource {
    let text = format!(
        r#"
name = "neighbour"
parallelism = 1
plugins = {{ faults = {{ path = "{}" }} }}
operators = [{{ name = "keeps", plugin = "faults", operator = "well-behaved", inputs = ["lines"] }}]
sinks = [{{ name = "out", connector = "print", inputs = ["keeps"] }}]
[[sources]]
name = "lines"
connector = "datagen"
options = {{ format = "text", count = {NEIGHBOUR_RECORDS}, rate = 400 }}
"#,
        guest("guest-faults").display()
    );
    write_job(folder, &text, &[])
}

const NEIGHBOUR_RECORDS: usize = 200;

/// Runs a misbehaving job beside a well-behaved one and compares its error.
fn check(operator: &str, expected: &[&str]) {
    check_with(LIMITS, operator, expected);
}

fn check_with(limits: &[(&str, &str)], operator: &str, expected: &[&str]) {
    let cluster = TestCluster::new();
    let (bad, good) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let neighbour = cluster.submit(&neighbour(good.path()), limits).unwrap();
    let outcome = cluster.run(&job(bad.path(), operator, ""), limits);
    assert_eq!(outcome.result.status, JobStatus::Failed, "{operator}");
    let failure = outcome.result.failure.expect("a failed job says why");
    let name = format!("the-{operator}");
    let address = [format!("job-{operator}"), name, "subtask 1/1".to_owned()];
    for part in expected.iter().copied().chain(address.iter().map(String::as_str)) {
        assert!(failure.contains(part), "{operator}: no {part:?} in: {failure}");
    }
    let names = failure.matches(&address[0]).count();
    assert_eq!(names, 1, "{operator}: the job is to be named once in: {failure}");
    let neighbour = cluster.attend(&neighbour);
    assert_eq!(neighbour.result.status, JobStatus::Finished, "the neighbour of {operator}");
    assert_eq!(neighbour.snapshot.vertices[0].records_out as usize, NEIGHBOUR_RECORDS);
    assert_eq!(cluster.cluster.running_tasks(), 0, "nothing is left of {operator}");
}

#[test]
fn a_trap_is_reported_with_a_backtrace() {
    check("trap", &["trap: wasm trap: wasm `unreachable`", "at "]);
}

#[test]
fn a_panic_is_a_trap() {
    check("panic", &["trap: wasm trap: wasm `unreachable`", "panic"]);
}

#[test]
fn an_endless_loop_meets_the_deadline() {
    check("loop", &["deadline: one call took longer than 300ms", "endless_loop"]);
}

#[test]
fn growing_memory_without_end_meets_the_limit() {
    check("grow-memory", &["memory limit of 16777216 bytes exceeded", "sandbar.guest.memory.max"]);
}

#[test]
fn recursing_without_end_exhausts_the_guests_stack_only() {
    check("recurse", &["call stack exhausted", "sandbar.guest.stack.max"]);
}

#[test]
fn a_chain_that_will_not_open_fails() {
    check("open-fails", &["in open: fatal: it will not open"]);
}

#[test]
fn a_chain_that_will_not_close_fails() {
    check("close-fails", &["in close: fatal: it will not close"]);
}

#[test]
fn each_column_of_an_emitted_batch_is_checked() {
    let invalid = "emitted an invalid batch on output 0: column";
    check("too-many-value-ends", &[invalid, "value-ends has 5 entries for 4 records"]);
    check("decreasing-value-ends", &[invalid, "value-ends decreases at record 1"]);
    check("value-ends-beyond-values", &[invalid, "value-ends ends at 20 but its bytes are 19"]);
    check("too-few-key-ends", &[invalid, "key-ends has 3 entries for 4 records"]);
    check("decreasing-key-ends", &[invalid, "key-ends decreases at record 1"]);
    check("key-ends-beyond-keys", &[invalid, "key-ends ends at 9 but its bytes are 0 long"]);
    check("too-many-timestamps", &[invalid, "value-ends has 4 entries for 5 records"]);
}

#[test]
fn a_batch_over_the_limit_is_refused() {
    check_with(&[], "batch-too-large", &["over the limit of 16777216", "batch.bytes.max"]);
    check_with(&[], "host-call-too-large", &["more than 67108864 bytes", "hostcall.bytes.max"]);
}

#[test]
fn an_output_that_does_not_exist_is_named() {
    check("wrong-output", &["emitted on output 7, but it has 1 outputs"]);
}

#[test]
fn a_bad_record_fails_the_task_and_is_shown() {
    check(
        "bad-record-2",
        &["bad record at position 2 of its batch: two is refused", "the record is \"seven\""],
    );
}

#[test]
fn a_bad_record_that_does_not_exist_is_the_guests_fault() {
    check("bad-record-out-of-range", &["it refused record 1000000 of a batch of 4"]);
}

#[test]
fn a_fatal_error_fails_the_task() {
    check("fatal", &["in process: fatal: it cannot go on"]);
}

#[test]
fn state_timers_and_metrics_that_were_not_declared_are_refused() {
    check("unknown-state", &["keyed state needs a keyed input"]);
    check("bad-state-columns", &["invalid columns to keyed-state.multi-get"]);
    check("unknown-metric", &["used the unknown metric 99"]);
    check("timers-without-keys", &["invalid columns to timers.register", "2 timestamps, 0 keys"]);
}

#[test]
fn skipped_records_are_counted_and_the_rest_goes_on() {
    let cluster = TestCluster::new();
    let folder = tempfile::tempdir().unwrap();
    let source = job(folder.path(), "bad-record-every-third", "on-error = \"skip\"");
    let outcome = cluster.run(&source, &[]);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    assert_eq!(sorted(&outcome.lines), ["seven", "three"], "one and twelve are refused");
    let refused: u64 = outcome.snapshot.vertices.iter().map(|vertex| vertex.records_failed).sum();
    assert_eq!(refused, 2);
}

#[test]
fn records_without_a_key_are_refused_by_the_operator_that_reads_them() {
    let run = |policy: &str| {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            r#"
name = "keys"
parallelism = 1
plugins = {{ counters = {{ path = "{}" }} }}
sources = [{{ name = "lines", connector = "files", options = {{ path = "input.jsonl" }} }}]
sinks = [{{ name = "out", connector = "print", inputs = ["count", "count.dead-letter"] }}]
[[operators]]
name = "count"
plugin = "counters"
operator = "count"
inputs = [{{ from = "lines", key = {{ json = "/id" }} }}]
on-error = "{policy}"
"#,
            guest("counters").display()
        );
        let text = match policy {
            "dead-letter" => text,
            _ => text.replace(", \"count.dead-letter\"", ""),
        };
        let input = "{\"id\":1}\n{\"no\":2}\n[]\n";
        TestCluster::new().run(&write_job(folder.path(), &text, &[("input.jsonl", input)]), &[])
    };
    let failure = run("fail").result.failure.expect("a failed job says why");
    for part in ["it has nothing at the key /id", "the record is \"{\\\"no\\\":2}\"", "on-error"] {
        assert!(failure.contains(part), "no {part:?} in: {failure}");
    }
    let letter = |value: &str| {
        format!(
            "{{\"operator\":\"count\",\"subtask\":1,\"message\":\"it has nothing at the key /id\",\
             \"value\":{value:?}}}"
        )
    };
    let letters = [letter("[]"), letter("{\"no\":2}")];
    for (policy, expected) in [("skip", &letters[..0]), ("dead-letter", &letters[..])] {
        let outcome = run(policy);
        assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
        assert_eq!(sorted(&outcome.lines), [&["1\t1".to_owned()], expected].concat(), "{policy}");
        let refused: Vec<u64> =
            outcome.snapshot.vertices.iter().map(|vertex| vertex.records_failed).collect();
        assert_eq!(refused[..2], [0, 2], "{policy}: counted where they were to be read");
    }
}

#[test]
fn dead_letters_hold_the_record_and_the_message() {
    let cluster = TestCluster::new();
    let folder = tempfile::tempdir().unwrap();
    let extra = r#"on-error = "dead-letter"
[[sinks]]
name = "letters"
connector = "print"
inputs = ["the-bad-record-every-third.dead-letter"]
"#;
    let outcome = cluster.run(&job(folder.path(), "bad-record-every-third", extra), &[]);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    let letter = |value: &str| {
        format!(
            "{{\"operator\":\"the-bad-record-every-third\",\"subtask\":1,\"message\":\"its length \
             is divisible by three\",\"value\":\"{value}\"}}"
        )
    };
    assert_eq!(
        sorted(&outcome.lines),
        ["seven".to_owned(), "three".to_owned(), letter("one"), letter("twelve")]
    );
}

#[test]
fn logging_without_end_is_cut_and_the_job_goes_on() {
    let cluster = TestCluster::new();
    let folder = tempfile::tempdir().unwrap();
    let overrides = [("sandbar.guest.log.bytes-per-second", "4 kb")];
    let outcome = cluster.run(&job(folder.path(), "log-forever", ""), &overrides);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    assert_eq!(sorted(&outcome.lines), ["one", "seven", "three", "twelve"]);
}

#[test]
fn emitting_without_end_is_canceled_within_a_second() {
    check_canceled("emit-forever", &[]);
}

#[test]
fn a_job_that_is_restarted_reads_its_input_again_until_the_strategy_gives_up() {
    let cluster = TestCluster::new();
    let folder = tempfile::tempdir().unwrap();
    let restarts = [
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "2"),
        ("restart-strategy.fixed-delay.delay", "1 ms"),
    ];
    let outcome = cluster.run(&job(folder.path(), "trap", ""), &restarts);
    assert_eq!(outcome.result.status, JobStatus::Failed);
    let failure = outcome.result.failure.unwrap();
    assert!(failure.contains("job-trap") && failure.contains("unreachable"), "{failure}");
    let vertex = &outcome.snapshot.vertices[0];
    assert_eq!(vertex.attempts, 3, "the first and two restarts");
    assert!(vertex.records_in > 0, "the last attempt read its input");
    assert_eq!(cluster.cluster.running_tasks(), 0);
}

#[test]
fn a_job_that_needs_more_slots_than_a_process_has_is_refused() {
    let cluster = TestCluster::new();
    let folder = tempfile::tempdir().unwrap();
    let source = job(folder.path(), "well-behaved", "parallelism = 5000\nmax-parallelism = 5000");
    let refused = cluster.submit(&source, &[]).err().map(|error| error.to_string());
    let refused = refused.unwrap_or_default();
    assert!(refused.contains("needs 5000 slots, one process has at most 4096"), "{refused}");
}

#[test]
fn an_endless_loop_is_canceled_within_a_second() {
    check_canceled("loop", &[]);
}

fn check_canceled(operator: &str, overrides: &[(&str, &str)]) {
    let cluster = TestCluster::new();
    let folder = tempfile::tempdir().unwrap();
    let source = job(folder.path(), operator, "");
    let source = if operator == "emit-forever" { discard(folder.path(), source) } else { source };
    let job = cluster.submit(&source, overrides).unwrap();
    let at_work = |snapshot: sandbar_cluster::JobSnapshot| {
        snapshot.vertices.iter().any(|vertex| vertex.records_in > 0)
    };
    while !at_work(job.snapshot()) {
        std::thread::yield_now();
    }
    let asked = std::time::Instant::now();
    job.cancel();
    let outcome = cluster.attend(&job);
    assert_eq!(outcome.result.status, JobStatus::Canceled, "{:?}", outcome.result.failure);
    assert!(asked.elapsed().as_secs_f64() < 1.0, "it took {:?}", asked.elapsed());
    assert_eq!(cluster.cluster.running_tasks(), 0);
}

/// The same job with a sink that keeps nothing.
fn discard(folder: &std::path::Path, source: JobSource) -> JobSource {
    let JobSource::File(path) = &source else { return source };
    let text = std::fs::read_to_string(path).unwrap().replace("\"print\"", "\"discard\"");
    write_job(folder, &text, &[])
}

#[test]
fn what_wasi_offers_is_denied_unless_it_is_granted() {
    let plugin = guest("guest-denied");
    let check = |operator: &str, granted: &str| {
        let cluster = TestCluster::new();
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            r#"
name = "wasi"
configuration = {{ "sandbar.capabilities" = "{granted}" }}
plugins = {{ denied = {{ path = "{}" }} }}
sources = [{{ name = "lines", connector = "files", options = {{ path = "input.txt" }} }}]
operators = [{{ name = "calls", plugin = "denied", operator = "{operator}", inputs = ["lines"] }}]
sinks = [{{ name = "out", connector = "print", inputs = ["calls"] }}]
"#,
            plugin.display()
        );
        let text = text.replace("configuration = { \"sandbar.capabilities\" = \"\" }", "");
        let outcome = cluster.run(&write_job(folder.path(), &text, &[("input.txt", "x\n")]), &[]);
        (outcome.lines, outcome.result.failure.unwrap_or_default())
    };
    let (_, failure) = check("clock", "");
    assert!(failure.contains("wasi:clocks/wall-clock"), "{failure}");
    assert!(failure.contains("denied") && failure.contains("clocks"), "{failure}");
    let (_, of_random) = check("random", "clocks");
    assert!(of_random.contains("wasi:random/random"), "{of_random}");
    assert_eq!(check("clock", "clocks").0, ["clock true"]);
    assert_eq!(check("random", "random, clocks").0, ["random true"]);
    assert_eq!(check("environment", "").0, ["environment 0"], "the environment is empty");
}
