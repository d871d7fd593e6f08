//! `sandbar job connectors`: the sources and sinks that a job can name, with their options.

use std::process::ExitCode;

use clap::Args;
use sandbar_connectors::{ConnectorRole, ConnectorSpec, OptionKind, OptionSpec};
use serde_json::{Value, json};

use crate::output;

/// Arguments of `sandbar job connectors`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar job connectors           all connectors
  sandbar job connectors files     the source and the sink of this name
  sandbar job connectors --json    for a script")]
pub(crate) struct ConnectorsArgs {
    /// Show only the connectors of this name.
    name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(crate) fn execute(args: &ConnectorsArgs) -> anyhow::Result<ExitCode> {
    let all = sandbar_connectors::catalogue();
    let is_wanted = |spec: &&ConnectorSpec| args.name.as_ref().is_none_or(|name| spec.name == name);
    let wanted: Vec<&ConnectorSpec> = all.iter().filter(is_wanted).collect();
    if let (Some(name), true) = (&args.name, wanted.is_empty()) {
        let known: Vec<String> = all.iter().map(ToString::to_string).collect();
        anyhow::bail!("there is no connector '{name}', only: {}", known.join(", "));
    }
    if args.json {
        output::json(&wanted.into_iter().map(connector_json).collect())?;
    } else {
        let texts: Vec<String> = wanted.into_iter().map(connector_text).collect();
        output::line(&texts.join("\n\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn connector_text(spec: &ConnectorSpec) -> String {
    let options: String = spec.options.iter().map(option_text).collect();
    format!("{spec}\n{}{options}", output::paragraph(spec.doc, "  "))
}

fn option_text(option: &OptionSpec) -> String {
    let OptionSpec { name, kind, default, required, doc } = option;
    let need = match (required, default) {
        (true, _) => ", required".to_owned(),
        (false, Some(default)) => format!(", default {}", default.escape_debug()),
        (false, None) => String::new(),
    };
    format!("\n    {name} ({kind}){need}\n{}", output::paragraph(doc, "        "))
}

fn connector_json(spec: &ConnectorSpec) -> Value {
    let role = match spec.role {
        ConnectorRole::Source => "source",
        ConnectorRole::Sink => "sink",
    };
    let options: Vec<Value> = spec.options.iter().map(option_json).collect();
    json!({ "role": role, "name": spec.name, "doc": spec.doc, "options": options })
}

fn option_json(option: &OptionSpec) -> Value {
    let OptionSpec { name, kind, default, required, doc } = option;
    let words: &[&str] = match kind {
        OptionKind::OneOf(words) => words,
        OptionKind::Text
        | OptionKind::Path
        | OptionKind::Boolean
        | OptionKind::Integer
        | OptionKind::Number
        | OptionKind::Bytes
        | OptionKind::Duration
        | OptionKind::Json => &[],
    };
    json!({
        "name": name,
        "type": kind.to_string(),
        "one-of": words,
        "default": default,
        "required": required,
        "doc": doc,
    })
}
