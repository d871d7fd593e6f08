//! What can be wrong with a configuration.

use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The text is not YAML, or not a mapping.
    #[error("configuration is not valid YAML: {message}")]
    Yaml {
        /// What the parser says, with line and column.
        message: String,
    },
    /// A mapping of the YAML text leads to no value.
    #[error("option `{key}` has no value; give it one or remove the line")]
    NoValue {
        /// The option's key.
        key: String,
    },
    /// One option is set twice, perhaps once flat and once nested, or by an older name.
    #[error("option `{key}` is set twice: as `{first}` and as `{second}`; keep one of them")]
    Duplicate {
        /// The option's key.
        key: String,
        /// The first setting, as written.
        first: String,
        /// The second setting, as written.
        second: String,
    },
    /// A value is not of the option's type.
    #[error("option `{key}` has the value `{value}`, expected {expected}")]
    Value {
        /// The option's key.
        key: String,
        /// The value as written.
        value: String,
        /// What would be accepted.
        expected: String,
    },
    /// An override on the command line is not `key=value`.
    #[error("`{text}` is not an override of an option; write it as key=value")]
    Override {
        /// The override as written.
        text: String,
    },
}
