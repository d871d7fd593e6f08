//! Nanoseconds per record through a chain of operators, by batch size: native, in the sandbox,
//! fused, across plugins, and with keyed state.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use sandbar_client::defaults::cache_folder;
use sandbar_connectors::{ConnectorError, Console, Split};
use sandbar_model::job_graph::{
    Connector, ErrorPolicy, JobGraph, JobVertex, OperatorBody, OperatorNode, Output, OutputTarget,
};
use sandbar_model::plugin::OperatorKind;
use sandbar_model::{Clock, JobId, RecordBatch, SystemClock, VertexId};
use sandbar_taskmanager::{
    ChainRunner, JobDeployment, LocalPeers, PluginHandle, SlotBudget, SlotMemory, SplitProvider,
    TaskDeployment, TaskSettings,
};
use sandbar_wasm::{Capabilities, Engine, EngineOptions};

use super::GuestArgs;
use super::native::NativeBenchmarks;
use crate::output;

/// Arguments of `sandbar bench boundary`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar bench boundary              the table, median of 5 rounds
  sandbar bench boundary --rounds 9 --json")]
pub(super) struct BoundaryArgs {
    #[command(flatten)]
    guests: GuestArgs,
    /// Rounds per figure; the median is shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds per round.
    #[arg(long, default_value_t = 100)]
    round_ms: u64,
    /// Bytes of each record's value.
    #[arg(long, default_value_t = 64)]
    record_bytes: usize,
    /// Records per batch, one column of the table each.
    #[arg(long, value_delimiter = ',', default_values_t = BATCH_SIZES)]
    batch_sizes: Vec<usize>,
    /// Measure only the rows whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// Print JSON with minimum, median and maximum.
    #[arg(long)]
    json: bool,
}

const BATCH_SIZES: [usize; 7] = [1, 8, 64, 512, 1024, 4096, 8192];
/// Distinct keys of the keyed rows.
const KEYS: usize = 1000;

