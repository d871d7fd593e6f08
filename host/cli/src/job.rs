//! `sandbar job`: what a job file may hold, and whether one is right.

mod connectors;
mod schema;
mod validate;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Arguments of `sandbar job`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar job validate job.toml    every error of a job file
  sandbar job connectors           the sources and sinks that a job can name
  sandbar job schema > job.json    the JSON Schema of job files, for an editor")]
pub(crate) struct JobArgs {
    #[command(subcommand)]
    verb: JobVerb,
}

#[derive(Debug, Subcommand)]
enum JobVerb {
    /// Prints the JSON Schema of job files.
    Schema(schema::SchemaArgs),
    /// Checks a job with its plugins, and says everything that is wrong.
    Validate(validate::ValidateArgs),
    /// Lists sources and sinks with their options.
    Connectors(connectors::ConnectorsArgs),
}

/// Runs the verb.
pub(crate) fn execute(args: JobArgs) -> anyhow::Result<ExitCode> {
    match args.verb {
        JobVerb::Schema(args) => schema::execute(args),
        JobVerb::Validate(args) => validate::execute(&args),
        JobVerb::Connectors(args) => connectors::execute(&args),
    }
}
