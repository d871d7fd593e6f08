//! `sandbar bench`: what the sandbox costs, measured on this machine next to native code in the
//! same engine. Figures are for ratios within one run.

mod boundary;
mod exchange;
mod latency;
mod native;
mod process_cluster;
mod skew;
mod state;
mod submission;
mod usage;
mod word_count;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};

/// Where `make guests` leaves modules, from the root of the repository.
const GUESTS_FOLDER: &str = "target/guests/wasm32-unknown-unknown/guest";

/// Arguments of `sandbar bench`.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Nanoseconds per record across the sandbox boundary, by batch size.
    Boundary(boundary::BoundaryArgs),
    /// Word count in the sandbox next to the same as native operators.
    WordCount(word_count::WordCountArgs),
    /// Records a second and CPU time of the exchange, within a process and between two.
    Exchange(exchange::ExchangeArgs),
    /// Time from a source to a sink in another process.
    Latency(latency::LatencyArgs),
    /// Time from a submission to the first record, and what jobs leave behind.
    Submission(submission::SubmissionArgs),
    /// Keyed state, windows, timers and a join, by the number of keys.
    State(state::StateArgs),
    /// Aggregations of a stream with a hot key, in one phase and in two.
    Skew(skew::SkewArgs),
}

/// Where the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    Wasm,
    Native,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Wasm => "wasm",
            Side::Native => "native",
        }
    }
}

/// Which guests a benchmark runs.
#[derive(Args, Debug)]
struct GuestArgs {
    /// Folder of the benchmark guests, as `make guests` builds them.
    #[arg(long, default_value = GUESTS_FOLDER)]
    guests: PathBuf,
    /// Write perf-PID.map to the temporary folder, so that Linux `perf` names guests' functions.
    #[arg(long)]
    perf_map: bool,
}

impl GuestArgs {
    fn read(&self, file: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.file(file)?;
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn file(&self, file: &str) -> anyhow::Result<PathBuf> {
        let path = self.guests.join(file);
        if !path.is_file() {
            bail!(
                "{} is missing; run `make guests` in the repository and this from its root, or \
                 name the folder with --guests",
                path.display()
            );
        }
        Ok(path)
    }
}

/// Runs the verb.
pub(crate) fn execute(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Boundary(args) => boundary::run(&args)?,
        What::WordCount(args) => word_count::run(&args)?,
        What::Exchange(args) => exchange::run(&args)?,
        What::Latency(args) => latency::run(&args)?,
        What::Submission(args) => submission::run(&args)?,
        What::State(args) => state::run(&args)?,
        What::Skew(args) => skew::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