/// A row of the table: a name, and its chain as (plugin, operator) pairs.
struct Row {
    name: &'static str,
    chain: Vec<(String, &'static str)>,
    keyed: bool,
}

fn rows() -> Vec<Row> {
    let row = |name, chain: Vec<(&str, &'static str)>, keyed| Row {
        name,
        chain: chain.into_iter().map(|(plugin, operator)| (plugin.to_owned(), operator)).collect(),
        keyed,
    };
    let plugins: Vec<(String, &'static str)> =
        (0..5).map(|index| (format!("benchmarks-{index}"), "map")).collect();
    vec![
        row("native map", vec![("native", "map")], false),
        row("one map in Wasm", vec![("benchmarks", "map")], false),
        row("5 maps native", vec![("native", "map"); 5], false),
        row("5 maps fused in Wasm", vec![("benchmarks", "map"); 5], false),
        Row { name: "5 maps in 5 plugins", chain: plugins, keyed: false },
        row("keyed count, cached", vec![("benchmarks", "count")], true),
        row("keyed count, host call each", vec![("uncached", "count")], true),
    ]
}

/// Runs the benchmark and prints the table.
pub(super) fn run(args: &BoundaryArgs) -> anyhow::Result<()> {
    let engine = Engine::new(EngineOptions {
        cache_folder: cache_folder(),
        perf_map: args.guests.perf_map,
        ..EngineOptions::default()
    })?;
    let benchmarks = args.guests.read("benchmarks.wasm")?;
    let uncached = args.guests.read("guest_uncached.wasm")?;
    let load = |name: &str, bytes: &[u8]| -> anyhow::Result<PluginHandle> {
        Ok(PluginHandle::Component(engine.load(name, bytes, Capabilities::default())?))
    };
    let mut plugins = HashMap::from([
        ("native".to_owned(), PluginHandle::Native(Arc::new(NativeBenchmarks))),
        ("benchmarks".to_owned(), load("benchmarks", &benchmarks)?),
        ("uncached".to_owned(), load("uncached", &uncached)?),
    ]);
    for index in 0..5 {
        let name = format!("benchmarks-{index}");
        let handle = load(&name, &benchmarks)?;
        plugins.insert(name, handle);
    }
    let mut table = Vec::new();
    for row in rows().into_iter().filter(|row| row.name.contains(&args.only)) {
        eprintln!("measuring: {}", row.name);
        let sizes = args.batch_sizes.iter();
        let figures = sizes.map(|size| measure(args, &plugins, &row, (*size).max(1)));
        table.push((row.name, figures.collect::<anyhow::Result<Vec<Figure>>>()?));
    }
    print(args, &table)
}

/// Nanoseconds per record.
#[derive(Clone, Copy, Debug)]
struct Figure {
    min: f64,
    median: f64,
    max: f64,
}

fn measure(
    args: &BoundaryArgs,
    plugins: &HashMap<String, PluginHandle>,
    row: &Row,
    batch_size: usize,
) -> anyhow::Result<Figure> {
    let deployment = deployment(row, plugins.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let console = Console::new(std::io::sink(), std::io::sink());
    let mut chain = ChainRunner::open(&deployment, &clock, &console)?;
    let batches = batches(row.keyed, batch_size, args.record_bytes);
    let mut rounds = Vec::with_capacity(args.rounds.max(1));
    // The first round warms up and does not count.
    for round in 0..=args.rounds.max(1) {
        let started = Instant::now();
        let mut records = 0u64;
        while started.elapsed() < Duration::from_millis(args.round_ms) {
            for batch in &batches {
                chain.process(0, black_box(batch.view()))?;
                records += batch.len() as u64;
            }
        }
        if round > 0 {
            rounds.push(started.elapsed().as_nanos() as f64 / records as f64);
        }
    }
    chain.finish()?;
    rounds.sort_by(f64::total_cmp);
    let (min, median, max) = (rounds[0], rounds[rounds.len() / 2], rounds[rounds.len() - 1]);
    Ok(Figure { min, median, max })
}

/// Enough batches that each key comes up, at least 1,024 records.
fn batches(keyed: bool, batch_size: usize, record_bytes: usize) -> Vec<RecordBatch> {
    let mut record = 0usize;
    (0..(1024 / batch_size).max(1))
        .map(|_| {
            let mut batch = RecordBatch::new();
            for _ in 0..batch_size {
                let value = vec![(record % 251) as u8; record_bytes];
                // A step that is prime to the number of keys visits all of them.
                let key = (record * 7919 % KEYS).to_le_bytes();
                match keyed {
                    true => batch.push_keyed(record as i64, &key, &value),
                    false => batch.push(record as i64, &value),
                }
                record += 1;
            }
            batch
        })
        .collect()
}

fn deployment(row: &Row, plugins: HashMap<String, PluginHandle>) -> TaskDeployment {
    let mut operators: Vec<OperatorNode> = Vec::new();
    for (position, (plugin, operator)) in row.chain.iter().enumerate() {
        let kind = if row.keyed { OperatorKind::KeyedProcess } else { OperatorKind::Process };
        let body = OperatorBody::Plugin {
            plugin: plugin.clone(),
            operator: (*operator).to_owned(),
            kind,
            config: String::new(),
            partitions: 0,
        };
        let targets = vec![OutputTarget::Chained(position + 1)];
        let outputs = vec![Output { name: "main".to_owned(), targets }];
        operators.push(node(&format!("{operator}-{position}"), body, outputs));
    }
    let sink = Connector { name: "discard".to_owned(), options: BTreeMap::new() };
    operators.push(node("discard", OperatorBody::Sink(sink), Vec::new()));
    let vertex = JobVertex {
        id: VertexId(0),
        name: row.name.to_owned(),
        parallelism: 1,
        max_parallelism: 128,
        slot_sharing_group: "default".to_owned(),
        operators,
    };
    let graph = JobGraph {
        name: "bench boundary".to_owned(),
        configuration: BTreeMap::new(),
        arguments: Vec::new(),
        vertices: vec![vertex],
        edges: Vec::new(),
    };
    let job = JobDeployment {
        id: JobId(0),
        attempt: 0,
        graph,
        plugins,
        splits: Arc::new(NoSplits),
        settings: TaskSettings::default(),
        peers: Arc::new(LocalPeers),
        base_folder: None,
    };
    let slot = Arc::new(SlotMemory::new(SlotBudget::default()));
    TaskDeployment { job: Arc::new(job), vertex: VertexId(0), subtask: 0, slot }
}

fn node(name: &str, body: OperatorBody, outputs: Vec<Output>) -> OperatorNode {
    OperatorNode {
        uid: name.to_owned(),
        name: name.to_owned(),
        body,
        outputs,
        on_error: ErrorPolicy::Fail,
        dead_letter_output: None,
        watermarks: None,
    }
}

struct NoSplits;

impl SplitProvider for NoSplits {
    fn next_split(&self, _: VertexId, _: u32) -> Result<Option<Split>, ConnectorError> {
        Ok(None)
    }
}

fn print(args: &BoundaryArgs, table: &[(&str, Vec<Figure>)]) -> anyhow::Result<()> {
    if args.json {
        let row = |(name, figures): &(&str, Vec<Figure>)| {
            let cell = |(size, figure): (&usize, &Figure)| {
                serde_json::json!({
                    "batch": size, "min": figure.min, "median": figure.median, "max": figure.max,
                })
            };
            let cells: Vec<_> = args.batch_sizes.iter().zip(figures).map(cell).collect();
            serde_json::json!({ "name": name, "ns-per-record": cells })
        };
        let rows: Vec<_> = table.iter().map(row).collect();
        return Ok(output::line(&serde_json::Value::from(rows).to_string())?);
    }
    let head: String = args.batch_sizes.iter().map(|size| format!("{size:>10}")).collect();
    output::line(&format!(
        "ns per record of {} bytes, median of {} rounds, by batch size",
        args.record_bytes, args.rounds
    ))?;
    output::line(&format!("{:<30}{head}", ""))?;
    for (name, figures) in table {
        let cells: String =
            figures.iter().map(|figure| format!("{:>10.1}", figure.median)).collect();
        output::line(&format!("{name:<30}{cells}"))?;
    }
    Ok(())
}
