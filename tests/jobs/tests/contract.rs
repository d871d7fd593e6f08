//! Every function of the contract, called by a guest without the SDK and compared line by line.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use sandbar_cluster::{JobClient, JobSource};
use sandbar_jobs::{Outcome, TestCluster, guest, sorted, write_job};
use sandbar_model::status::JobStatus;
use sandbar_model::{Clock, ManualClock};

fn job(folder: &Path, operator: &str, input: &str, side: bool) -> JobSource {
    let (plugin, selectors) = (guest("guest-contract"), guest("guest-selectors"));
    let key = match operator {
        "keyed-state-pages" => ", key = { selector = \"first-letter\", plugin = \"selectors\" }",
        "keyed-state" | "keyed-state-keys" | "event-timers" | "cached-timers"
        | "processing-timers" => ", key = \"value\"",
        _ => "",
    };
    let side = if side {
        "[[sinks]]\nname = \"side\"\nconnector = \"print\"\noptions = { identifier = \"side\" }\n\
         inputs = [\"calls.side\"]\n"
    } else {
        ""
    };
    let text = format!(
        r#"
name = "contract"
parallelism = 1
configuration = {{ "test.key" = "its value" }}
[plugins]
contract = {{ path = "{}" }}
selectors = {{ path = "{}" }}
[[sources]]
name = "lines"
connector = "files"
options = {{ path = "input.txt" }}
[[operators]]
name = "calls"
plugin = "contract"
operator = "{operator}"
inputs = [{{ from = "lines"{key} }}]
[[sinks]]
name = "out"
connector = "print"
inputs = ["calls"]
{side}
"#,
        plugin.display(),
        selectors.display()
    );
    write_job(folder, &text, &[("input.txt", input)])
}

fn run(operator: &str, input: &str, side: bool) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let cluster = TestCluster::new();
    let outcome = cluster.run(&job(folder.path(), operator, input, side), &[]);
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    outcome
}

fn check(operator: &str, input: &str, expected: &[&str]) {
    assert_eq!(run(operator, input, false).lines, expected, "{operator}");
}

#[test]
fn runtime_context_tells_who_and_where() {
    check(
        "runtime-context",
        "x\n",
        &[
            "job 32 contract",
            "subtask 0 of 1, 128 key groups, attempt 0",
            "config Some(\"its value\") None",
            "time true",
        ],
    );
}

#[test]
fn collector_emits_to_main_and_side_outputs() {
    let outcome = run("collector", "a\nb\nc\n", true);
    assert_eq!(sorted(&outcome.lines), ["a", "c", "side> b"]);
    // A side output that nobody reads is dropped in the guest.
    check("collector", "a\nb\nc\n", &["a", "c"]);
}

#[test]
fn keyed_state_is_read_written_and_deleted_by_key() {
    check("keyed-state", "a\nb\na\na\na\n", &["a 1", "b 1", "a 2", "a deleted at 2", "a 1"]);
}

#[test]
fn keyed_state_is_scanned_in_pages_in_order() {
    check(
        "keyed-state-pages",
        "a3\na1\nb9\na2\n",
        &["a: [a3]", "a: [a1 a3]", "b:", "a: [a1 a2] [a3]"],
    );
}

#[test]
fn keys_of_a_state_are_listed_in_pages() {
    check("keyed-state-keys", "b\na\nc\nb\n", &["b in 1", "a b in 1", "a b c in 2", "a b c in 2"]);
}

#[test]
fn operator_state_has_lists_and_broadcast_maps() {
    check("operator-state", "x\n", &["list 0 2", "broadcast Some([49]) None a,b"]);
}

#[test]
fn event_timers_fire_in_order_once_each_when_the_watermark_passes() {
    check(
        "event-timers",
        "k\n",
        &[
            "watermark -9223372036854775808",
            "fired 0 TimeDomain::EventTime 10 k w",
            "fired 0 TimeDomain::EventTime 30 k w",
        ],
    );
}

#[test]
fn timers_in_the_guests_cache_and_the_hosts_fire_in_one_order() {
    let last = format!("on-cached-timers {}", i64::MAX);
    check(
        "cached-timers",
        "k\n",
        &[
            "watermark -9223372036854775808",
            "fired 0 TimeDomain::EventTime 10 k w",
            "on-cached-timers 19",
            "fired from the cache 10",
            "fired 0 TimeDomain::EventTime 20 k ",
            "fired 0 TimeDomain::EventTime 30 k w",
            &last,
            "fired from the cache 30",
        ],
    );
}

