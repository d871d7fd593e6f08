//! `sandbar plugin build`: from a Rust crate to a component that a cluster takes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use sandbar_cluster::settings;
use sandbar_wasm::PluginBytes;

use super::toolchain::{CargoBuild, Toolchain};
use crate::configuration::ConfigurationArgs;
use crate::loaded_plugin::{self, LoadedPlugin};
use crate::output;

/// Arguments of `sandbar plugin build`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin build                 the crate in this folder
  sandbar plugin build hello           the crate in hello, to hello/hello.wasm
  sandbar plugin build -o out.wasm     to another file
  sandbar plugin build -- --offline    pass something on to cargo

Needs cargo and a standard library for wasm32-unknown-unknown: that of rustup's toolchain
(rustup target add wasm32-unknown-unknown), or Debian's Rust with its sources (apt-get install
rustc-web cargo-web rust-web-src), from which it is built.")]
pub(crate) struct BuildArgs {
    /// Folder of the crate.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// File to write; by default the crate's name with .wasm, in its folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Cargo's profile to build with.
    #[arg(long, default_value = "release", value_name = "NAME")]
    profile: String,
    /// Print what was built as JSON.
    #[arg(long)]
    json: bool,
    /// Arguments for cargo build.
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    cargo_arguments: Vec<String>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let folder = crate_folder(&args.folder)?;
    let configuration = args.configuration.load()?;
    let build =
        CargoBuild { folder: &folder, profile: &args.profile, arguments: &args.cargo_arguments };
    let module = Toolchain::find(&folder)?.build(&build)?;
    let target = match &args.output {
        Some(file) => file.clone(),
        None => beside_manifest(&args.folder, &module)?,
    };
    let file = target.display().to_string();
    let bytes = std::fs::read(&module)
        .with_context(|| format!("cannot read what cargo built, {}", module.display()))?;
    let limit = settings::engine(&configuration, None)?.plugin_bytes_max;
    let component = PluginBytes::parse(&file, &bytes, limit)?.component;
    let plugin = LoadedPlugin::of_bytes(&file, &component, &[], &configuration)?;
    write(&target, &component)?;
    if args.json {
        output::json(&plugin.to_json())?;
    } else {
        output::line(&summary(&file, component.len(), &plugin))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder as an absolute path; cargo says in such where its artifacts are.
fn crate_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let shown = folder.display();
    let absolute =
        folder.canonicalize().with_context(|| format!("cannot open plugin folder {shown}"))?;
    if !absolute.join("Cargo.toml").is_file() {
        bail!(
            "folder {shown} holds no Cargo.toml, so it is no plugin in Rust; make one with \
             `sandbar plugin new NAME`"
        );
    }
    Ok(absolute)
}

/// The crate's folder, as the user wrote it, with the name of the module.
fn beside_manifest(folder: &Path, module: &Path) -> anyhow::Result<PathBuf> {
    let name = module.file_name().context("cargo named no file")?;
    Ok(if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) })
}

/// Writes a file in one step, so that a job never loads half of it.
fn write(target: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let partial = target.with_extension(format!("wasm.{}.partial", std::process::id()));
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, target))
        .inspect_err(|_| {
            // What is left of it, if anything, is of no use.
            let _ = std::fs::remove_file(&partial);
        })
        .with_context(|| format!("cannot write {}", target.display()))
}

fn summary(file: &str, bytes: usize, plugin: &LoadedPlugin) -> String {
    let (size, world) = (loaded_plugin::size(bytes), plugin.world());
    match plugin.description() {
        Ok(description) => {
            let operator = |operator| {
                let kind = loaded_plugin::kind(operator);
                format!("\n  {} ({kind})  {}", operator.name, operator.doc)
            };
            let operators: String = description.operators.iter().map(operator).collect();
            let contract = &description.contract;
            format!("built {file}: {size}, world {world}, contract {contract}{operators}")
        }
        Err(_) => format!(
            "built {file}: {size}, world {world}; its operators depend on the job's arguments"
        ),
    }
}
