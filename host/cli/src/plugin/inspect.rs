//! `sandbar plugin inspect`: what a plugin offers and needs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::configuration::ConfigurationArgs;
use crate::loaded_plugin::LoadedPlugin;
use crate::output;

/// Arguments of `sandbar plugin inspect`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin inspect hello.wasm                operators, ports, states, imports
  sandbar plugin inspect --json hello.wasm         the same for a script
  sandbar plugin inspect words.wasm -- book.txt    a job plugin with an argument")]
pub(crate) struct InspectArgs {
    /// The plugin.
    file: PathBuf,
    /// Arguments of a job, for a job plugin whose operators depend on them.
    #[arg(last = true)]
    arguments: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let configuration = args.configuration.load()?;
    let plugin = LoadedPlugin::open(&args.file, &args.arguments, &configuration)?;
    if args.json {
        output::json(&plugin.to_json())?;
    } else {
        output::line(plugin.to_text().trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}
