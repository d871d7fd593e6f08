//! `sandbar plugin upload`: gives plugins to a cluster.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::cluster_client::ClientArgs;
use crate::{output, problems};

/// Arguments of `sandbar plugin upload`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin upload words.wasm            prints the id: the hash of the bytes
  sandbar plugin upload -m 10.0.0.7:8081 *.wasm
  curl -X POST localhost:8081/plugins/$(sandbar plugin upload words.wasm)/run

`sandbar run` uploads what a job needs by itself.")]
pub(crate) struct UploadArgs {
    /// The plugins.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClientArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &UploadArgs) -> anyhow::Result<ExitCode> {
    problems::in_json(args.json, upload(args))
}

fn upload(args: &UploadArgs) -> anyhow::Result<ExitCode> {
    let client = args.cluster.client()?;
    let mut plugins = Vec::new();
    for file in &args.files {
        let shown = file.display();
        let bytes = std::fs::read(file).with_context(|| format!("cannot read plugin {shown}"))?;
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        let id = client.upload_plugin(&name, &bytes)?.id;
        if !args.json {
            output::line(&id)?;
        }
        plugins.push(json!({ "file": shown.to_string(), "id": id }));
    }
    if args.json {
        output::json(&json!({ "plugins": plugins }))?;
    }
    Ok(ExitCode::SUCCESS)
}
