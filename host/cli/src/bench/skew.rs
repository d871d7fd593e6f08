//! Keyed sums and windows of pairs of which most have one key: in one phase, in two, and in two
//! with salt, each run in a process of its own, in turn. Before the rounds each runs once to
//! compare results.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sandbar_client::defaults::cache_folder;
use sandbar_cluster::{JobSource, MiniCluster, MiniClusterOptions};
use sandbar_config::Configuration;
use sandbar_connectors::Console;
use sandbar_model::SystemClock;
use sandbar_model::status::JobStatus;
use serde_json::{Value, json};

use super::{GuestArgs, usage};
use crate::output;

/// The guest: a job in code that makes all variants.
const GUEST: &str = "skew_benchmark.wasm";

/// Arguments of `sandbar bench skew`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar bench skew                                    9 of 10 records with one key, 5 rounds
  sandbar bench skew --work tumble --hot-share 0.99 -p 4 --rounds 3
  sandbar bench skew --run off,two-phase --records 2000000 --json

Record n is a pair of 16 bytes, a key and the number n, with the event time n / RATE; watermarks are
1 s behind. A source makes the pairs, an operator in its task reads them and chooses the key, in two
phases puts together what it has of each, and a keyed operator behind an exchange adds up. A sink
drops the results. Before the rounds each variant runs once to compare results, and the verb fails
if they differ.")]
pub(super) struct SkewArgs {
    #[command(flatten)]
    guests: GuestArgs,
    /// What to do: all of it unless given.
    #[arg(long, value_delimiter = ',')]
    work: Vec<Work>,
    /// How: all of them unless given.
    #[arg(long, value_delimiter = ',')]
    run: Vec<Variant>,
    /// Records of a run.
    #[arg(long, default_value_t = 20_000_000)]
    records: u64,
    /// Numbers of keys.
    #[arg(long, default_value_t = 1_000)]
    keys: u64,
    /// Share of the records that have one key, from 0 to 1.
    #[arg(long, default_value_t = 0.9, value_parser = share)]
    hot_share: f64,
    /// Records in a second of event time.
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
    /// Salts of the variant that has some, at least 2.
    #[arg(long, default_value_t = 4)]
    salts: u32,
    /// Parallelism.
    #[arg(short, long, default_value_t = 8)]
    parallelism: u32,
    /// Rounds; each runs all in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Option of the job; may be repeated.
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Print JSON, a line per run.
    #[arg(long)]
    json: bool,
    /// Run only this, in this process.
    #[arg(long, hide = true)]
    here: bool,
    /// Read the results of the run.
    #[arg(long, hide = true)]
    compared: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// A sum by key, every update of which is emitted.
    Sum,
    /// Sums of tumbling windows of 10 s.
    Tumble,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Variant {
    /// The exchange carries every record.
    Off,
    /// The exchange carries what each subtask has put together.
    TwoPhase,
    /// The same, put together once more by salted keys.
    TwoPhaseSalt,
}

/// Reads a share.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// The name of a work or a variant, as on the command line and in the guest's argument.
fn name(of: impl ValueEnum) -> String {
    of.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Case {
    work: Work,
    variant: Variant,
}

/// Runs the benchmark and prints the table.
pub(super) fn run(args: &SkewArgs) -> anyhow::Result<()> {
    let or_all = |given: &[Variant]| match given {
        [] => Variant::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let works = if args.work.is_empty() { Work::value_variants() } else { &args.work };
    let mut cases = Vec::new();
    for work in works {
        cases.extend(or_all(&args.run).into_iter().map(|variant| Case { work: *work, variant }));
    }
    if args.here {
        let case = cases.first().context("nothing to run")?;
        return Ok(output::line(&run_here(args, *case)?.to_string())?);
    }
    compare(args, &cases)?;
    let rounds = args.rounds.max(1);
    let mut runs: Vec<(Case, Value)> = Vec::new();
    for round in 1..=rounds {
        for case in &cases {
            eprintln!("round {round} of {rounds}: {}, {}", name(case.work), name(case.variant));
            let run = run_in_child(args, *case, false)?;
            if args.json {
                output::line(&run.to_string())?;
            }
            runs.push((*case, run));
        }
    }
    if args.json { Ok(()) } else { print(args, &cases, &runs) }
}

/// Runs everything once and fails if variants of one work have other results.
fn compare(args: &SkewArgs, cases: &[Case]) -> anyhow::Result<()> {
    let mut first: Option<(Case, Value)> = None;
    for case in cases {
        let (work, variant) = (name(case.work), name(case.variant));
        eprintln!("comparing results: {work}, {variant}");
        let results = run_in_child(args, *case, true)?["compared"].take();
        if results["count"] == json!(0) {
            bail!("{work} with {variant} has no results");
        }
        match &first {
            Some((of, expected)) if of.work == case.work => {
                if results != *expected {
                    let other = name(of.variant);
                    bail!("{work}: {other} results in {expected}, {variant} in {results}");
                }
            }
            Some(_) | None => first = Some((*case, results)),
        }
    }
    Ok(())
}

fn run_in_child(args: &SkewArgs, case: Case, compared: bool) -> anyhow::Result<Value> {
    let itself = std::env::current_exe().context("cannot find this program")?;
    let child = Command::new(itself)
        .args(["bench", "skew", "--here"])
        .args(["--work", &name(case.work), "--run", &name(case.variant)])
        .args(["--records", &args.records.to_string(), "--keys", &args.keys.to_string()])
        .args(["--hot-share", &args.hot_share.to_string(), "--rate", &args.rate.to_string()])
        .args(["--salts", &args.salts.to_string(), "-p", &args.parallelism.to_string()])
        .arg("--guests")
        .arg(&args.guests.guests)
        .args(args.guests.perf_map.then_some("--perf-map"))
        .args(compared.then_some("--compared"))
        .args(args.options.iter().map(|option| format!("-D{option}")))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the run")?;
    if !child.status.success() {
        bail!("the run of {} with {} failed", name(case.work), name(case.variant));
    }
    Ok(serde_json::from_slice(&child.stdout)?)
}

fn run_here(args: &SkewArgs, case: Case) -> anyhow::Result<Value> {
    let argument = json!({
        "work": name(case.work), "run": name(case.variant), "records": args.records,
        "keys": args.keys, "hot-share": args.hot_share, "rate": args.rate, "salts": args.salts,
        "prints": args.compared,
    });
    let mut configuration = Configuration::new();
    configuration.set("sandbar.guest.perf-map", args.guests.perf_map.to_string());
    let mut overrides = Configuration::new();
    overrides.set("parallelism.default", args.parallelism.to_string());
    for option in &args.options {
        let (key, value) = option.split_once('=').context("-D takes KEY=VALUE")?;
        configuration.set(key, value);
        overrides.set(key, value);
    }
    let (console, printed) = Console::captured();
    let cluster = MiniCluster::new(MiniClusterOptions {
        configuration,
        clock: Arc::new(SystemClock),
        console,
        cache_folder: cache_folder(),
    })?;
    let path = args.guests.file(GUEST)?;
    let source = JobSource::Plugin { path, arguments: vec![argument.to_string()] };
    let prepared = cluster.loader(&overrides).prepare(&source)?;
    let before = usage::cpu_seconds("self")?;
    let job = cluster.submit(prepared)?;
    let result = job.wait();
    if result.status != JobStatus::Finished {
        bail!("the job ended {}: {}", result.status, result.failure.unwrap_or_default());
    }
    let cpu_seconds = usage::cpu_seconds("self")? - before;
    let vertices = job.snapshot().vertices;
    // The source, what it is chained to, and for salted keys one vertex more.
    let expected = if case.variant == Variant::TwoPhaseSalt { 3 } else { 2 };
    let [head, .., tail] = &*vertices else { bail!("the job has too few tasks") };
    if vertices.len() != expected {
        let names: Vec<&str> = vertices.iter().map(|vertex| &*vertex.name).collect();
        bail!("operators are not chained as they were to be: {}", names.join(", "));
    }
    let (seconds, records) = (result.runtime.as_secs_f64(), args.records as f64);
    Ok(json!({
        "work": name(case.work),
        "run": name(case.variant),
        "records": args.records,
        "records-per-second": records / seconds,
        "cpu-microseconds-per-record": cpu_seconds * 1e6 / records,
        // Of the first task: what it read, and what it sent in its place.
        "records-in": head.records_in,
        "records-out": head.records_out,
        "records-in-of-last": tail.records_in,
        "peak-rss-kb": usage::status_kb("self", "VmHWM:")?,
        "compared": args.compared.then(|| summary(&printed.text())),
    }))
}

/// How many lines a job has printed and a hash of them, whatever their order and whoever printed
/// them.
fn summary(printed: &str) -> Value {
    // With more than one subtask, print puts their number in front.
    let mut lines: Vec<&str> =
        printed.lines().map(|line| line.split_once("> ").map_or(line, |(_, rest)| rest)).collect();
    lines.sort_unstable();
    let mut hasher = DefaultHasher::new();
    lines.hash(&mut hasher);
    json!({ "count": lines.len(), "hash": format!("{:016x}", hasher.finish()) })
}

fn print(args: &SkewArgs, cases: &[Case], runs: &[(Case, Value)]) -> anyhow::Result<()> {
    output::line(&format!(
        "{} records, {} with one of {} keys, parallelism {}, {} rounds: min / median / max; \
         results are equal",
        args.records,
        args.hot_share,
        args.keys,
        args.parallelism,
        args.rounds.max(1)
    ))?;
    output::line(&format!(
        "{:<7} {:<15} {:>24} {:>8} {:>22} {:>14} {:>14}",
        "work", "run", "records/s", "ratio", "CPU us a record", "in", "out"
    ))?;
    let figures = |case: &Case, key: &str| -> [f64; 3] {
        let of_case = runs.iter().filter(|(of, _)| of == case);
        let values: Vec<f64> = of_case.filter_map(|(_, run)| run[key].as_f64()).collect();
        usage::spread(&values)
    };
    for case in cases {
        let rates = figures(case, "records-per-second");
        let base = Case { variant: Variant::Off, ..*case };
        let ratio = match figures(&base, "records-per-second")[1] {
            0.0 => "-".to_owned(),
            off => format!("{:.2}", rates[1] / off),
        };
        let rate = rates.map(|rate| format!("{:.2} M", rate / 1e6));
        let cost = figures(case, "cpu-microseconds-per-record").map(|cost| format!("{cost:.3}"));
        output::line(&format!(
            "{:<7} {:<15} {:>24} {ratio:>8} {:>22} {:>14.0} {:>14.0}",
            name(case.work),
            name(case.variant),
            rate.join("/"),
            cost.join("/"),
            figures(case, "records-in")[1],
            figures(case, "records-out")[1],
        ))?;
    }
    Ok(())
}
