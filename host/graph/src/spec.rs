//! JobSpec: what the user writes, as a TOML or JSON file or as what `define` returns. One schema
//! for all of them; fields that it does not have are refused.

mod event_time;

use std::collections::BTreeMap;
use std::fmt;

use sandbar_model::job_graph::{ErrorPolicy, Partitioner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use event_time::{TimestampFormatSpec, TimestampSpec, WatermarkGeneratorSpec, WatermarkSpec};

/// Name of the plugin that a code-first component is to its own job.
pub const SELF_PLUGIN: &str = "self";
/// Name of an operator's first output.
pub const MAIN_OUTPUT: &str = "main";
/// Name of the output of refused records.
pub const DEAD_LETTER_OUTPUT: &str = "dead-letter";

/// The JSON Schema of a job file.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(JobSpec).to_value()
}

/// A job as the user writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JobSpec {
    /// Name of the job.
    pub name: String,
    /// Parallelism of what sets none itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Max parallelism of what sets none itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallelism: Option<u32>,
    /// Options of the job by key, and keys of the user's own, which begin with `user.`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub configuration: BTreeMap<String, ConfigurationValue>,
    /// Arguments for `define` and for the operators of a job plugin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Plugins by the name that operators use. `self` is reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plugins: BTreeMap<String, PluginSpec>,
    /// Where records come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceSpec>,
    /// What is done to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorSpec>,
    /// Where they go to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sinks: Vec<SinkSpec>,
}

/// Value of a configuration key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ConfigurationValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
}

impl fmt::Display for ConfigurationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigurationValue::Bool(value) => value.fmt(f),
            ConfigurationValue::Integer(value) => value.fmt(f),
            ConfigurationValue::Number(value) => value.fmt(f),
            ConfigurationValue::Text(value) => f.write_str(value),
        }
    }
}

/// Where a plugin is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PluginSpec {
    /// The component file, relative to the job file.
    pub path: String,
}

/// A source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SourceSpec {
    /// For a person to read.
    pub name: String,
    /// Unique in the job, without a dot; the name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Name of the connector.
    pub connector: String,
    /// The connector's own options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, serde_json::Value>,
    /// Number of subtasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Number of key groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallelism: Option<u32>,
    /// Slot sharing group; `default` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_sharing_group: Option<String>,
    /// How it may be chained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chaining: Option<Chaining>,
    /// Where a JSON record's event time is; without, it is what the connector says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampSpec>,
    /// What happens to a record that has no such event time; `fail` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// How event time goes on; without, only the end of the source moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermarks: Option<WatermarkSpec>,
}

/// An operator of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperatorSpec {
    /// For a person to read.
    pub name: String,
    /// Unique in the job, without a dot; the name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Name of the plugin in `plugins`.
    pub plugin: String,
    /// Name of the operator in the plugin.
    pub operator: String,
    /// Where its records come from.
    pub inputs: Vec<InputSpec>,
    /// What the operator's config schema asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Value>,
    /// What happens to a record that it refuses, or that has no key for it; `fail` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// Number of subtasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Number of key groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallelism: Option<u32>,
    /// Slot sharing group; that of its inputs, if they agree, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_sharing_group: Option<String>,
    /// How it may be chained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chaining: Option<Chaining>,
    /// How event time goes on behind it, by the timestamps that it gives its records. Watermarks
    /// from before it end there; without, they go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermarks: Option<WatermarkSpec>,
}

/// A sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SinkSpec {
    /// For a person to read.
    pub name: String,
    /// Unique in the job, without a dot; the name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Name of the connector.
    pub connector: String,
    /// Where its records come from.
    pub inputs: Vec<InputSpec>,
    /// The connector's own options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, serde_json::Value>,
    /// Number of subtasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Number of key groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallelism: Option<u32>,
    /// Slot sharing group; that of its inputs, if they agree, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_sharing_group: Option<String>,
    /// How it may be chained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chaining: Option<Chaining>,
}

/// One input: an output of another operator, in short or with details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum InputSpec {
    /// `uid` or `uid.port`.
    Output(String),
    /// With details.
    Detailed(DetailedInput),
}

/// An input with details.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DetailedInput {
    /// `uid` or `uid.port`.
    pub from: String,
    /// Name of the output; `main` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Which input of a two-input operator this feeds: 0 or 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u32>,
    /// How records are dealt out; hash with a key, else forward where parallelism allows it,
    /// else rebalance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitioner: Option<PartitionerSpec>,
    /// How a record's key is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeySpec>,
}

/// How a record's key is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeySpec {
    /// `"value"`.
    Word(KeyWord),
    /// `{ json = "/pointer" }`.
    Json(JsonKey),
    /// `{ bytes = [start, end] }`.
    Bytes(BytesKey),
    /// `{ selector = "operator" }`.
    Selector(SelectorKey),
}

/// A key that needs no more than a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyWord {
    /// The whole value is the key.
    Value,
}

/// The key is a part of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JsonKey {
    /// JSON pointer (RFC 6901) to the key.
    pub json: String,
}

/// The key is a part of a value of fixed places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BytesKey {
    /// The first byte of the key, counted from 0, and the one behind it.
    pub bytes: (u32, u32),
}

/// An operator of a plugin sets the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SelectorKey {
    /// An operator of kind key-selector, or partitioner for a custom partitioner.
    pub selector: String,
    /// Its plugin; that of the consuming operator unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

/// How an operator may be chained. Source: Flink's `ChainingStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Chaining {
    /// With those before it and after it (the default).
    #[default]
    Always,
    /// Only with those after it: it starts a chain.
    Head,
    /// Neither with those before it nor after it.
    Never,
}

/// How records are dealt out to subtasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionerSpec {
    /// To the subtask of the same index; needs equal parallelism.
    Forward,
    /// Round robin over all subtasks.
    Rebalance,
    /// Round robin over local subtasks.
    Rescale,
    /// To a random subtask.
    Shuffle,
    /// To every subtask.
    Broadcast,
    /// To the first subtask.
    Global,
    /// By the key; needs a key.
    Hash,
    /// As an operator of kind partitioner says; needs it as the key's selector.
    Custom,
}

impl From<PartitionerSpec> for Partitioner {
    fn from(spec: PartitionerSpec) -> Partitioner {
        match spec {
            PartitionerSpec::Forward => Partitioner::Forward,
            PartitionerSpec::Rebalance => Partitioner::Rebalance,
            PartitionerSpec::Rescale => Partitioner::Rescale,
            PartitionerSpec::Shuffle => Partitioner::Shuffle,
            PartitionerSpec::Broadcast => Partitioner::Broadcast,
            PartitionerSpec::Global => Partitioner::Global,
            PartitionerSpec::Hash => Partitioner::Hash,
            PartitionerSpec::Custom => Partitioner::Custom,
        }
    }
}

/// What happens to a record that an operator refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The task fails.
    Fail,
    /// The record is dropped and counted.
    Skip,
    /// The record goes to the output `dead-letter`.
    DeadLetter,
}

impl From<OnError> for ErrorPolicy {
    fn from(spec: OnError) -> ErrorPolicy {
        match spec {
            OnError::Fail => ErrorPolicy::Fail,
            OnError::Skip => ErrorPolicy::Skip,
            OnError::DeadLetter => ErrorPolicy::DeadLetter,
        }
    }
}
