//! Problems of how operators are wired, and of keys.

use thiserror::Error;

/// Edges that make no job.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WiringProblem {
    /// Nothing would ever happen.
    #[error("the job has no sources")]
    NoSources,
    /// An operator or sink that reads nothing.
    #[error("`{uid}` has no inputs")]
    NoInputs {
        /// Its uid.
        uid: String,
    },
    /// An entry feeds an input that the consumer does not have.
    #[error("`{uid}` has {inputs} {}, and no input {input}", plural(*.inputs))]
    NoSuchInput {
        /// The consumer.
        uid: String,
        /// How many inputs it has.
        inputs: u32,
        /// The number as written.
        input: u32,
    },
    /// One of two inputs is fed by nothing.
    #[error("nothing feeds input {input} of `{uid}`, which has 2 inputs")]
    InputNotFed {
        /// The consumer.
        uid: String,
        /// The input.
        input: u32,
    },
    /// An operator reads, by some way, what it writes itself.
    #[error("the operators form a cycle: {}", .uids.join(" -> "))]
    Cycle {
        /// The way around, the first uid repeated at the end.
        uids: Vec<String>,
    },
    /// The ends of an edge disagree about how records look.
    #[error("`{source_uid}` gives `{found}` and `{uid}` takes {}", quoted(.expected))]
    FormatMismatch {
        /// The producer.
        source_uid: String,
        /// Format of its output.
        found: String,
        /// The consumer, or the key selector in front of it.
        uid: String,
        /// Formats that it takes.
        expected: Vec<String>,
    },
    /// Types of one plugin mean nothing to another.
    #[error(
        "`{source_uid}` gives `{format}` of the plugin `{source_plugin}`, which `{uid}` cannot read"
    )]
    CompactAcrossPlugins {
        /// The producer.
        source_uid: String,
        /// The format on both sides.
        format: String,
        /// The producer's plugin.
        source_plugin: String,
        /// The consumer.
        uid: String,
    },
    /// Forward deals to the subtask of the same index, which is not there.
    #[error(
        "partitioner `forward` from `{source_uid}` with parallelism {from} to `{uid}` with \
         parallelism {to}"
    )]
    ForwardParallelism {
        /// The producer.
        source_uid: String,
        /// Its parallelism.
        from: u32,
        /// The consumer.
        uid: String,
        /// Its parallelism.
        to: u32,
    },
}

fn plural(inputs: u32) -> &'static str {
    if inputs == 1 { "input" } else { "inputs" }
}

fn quoted(formats: &[String]) -> String {
    let quoted: Vec<String> = formats.iter().map(|format| format!("`{format}`")).collect();
    if quoted.is_empty() { "nothing".to_owned() } else { quoted.join(" or ") }
}

impl WiringProblem {
    pub(super) fn remedy(&self) -> Option<String> {
        let text = match self {
            WiringProblem::NoSources => "add one: [[sources]]",
            WiringProblem::NoInputs { .. } => "name what it reads: inputs = [\"uid\"]",
            WiringProblem::NoSuchInput { inputs: 1, .. } => "leave `input` out",
            WiringProblem::NoSuchInput { .. } => "inputs are numbered from 0",
            WiringProblem::InputNotFed { uid: _, input } => {
                return Some(format!("add {{ from = \"uid\", input = {input} }} to its inputs"));
            }
            WiringProblem::Cycle { .. } => "remove one of these inputs",
            WiringProblem::FormatMismatch { .. } => "put an operator between that converts",
            WiringProblem::CompactAcrossPlugins { .. } => {
                "use the format json, text or bytes between plugins"
            }
            WiringProblem::ForwardParallelism { .. } => {
                "make them equal, or use rebalance or rescale"
            }
        };
        Some(text.to_owned())
    }
}

