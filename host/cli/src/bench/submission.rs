//! What a cluster costs: the time from a job's submission to its first record, the memory of idle
//! processes, and what many jobs leave behind.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::process_cluster::ProcessCluster;
use super::usage::{percentile, spread};
use crate::output;

/// How long the first record of a job may take.
const RECORD_TIME_MAX: Duration = Duration::from_secs(30);
/// Jobs before those that count.
const WARM_UP_JOBS: usize = 10;

/// Arguments of `sandbar bench submission`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar bench submission              200 jobs of parallelism 8, one after the other
  sandbar bench submission --jobs 50 --json

The time is from the start of `sandbar run --detached` to the first line that the job prints.")]
pub(super) struct SubmissionArgs {
    /// Jobs.
    #[arg(long, default_value_t = 200)]
    jobs: usize,
    /// Parallelism of each.
    #[arg(short, long, default_value_t = 8)]
    parallelism: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the benchmark and prints the figures.
pub(super) fn run(args: &SubmissionArgs) -> anyhow::Result<()> {
    let mut cluster = ProcessCluster::start(1, args.parallelism, &[])?;
    let idle_kb = cluster.rss_kb()?;
    let printed = cluster.output_of(0).context("the TaskManager has no output")?;
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(printed).lines().map_while(Result::ok) {
            // The receiver ends with the benchmark.
            let _ = sender.send((line, Instant::now()));
        }
    });
    let folder = tempfile::TempDir::new().context("cannot make a folder")?;
    let mut milliseconds = Vec::new();
    let mut before = (0, 0);
    for number in 0..WARM_UP_JOBS + args.jobs.max(1) {
        if number == WARM_UP_JOBS {
            before = (cluster.rss_kb()?, cluster.open_files()?);
        }
        let file = folder.path().join("job.json");
        std::fs::write(&file, job(args, number).to_string())?;
        let started = Instant::now();
        submit(&cluster, &file)?;
        let first = loop {
            let (line, at) = lines.recv_timeout(RECORD_TIME_MAX).context("no record came")?;
            if line.contains(&format!("job-{number}.")) {
                break at;
            }
        };
        if number >= WARM_UP_JOBS {
            milliseconds.push((first - started).as_secs_f64() * 1e3);
        }
        await_idle(&cluster)?;
    }
    let after = (cluster.rss_kb()?, cluster.open_files()?);
    show(args, idle_kb, &milliseconds, before, after)
}

fn show(
    args: &SubmissionArgs,
    idle_kb: u64,
    milliseconds: &[f64],
    before: (u64, usize),
    after: (u64, usize),
) -> anyhow::Result<()> {
    let mut sorted = milliseconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let [min, p50, max] = spread(&sorted);
    let p99 = percentile(&sorted, 0.99);
    if args.json {
        let figures = json!({
            "jobs": sorted.len(),
            "first-record-ms": { "min": min, "p50": p50, "p99": p99, "max": max },
            "idle-rss-kb": idle_kb,
            "rss-kb": { "before": before.0, "after": after.0 },
            "open-files": { "before": before.1, "after": after.1 },
        });
        return Ok(output::line(&figures.to_string())?);
    }
    output::line(&format!(
        "from `run --detached` to the first record, parallelism {}, {} jobs: \
         min {min:.1}, p50 {p50:.1}, p99 {p99:.1}, max {max:.1} ms",
        args.parallelism,
        sorted.len()
    ))?;
    output::line(&format!("JobManager and TaskManager, idle: {idle_kb} kB resident"))?;
    output::line(&format!(
        "before and after the jobs: {} and {} kB resident, {} and {} open files",
        before.0, after.0, before.1, after.1
    ))?;
    Ok(())
}

fn submit(cluster: &ProcessCluster, file: &std::path::Path) -> anyhow::Result<()> {
    let itself = std::env::current_exe().context("cannot find this program")?;
    let submitted = Command::new(itself)
        .args(["run", "--detached", "--jobmanager", cluster.client.address()])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .context("cannot start `sandbar run`")?;
    if !submitted.status.success() {
        bail!("the job was refused: {}", String::from_utf8_lossy(&submitted.stderr));
    }
    Ok(())
}

fn await_idle(cluster: &ProcessCluster) -> anyhow::Result<()> {
    let until = Instant::now() + RECORD_TIME_MAX;
    while cluster.client.overview()?.slots_available < cluster.client.overview()?.slots_total {
        if Instant::now() > until {
            bail!("a job does not end");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Each subtask prints one record.
fn job(args: &SubmissionArgs, number: usize) -> Value {
    let name = format!("job-{number}.");
    json!({
        "name": name,
        "configuration": { "parallelism.default": args.parallelism },
        "sources": [{
            "name": "records",
            "connector": "datagen",
            "options": {
                "count": args.parallelism,
                "fields": { "job": { "kind": "constant", "value": name } },
            },
        }],
        "sinks": [{
            "name": "print",
            "connector": "print",
            "inputs": [{ "from": "records", "partitioner": "rebalance" }],
        }],
    })
}
