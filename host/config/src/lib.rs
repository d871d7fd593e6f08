//! Every option of the runtime with its type, default and doc in one place, and the
//! configuration that holds what the user set: from YAML text, from `-Dkey=value`, from a job.
//!
//! Law: no I/O. Callers read files and hand over their text; there is no global configuration.

pub mod configuration;
pub mod error;
pub mod option;
pub mod options;
pub mod value;
mod yaml;

pub use configuration::{Configuration, UnknownKey};
pub use error::ConfigError;
pub use option::{ConfigOption, OptionEntry};
pub use value::{
    BufferTimeout, CheckpointingMode, CompressionCodec, ConfigValue, ExecutionTarget,
    FailoverStrategyType, MaxParallelism, MemorySize, PortRange, ResourceProvider,
    RestartStrategyType, RuntimeMode, SchedulerType, TlsServerName,
};
