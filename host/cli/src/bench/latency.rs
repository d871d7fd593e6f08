//! Time from a source to a sink in another process, at a steady rate, by the time that buffers may
//! wait.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;

use anyhow::Context;
use clap::Args;
use sandbar_model::{Clock, SystemClock};
use serde_json::{Value, json};

use super::process_cluster::ProcessCluster;
use super::usage::{percentile, spread};
use crate::output;

/// Seconds at the start that do not count: the job is being deployed.
const WARM_UP_SECONDS: u64 = 1;
/// The parts of the records whose latency is shown.
const PARTS: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

/// Arguments of `sandbar bench latency`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar bench latency                            buffers that wait 0, 5 and 100 ms
  sandbar bench latency --rate 1000 --seconds 5 --json

A record holds the time at which it was made; it crosses to another TaskManager process, is printed
there, and read by this one. Clocks count milliseconds.")]
pub(super) struct LatencyArgs {
    /// Records a second.
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Seconds of a run, besides one to warm up.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds; each runs all in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Values of execution.buffer-timeout, in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 5, 100])]
    buffer_timeouts: Vec<u64>,
    /// Print JSON, a line per run.
    #[arg(long)]
    json: bool,
}

/// Runs the benchmark and prints the table.
pub(super) fn run(args: &LatencyArgs) -> anyhow::Result<()> {
    let mut runs: Vec<(u64, Value)> = Vec::new();
    for round in 1..=args.rounds.max(1) {
        for timeout in &args.buffer_timeouts {
            eprintln!("round {round} of {}: buffer timeout {timeout} ms", args.rounds.max(1));
            let run = measure(args, *timeout)?;
            if args.json {
                output::line(&run.to_string())?;
            }
            runs.push((*timeout, run));
        }
    }
    if args.json {
        return Ok(());
    }
    output::line(&format!(
        "latency in ms at {} records/s between two processes, {} rounds: min / median / max",
        args.rate, args.rounds
    ))?;
    for timeout in &args.buffer_timeouts {
        for (name, _) in PARTS {
            let of_timeout = runs.iter().filter(|(of, _)| of == timeout);
            let figures: Vec<f64> = of_timeout.filter_map(|(_, run)| run[name].as_f64()).collect();
            let [min, median, max] = spread(&figures);
            output::line(&format!(
                "buffer timeout {timeout:>4} ms  {name:<6} {min:.0} / {median:.0} / {max:.0}"
            ))?;
        }
    }
    Ok(())
}

fn measure(args: &LatencyArgs, timeout: u64) -> anyhow::Result<Value> {
    let mut cluster = ProcessCluster::start(2, 1, &[])?;
    let (sender, latencies) = mpsc::channel();
    for worker in 0..2 {
        let sender = sender.clone();
        let printed = cluster.output_of(worker).context("the TaskManager has no output")?;
        std::thread::spawn(move || {
            for line in BufReader::new(printed).lines().map_while(Result::ok) {
                let now = SystemClock.now_ms();
                let record: Value = serde_json::from_str(&line).unwrap_or_default();
                let latency = record["made"].as_i64().map(|made| (now - made) as f64);
                // The receiver may have seen enough.
                let _ = latency.map(|latency| sender.send(latency));
            }
        });
    }
    drop(sender);
    let job = cluster.submit(&job(args, timeout))?;
    cluster.await_finished(job)?;
    // Ends the readers.
    drop(cluster);
    let all: Vec<f64> = latencies.into_iter().collect();
    let mut counted = all[all.len().min((args.rate * WARM_UP_SECONDS) as usize)..].to_vec();
    counted.sort_by(f64::total_cmp);
    let mut run = json!({ "buffer-timeout-ms": timeout, "records": counted.len() });
    for (name, part) in PARTS {
        run[name] = percentile(&counted, part).into();
    }
    Ok(run)
}

/// Slot sharing groups of their own put source and sink into different processes.
fn job(args: &LatencyArgs, timeout: u64) -> Value {
    json!({
        "name": "bench latency",
        "configuration": { "execution.buffer-timeout": format!("{timeout} ms") },
        "sources": [{
            "name": "records",
            "connector": "datagen",
            "parallelism": 1,
            "slot-sharing-group": "source",
            "options": {
                "rate": args.rate,
                "count": args.rate * (args.seconds + WARM_UP_SECONDS),
                "fields": { "made": { "kind": "now" } },
            },
        }],
        "sinks": [{
            "name": "print",
            "connector": "print",
            "parallelism": 1,
            "slot-sharing-group": "sink",
            "inputs": [{ "from": "records", "partitioner": "rebalance" }],
        }],
    })
}
