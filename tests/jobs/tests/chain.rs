//! Chains of guests fed by hand: what a checkpoint makes them write, and what they share.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::sync::Arc;

use sandbar_connectors::sink::CapturedOutput;
use sandbar_connectors::{ConnectorError, Console, Split};
use sandbar_jobs::{TestCluster, guest, write_job};
use sandbar_model::{Clock, JobId, RecordBatch, SystemClock, VertexId};
use sandbar_rpc::state_query::{QueryKey, StateAnswer, StateQuery};
use sandbar_taskmanager::{
    ChainRunner, JobDeployment, LocalPeers, SlotBudget, SlotMemory, SplitProvider, TaskDeployment,
    TaskSettings,
};

/// Bytes of managed memory that are enough for all.
const ENOUGH: u64 = 128 << 20;

struct NoSplits;

impl SplitProvider for NoSplits {
    fn next_split(&self, _: VertexId, _: u32) -> Result<Option<Split>, ConnectorError> {
        Ok(None)
    }
}

/// Opens the chain behind the source of a job: its second vertex, which must be its last.
fn chain(text: &str, managed_memory_bytes: u64) -> (ChainRunner, CapturedOutput) {
    let folder = tempfile::tempdir().unwrap();
    let source = write_job(folder.path(), text, &[("input.txt", "")]);
    let cluster = TestCluster::new();
    let overrides = Default::default();
    let prepared = cluster.cluster.loader(&overrides).prepare(&source).unwrap();
    let names: Vec<&str> =
        prepared.graph.vertices.iter().map(|vertex| vertex.name.as_str()).collect();
    assert_eq!(names.len(), 2, "a source and the chain: {names:?}");
    let job = Arc::new(JobDeployment {
        id: JobId(1),
        attempt: 0,
        graph: prepared.graph,
        plugins: prepared.plugins,
        splits: Arc::new(NoSplits),
        settings: TaskSettings::default(),
        peers: Arc::new(LocalPeers),
        base_folder: None,
    });
    let deployment = TaskDeployment {
        job,
        vertex: VertexId(1),
        subtask: 0,
        slot: Arc::new(SlotMemory::new(SlotBudget {
            managed_memory_bytes,
            ..SlotBudget::default()
        })),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (console, output) = Console::captured();
    (ChainRunner::open(&deployment, &clock, &console).unwrap(), output)
}

/// The start of a job: its plugin and its source.
fn opening(plugin: &str, package: &str) -> String {
    format!(
        r#"
name = "chain"
parallelism = 1
[plugins]
{plugin} = {{ path = "{}" }}
[[sources]]
name = "lines"
connector = "files"
options = {{ path = "input.txt" }}"#,
        guest(package).display()
    )
}

/// A job that counts its lines by key.
fn counts(plugin: &str, package: &str) -> String {
    format!(
        r#"
{}
[[operators]]
name = "count"
plugin = "{plugin}"
operator = "count"
inputs = [{{ from = "lines", key = "value" }}]
[[sinks]]
name = "out"
connector = "discard"
inputs = ["count"]
"#,
        opening(plugin, package)
    )
}

/// A job that has an operator of the contract's guest twice in one chain. The second has an error
/// policy of its own, hence an instance of its own.
fn two(operator: &str) -> String {
    format!(
        r#"
{}
[[operators]]
name = "first"
plugin = "contract"
operator = "{operator}"
inputs = [{{ from = "lines", partitioner = "rebalance" }}]
[[operators]]
name = "second"
plugin = "contract"
operator = "{operator}"
inputs = ["first"]
on-error = "skip"
[[sinks]]
name = "out"
connector = "print"
inputs = ["second"]
"#,
        opening("contract", "guest-contract")
    )
}

fn keyed(keys: &[&str]) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for key in keys {
        batch.push_keyed(0, key.as_bytes(), key.as_bytes());
    }
    batch
}

fn lines(output: &CapturedOutput) -> Vec<String> {
    output.text().lines().map(str::to_owned).collect()
}

#[test]
fn a_checkpoint_is_announced_from_head_to_tail() {
    let (mut chain, output) = chain(&two("lifecycle"), ENOUGH);
    chain.before_checkpoint(7).unwrap();
    // What the first operator emits when it hears of the checkpoint is a record to the second,
    // which hears of it after that.
    assert_eq!(lines(&output), ["process 1", "before-checkpoint 7"]);
    chain.finish().unwrap();
}

