//! `sandbar state`: the keyed state of a running job, by key.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use sandbar_model::JobId;
use serde_json::Value;

use crate::cluster_client::{ClientArgs, parse_job_id};
use crate::output;

/// Arguments of `sandbar state`.
#[derive(Args, Debug)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    verb: StateVerb,
}

#[derive(Debug, Subcommand)]
enum StateVerb {
    /// Shows what a key has in a state.
    Get(GetArgs),
}

/// Arguments of `sandbar state get`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar state get JOBID count count --key alice     the value of a key that is text
  sandbar state get JOBID visits pages --key 17       of one that is a number
  sandbar state get JOBID visits pages --key-json '[17, \"eu\"]' --user-key /start
  sandbar state get JOBID count count --key alice -m 10.0.0.7:8081 --json | jq .value

The job goes on meanwhile. What is shown is the state after all records that the task of the key
has processed. A value whose type this host does not know is shown as base64.")]
struct GetArgs {
    /// The job; `sandbar list` shows those that there are.
    #[arg(value_name = "JOB", value_parser = parse_job_id)]
    job: JobId,
    /// The operator, by its uid or name.
    #[arg(value_name = "OPERATOR")]
    operator: String,
    /// The state, by its name.
    #[arg(value_name = "STATE")]
    state: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    user_key: UserKeyArgs,
    /// Print all that there is to say, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClientArgs,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct KeyArgs {
    /// The key as text; of a number, a tuple and the like as JSON.
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
    /// The key as JSON.
    #[arg(long, value_name = "JSON")]
    key_json: Option<String>,
    /// The bytes of the key in hexadecimal digits.
    #[arg(long, value_name = "DIGITS")]
    key_hex: Option<String>,
}

#[derive(Args, Debug)]
#[group(multiple = false)]
struct UserKeyArgs {
    /// Of a map state: one entry, by its key as text. Without, all entries are shown.
    #[arg(long, value_name = "TEXT")]
    user_key: Option<String>,
    /// The same as JSON.
    #[arg(long, value_name = "JSON")]
    user_key_json: Option<String>,
    /// The same in hexadecimal digits.
    #[arg(long, value_name = "DIGITS")]
    user_key_hex: Option<String>,
}

/// Runs the verb.
pub(crate) fn execute(args: &StateArgs) -> anyhow::Result<ExitCode> {
    let StateVerb::Get(get) = &args.verb;
    let parameters = [
        ("key", &get.key.key),
        ("key-json", &get.key.key_json),
        ("key-hex", &get.key.key_hex),
        ("user-key", &get.user_key.user_key),
        ("user-key-json", &get.user_key.user_key_json),
        ("user-key-hex", &get.user_key.user_key_hex),
    ];
    let given: Vec<(&str, &str)> =
        parameters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let shown = get.cluster.client()?.keyed_state(get.job, &get.operator, &get.state, &given)?;
    if get.json {
        output::json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    match shown["entries"].as_array() {
        None => output::line(&text(&shown["value"]))?,
        Some(entries) => {
            for entry in entries {
                output::line(&format!("{}\t{}", text(&entry["key"]), text(&entry["value"])))?;
            }
        }
    }
    if shown["truncated"] == true {
        output::warning("there are more entries; ask for one with --user-key");
    }
    Ok(ExitCode::SUCCESS)
}

/// Text as it is, everything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
