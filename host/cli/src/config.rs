//! `sandbar config`: the options that there are.

mod check;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use sandbar_config::{OptionEntry, options};
use serde_json::{Value, json};

use crate::output;

/// Arguments of `sandbar config`.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  sandbar config                      every option with type, default and meaning
  sandbar config --json               the same for a script
  sandbar config check config.yaml    what is wrong with a configuration file

Options are set in a YAML file (--config FILE), in a job file under [configuration], and with
-Dkey=value, which wins over both."
)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    verb: Option<ConfigVerb>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Checks a configuration file and prints the values in effect.
    Check(check::CheckArgs),
}

/// Runs the verb.
pub(crate) fn execute(args: ConfigArgs) -> anyhow::Result<ExitCode> {
    if let Some(ConfigVerb::Check(args)) = args.verb {
        return check::execute(&args);
    }
    if args.json {
        output::json(&options::all().map(option_json).collect())?;
    } else {
        let texts: Vec<String> = options::all().map(option_text).collect();
        output::line(&texts.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn option_text(option: &OptionEntry) -> String {
    let default = match option.default {
        Some(default) => format!("default {default}"),
        None => "not set by default".to_owned(),
    };
    let effect = if option.in_effect { "" } else { ", accepted but not yet in effect" };
    let aliases = match option.aliases {
        [] => String::new(),
        aliases => format!("\n    also: {}", aliases.join(", ")),
    };
    let doc = output::paragraph(option.doc(), "    ");
    format!("{}: {}, {default}{effect}\n{doc}{aliases}", option.key, option.type_name)
}

fn option_json(option: &OptionEntry) -> Value {
    json!({
        "key": option.key,
        "type": option.type_name,
        "expected": option.expected,
        "default": option.default,
        // Docs keep the line breaks and margins of the sources.
        "doc": option.doc().split_whitespace().collect::<Vec<_>>().join(" "),
        "aliases": option.aliases,
        "in-effect": option.in_effect,
    })
}