#[test]
fn cached_state_is_written_when_a_checkpoint_is_announced() {
    let (mut chain, _) = chain(&counts("benchmarks", "benchmarks"), ENOUGH);
    let empty = chain.state_bytes();
    chain.process(0, keyed(&["a", "b", "a"]).view()).unwrap();
    assert_eq!(chain.state_bytes(), empty, "counts are cached in the guest");
    chain.before_checkpoint(1).unwrap();
    let written = chain.state_bytes();
    assert!(written > empty, "{written} bytes after a checkpoint, {empty} before");
    // Nothing has changed since: nothing is written, and nothing lost.
    chain.before_checkpoint(2).unwrap();
    assert_eq!(chain.state_bytes(), written);
    chain.finish().unwrap();
}

#[test]
fn state_without_a_cache_is_written_at_once() {
    let (mut chain, _) = chain(&counts("uncached", "guest-uncached"), ENOUGH);
    let empty = chain.state_bytes();
    chain.process(0, keyed(&["a"]).view()).unwrap();
    let written = chain.state_bytes();
    assert!(written > empty, "{written} bytes after a record, {empty} before");
    chain.before_checkpoint(1).unwrap();
    assert_eq!(chain.state_bytes(), written);
    chain.finish().unwrap();
}

fn query(state: &str, key: &str) -> StateQuery {
    StateQuery {
        operator: "count".to_owned(),
        state: state.to_owned(),
        key: QueryKey::Text(key.to_owned()),
        user_key: None,
    }
}

#[test]
fn a_query_makes_the_guest_write_one_key() {
    const KEYS: usize = 50_000;
    let (mut chain, _) = chain(&counts("benchmarks", "benchmarks"), ENOUGH);
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key {number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.chunks(5_000).for_each(|part| chain.process(0, keyed(part).view()).unwrap());
    chain.process(0, keyed(&["key 7"]).view()).unwrap();
    let empty = chain.state_bytes();
    let Some(StateAnswer::Found(shown)) = chain.query_state(&query("count", "key 7")).unwrap()
    else {
        panic!("no answer");
    };
    assert!(shown.contains("\"value\":2"), "{shown}");
    let one = chain.state_bytes() - empty;
    let absent = chain.query_state(&query("count", "nobody")).unwrap();
    assert_eq!(absent, Some(StateAnswer::Absent));
    let no_state = chain.query_state(&query("sum", "key 7")).unwrap();
    assert_eq!(no_state, Some(StateAnswer::NoState(vec!["count".to_owned()])));
    assert_eq!(chain.state_bytes() - empty, one, "{one} bytes after a query");
    chain.before_checkpoint(1).unwrap();
    let all = chain.state_bytes() - empty;
    assert!(one > 0 && one * 1000 < all, "{one} bytes after a query, {all} after a checkpoint");
    chain.finish().unwrap();
}

#[test]
fn a_query_is_announced_to_who_has_the_state() {
    let text = counts("contract", "guest-contract")
        .replace("operator = \"count\"", "operator = \"keyed-state\"");
    let (mut chain, output) = chain(&text.replace("\"discard\"", "\"print\""), ENOUGH);
    chain.process(0, keyed(&["a"]).view()).unwrap();
    let before = lines(&output).len();
    let found = chain.query_state(&query("count", "a")).unwrap();
    assert!(matches!(found, Some(StateAnswer::Found(_))), "{found:?}");
    chain.finish().unwrap();
    assert_eq!(lines(&output)[before..], ["before-query 0 a"]);
}

#[test]
fn state_that_cannot_be_written_fails_the_checkpoint() {
    let (mut chain, _) = chain(&counts("benchmarks", "benchmarks"), 64);
    chain.process(0, keyed(&["a key that does not fit into what is left"]).view()).unwrap();
    let error = chain.before_checkpoint(1).unwrap_err().to_string();
    for part in ["count", "in before-checkpoint", "managed memory"] {
        assert!(error.contains(part), "no {part:?} in: {error}");
    }
}

#[test]
fn the_operators_of_a_chain_share_the_memory_of_their_task() {
    let mut record = RecordBatch::new();
    record.push(0, b"x");
    let (mut both, _) = chain(&two("operator-state"), ENOUGH);
    both.process(0, record.view()).unwrap();
    let of_both = both.state_bytes();
    both.finish().unwrap();

    let (mut short, _) = chain(&two("operator-state"), of_both - 1);
    let error = short.process(0, record.view()).unwrap_err().to_string();
    assert!(error.contains("do not fit the managed memory"), "{error}");
}
