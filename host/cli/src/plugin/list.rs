//! `sandbar plugin list`: the plugins that a cluster has.

use std::process::ExitCode;

use clap::Args;
use jiff::tz::TimeZone;
use sandbar_rest::message::plugin::PluginFile;
use serde_json::json;

use crate::cluster_client::ClientArgs;
use crate::list::date;
use crate::loaded_plugin::size;
use crate::{output, problems};

/// Digits of an id that are shown: no two plugins of a cluster will share them, and
/// `plugin delete` takes them.
const ID_DIGITS: usize = 16;

/// Arguments of `sandbar plugin list`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin list            the beginning of each id, name, size, time, and what is in it
  sandbar plugin list --json     whole ids, for a script")]
pub(crate) struct ListArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClientArgs,
}

/// Runs the verb.
pub(crate) fn execute(args: &ListArgs) -> anyhow::Result<ExitCode> {
    problems::in_json(args.json, list(args))
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let plugins = args.cluster.client()?.plugins()?.files;
    if args.json {
        output::json(&json!({ "plugins": plugins }))?;
    } else if plugins.is_empty() {
        output::line("No plugins.")?;
    } else {
        lines(&plugins, &TimeZone::system()).iter().try_for_each(|line| output::line(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(plugins: &[PluginFile], zone: &TimeZone) -> Vec<String> {
    let name_width = plugins.iter().map(|plugin| plugin.name.chars().count()).max().unwrap_or(0);
    let line = |plugin: &PluginFile| {
        let id = plugin.id.get(..ID_DIGITS).unwrap_or(&plugin.id);
        let bytes = usize::try_from(plugin.bytes).unwrap_or(usize::MAX);
        let (size, uploaded) = (size(bytes), date(plugin.uploaded, zone));
        let holds = holds(plugin);
        format!("{id}  {:name_width$}  {size:>10}  {uploaded}  {holds}", plugin.name)
    };
    plugins.iter().map(line).collect()
}

/// What is in a plugin: a job, operators, or both.
fn holds(plugin: &PluginFile) -> String {
    let jobs = plugin.entry.iter().map(|entry| format!("job {}", entry.name));
    let operators = (!plugin.operators.is_empty())
        .then(|| format!("operators {}", plugin.operators.join(", ")));
    let parts: Vec<String> = jobs.chain(operators).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    use sandbar_rest::message::plugin::PluginEntry;

    use super::*;

    #[test]
    fn plugins_are_listed_in_columns() {
        let plugin = |name: &str, entry: Vec<PluginEntry>, operators: &[&str]| PluginFile {
            id: "07".repeat(32),
            name: name.to_owned(),
            uploaded: 0,
            entry,
            bytes: 2048,
            version: None,
            operators: operators.iter().map(|one| (*one).to_owned()).collect(),
        };
        let job = PluginEntry { name: "words".to_owned(), description: None };
        let plugins = [plugin("a.wasm", vec![job], &[]), plugin("tools.wasm", vec![], &["x", "y"])];
        let expected = [
            "0707070707070707  a.wasm         2.0 KiB  01.01.1970 00:00:00  job words",
            "0707070707070707  tools.wasm     2.0 KiB  01.01.1970 00:00:00  operators x, y",
        ];
        assert_eq!(lines(&plugins, &TimeZone::UTC), expected);
    }
}