/// A running job whose input is fed line by line, at a time that stands still.
struct Fed {
    cluster: TestCluster,
    clock: Arc<ManualClock>,
    job: JobClient,
    input: TcpStream,
}

impl Fed {
    /// Starts an operator; the source has `more` settings.
    fn new(operator: &str, more: &str) -> Fed {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(0));
        let cluster = TestCluster::with(&[], Arc::clone(&clock) as Arc<dyn Clock>);
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let JobSource::File(path) = job(folder.path(), operator, "", false) else {
            unreachable!("write_job writes a file")
        };
        let socket =
            format!("options = {{ host = \"127.0.0.1\", port = {} }}\n{more}", address.port());
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("connector = \"files\"", "connector = \"socket\"")
            .replace("options = { path = \"input.txt\" }", &socket);
        std::fs::write(&path, text).unwrap();
        let flushed = [("execution.buffer-timeout", "0")];
        let job = cluster.submit(&JobSource::File(path), &flushed).unwrap();
        let (input, _) = server.accept().unwrap();
        Fed { cluster, clock, job, input }
    }

    fn feed(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).unwrap();
    }

    fn await_lines(&self, lines: usize) -> Vec<String> {
        while self.cluster.lines().len() < lines {
            std::thread::yield_now();
        }
        self.cluster.lines()
    }

    fn set_clock(&self, now_ms: i64) {
        self.clock.set(now_ms);
        self.job.wake();
    }

    fn end(self) {
        drop(self.input);
        assert_eq!(self.cluster.attend(&self.job).result.status, JobStatus::Finished);
    }
}

#[test]
fn processing_timers_fire_when_the_clock_reaches_them() {
    let mut fed = Fed::new("processing-timers", "");
    fed.feed("k\n");
    fed.await_lines(1);
    // Its millisecond is not over before.
    fed.set_clock(11);
    assert_eq!(fed.await_lines(2)[1], "fired 0 TimeDomain::ProcessingTime 10 k w");
    fed.end();
}

#[test]
fn an_operator_without_keys_is_called_at_the_earliest_time_that_it_asked_for() {
    let mut fed = Fed::new("wake-at", "");
    fed.feed("x\n");
    assert_eq!(fed.await_lines(1), ["asked"]);
    fed.set_clock(10);
    assert_eq!(fed.await_lines(2)[1], "told TimeDomain::ProcessingTime");
    fed.set_clock(20);
    fed.feed("y\n");
    let lines = fed.await_lines(4);
    assert_eq!(lines[2..], ["asked", "told TimeDomain::ProcessingTime"], "once a time");
    fed.end();
}

#[test]
fn an_operator_is_told_of_an_idle_stream() {
    let fed = Fed::new("idle", "watermarks = { idle-timeout-ms = 1000 }");
    let mut now_ms = 0;
    while fed.cluster.lines().is_empty() {
        now_ms += 500;
        fed.set_clock(now_ms);
        std::thread::yield_now();
    }
    assert_eq!(fed.cluster.lines(), ["told TimeDomain::EventTime"]);
    fed.end();
}

#[test]
fn log_lines_reach_the_host() {
    check("logging", "hello\n", &["logged"]);
}

#[test]
fn metrics_are_declared_once_and_counted() {
    let outcome = run("metrics", "a\nb\nc\n", false);
    assert_eq!(outcome.lines, ["metrics true true"]);
    let metrics: Vec<(String, f64)> = outcome
        .snapshot
        .vertices
        .iter()
        .flat_map(|vertex| &vertex.guest_metrics)
        .map(|((uid, name), value)| (format!("{uid}.{name}"), *value))
        .collect();
    let expected = [("calls.last", 1.5), ("calls.records", 3.0), ("calls.sizes", 2.0)];
    assert_eq!(metrics, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn lifecycle_calls_come_in_order() {
    check("lifecycle", "a\nb\n", &["process 2", "on-watermark 9223372036854775807", "finish"]);
}

#[test]
fn a_plugin_that_will_not_describe_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let JobSource::File(path) = job(folder.path(), "lifecycle", "a\n", false) else {
        unreachable!("write_job writes a file")
    };
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("arguments = [\"fail\"]\n{text}")).unwrap();
    let error = TestCluster::new().submit(&JobSource::File(path), &[]).unwrap_err();
    let expected = "plugin contract: describe failed: it was asked to fail";
    assert_eq!(error.to_string(), expected);
}
