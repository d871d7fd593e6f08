//! Problems of names: of plugins, operators, uids, outputs and connectors.

use thiserror::Error;

use crate::error::Hint;

/// A name that is taken, not allowed or stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceProblem {
    /// No plugin of that name is declared or loaded.
    #[error("there is no plugin `{plugin}`")]
    UnknownPlugin {
        /// The name as written.
        plugin: String,
        /// The names of all plugins.
        hint: Hint,
    },
    /// A plugin is declared, and the catalog does not have it.
    #[error("the plugin `{plugin}` is declared but not loaded")]
    PluginNotLoaded {
        /// Its name.
        plugin: String,
    },
    /// `self` is used in a job that is not written in code.
    #[error("the plugin `self` stands for a job written in code, and this job is a file")]
    NoSelf,
    /// A plugin is declared under the name `self`.
    #[error("the plugin name `self` is reserved for a job written in code")]
    ReservedPlugin,
    /// A plugin has no operator of that name.
    #[error("the plugin `{plugin}` has no operator `{operator}`")]
    UnknownOperator {
        /// The plugin.
        plugin: String,
        /// The name as written.
        operator: String,
        /// The plugin's operators.
        hint: Hint,
    },
    /// An input names a uid that nothing has.
    #[error("no source or operator has the uid `{uid}`")]
    UnknownUid {
        /// The uid as written.
        uid: String,
        /// All uids with outputs.
        hint: Hint,
    },
    /// An input names a sink.
    #[error("`{uid}` is a sink and has no outputs to read")]
    SinkAsInput {
        /// The sink.
        uid: String,
    },
    /// An input names an output that its operator does not have.
    #[error("`{uid}` has no output `{output}`")]
    UnknownOutput {
        /// The operator.
        uid: String,
        /// The output as written.
        output: String,
        /// The operator's outputs.
        hint: Hint,
    },
    /// An input reads bad records of an operator that does not set them aside.
    #[error("`{uid}` has no output `dead-letter`, since its on-error is `{on_error}`")]
    NoDeadLetters {
        /// The operator.
        uid: String,
        /// Its error policy.
        on_error: &'static str,
    },
    /// An input names its output in `from` and in `output`.
    #[error("the output is named twice: in `from = \"{from}\"` and in `output = \"{output}\"`")]
    OutputNamedTwice {
        /// The field `from`.
        from: String,
        /// The field `output`.
        output: String,
    },
    /// A name or uid without a character.
    #[error("the {what} is empty")]
    Empty {
        /// `name` or `uid`.
        what: &'static str,
    },
    /// A uid that cannot be told apart from a uid and an output.
    #[error("the uid `{uid}` contains a dot, which separates uid and output in inputs")]
    DotInUid {
        /// The uid.
        uid: String,
        /// Whether it is there only because the name is the uid unless one is given.
        from_name: bool,
    },
    /// Two of sources, operators and sinks have one uid.
    #[error("the uid `{uid}` is already that of {other}")]
    DuplicateUid {
        /// The uid.
        uid: String,
        /// Path of the other.
        other: String,
    },
    /// The connector refuses.
    #[error("connector `{connector}`: {message}")]
    Connector {
        /// Its name.
        connector: String,
        /// What it says.
        message: String,
    },
}

impl ReferenceProblem {
    pub(super) fn remedy(&self) -> Option<String> {
        match self {
            ReferenceProblem::UnknownPlugin { plugin, hint } => match hint.nearest() {
                Some(_) => hint.remedy("plugins"),
                None => {
                    Some(format!("declare it: [plugins] {plugin} = {{ path = \"{plugin}.wasm\" }}"))
                }
            },
            ReferenceProblem::PluginNotLoaded { .. } => {
                Some("check its path in [plugins]".to_owned())
            }
            ReferenceProblem::NoSelf => Some("declare the plugin in [plugins]".to_owned()),
            ReferenceProblem::ReservedPlugin => Some("give it another name".to_owned()),
            ReferenceProblem::UnknownOperator { hint, .. } => hint.remedy("operators"),
            ReferenceProblem::UnknownUid { hint, .. } => hint.remedy("uids"),
            ReferenceProblem::UnknownOutput { hint, .. } => hint.remedy("outputs"),
            ReferenceProblem::SinkAsInput { .. } => {
                Some("read from what the sink reads from".to_owned())
            }
            ReferenceProblem::NoDeadLetters { uid, .. } => {
                Some(format!("set on-error = \"dead-letter\" on `{uid}`"))
            }
            ReferenceProblem::OutputNamedTwice { .. } => Some("keep one of them".to_owned()),
            ReferenceProblem::DotInUid { from_name: true, .. } => {
                Some("give it a uid of its own; the name may keep the dot".to_owned())
            }
            ReferenceProblem::DotInUid { from_name: false, .. } => {
                Some("use a dash instead".to_owned())
            }
            ReferenceProblem::DuplicateUid { .. } => {
                Some("give one of them another name or a uid".to_owned())
            }
            ReferenceProblem::Empty { .. } | ReferenceProblem::Connector { .. } => None,
        }
    }
}
