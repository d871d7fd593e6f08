//! `sandbar config check`: what is wrong with a configuration file, and what holds with it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use sandbar_config::{Configuration, options};
use serde_json::{Value, json};

use crate::{configuration, output, problems};

/// Arguments of `sandbar config check`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar config check config.yaml          errors, warnings and the values that are set
  sandbar config check --all config.yaml    the defaults of all other options too
  sandbar config check --json config.yaml   for a script

Exit code: 0 without errors, whatever the warnings; 1 with errors.")]
pub(crate) struct CheckArgs {
    /// The configuration file.
    file: PathBuf,
    /// Print the options that the file does not set too.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One option with the value that holds.
struct Effective<'a> {
    key: &'a str,
    value: Option<&'a str>,
    is_set: bool,
}

/// Runs the verb.
pub(crate) fn execute(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let (configuration, errors) = match configuration::read(&args.file) {
        Ok(configuration) => {
            let errors = configuration.errors().iter().map(ToString::to_string).collect();
            (configuration, errors)
        }
        Err(error) => (Configuration::new(), problems::messages(&error)),
    };
    let warnings = warnings(&configuration);
    let values = effective(&configuration, args.all);
    if args.json {
        output::json(&json!({
            "errors": errors,
            "warnings": warnings,
            "values": values.iter().map(value_json).collect::<Vec<_>>(),
        }))?;
    } else {
        errors.iter().for_each(output::error);
        warnings.iter().for_each(output::warning);
        for value in &values {
            output::line(&value_text(value))?;
        }
        let errors = output::plural(errors.len(), "error");
        output::note(format!("{errors}, {}", output::plural(warnings.len(), "warning")));
    }
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn warnings(configuration: &Configuration) -> Vec<String> {
    let unknown = configuration.unknown_keys();
    let idle = configuration.idle_keys();
    let idle = idle.into_iter().map(|key| format!("option `{key}` is not yet in effect"));
    unknown.iter().map(ToString::to_string).chain(idle).collect()
}

/// Known options in the order of their list, then the user's own keys.
fn effective(configuration: &Configuration, all: bool) -> Vec<Effective<'_>> {
    let known = options::all().filter_map(|option| {
        let set = configuration.text(option.key);
        let is_set = set.is_some();
        (is_set || all).then(|| Effective {
            key: option.key,
            value: set.or(option.default),
            is_set,
        })
    });
    let unknown = configuration
        .iter()
        .filter(|(key, _)| options::find(key).is_none())
        .map(|(key, value)| Effective { key, value: Some(value), is_set: true });
    known.chain(unknown).collect()
}

/// A line of YAML; options that are not set are comments.
fn value_text(value: &Effective<'_>) -> String {
    match (value.value, value.is_set) {
        (Some(text), true) => format!("{}: {text}", value.key),
        (Some(text), false) => format!("# default: {}: {text}", value.key),
        (None, _) => format!("# not set: {}", value.key),
    }
}

fn value_json(value: &Effective<'_>) -> Value {
    let source = if value.is_set { "file" } else { "default" };
    json!({ "key": value.key, "value": value.value, "source": source })
}
