//! The exchange between tasks: 100-byte records over a hash partitioner, all to all, within one
//! TaskManager process and between two, in turn.

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::GuestArgs;
use super::process_cluster::ProcessCluster;
use super::usage::spread;
use crate::output;

/// Bytes of a record.
const RECORD_BYTES: usize = 100;
/// Different records, each a key of its own.
const KEYS: usize = 1000;

/// Arguments of `sandbar bench exchange`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar bench exchange                      5 rounds of 20 million records
  sandbar bench exchange --records 2000000 --rounds 3 --json
  sandbar bench exchange -Dtaskmanager.network.compression.codec=LZ4

Each record is its own key. An operator in the sandbox takes it and hands it on, and a sink drops
it; parallelism 2. CPU seconds are those of all processes, the JobManager's included.")]
pub(super) struct ExchangeArgs {
    #[command(flatten)]
    guests: GuestArgs,
    /// Records of a run.
    #[arg(long, default_value_t = 20_000_000)]
    records: u64,
    /// Rounds; each runs all in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Drop records right behind the exchange, without an operator.
    #[arg(long)]
    no_operator: bool,
    /// Option of the cluster's processes; may be repeated.
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Print JSON, a line per run.
    #[arg(long)]
    json: bool,
}

/// Runs the benchmark and prints the table.
pub(super) fn run(args: &ExchangeArgs) -> anyhow::Result<()> {
    let options: Vec<String> = args.options.iter().map(|option| format!("-D{option}")).collect();
    let spec = job(args, args.records)?;
    let warm_up = job(args, args.records / 10 + 1)?;
    let clusters = [("one process", 1, 2), ("two processes", 2, 1)];
    let mut runs: Vec<(&str, Run)> = Vec::new();
    for round in 1..=args.rounds.max(1) {
        for (name, workers, slots) in clusters {
            eprintln!("round {round} of {}: {name}", args.rounds.max(1));
            let cluster = ProcessCluster::start(workers, slots, &options)?;
            cluster.await_finished(cluster.submit(&warm_up)?)?;
            let before = cluster.cpu_seconds()?;
            let seconds = cluster.await_finished(cluster.submit(&spec)?)?;
            let run = Run { seconds, cpu_seconds: cluster.cpu_seconds()? - before };
            if args.json {
                output::line(&run.json(name, args.records).to_string())?;
            }
            runs.push((name, run));
        }
    }
    if args.json { Ok(()) } else { print(args, &clusters.map(|(name, _, _)| name), &runs) }
}

struct Run {
    seconds: f64,
    cpu_seconds: f64,
}

impl Run {
    fn json(&self, name: &str, records: u64) -> Value {
        let records = records as f64;
        json!({
            "run": name,
            "records-per-second": records / self.seconds,
            "megabytes-per-second": records * RECORD_BYTES as f64 / 1e6 / self.seconds,
            "cpu-seconds": self.cpu_seconds,
            "cpu-microseconds-per-record": self.cpu_seconds * 1e6 / records,
        })
    }
}

/// All keys differ within their first bytes, as random ones do.
fn record(index: usize) -> String {
    let mut text = format!("{:016x}", (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    text.extend(std::iter::repeat_n('x', RECORD_BYTES - text.len()));
    text
}

fn job(args: &ExchangeArgs, records: u64) -> anyhow::Result<Value> {
    let module = args.guests.file("benchmarks.wasm")?;
    let module = module.canonicalize().context("the guests have no path")?;
    let keys: Vec<String> = (0..KEYS).map(record).collect();
    let keyed = json!({ "from": "records", "key": "value" });
    let mut spec = json!({
        "name": "bench exchange",
        "configuration": { "parallelism.default": 2 },
        "sources": [{
            "name": "records",
            "connector": "datagen",
            "options": {
                "format": "text",
                "words-per-line": 1,
                "vocabulary": keys,
                "zipf": 0,
                "count": records,
            },
        }],
        "sinks": [{ "name": "discard", "connector": "discard", "inputs": [keyed] }],
    });
    if !args.no_operator {
        spec["plugins"] = json!({ "benchmarks": { "path": module } });
        spec["operators"] = json!([{
            "name": "map",
            "plugin": "benchmarks",
            "operator": "map",
            "inputs": spec["sinks"][0]["inputs"],
        }]);
        spec["sinks"][0]["inputs"] = json!(["map"]);
    }
    Ok(spec)
}

fn print(args: &ExchangeArgs, names: &[&str], runs: &[(&str, Run)]) -> anyhow::Result<()> {
    output::line(&format!(
        "exchange of {} records of {RECORD_BYTES} bytes, all to all, parallelism 2, {} rounds: \
         min / median / max",
        args.records, args.rounds
    ))?;
    let keys = ["records-per-second", "megabytes-per-second", "cpu-microseconds-per-record"];
    for name in names {
        let of_name: Vec<Value> = runs
            .iter()
            .filter(|(of, _)| of == name)
            .map(|(_, run)| run.json(name, args.records))
            .collect();
        for key in keys {
            let figures: Vec<f64> = of_name.iter().filter_map(|run| run[key].as_f64()).collect();
            let [min, median, max] = spread(&figures);
            output::line(&format!("{name:<14} {key:<28} {min:.3} / {median:.3} / {max:.3}"))?;
        }
    }
    Ok(())
}
