//! `sandbar plugin validate`: whether a cluster would take a plugin.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::configuration::ConfigurationArgs;
use crate::loaded_plugin::LoadedPlugin;
use crate::output;

/// Arguments of `sandbar plugin validate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin validate hello.wasm
  sandbar plugin validate -Dsandbar.plugin.bytes.max='1 mb' hello.wasm
  sandbar plugin validate words.wasm -- book.txt    a job plugin with an argument

Exit code: 0 when a cluster with this configuration takes the plugin, 1 when it does not.")]
pub(crate) struct ValidateArgs {
    /// The plugin.
    file: PathBuf,
    /// Arguments of a job, for a job plugin whose operators depend on them.
    #[arg(last = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let configuration = args.configuration.load()?;
    let plugin = LoadedPlugin::open(&args.file, &args.arguments, &configuration)?;
    let (file, world) = (args.file.display(), plugin.world());
    match plugin.description() {
        Ok(description) => output::line(&format!(
            "ok: {file} is a plugin of world {world} for contract {}, with {} operators",
            description.contract,
            description.operators.len()
        ))?,
        Err(error) => {
            output::note(format!("{error}; give the job's arguments after -- to check them too"));
            output::line(&format!("ok: {file} is a plugin of world {world}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
