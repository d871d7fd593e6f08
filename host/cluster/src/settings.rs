//! From configuration to the settings of the parts: every option that a part obeys is read here.

use std::path::PathBuf;
use std::time::Duration;

use sandbar_config::options::{execution, guest, memory};
use sandbar_config::{
    BufferTimeout, ConfigError, ConfigOption, Configuration, MaxParallelism, MemorySize,
};
use sandbar_graph::GraphSettings;
use sandbar_taskmanager::TaskSettings;
use sandbar_wasm::{Capabilities, EngineOptions, Limits};

/// Settings of the graph compiler.
///
/// # Errors
/// A value that is none of its option's.
pub fn graph(configuration: &Configuration) -> Result<GraphSettings, ConfigError> {
    let max_parallelism = match configuration.get(&execution::PIPELINE_MAX_PARALLELISM)? {
        MaxParallelism::Fixed(max) => Some(max.get()),
        MaxParallelism::FromParallelism => None,
    };
    Ok(GraphSettings {
        default_parallelism: configuration.get(&execution::PARALLELISM_DEFAULT)?.get(),
        max_parallelism,
        chaining_enabled: configuration.get(&execution::PIPELINE_OPERATOR_CHAINING)?,
        chain_different_max_parallelism: configuration
            .get(&execution::PIPELINE_CHAIN_DIFFERENT_MAX_PARALLELISM)?,
    })
}

/// Settings of the engine; `cache_folder` is where compiled code goes when no option says.
///
/// # Errors
/// A value that is none of its option's.
pub fn engine(
    configuration: &Configuration,
    cache_folder: Option<PathBuf>,
) -> Result<EngineOptions, ConfigError> {
    let configured = configuration.get(&guest::PLUGIN_CACHE_DIR)?.map(PathBuf::from);
    Ok(EngineOptions {
        cache_folder: configured.or(cache_folder),
        plugin_bytes_max: configuration.get(&guest::PLUGIN_BYTES_MAX)?.bytes_usize(),
        stack_bytes_max: configuration.get(&guest::GUEST_STACK_MAX)?.bytes_usize(),
        perf_map: configuration.get(&guest::GUEST_PERF_MAP)?,
    })
}

/// Settings of the tasks of a job.
///
/// # Errors
/// A value that is none of its option's.
pub fn task(configuration: &Configuration) -> Result<TaskSettings, ConfigError> {
    let buffer_timeout = match configuration.get(&execution::EXECUTION_BUFFER_TIMEOUT)? {
        BufferTimeout::EveryRecord => Some(Duration::ZERO),
        BufferTimeout::After(timeout) => Some(timeout),
        BufferTimeout::WhenFull => None,
    };
    let floating = configuration.get(&memory::NETWORK_FLOATING_BUFFERS_PER_GATE)?;
    let per_channel = configuration.get(&memory::NETWORK_BUFFERS_PER_CHANNEL)?.get();
    let slots = u64::from(configuration.get(&memory::TASK_SLOTS)?.get());
    Ok(TaskSettings {
        buffer_timeout,
        buffer_bytes_max: configuration.get(&memory::MEMORY_SEGMENT_SIZE)?.bytes_usize(),
        buffers_per_channel: per_channel as usize,
        floating_buffers_per_gate: floating as usize,
        managed_memory_bytes: configuration.get(&memory::MANAGED_MEMORY_SIZE)?.bytes() / slots,
        limits: limits(configuration)?,
    })
}

/// What a job grants its guests.
///
/// # Errors
/// A capability that there is not; the message lists those that there are.
pub fn capabilities(configuration: &Configuration) -> Result<Capabilities, String> {
    let text = configuration.get(&guest::GUEST_CAPABILITIES).map_err(|error| error.to_string())?;
    text.unwrap_or_default()
        .parse()
        .map_err(|error: sandbar_wasm::UnknownCapability| error.to_string())
}

fn limits(configuration: &Configuration) -> Result<Limits, ConfigError> {
    let bytes =
        |option: &ConfigOption<MemorySize>| configuration.get(option).map(MemorySize::bytes_usize);
    Ok(Limits {
        memory_bytes_max: bytes(&guest::GUEST_MEMORY_MAX)?,
        table_elements_max: configuration.get(&guest::GUEST_TABLE_ELEMENTS_MAX)? as usize,
        host_call_bytes_max: bytes(&guest::GUEST_HOSTCALL_BYTES_MAX)?,
        batch_bytes_max: bytes(&guest::GUEST_BATCH_BYTES_MAX)?,
        log_bytes_per_second: bytes(&guest::GUEST_LOG_BYTES_PER_SECOND)?,
        call_deadline: configuration.get(&guest::GUEST_CALL_DEADLINE)?,
        ..Limits::default()
    })
}
