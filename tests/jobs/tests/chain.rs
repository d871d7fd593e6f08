//! Chains of guests fed by hand: what state costs and who shares it.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::sync::Arc;

use sandbar_connectors::sink::CapturedOutput;
use sandbar_connectors::{ConnectorError, Console, Split};
use sandbar_jobs::{TestCluster, guest, write_job};
use sandbar_model::{Clock, JobId, RecordBatch, SystemClock, VertexId};
use sandbar_taskmanager::{
    ChainRunner, JobDeployment, SplitProvider, TaskDeployment, TaskSettings,
};

struct NoSplits;

impl SplitProvider for NoSplits {
    fn next_split(&self, _: VertexId, _: u32) -> Result<Option<Split>, ConnectorError> {
        Ok(None)
    }
}

/// Opens the chain behind the source of a job: its second vertex, which must be its last.
fn chain(text: &str, settings: TaskSettings) -> (ChainRunner, CapturedOutput) {
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
        settings,
        base_folder: None,
    });
    let deployment = TaskDeployment { job, vertex: VertexId(1), subtask: 0 };
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

#[test]
fn state_without_a_cache_is_written_at_once() {
    let (mut chain, _) = chain(&counts("uncached", "guest-uncached"), TaskSettings::default());
    let empty = chain.state_bytes();
    chain.process(0, keyed(&["a"]).view()).unwrap();
    let written = chain.state_bytes();
    assert!(written > empty, "{written} bytes after a record, {empty} before");
    chain.finish().unwrap();
}

#[test]
fn the_operators_of_a_chain_share_the_memory_of_their_task() {
    let mut record = RecordBatch::new();
    record.push(0, b"x");
    let (mut both, _) = chain(&two("operator-state"), TaskSettings::default());
    both.process(0, record.view()).unwrap();
    let of_both = both.state_bytes();
    both.finish().unwrap();

    let settings = TaskSettings { managed_memory_bytes: of_both - 1, ..TaskSettings::default() };
    let (mut short, _) = chain(&two("operator-state"), settings);
    let error = short.process(0, record.view()).unwrap_err().to_string();
    assert!(error.contains("do not fit the managed memory"), "{error}");
}
