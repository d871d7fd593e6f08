//! What a plugin says of itself: the host's form of `plugin.describe` in wit/plugin.wit.

use serde::{Deserialize, Serialize};

/// A plugin's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginDescription {
    /// As its author named it.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// The contract version it was built against.
    pub contract: String,
    /// What it offers.
    pub operators: Vec<OperatorDescription>,
    /// Whether it exports `job.define`.
    pub defines_job: bool,
}

impl PluginDescription {
    /// The operator of that name.
    pub fn operator(&self, name: &str) -> Option<&OperatorDescription> {
        self.operators.iter().find(|operator| operator.name == name)
    }
}

/// One operator of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OperatorDescription {
    /// Unique in the plugin.
    pub name: String,
    /// One sentence.
    pub doc: String,
    /// What it is to the graph.
    pub kind: OperatorKind,
    /// One port, or two for the two-input kinds.
    pub inputs: Vec<Port>,
    /// The main output, then the side outputs.
    pub outputs: Vec<Port>,
    /// Its keyed states.
    pub states: Vec<StateDescription>,
    /// JSON Schema of its config; empty when it takes none.
    pub config_schema: String,
}

/// What an operator is to the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorKind {
    /// A function over one input.
    Process,
    /// A function over one keyed input.
    KeyedProcess,
    /// A function over two inputs.
    TwoInputProcess,
    /// A function over two inputs keyed alike.
    KeyedTwoInputProcess,
    /// A function over a keyed input and one that is broadcast.
    KeyedBroadcastProcess,
    /// Sets keys in front of a hash partitioner.
    KeySelector,
    /// Chooses subtasks in front of a custom partitioner.
    Partitioner,
}

impl OperatorKind {
    /// Whether it has keyed state and timers: its first input carries keys.
    pub fn is_keyed(self) -> bool {
        match self {
            OperatorKind::KeyedProcess
            | OperatorKind::KeyedTwoInputProcess
            | OperatorKind::KeyedBroadcastProcess => true,
            OperatorKind::Process
            | OperatorKind::TwoInputProcess
            | OperatorKind::KeySelector
            | OperatorKind::Partitioner => false,
        }
    }

    /// Whether an input must arrive over a hash partitioner.
    pub fn is_keyed_input(self, input: u32) -> bool {
        self.is_keyed() && !self.is_broadcast_input(input)
    }

    /// Whether an input must arrive over a broadcast partitioner.
    pub fn is_broadcast_input(self, input: u32) -> bool {
        self == OperatorKind::KeyedBroadcastProcess && input == 1
    }

    /// Number of inputs.
    pub fn inputs(self) -> u32 {
        match self {
            OperatorKind::Process
            | OperatorKind::KeyedProcess
            | OperatorKind::KeySelector
            | OperatorKind::Partitioner => 1,
            OperatorKind::TwoInputProcess
            | OperatorKind::KeyedTwoInputProcess
            | OperatorKind::KeyedBroadcastProcess => 2,
        }
    }
}

/// How records look on an input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Port {
    /// "main" for the first output.
    pub name: String,
    /// "text", "json", "bytes", or "compact:" and a type name.
    pub format: String,
}

/// Shape of a keyed state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StateDescription {
    /// Unique within the operator.
    pub name: String,
    /// value, list, map, reducing or aggregating.
    pub kind: String,
    /// The type of its values, for a person to read.
    pub schema: String,
}
