//! `sandbar job schema`: the JSON Schema of job files.

use std::process::ExitCode;

use clap::Args;

use crate::output;

/// Arguments of `sandbar job schema`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar job schema > job.schema.json    for an editor's TOML or JSON support")]
pub(crate) struct SchemaArgs {}

/// Runs the verb.
pub(crate) fn execute(SchemaArgs {}: SchemaArgs) -> anyhow::Result<ExitCode> {
    output::json(&sandbar_graph::json_schema())?;
    Ok(ExitCode::SUCCESS)
}
