//! Keyed state, windows, timers and a join by the number of keys: in the sandbox and as native
//! operators of the same engine, over its state backend and over hash maps, each run in a process
//! of its own, in turn.

mod backend;
mod native;

use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sandbar_client::defaults::cache_folder;
use sandbar_cluster::{MiniCluster, MiniClusterOptions};
use sandbar_config::Configuration;
use sandbar_connectors::Console;
use sandbar_graph::{FileFormat, parse};
use sandbar_model::SystemClock;
use sandbar_model::status::JobStatus;
use serde_json::{Value, json};

use super::{GuestArgs, usage};
use crate::output;

/// How far watermarks are behind, in milliseconds.
const OUT_OF_ORDERNESS_MS: u64 = 1_000;

/// Room for 10 million keys, in the guest and at the host.
const ROOM: [(&str, &str); 4] = [
    ("taskmanager.memory.managed.size", "16 gb"),
    ("sandbar.guest.memory.max", "3584 mb"),
    ("sandbar.state.cache.memory", "3 gb"),
    ("sandbar.state.cache.entries", "16000000"),
];

/// Arguments of `sandbar bench state`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar bench state                                   all work at 1,000 to 10 million keys
  sandbar bench state --work sum,tumble --keys 1000000 --rounds 5
  sandbar bench state --work slide --keys 100000 --records 3000000 --json

Record n has a random key and the event time n / RATE; watermarks are 1 s behind. A source makes
the records, a hash partitioner deals them out, an operator does the work, and a sink drops its
results. The join has twice the records, half of them on each side. Bytes a key are what the peak
is above that of the fewest keys. The guest's cache may grow to 3 GB unless -D says otherwise. All
sides must have as many results, or the verb fails.")]
pub(super) struct StateArgs {
    #[command(flatten)]
    guests: GuestArgs,
    /// What to do: all of it unless given.
    #[arg(long, value_delimiter = ',')]
    work: Vec<Work>,
    /// Numbers of keys.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000, 10_000_000])]
    keys: Vec<u64>,
    /// Records of a run; of each side for the join.
    #[arg(long, default_value_t = 10_000_000)]
    records: u64,
    /// Records in a second of event time.
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
    /// Parallelism.
    #[arg(short, long, default_value_t = 1)]
    parallelism: u32,
    /// Rounds; each runs all in turn.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Which to run: all unless given.
    #[arg(long, value_delimiter = ',')]
    side: Vec<Side>,
    /// Option of the job; may be repeated.
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Print JSON, a line per run.
    #[arg(long)]
    json: bool,
    /// Run only this, in this process.
    #[arg(long, hide = true)]
    here: bool,
}

/// Where the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// In the sandbox.
    Wasm,
    /// By native operators over the engine's own state backend and timers.
    Backend,
    /// By native operators over hash maps made for this work, which could not be restored.
    Native,
}

impl Side {
    const ALL: [Side; 3] = [Side::Wasm, Side::Backend, Side::Native];

    fn name(self) -> &'static str {
        match self {
            Side::Wasm => "wasm",
            Side::Backend => "backend",
            Side::Native => "native",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// The source and the partitioner alone.
    Source,
    /// A sum by key, every update of which is emitted.
    Sum,
    /// Sums of tumbling windows of 10 s.
    Tumble,
    /// Sums of windows of 60 s that slide by 1 s.
    Slide,
    /// Sums of sessions with a gap of 10 s.
    Session,
    /// A count by key, and an event time timer for each record.
    Timers,
    /// An interval join of 5 s either way.
    Join,
}

impl Work {
    const ALL: [Work; 7] = [
        Work::Source,
        Work::Sum,
        Work::Tumble,
        Work::Slide,
        Work::Session,
        Work::Timers,
        Work::Join,
    ];