/// Keys that are missing, of the wrong kind or at the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// A keyed operator needs to know each record's key.
    #[error("`{uid}` is keyed, and input {input} from `{source_uid}` has no key")]
    Missing {
        /// The operator.
        uid: String,
        /// Which of its inputs.
        input: u32,
        /// The producer.
        source_uid: String,
    },
    /// Keyed state is only at hand for the keys of the subtask.
    #[error("`{uid}` is keyed and needs the partitioner `hash`, not `{partitioner}`")]
    NotHash {
        /// The operator.
        uid: String,
        /// The partitioner as written.
        partitioner: String,
    },
    /// Every subtask needs all records of a broadcast input.
    #[error("input {input} of `{uid}` is broadcast, and `{source_uid}` comes with {found}")]
    NotBroadcast {
        /// The operator.
        uid: String,
        /// Which of its inputs.
        input: u32,
        /// The producer.
        source_uid: String,
        /// What the entry says instead.
        found: String,
    },
    /// The partitioner `hash` without a key.
    #[error("the partitioner `hash` needs a key")]
    HashWithoutKey,
    /// The partitioner `custom` without an operator that chooses.
    #[error("the partitioner `custom` needs a selector of kind partitioner")]
    CustomWithoutSelector,
    /// A key where no partitioner looks at it.
    #[error("a key is given, which the partitioner `{partitioner}` does not use")]
    NotUsed {
        /// The partitioner as written.
        partitioner: String,
    },
    /// The selector is an operator that does something else.
    #[error("the operator `{operator}` is of kind {kind}, not {expected}")]
    SelectorKind {
        /// The operator.
        operator: String,
        /// Its kind.
        kind: &'static str,
        /// The kind that is needed.
        expected: &'static str,
    },
    /// A sink has no plugin that the selector could be from.
    #[error("the key selector `{selector}` names no plugin, and `{uid}` is a sink")]
    SelectorWithoutPlugin {
        /// The selector.
        selector: String,
        /// The sink.
        uid: String,
    },
    /// Not a JSON pointer.
    #[error("`{pointer}` is not a JSON pointer")]
    Pointer {
        /// As written.
        pointer: String,
    },
    /// A place in the value that has no bytes.
    #[error("there are no bytes from {start} to {end}")]
    NoBytes {
        /// The first byte.
        start: u32,
        /// The one behind the last.
        end: u32,
    },
    /// A JSON pointer into something else than JSON.
    #[error("the key is a JSON pointer, and `{source_uid}` gives `{format}`")]
    NotJson {
        /// The producer.
        source_uid: String,
        /// Its format.
        format: String,
    },
}

impl KeyProblem {
    pub(super) fn remedy(&self) -> Option<String> {
        let text = match self {
            KeyProblem::Missing { source_uid, input, .. } => {
                return Some(format!(
                    "write {{ from = \"{source_uid}\", input = {input}, key = \"value\" }}, or a \
                     key of another form"
                ));
            }
            KeyProblem::NotHash { .. } => "leave `partitioner` out and give a key",
            KeyProblem::NotBroadcast { source_uid, input, .. } => {
                return Some(format!(
                    "write {{ from = \"{source_uid}\", input = {input}, partitioner = \
                     \"broadcast\" }}"
                ));
            }
            KeyProblem::HashWithoutKey => {
                "add key = \"value\", { json = \"/pointer\" }, { bytes = [start, end] } or \
                 { selector = \"operator\" }"
            }
            KeyProblem::CustomWithoutSelector => "add key = { selector = \"operator\" }",
            KeyProblem::NotUsed { .. } => "leave one of the two out",
            KeyProblem::SelectorKind { kind: "partitioner", .. } => {
                "add partitioner = \"custom\", or name a key selector"
            }
            KeyProblem::SelectorKind { kind: "key-selector", .. } => {
                "leave `partitioner` out, or name a partitioner"
            }
            KeyProblem::SelectorKind { .. } => "name an operator of that kind",
            KeyProblem::SelectorWithoutPlugin { .. } => "add plugin = \"name\" to the key",
            KeyProblem::Pointer { .. } => "write it as \"/field/inner\"; \"\" is the whole value",
            KeyProblem::NoBytes { .. } => "write bytes = [start, end] with start below end",
            KeyProblem::NotJson { .. } => "use a key selector, or have it give `json`",
        };
        Some(text.to_owned())
    }
}
