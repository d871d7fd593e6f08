//! Plugins, where Flink has its jars, and what runs them.

use std::collections::BTreeMap;

use sandbar_rpc::StoredPlugin;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Answer of `GET /plugins`. Source: Flink's `JarListInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginList {
    /// The address that was asked.
    pub address: String,
    /// All plugins, oldest first.
    pub files: Vec<PluginFile>,
}

/// An uploaded plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFile {
    /// The hash of its bytes: 64 hexadecimal digits.
    pub id: String,
    /// The name of the file it was uploaded as.
    pub name: String,
    /// When.
    pub uploaded: i64,
    /// What can be run of it: one entry if it defines a job.
    pub entry: Vec<PluginEntry>,
    /// Its size. Not in Flink.
    pub bytes: u64,
    /// Its own version, if it says so. Not in Flink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The names of its operators. Not in Flink.
    pub operators: Vec<String>,
}

/// A job that a plugin defines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginEntry {
    /// The plugin's name of itself, or of its file.
    pub name: String,
    /// None: a job has no description apart from its graph.
    pub description: Option<String>,
}

impl From<StoredPlugin> for PluginFile {
    fn from(plugin: StoredPlugin) -> PluginFile {
        let said = plugin.description;
        let name = said.as_ref().map_or(&plugin.file_name, |said| &said.name).clone();
        let entry = plugin.defines_job.then_some(PluginEntry { name, description: None });
        let operators = said.iter().flat_map(|said| &said.operators);
        PluginFile {
            id: plugin.id.to_string(),
            uploaded: plugin.uploaded,
            entry: entry.into_iter().collect(),
            bytes: plugin.bytes,
            operators: operators.map(|operator| operator.name.clone()).collect(),
            version: said.map(|said| said.version),
            name: plugin.file_name,
        }
    }
}

/// Answer of `POST /plugins/upload`. Source: Flink's `JarUploadResponseBody`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginUploaded {
    /// A path whose last part is the plugin's id, as Flink's clients expect.
    pub filename: String,
    /// `success`.
    pub status: String,
    /// The plugin's id. Not in Flink.
    pub id: String,
}

impl From<StoredPlugin> for PluginUploaded {
    fn from(plugin: StoredPlugin) -> PluginUploaded {
        let id = plugin.id.to_string();
        PluginUploaded { filename: format!("/plugins/{id}"), status: "success".to_owned(), id }
    }
}

/// Body of `POST /plugins/:pluginid/run` and `/plan`. Source: Flink's `JarRunRequestBody`; what it
/// has for savepoints and for choosing a job's id is refused by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginRunRequest {
    /// Ignored: a plugin has one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Refused in favour of the list below: a shell's quoting is not ours to guess.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_args: Option<String>,
    /// Arguments for `define`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_args_list: Option<Vec<String>>,
    /// The option `parallelism.default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Refused: ids are given by the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Ignored without a savepoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    /// Refused: there are no savepoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// Ignored without a savepoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_mode: Option<String>,
    /// Ignored without a savepoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_mode: Option<String>,
    /// Options that win over the job's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flink_configuration: Option<BTreeMap<String, String>>,
    /// Where relative paths of the job's connectors start from. Not in Flink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_folder: Option<String>,
    /// The ids of other uploaded plugins, by the names that the job gives them. Not in Flink.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plugins: BTreeMap<String, String>,
}

/// Body of `POST /jobs`. Not in Flink, whose clients send Java objects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSubmitRequest {
    /// The job spec: a JSON object.
    pub spec: Box<RawValue>,
    /// The ids of uploaded plugins, by the names that the spec gives them.
    #[serde(default)]
    pub plugins: BTreeMap<String, String>,
    /// Options that win over the job's own.
    #[serde(default)]
    pub configuration: BTreeMap<String, String>,
    /// Arguments for `define`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Where relative paths of the job's connectors start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_folder: Option<String>,
}

impl JobSubmitRequest {
    /// A request for a job spec alone.
    ///
    /// # Errors
    /// For a spec that is no JSON.
    pub fn new(spec: String) -> Result<JobSubmitRequest, serde_json::Error> {
        Ok(JobSubmitRequest {
            spec: RawValue::from_string(spec)?,
            plugins: BTreeMap::new(),
            configuration: BTreeMap::new(),
            arguments: Vec::new(),
            base_folder: None,
        })
    }
}
