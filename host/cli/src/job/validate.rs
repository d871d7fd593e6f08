//! `sandbar job validate`: everything that is wrong with a job.

use std::process::ExitCode;

use clap::Args;
use sandbar_cluster::PreparedJob;
use serde_json::json;

use crate::job_arguments::JobArguments;
use crate::output::{self, plural};
use crate::problems;

/// Arguments of `sandbar job validate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar job validate job.toml                  every error with its place and remedy
  sandbar job validate --json job.toml           {\"valid\": ..., \"errors\": [...]}
  sandbar job validate words.wasm -- book.txt    a job plugin with an argument

The plugins of the job are loaded too: build them first.
Exit code: 0 when the job is right, 1 when it is not.")]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    job: JobArguments,
    /// Print the outcome as JSON on standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(crate) fn execute(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    match args.job.prepare() {
        Ok(prepared) if args.json => {
            let counts = Counts::of(&prepared);
            output::json(&json!({
                "valid": true,
                "errors": [],
                "name": prepared.graph.name,
                "sources": counts.sources,
                "operators": counts.operators,
                "sinks": counts.sinks,
                "vertices": counts.vertices,
                "subtasks": counts.subtasks,
            }))?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(prepared) => {
            output::line(&counted(&prepared.graph.name, &Counts::of(&prepared)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if args.json => {
            let errors = problems::messages(&error);
            output::json(&json!({ "valid": false, "errors": errors }))?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error),
    }
}

struct Counts {
    sources: usize,
    operators: usize,
    sinks: usize,
    vertices: usize,
    subtasks: u32,
}

impl Counts {
    fn of(prepared: &PreparedJob) -> Counts {
        Counts {
            sources: prepared.spec.sources.len(),
            operators: prepared.spec.operators.len(),
            sinks: prepared.spec.sinks.len(),
            vertices: prepared.graph.vertices.len(),
            subtasks: prepared.graph.vertices.iter().map(|vertex| vertex.parallelism).sum(),
        }
    }
}

fn counted(name: &str, counts: &Counts) -> String {
    let vertices = match counts.vertices {
        1 => "1 vertex".to_owned(),
        many => format!("{many} vertices"),
    };
    format!(
        "ok: job \"{name}\" has {}, {} and {}, in {vertices} with {}",
        plural(counts.sources, "source"),
        plural(counts.operators, "operator"),
        plural(counts.sinks, "sink"),
        plural(counts.subtasks as usize, "subtask"),
    )
}