    fn name(self) -> &'static str {
        match self {
            Work::Source => "source",
            Work::Sum => "sum",
            Work::Tumble => "tumble",
            Work::Slide => "slide",
            Work::Session => "session",
            Work::Timers => "timers",
            Work::Join => "join",
        }
    }
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Case {
    work: Work,
    keys: u64,
    side: Side,
}

/// Runs the benchmark and prints the table.
pub(super) fn run(args: &StateArgs) -> anyhow::Result<()> {
    let cases = cases(args);
    if args.here {
        let case = cases.first().context("nothing to run")?;
        return Ok(output::line(&run_here(args, *case)?.to_string())?);
    }
    let mut runs: Vec<(Case, Value)> = Vec::new();
    for round in 1..=args.rounds {
        for case in &cases {
            let Case { work, keys, side } = case;
            let (work, side) = (work.name(), side.name());
            eprintln!("round {round} of {}: {work}, {keys} keys, {side}", args.rounds);
            let run = run_in_child(args, *case)?;
            if args.json {
                output::line(&run.to_string())?;
            }
            check_results(&runs, *case, &run)?;
            runs.push((*case, run));
        }
    }
    if args.json { Ok(()) } else { print(args, &cases, &runs) }
}

fn cases(args: &StateArgs) -> Vec<Case> {
    let all = Work::ALL.to_vec();
    let works = if args.work.is_empty() { all } else { args.work.clone() };
    let sides = if args.side.is_empty() { &Side::ALL[..] } else { &args.side };
    let mut cases = Vec::new();
    for work in works {
        for keys in &args.keys {
            // The source is the same on all sides.
            let sides = if work == Work::Source { &[Side::Native][..] } else { sides };
            cases.extend(sides.iter().map(|side| Case { work, keys: *keys, side: *side }));
        }
    }
    cases
}

/// Fails if an earlier run of the same work had another number of results.
fn check_results(runs: &[(Case, Value)], case: Case, run: &Value) -> anyhow::Result<()> {
    let is_alike = |of: &Case| of.work == case.work && of.keys == case.keys;
    let Some((of, before)) = runs.iter().find(|(of, _)| is_alike(of)) else { return Ok(()) };
    let (expected, found) = (&before["results"], &run["results"]);
    if found != expected {
        let (work, keys) = (case.work.name(), case.keys);
        let (first, second) = (of.side.name(), case.side.name());
        bail!("{work} of {keys} keys: {expected} results with {first}, {found} with {second}");
    }
    Ok(())
}

fn run_in_child(args: &StateArgs, case: Case) -> anyhow::Result<Value> {
    let itself = std::env::current_exe().context("cannot find this program")?;
    let child = Command::new(itself)
        .args(["bench", "state", "--here", "--work", case.work.name()])
        .args(["--side", case.side.name(), "--keys", &case.keys.to_string()])
        .args(["--records", &args.records.to_string(), "--rate", &args.rate.to_string()])
        .args(["-p", &args.parallelism.to_string(), "--guests"])
        .arg(&args.guests.guests)
        .args(args.guests.perf_map.then_some("--perf-map"))
        .args(args.options.iter().map(|option| format!("-D{option}")))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the run")?;
    if !child.status.success() {
        bail!("the run of {} with {} keys failed", case.work.name(), case.keys);
    }
    Ok(serde_json::from_slice(&child.stdout)?)
}

fn job(args: &StateArgs, case: Case) -> anyhow::Result<Value> {
    let source = |name: &str, seed: u64| {
        json!({
            "name": name,
            "connector": "datagen",
            "options": {
                "format": "bytes", "keys": case.keys, "count": args.records, "seed": seed,
                "timestamp-rate": args.rate,
            },
            "watermarks": { "max-out-of-orderness-ms": OUT_OF_ORDERNESS_MS },
        })
    };
    let key = json!({ "bytes": [0, 8] });
    let from = |name: &str, input: u32| json!({ "from": name, "input": input, "key": key });
    let (mut sources, mut inputs) = (vec![source("pairs", 0)], vec![from("pairs", 0)]);
    if case.work == Work::Source {
        return Ok(json!({
            "name": "bench state",
            "sources": sources,
            "sinks": [{ "name": "discard", "connector": "discard",
                "inputs": [{ "from": "pairs", "key": { "bytes": [0, 8] } }] }],
        }));
    }
    if case.work == Work::Join {
        sources.push(source("others", 1));
        inputs.push(from("others", 1));
    }
    let plugins = match case.side {
        Side::Wasm => {
            let module = args.guests.file("benchmarks.wasm")?.canonicalize()?;
            json!({ "benchmarks": { "path": module } })
        }
        Side::Backend | Side::Native => json!({}),
    };
    let plugin = if case.side == Side::Wasm { "benchmarks" } else { case.side.name() };
    Ok(json!({
        "name": "bench state",
        "plugins": plugins,
        "sources": sources,
        "operators": [{ "name": "work", "plugin": plugin,
            "operator": format!("keyed-{}", case.work.name()), "inputs": inputs }],
        "sinks": [{ "name": "discard", "connector": "discard", "inputs": ["work"] }],
    }))
}

fn run_here(args: &StateArgs, case: Case) -> anyhow::Result<Value> {
    let (spec, _) = parse(&job(args, case)?.to_string(), FileFormat::Json, "bench state")
        .map_err(|errors| anyhow::anyhow!("the benchmark's job is wrong: {}", errors[0]))?;
    let mut configuration = Configuration::new();
    configuration.set("sandbar.guest.perf-map", args.guests.perf_map.to_string());
    let mut overrides = Configuration::new();
    for (key, value) in ROOM {
        configuration.set(key, value);
        overrides.set(key, value);
    }
    overrides.set("parallelism.default", args.parallelism.to_string());
    for option in &args.options {
        let (key, value) = option.split_once('=').context("-D takes KEY=VALUE")?;
        configuration.set(key, value);
        overrides.set(key, value);
    }
    let cluster = MiniCluster::new(MiniClusterOptions {
        configuration,
        clock: Arc::new(SystemClock),
        console: Console::new(std::io::sink(), std::io::sink()),
        cache_folder: cache_folder(),
    })?;
    let mut loader = cluster.loader(&overrides);
    loader.native.insert(Side::Native.name().to_owned(), native::plugin());
    loader.native.insert(Side::Backend.name().to_owned(), backend::plugin());
    let prepared = loader.prepare_spec(spec, None)?;
    let before = usage::cpu_seconds("self")?;
    let job = cluster.submit(prepared)?;
    let result = job.wait();
    if result.status != JobStatus::Finished {
        bail!("the job ended {}: {}", result.status, result.failure.unwrap_or_default());
    }
    let cpu_seconds = usage::cpu_seconds("self")? - before;
    let snapshot = job.snapshot();
    let (seconds, records) = (result.runtime.as_secs_f64(), args.records as f64);
    let results = snapshot.vertices.last().map_or(0, |vertex| vertex.records_in);
    Ok(json!({
        "work": case.work.name(),
        "keys": case.keys,
        "run": case.side.name(),
        "records": args.records,
        "results": results,
        "records-per-second": records / seconds,
        "cpu-microseconds-per-record": cpu_seconds * 1e6 / records,
        "peak-rss-kb": usage::status_kb("self", "VmHWM:")?,
    }))
}

fn print(args: &StateArgs, cases: &[Case], runs: &[(Case, Value)]) -> anyhow::Result<()> {
    output::line(&format!(
        "{} records, parallelism {}, {} rounds: min / median / max",
        args.records, args.parallelism, args.rounds
    ))?;
    output::line(&format!(
        "{:<8} {:>9} {:<7} {:>24} {:>22} {:>8} {:>12}",
        "work", "keys", "run", "records/s", "CPU us a record", "peak MB", "bytes a key"
    ))?;
    let figures = |case: &Case, key: &str| -> [f64; 3] {
        let of_case = runs.iter().filter(|(of, _)| of == case);
        let values: Vec<f64> = of_case.filter_map(|(_, run)| run[key].as_f64()).collect();
        usage::spread(&values)
    };
    for case in cases {
        let rate = figures(case, "records-per-second").map(|rate| format!("{:.2} M", rate / 1e6));
        let cost = figures(case, "cpu-microseconds-per-record").map(|cost| format!("{cost:.3}"));
        let peak = figures(case, "peak-rss-kb")[1];
        let alike = cases.iter().filter(|of| of.work == case.work && of.side == case.side);
        let fewest = alike.min_by_key(|of| of.keys).copied().unwrap_or(*case);
        let more_kb = peak - figures(&fewest, "peak-rss-kb")[1];
        let bytes = match case.keys - fewest.keys {
            0 => "-".to_owned(),
            keys => format!("{:.0}", more_kb * 1024.0 / keys as f64),
        };
        let peak = peak / 1e3;
        output::line(&format!(
            "{:<8} {:>9} {:<7} {:>24} {:>22} {peak:>8.0} {bytes:>12}",
            case.work.name(),
            case.keys,
            case.side.name(),
            rate.join("/"),
            cost.join("/"),
        ))?;
    }
    Ok(())
}
