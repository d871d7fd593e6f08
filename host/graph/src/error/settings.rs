//! Problems of settings of one operator: parallelism, config, error policy, kind.

use thiserror::Error;

use crate::error::SchemaProblem;

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsProblem {
    /// Nobody would do the work.
    #[error("the {what} is 0")]
    Zero {
        /// `parallelism` or `max parallelism`.
        what: &'static str,
    },
    /// There would be subtasks without a key group.
    #[error("the parallelism {parallelism} is more than the max parallelism {max_parallelism}")]
    AboveMaxParallelism {
        /// The parallelism.
        parallelism: u32,
        /// The max parallelism.
        max_parallelism: u32,
    },
    /// Beyond what key groups can be numbered with.
    #[error("the max parallelism {max_parallelism} is more than {limit}")]
    MaxParallelismLimit {
        /// The max parallelism.
        max_parallelism: u32,
        /// The largest one.
        limit: u32,
    },
    /// The connector cannot be read in parallel that much.
    #[error("the parallelism {parallelism} is more than {limit}, the most that `{connector}` has")]
    SourceParallelism {
        /// The parallelism.
        parallelism: u32,
        /// The source's limit.
        limit: u32,
        /// The connector.
        connector: String,
    },
    /// A key selector or partitioner used as an operator.
    #[error("the operator `{operator}` is of kind {kind}, which is not an operator of its own")]
    NotAnOperator {
        /// The operator.
        operator: String,
        /// Its kind.
        kind: &'static str,
    },
    /// The plugin's description contradicts itself.
    #[error(
        "the plugin `{plugin}` says that its operator `{operator}` is of kind {kind} and has \
         {inputs} inputs"
    )]
    DescribedInputs {
        /// The plugin.
        plugin: String,
        /// The operator.
        operator: String,
        /// Its kind.
        kind: &'static str,
        /// How many inputs it describes.
        inputs: usize,
    },
    /// The plugin's output has the name of the output of refused records.
    #[error("the operator `{operator}` has an output `dead-letter` of its own")]
    DeadLetterTaken {
        /// The operator.
        operator: String,
    },
    /// A config for an operator that has none.
    #[error("the operator `{operator}` takes no config")]
    ConfigNotTaken {
        /// The operator.
        operator: String,
    },
    /// A config that the operator's schema refuses.
    #[error("config of the operator `{operator}`: {problem}")]
    Config {
        /// The operator.
        operator: String,
        /// What the schema says.
        problem: SchemaProblem,
    },
    /// The operator's schema is not JSON.
    #[error("the plugin `{plugin}` has a config schema for `{operator}` that is not JSON")]
    ConfigSchema {
        /// The plugin.
        plugin: String,
        /// The operator.
        operator: String,
    },
}

impl SettingsProblem {
    pub(super) fn remedy(&self) -> Option<String> {
        let text = match self {
            SettingsProblem::Zero { .. } => "use 1 or more",
            SettingsProblem::AboveMaxParallelism { .. } => {
                "lower the parallelism or raise max-parallelism"
            }
            SettingsProblem::SourceParallelism { .. } => "lower it or leave it out",
            SettingsProblem::NotAnOperator { .. } => {
                "use it in an input: key = { selector = \"...\" }"
            }
            SettingsProblem::DescribedInputs { .. } | SettingsProblem::ConfigSchema { .. } => {
                "this is a mistake in the plugin"
            }
            SettingsProblem::DeadLetterTaken { .. } => "use on-error = \"skip\" or \"fail\"",
            SettingsProblem::ConfigNotTaken { .. } => "leave it out",
            SettingsProblem::Config { problem, .. } => return problem.remedy(),
            SettingsProblem::MaxParallelismLimit { .. } => return None,
        };
        Some(text.to_owned())
    }
}
