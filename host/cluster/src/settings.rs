//! From configuration to the settings of the parts: every option that a part obeys is read here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sandbar_config::options::{execution, guest, memory, restart, scheduling};
use sandbar_config::{
    BufferTimeout, ConfigError, ConfigOption, Configuration, FailoverStrategyType, MaxParallelism,
    MemorySize, RestartStrategyType, RuntimeMode, SchedulerType,
};
use sandbar_graph::GraphSettings;
use sandbar_jobmanager::execution_graph::ExecutionGraphOptions;
use sandbar_jobmanager::restart_strategy::{ExponentialDelay, FailureRate, FixedDelay};
use sandbar_jobmanager::{
    AdaptiveOptions, FailoverStrategy, RestartStrategy, RestartStrategyOptions, Scheduler,
};
use sandbar_model::JobId;
use sandbar_taskmanager::{SettingsOf, SlotBudget, TaskSettings};
use sandbar_wasm::{Capabilities, EngineOptions, Limits};

/// `host:port`, with an IPv6 address in brackets.
pub fn host_port(host: &str, port: u16) -> String {
    let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
    if is_bare_ipv6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

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
    Ok(TaskSettings {
        buffer_timeout,
        buffer_bytes_max: configuration.get(&memory::MEMORY_SEGMENT_SIZE)?.bytes_usize(),
        buffers_per_channel: per_channel as usize,
        floating_buffers_per_gate: floating as usize,
        auto_watermark_interval: configuration.get(&execution::PIPELINE_AUTO_WATERMARK_INTERVAL)?,
        is_batch: configuration.get(&execution::EXECUTION_RUNTIME_MODE)? == RuntimeMode::Batch,
        limits: limits(configuration)?,
    })
}

/// Bytes of managed memory of a TaskManager.
///
/// # Errors
/// A value that is none of its option's.
pub fn managed_memory(configuration: &Configuration) -> Result<u64, ConfigError> {
    Ok(configuration.get(&memory::MANAGED_MEMORY_SIZE)?.bytes())
}

/// Bytes of memory for guests of a TaskManager.
///
/// # Errors
/// A value that is none of its option's.
pub fn guest_memory(configuration: &Configuration) -> Result<u64, ConfigError> {
    Ok(configuration.get(&memory::GUEST_MEMORY_SIZE)?.bytes())
}

/// What each slot of a TaskManager may use: its share of the whole.
///
/// # Errors
/// A value that is none of its option's.
pub fn slot_budget(configuration: &Configuration) -> Result<SlotBudget, ConfigError> {
    let slots = u64::from(configuration.get(&memory::TASK_SLOTS)?.get());
    let guest_memory_bytes = guest_memory(configuration)? / slots;
    Ok(SlotBudget {
        managed_memory_bytes: managed_memory(configuration)? / slots,
        guest_memory_bytes: usize::try_from(guest_memory_bytes).unwrap_or(usize::MAX),
    })
}

/// Reads what a TaskManager needs of a job's options.
pub fn of_job() -> SettingsOf {
    Arc::new(|options: &BTreeMap<String, String>| {
        let configuration = Configuration::from_pairs(options.clone());
        let settings = task(&configuration).map_err(|error| error.to_string())?;
        Ok((settings, capabilities(&configuration)?))
    })
}

/// How a job is scheduled and deals with failures.
///
/// # Errors
/// A value that is none of its option's, or out of its range.
pub fn execution_graph(
    configuration: &Configuration,
    job: JobId,
) -> anyhow::Result<ExecutionGraphOptions> {
    let milliseconds = |option| configuration.get(option).map(milliseconds);
    let kind = configuration.get(&restart::RESTART_STRATEGY)?;
    let options = match kind {
        RestartStrategyType::None => RestartStrategyOptions::None,
        RestartStrategyType::FixedDelay => RestartStrategyOptions::FixedDelay(FixedDelay {
            attempts: configuration.get(&restart::FIXED_DELAY_ATTEMPTS)?,
            delay_ms: milliseconds(&restart::FIXED_DELAY_DELAY)?,
        }),
        RestartStrategyType::FailureRate => RestartStrategyOptions::FailureRate(FailureRate {
            max_failures_per_interval: configuration.get(&restart::FAILURE_RATE_MAX)?,
            failure_rate_interval_ms: milliseconds(&restart::FAILURE_RATE_INTERVAL)?,
            delay_ms: milliseconds(&restart::FAILURE_RATE_DELAY)?,
        }),
        RestartStrategyType::ExponentialDelay => {
            RestartStrategyOptions::ExponentialDelay(ExponentialDelay {
                initial_backoff_ms: milliseconds(&restart::EXPONENTIAL_INITIAL_BACKOFF)?,
                max_backoff_ms: milliseconds(&restart::EXPONENTIAL_MAX_BACKOFF)?,
                backoff_multiplier: configuration.get(&restart::EXPONENTIAL_MULTIPLIER)?,
                reset_backoff_threshold_ms: milliseconds(&restart::EXPONENTIAL_RESET_THRESHOLD)?,
                jitter_factor: configuration.get(&restart::EXPONENTIAL_JITTER)?,
                attempts_before_reset_backoff: configuration.get(&restart::EXPONENTIAL_ATTEMPTS)?,
            })
        }
    };
    let failover_strategy = match configuration.get(&restart::FAILOVER_STRATEGY)? {
        FailoverStrategyType::Region => FailoverStrategy::Region,
        FailoverStrategyType::Full => FailoverStrategy::Full,
    };
    let restart_strategy = RestartStrategy::new(options, job.0 as u64)?;
    let scheduler = scheduler(configuration)?;
    Ok(ExecutionGraphOptions { scheduler, restart_strategy, failover_strategy })
}

fn scheduler(configuration: &Configuration) -> Result<Scheduler, ConfigError> {
    let milliseconds = |option| configuration.get(option).map(milliseconds);
    Ok(match configuration.get(&scheduling::SCHEDULER)? {
        SchedulerType::Default => Scheduler::Default,
        SchedulerType::Adaptive => Scheduler::Adaptive(AdaptiveOptions {
            resource_wait_timeout_ms: milliseconds(&scheduling::RESOURCE_WAIT_TIMEOUT)?,
            submission_stabilization_ms: milliseconds(
                &scheduling::SUBMISSION_STABILIZATION_TIMEOUT,
            )?,
            executing_stabilization_ms: milliseconds(&scheduling::EXECUTING_STABILIZATION_TIMEOUT)?,
            cooldown_ms: milliseconds(&scheduling::COOLDOWN_AFTER_RESCALING)?,
            min_parallelism_increase: configuration
                .get(&scheduling::MIN_PARALLELISM_INCREASE)?
                .get(),
        }),
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
