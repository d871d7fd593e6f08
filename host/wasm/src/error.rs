//! Failures: of a plugin file ([`PluginError`], at the door) and of a guest at work
//! ([`GuestError`], a value that always names plugin, operator and subtask).

use std::fmt;
use std::time::Duration;

use sandbar_model::BatchError;
use thiserror::Error;

use crate::limits::MemoryRefusal;

/// Why a file is not a plugin that can be run.
#[derive(Debug, Error)]
pub enum PluginError {
    /// Larger than the limit.
    #[error(
        "plugin {plugin} is {bytes} bytes, over the limit of {limit}; build it with optimisation \
         and without debug information, or raise sandbar.plugin.bytes.max"
    )]
    TooLarge {
        /// The plugin's name in the job, or its path.
        plugin: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The bytes are neither a component nor a core module.
    #[error(
        "plugin {plugin} is not WebAssembly: {found}; build the plugin with `sandbar plugin \
         build`, which writes a component"
    )]
    NotWasm {
        /// The plugin.
        plugin: String,
        /// What the file looks like.
        found: String,
    },
    /// The file is precompiled code, which is never accepted from outside.
    #[error(
        "plugin {plugin} is precompiled machine code; only WebAssembly is accepted, the host \
         compiles it itself"
    )]
    Precompiled {
        /// The plugin.
        plugin: String,
    },
    /// A core module that carries no world, or cannot be made a component.
    #[error(
        "plugin {plugin} is a core module that cannot be made a component: {reason}; build it \
         with the SDK (its `plugin!` or `job!` macro adds the world), or with wit-bindgen"
    )]
    NotEncodable {
        /// The plugin.
        plugin: String,
        /// What the encoder said.
        reason: String,
    },
    /// WebAssembly that does not validate or compile.
    #[error("plugin {plugin} is not valid WebAssembly: {reason}; rebuild it")]
    Invalid {
        /// The plugin.
        plugin: String,
        /// What the compiler said.
        reason: String,
    },
    /// A component of another world.
    #[error(
        "plugin {plugin} does not export {missing}; a plugin exports the world \
         sandbar:operator/operator-plugin or job-plugin of wit/worlds.wit. It exports: {exports}"
    )]
    WrongWorld {
        /// The plugin.
        plugin: String,
        /// The interface it lacks.
        missing: String,
        /// What it has instead.
        exports: String,
    },
    /// Built against a contract that this host does not have yet.
    #[error(
        "plugin {plugin} needs contract sandbar:operator@{found}, this host has {supported}; \
         upgrade Sandbar or build the plugin with an SDK of {supported}"
    )]
    ContractTooNew {
        /// The plugin.
        plugin: String,
        /// The version it names.
        found: String,
        /// The host's version.
        supported: &'static str,
    },
    /// Imports something that no plugin may have.
    #[error(
        "plugin {plugin} imports {import}, which the host does not offer; it offers the \
         interfaces of sandbar:operator and WASI 0.2 without wasi:http"
    )]
    MissingImport {
        /// The plugin.
        plugin: String,
        /// The import.
        import: String,
    },
    /// `describe` or `define` failed.
    #[error("plugin {plugin}: {function} failed: {reason}")]
    Call {
        /// The plugin.
        plugin: String,
        /// `describe` or `define`.
        function: &'static str,
        /// What the guest said, or how it ended.
        reason: String,
    },
    /// The engine itself failed.
    #[error("plugin {plugin}: the engine failed: {reason}")]
    Engine {
        /// The plugin.
        plugin: String,
        /// What wasmtime said.
        reason: String,
    },
}

/// A failure on the host's side of a guest's call.
#[derive(Clone, Debug, Error)]
pub enum HostError {
    /// The job is being cancelled.
    #[error("canceled")]
    Canceled,
    /// A chained operator further down has failed; its own error says more.
    #[error("{0}")]
    Downstream(String),
    /// The guest emitted columns that are no batch.
    #[error("emitted an invalid batch on output {output}: {source}")]
    InvalidBatch {
        /// The output.
        output: u32,
        /// What does not fit.
        source: BatchError,
    },
    /// The guest emitted a batch over the limit.
    #[error(
        "emitted a batch of {bytes} bytes on output {output}, over the limit of {limit} \
         (sandbar.guest.batch.bytes.max)"
    )]
    BatchTooLarge {
        /// The output.
        output: u32,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The guest emitted to an output it does not have.
    #[error("emitted on output {output}, but it has {outputs} outputs")]
    NoSuchOutput {
        /// The output.
        output: u32,
        /// How many there are.
        outputs: usize,
    },
    /// The guest emitted a watermark where the job wants none of it.
    #[error(
        "emitted a watermark on output {output}; for the operator to make watermarks, set \
         watermarks = {{ generator = \"custom\" }} on it"
    )]
    NoWatermarks {
        /// The output.
        output: u32,
    },
    /// The guest named a state, metric or operator it never got.
    #[error("used the unknown {what} {id}")]
    UnknownId {
        /// `state`, `metric` or `operator`.
        what: &'static str,
        /// The number it used.
        id: u32,
    },
    /// Columns of a state or timer call that do not fit together.
    #[error("passed invalid columns to {function}: {reason}")]
    InvalidColumns {
        /// The imported function.
        function: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// A call that needs a capability the job does not grant.
    #[error(
        "called {function}, which is denied; grant it with the job option \
         sandbar.capabilities: {capability}"
    )]
    Denied {
        /// The imported function.
        function: String,
        /// The capability that would allow it.
        capability: &'static str,
    },
    /// The state backend, a sink or an exchange failed.
    #[error("{0}")]
    Failed(String),
}

