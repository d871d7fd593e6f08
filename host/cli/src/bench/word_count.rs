//! Word count (split, key by, count) over a text repeated to a given size: in the sandbox and as
//! native operators of the same engine, each in a process of its own, in turn.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use sandbar_client::defaults::cache_folder;
use sandbar_cluster::{MiniCluster, MiniClusterOptions};
use sandbar_config::Configuration;
use sandbar_connectors::Console;
use sandbar_graph::{FileFormat, parse};
use sandbar_model::SystemClock;
use sandbar_model::status::JobStatus;
use serde_json::{Value, json};

use super::{GuestArgs, Side, native, usage};
use crate::output;

/// Arguments of `sandbar bench word-count`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar bench word-count --input examples/word-count/data/opticks.txt
  sandbar bench word-count --input book.txt --mb 100 --rounds 3 --json")]
pub(super) struct WordCountArgs {
    #[command(flatten)]
    guests: GuestArgs,
    /// The text; it is read as often as the size needs.
    #[arg(long, default_value = "examples/word-count/data/opticks.txt")]
    input: PathBuf,
    /// Megabytes of text to count.
    #[arg(long, default_value_t = 1000)]
    mb: u64,
    /// Parallelism.
    #[arg(short, long, default_value_t = 2)]
    parallelism: u32,
    /// Rounds; each runs both in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print JSON, a line per run.
    #[arg(long)]
    json: bool,
    /// Run only this, in this process.
    #[arg(long, hide = true)]
    run: Option<Side>,
}

/// Runs the benchmark and prints the table.
pub(super) fn run(args: &WordCountArgs) -> anyhow::Result<()> {
    if let Some(side) = args.run {
        return Ok(output::line(&run_here(args, side)?.to_string())?);
    }
    let mut runs: Vec<(Side, Value)> = Vec::new();
    for round in 1..=args.rounds.max(1) {
        for side in [Side::Wasm, Side::Native] {
            eprintln!("round {round} of {}: {}", args.rounds.max(1), side.name());
            let run = run_in_child(args, side)?;
            if args.json {
                output::line(&run.to_string())?;
            }
            runs.push((side, run));
        }
    }
    if args.json { Ok(()) } else { print(args, &runs) }
}

fn run_in_child(args: &WordCountArgs, side: Side) -> anyhow::Result<Value> {
    let itself = std::env::current_exe().context("cannot find this program")?;
    let child = Command::new(itself)
        .args(["bench", "word-count", "--run", side.name()])
        .args(["--mb", &args.mb.to_string(), "-p", &args.parallelism.to_string()])
        .arg("--input")
        .arg(&args.input)
        .arg("--guests")
        .arg(&args.guests.guests)
        .args(args.guests.perf_map.then_some("--perf-map"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the run")?;
    if !child.status.success() {
        bail!("the {} run failed", side.name());
    }
    Ok(serde_json::from_slice(&child.stdout)?)
}

fn run_here(args: &WordCountArgs, side: Side) -> anyhow::Result<Value> {
    args.guests.read("benchmarks.wasm")?;
    let input = args.input.canonicalize().with_context(|| {
        format!("cannot find {}; name a text with --input", args.input.display())
    })?;
    let size = input.metadata()?.len().max(1);
    let repeat = (args.mb * 1_000_000).div_ceil(size);
    let plugin = if side == Side::Wasm { "benchmarks" } else { "native" };
    let module = args.guests.guests.canonicalize()?.join("benchmarks.wasm");
    let plugins = match side {
        Side::Wasm => json!({"benchmarks": {"path": module}}),
        Side::Native => json!({}),
    };
    let spec = json!({
        "name": "bench word-count",
        "plugins": plugins,
        "sources": [{"name": "lines", "connector": "files",
            "options": {"path": input, "repeat": repeat}}],
        "operators": [
            {"name": "words", "plugin": plugin, "operator": "words", "inputs": ["lines"]},
            {"name": "count", "plugin": plugin, "operator": "count-updates",
                "inputs": [{"from": "words", "key": "value"}]},
        ],
        "sinks": [{"name": "discard", "connector": "discard", "inputs": ["count"]}],
    });
    let (spec, _) = parse(&spec.to_string(), FileFormat::Json, "bench word-count")
        .map_err(|errors| anyhow::anyhow!("the benchmark's job is wrong: {}", errors[0]))?;

    let started = Instant::now();
    let mut configuration = Configuration::new();
    configuration.set("sandbar.guest.perf-map", args.guests.perf_map.to_string());
    let cluster = MiniCluster::new(MiniClusterOptions {
        configuration,
        clock: Arc::new(SystemClock),
        console: Console::new(std::io::sink(), std::io::sink()),
        cache_folder: cache_folder(),
    })?;
    let mut overrides = Configuration::new();
    overrides.set("parallelism.default", args.parallelism.to_string());
    let mut loader = cluster.loader(&overrides);
    loader.native.insert("native".to_owned(), native::plugin());
    let job = cluster.submit(loader.prepare_spec(spec, None)?)?;
    let result = job.wait();
    if result.status != JobStatus::Finished {
        bail!("the job ended {}: {}", result.status, result.failure.unwrap_or_default());
    }
    let snapshot = job.snapshot();
    let words = snapshot.vertices.last().map_or(0, |vertex| vertex.records_in);
    let cpu_seconds = usage::cpu_seconds("self")?;
    Ok(json!({
        "run": side.name(),
        "words": words,
        "bytes": repeat * size,
        "seconds": result.runtime.as_secs_f64(),
        "start-seconds": started.elapsed().as_secs_f64() - result.runtime.as_secs_f64(),
        "words-per-second": words as f64 / result.runtime.as_secs_f64(),
        "cpu-seconds": cpu_seconds,
        "words-per-cpu-second": words as f64 / cpu_seconds.max(1e-3),
        "peak-rss-kb": usage::status_kb("self", "VmHWM:")?,
    }))
}

fn print(args: &WordCountArgs, runs: &[(Side, Value)]) -> anyhow::Result<()> {
    output::line(&format!(
        "word count over {} MB, parallelism {}, {} rounds: min / median / max",
        args.mb, args.parallelism, args.rounds
    ))?;
    let figures = |side: Side, key: &str| -> [f64; 3] {
        let of_side = runs.iter().filter(|(of, _)| *of == side);
        let values: Vec<f64> = of_side.filter_map(|(_, run)| run[key].as_f64()).collect();
        usage::spread(&values)
    };
    for key in ["words-per-second", "words-per-cpu-second", "cpu-seconds", "peak-rss-kb"] {
        let [wasm, native] = [Side::Wasm, Side::Native].map(|side| figures(side, key));
        let show = |[min, median, max]: [f64; 3]| format!("{min:.1} / {median:.1} / {max:.1}");
        output::line(&format!(
            "{key:<22} wasm {:<40} native {:<40} ratio {:.2}",
            show(wasm),
            show(native),
            wasm[1] / native[1].max(1e-9)
        ))?;
    }
    Ok(())
}
