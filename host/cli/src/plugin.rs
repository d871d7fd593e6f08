//! `sandbar plugin`: makes, builds and examines plugins, and gives them to clusters.

mod build;
mod delete;
mod inspect;
mod list;
mod new;
mod template;
mod toolchain;
mod upload;
mod validate;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Arguments of `sandbar plugin`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin new hello          a folder with a plugin in Rust and a job that uses it
  sandbar plugin build hello        compile it to hello/hello.wasm
  sandbar plugin inspect hello.wasm what it offers and what it needs
  sandbar plugin upload hello.wasm  give it to a cluster
  sandbar plugin list               what a cluster has")]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    verb: PluginVerb,
}

#[derive(Debug, Subcommand)]
enum PluginVerb {
    /// Makes the folder of a plugin in Rust.
    New(new::NewArgs),
    /// Compiles a plugin in Rust to a component.
    Build(build::BuildArgs),
    /// Shows what a plugin offers and needs.
    Inspect(inspect::InspectArgs),
    /// Says whether a cluster would take a plugin.
    Validate(validate::ValidateArgs),
    /// Gives plugins to a cluster.
    Upload(upload::UploadArgs),
    /// Lists the plugins of a cluster.
    List(list::ListArgs),
    /// Makes a cluster forget plugins.
    Delete(delete::DeleteArgs),
}

/// Runs the verb.
pub(crate) fn execute(args: PluginArgs) -> anyhow::Result<ExitCode> {
    match args.verb {
        PluginVerb::New(args) => new::execute(&args),
        PluginVerb::Build(args) => build::execute(&args),
        PluginVerb::Inspect(args) => inspect::execute(&args),
        PluginVerb::Validate(args) => validate::execute(&args),
        PluginVerb::Upload(args) => upload::execute(&args),
        PluginVerb::List(args) => list::execute(&args),
        PluginVerb::Delete(args) => delete::execute(&args),
    }
}