/// How a guest failed.
#[derive(Clone, Debug)]
pub enum GuestFault {
    /// The operator refused a record of the batch in hand.
    BadRecord {
        /// Position of the operator in the chain of the instance.
        operator: u32,
        /// Position of the record in the batch.
        index: u32,
        /// What the operator says.
        message: String,
    },
    /// The operator says that it cannot go on.
    Fatal {
        /// What it says.
        message: String,
    },
    /// The code trapped.
    Trap {
        /// What kind of trap.
        reason: String,
        /// The last error line the guest logged in this call: a panic message, as a rule.
        said: Option<String>,
        /// The guest's frames, innermost first, demangled.
        backtrace: Vec<String>,
    },
    /// The code trapped after it was refused more memory.
    MemoryLimit {
        /// Whose limit.
        refusal: MemoryRefusal,
        /// The limit in bytes.
        limit_bytes: usize,
        /// The guest's frames, innermost first, demangled.
        backtrace: Vec<String>,
    },
    /// One call took too long.
    Deadline {
        /// The limit.
        limit: Duration,
        /// The guest's frames, innermost first, demangled.
        backtrace: Vec<String>,
    },
    /// The call was interrupted because the task is being cancelled.
    Canceled,
    /// The host's side of a call failed.
    Host(HostError),
}

impl fmt::Display for GuestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GuestFault::BadRecord { index, message, .. } => {
                write!(f, "bad record at position {index} of its batch: {message}")
            }
            GuestFault::Fatal { message } => write!(f, "fatal: {message}"),
            GuestFault::Trap { reason, said, backtrace } => {
                write!(f, "trap: {reason}")?;
                if let Some(said) = said {
                    write!(f, "; it said: {said}")?;
                }
                write_frames(f, backtrace)
            }
            GuestFault::MemoryLimit { refusal, limit_bytes, backtrace } => {
                let (of, option) = match refusal {
                    MemoryRefusal::Instance => ("", "sandbar.guest.memory.max"),
                    MemoryRefusal::Slot => (" of the slot", "taskmanager.memory.guest.size"),
                };
                write!(f, "memory limit{of} of {limit_bytes} bytes exceeded ({option})")?;
                write_frames(f, backtrace)
            }
            GuestFault::Deadline { limit, backtrace } => {
                write!(
                    f,
                    "deadline: one call took longer than {limit:?} (sandbar.guest.call.deadline)"
                )?;
                write_frames(f, backtrace)
            }
            GuestFault::Canceled => f.write_str("canceled"),
            GuestFault::Host(error) => error.fmt(f),
        }
    }
}

fn write_frames(f: &mut fmt::Formatter<'_>, frames: &[String]) -> fmt::Result {
    frames.iter().try_for_each(|frame| write!(f, "\n    at {frame}"))
}

/// A guest's failure, with its address in the job, which whoever shows it names. Except after
/// [`GuestFault::BadRecord`] and [`GuestFault::Fatal`] the instance cannot be called again.
#[derive(Clone, Debug, Error)]
#[error(
    "operator \"{operator}\" (plugin {plugin}), subtask {subtask}/{parallelism}, in {function}: \
     {fault}"
)]
pub struct GuestError {
    /// Name of the plugin.
    pub plugin: String,
    /// Name of the operator; the names of all in the chain where it cannot be told which.
    pub operator: String,
    /// 1-based number of the subtask, as Flink prints it.
    pub subtask: u32,
    /// Number of subtasks.
    pub parallelism: u32,
    /// The exported function that failed.
    pub function: &'static str,
    /// How.
    pub fault: GuestFault,
}
