//! `sandbar plugin delete`: makes a cluster forget plugins.

use std::process::ExitCode;

use clap::Args;
use sandbar_model::PluginId;
use sandbar_rest::message::plugin::PluginFile;
use serde_json::json;

use crate::cluster_client::ClientArgs;
use crate::output;
use crate::problems::{self, Problems};

/// Digits of an id.
const ID_DIGITS: usize = 64;
/// Digits that the beginning of an id must have, so that a slip of the hand deletes nothing.
const PREFIX_DIGITS_MIN: usize = 8;

/// Arguments of `sandbar plugin delete`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin delete 1f3a5c7e9b2d4f60      as `sandbar plugin list` shows it

Jobs that run a plugin are not touched.")]
pub(crate) struct DeleteArgs {
    /// Ids, or beginnings of ids of at least 8 digits that only one plugin has.
    #[arg(required = true, value_name = "ID", value_parser = parse_prefix)]
    plugins: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClientArgs,
}

/// Reads the beginning of an id.
fn parse_prefix(text: &str) -> Result<String, String> {
    let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex && (PREFIX_DIGITS_MIN..=ID_DIGITS).contains(&text.len()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!(
        "a plugin id is {ID_DIGITS} hexadecimal digits, of which the first {PREFIX_DIGITS_MIN} or \
         more will do; `sandbar plugin list` shows them"
    ))
}

/// Runs the verb.
pub(crate) fn execute(args: &DeleteArgs) -> anyhow::Result<ExitCode> {
    problems::in_json(args.json, delete(args))
}

fn delete(args: &DeleteArgs) -> anyhow::Result<ExitCode> {
    let client = args.cluster.client()?;
    let stored = client.plugins()?.files;
    // Nothing is deleted before all are found.
    let found: Vec<_> = args.plugins.iter().map(|prefix| find(prefix, &stored)).collect();
    let problems = found.iter().filter_map(|one| one.as_ref().err().cloned()).collect();
    Problems(problems).into_result()?;
    let mut deleted = Vec::new();
    for (id, plugin) in found.into_iter().flatten() {
        client.delete_plugin(id)?;
        if !args.json {
            output::line(&format!("Deleted plugin {id} ({}).", plugin.name))?;
        }
        deleted.push(json!({ "id": id.to_string(), "name": plugin.name }));
    }
    if args.json {
        output::json(&json!({ "deleted": deleted }))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The one plugin whose id begins so.
fn find<'a>(prefix: &str, stored: &'a [PluginFile]) -> Result<(PluginId, &'a PluginFile), String> {
    let matching: Vec<&PluginFile> =
        stored.iter().filter(|plugin| plugin.id.starts_with(prefix)).collect();
    match matching.as_slice() {
        [plugin] => match parse_id(&plugin.id) {
            Some(id) => Ok((id, plugin)),
            None => {
                Err(format!("the cluster has a plugin with the id {}, which is none", plugin.id))
            }
        },
        [] => Err(format!("no plugin has an id that begins with {prefix}")),
        several => {
            let list: Vec<String> =
                several.iter().map(|plugin| format!("{} ({})", plugin.id, plugin.name)).collect();
            let list = list.join(", ");
            Err(format!("{prefix} begins the ids of several plugins; give more digits of {list}"))
        }
    }
}

/// Reads a whole id.
fn parse_id(text: &str) -> Option<PluginId> {
    let mut id = [0; ID_DIGITS / 2];
    if text.len() != ID_DIGITS {
        return None;
    }
    for (index, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(PluginId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(ids: &[&str]) -> Vec<PluginFile> {
        let plugin = |id: &&str| PluginFile {
            id: format!("{id:0<64}"),
            name: "a.wasm".to_owned(),
            uploaded: 0,
            entry: Vec::new(),
            bytes: 0,
            version: None,
            operators: Vec::new(),
        };
        ids.iter().map(plugin).collect()
    }

    #[test]
    fn only_one_plugin_is_found() {
        let stored = stored(&["12345678a", "12345678b", "f"]);
        let (id, _) = find("12345678a", &stored).unwrap();
        assert_eq!(id.to_string(), stored[0].id);
        assert!(find("12345678", &stored).unwrap_err().contains("several plugins"));
        assert!(find("00000000", &stored).unwrap_err().contains("no plugin has an id"));
    }

    #[test]
    fn short_beginnings_are_refused() {
        assert_eq!(parse_prefix("ABCDEF01").unwrap(), "abcdef01");
        for wrong in ["", "1234567", "words.wasm", &"0".repeat(65)] {
            assert!(parse_prefix(wrong).unwrap_err().contains("64 hexadecimal digits"), "{wrong}");
        }
    }
}
