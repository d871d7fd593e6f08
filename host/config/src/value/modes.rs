//! Values that are one of a few words, or a number with a special case.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::value::ConfigValue;

/// The largest max parallelism: 2^15, Flink's `UPPER_BOUND_MAX_PARALLELISM`.
const MAX_PARALLELISM_LIMIT: u32 = 1 << 15;

/// When an output buffer that is not full is sent on. Source: Flink, `execution.buffer-timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferTimeout {
    /// At once: latency over throughput. Written `0`.
    EveryRecord,
    /// After it has waited this long.
    After(Duration),
    /// Never: throughput over latency. Written `-1`.
    WhenFull,
}

impl ConfigValue for BufferTimeout {
    const TYPE_NAME: &'static str = "duration";
    const EXPECTED: &'static str = "a duration such as `100 ms`, 0 (send each record at once) or \
         -1 (send full buffers only)";

    fn parse(text: &str) -> Option<BufferTimeout> {
        let text = text.trim();
        let number = text.strip_suffix("ms").map_or(text, str::trim_end);
        if number == "-1" {
            return Some(BufferTimeout::WhenFull);
        }
        Duration::parse(text).map(|timeout| match timeout {
            Duration::ZERO => BufferTimeout::EveryRecord,
            timeout => BufferTimeout::After(timeout),
        })
    }
}

/// The number of key groups of operators that set none themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxParallelism {
    /// Follows from the operator's parallelism. Written `-1`.
    FromParallelism,
    /// This many, at most 2^15.
    Fixed(NonZeroU32),
}

impl MaxParallelism {
    /// The number, unless it follows from the parallelism.
    pub fn fixed(self) -> Option<u32> {
        match self {
            MaxParallelism::FromParallelism => None,
            MaxParallelism::Fixed(number) => Some(number.get()),
        }
    }
}

impl ConfigValue for MaxParallelism {
    const TYPE_NAME: &'static str = "integer";
    const EXPECTED: &'static str =
        "a whole number from 1 to 32768, or -1 (follows from the parallelism)";

    fn parse(text: &str) -> Option<MaxParallelism> {
        if text == "-1" {
            return Some(MaxParallelism::FromParallelism);
        }
        NonZeroU32::parse(text)
            .filter(|number| number.get() <= MAX_PARALLELISM_LIMIT)
            .map(MaxParallelism::Fixed)
    }
}

/// Whether a job runs as a stream or as a batch. Source: Flink, `execution.runtime-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeMode {
    /// All tasks run at once.
    Streaming,
    /// Final results only; needs bounded input.
    Batch,
    /// Batch if all sources are bounded, else streaming.
    Automatic,
}

impl ConfigValue for RuntimeMode {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "STREAMING, BATCH or AUTOMATIC";

    fn parse(text: &str) -> Option<RuntimeMode> {
        match text.to_ascii_uppercase().as_str() {
            "STREAMING" => Some(RuntimeMode::Streaming),
            "BATCH" => Some(RuntimeMode::Batch),
            "AUTOMATIC" => Some(RuntimeMode::Automatic),
            _ => None,
        }
    }
}

/// What a checkpoint promises. Source: Flink, `execution.checkpointing.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointingMode {
    /// Barriers are aligned: each record affects the state once.
    ExactlyOnce,
    /// No alignment: after a failure, a record may affect the state again.
    AtLeastOnce,
}

impl ConfigValue for CheckpointingMode {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "EXACTLY_ONCE or AT_LEAST_ONCE";

    fn parse(text: &str) -> Option<CheckpointingMode> {
        match text.to_ascii_uppercase().as_str() {
            "EXACTLY_ONCE" => Some(CheckpointingMode::ExactlyOnce),
            "AT_LEAST_ONCE" => Some(CheckpointingMode::AtLeastOnce),
            _ => None,
        }
    }
}

/// Whether and when a job that fails runs again. Source: Flink, `restart-strategy.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartStrategyType {
    /// Never.
    None,
    /// A number of times.
    FixedDelay,
    /// As long as it does not fail too often.
    FailureRate,
    /// Each time, after longer and longer waits.
    ExponentialDelay,
}

impl ConfigValue for RestartStrategyType {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "none, fixed-delay, failure-rate or exponential-delay";

    fn parse(text: &str) -> Option<RestartStrategyType> {
        match text.to_ascii_lowercase().as_str() {
            "none" | "off" | "disable" => Some(RestartStrategyType::None),
            "fixed-delay" | "fixeddelay" => Some(RestartStrategyType::FixedDelay),
            "failure-rate" | "failurerate" => Some(RestartStrategyType::FailureRate),
            "exponential-delay" | "exponentialdelay" => Some(RestartStrategyType::ExponentialDelay),
            _ => None,
        }
    }
}

/// What is restarted. Source: Flink, `jobmanager.execution.failover-strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverStrategyType {
    /// The pipelined region of the task that failed.
    Region,
    /// The whole job.
    Full,
}

impl ConfigValue for FailoverStrategyType {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "region or full";

    fn parse(text: &str) -> Option<FailoverStrategyType> {
        match text.to_ascii_lowercase().as_str() {
            "region" => Some(FailoverStrategyType::Region),
            "full" => Some(FailoverStrategyType::Full),
            _ => None,
        }
    }
}

/// How records are compressed between TaskManagers. Source: Flink,
/// `taskmanager.network.compression.codec`; LZO is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionCodec {
    /// Not at all.
    None,
    /// Fast.
    Lz4,
    /// Small.
    Zstd,
}

impl ConfigValue for CompressionCodec {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "NONE, LZ4 or ZSTD";

    fn parse(text: &str) -> Option<CompressionCodec> {
        match text.to_ascii_uppercase().as_str() {
            "NONE" => Some(CompressionCodec::None),
            "LZ4" => Some(CompressionCodec::Lz4),
            "ZSTD" => Some(CompressionCodec::Zstd),
            _ => None,
        }
    }
}

/// Where `sandbar run` runs a job. Source: Flink, `execution.target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionTarget {
    /// In the process of the command itself.
    Local,
    /// On a cluster that is there.
    Remote,
    /// On a cluster of the job's own, whose JobManager makes the graph.
    Application,
    /// On a cluster of the job's own; the client makes the graph.
    PerJob,
}

impl ConfigValue for ExecutionTarget {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "local, remote, application or per-job (there are no others)";

    fn parse(text: &str) -> Option<ExecutionTarget> {
        match text.to_ascii_lowercase().as_str() {
            "local" => Some(ExecutionTarget::Local),
            "remote" | "session" => Some(ExecutionTarget::Remote),
            "application" => Some(ExecutionTarget::Application),
            "per-job" => Some(ExecutionTarget::PerJob),
            _ => None,
        }
    }
}

/// Ports of which the first free one is taken. Source: Flink, `metrics.reporter.prom.port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last; not less.
    pub last: u16,
}

impl ConfigValue for PortRange {
    const TYPE_NAME: &'static str = "ports";
    const EXPECTED: &'static str = "a port, 0 for any free one, or a range such as 9249-9260";

    fn parse(text: &str) -> Option<PortRange> {
        let port = |part: &str| part.trim().parse::<u16>().ok();
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (port(first)?, port(last)?),
            None => (port(text)?, port(text)?),
        };
        (first <= last).then_some(PortRange { first, last })
    }
}

/// Who starts TaskManagers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceProvider {
    /// Nobody: they are started by hand.
    Standalone,
    /// The JobManager, as processes of its machine.
    Process,
}

impl ConfigValue for ResourceProvider {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "standalone or process";

    fn parse(text: &str) -> Option<ResourceProvider> {
        match text.to_ascii_lowercase().as_str() {
            "standalone" => Some(ResourceProvider::Standalone),
            "process" => Some(ResourceProvider::Process),
            _ => None,
        }
    }
}

/// Who decides on the parallelism of a job. Source: Flink, `jobmanager.scheduler`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerType {
    /// The job alone: it waits until there are slots for all of it.
    Default,
    /// The slots that there are, within the job's requirements.
    Adaptive,
}

impl ConfigValue for SchedulerType {
    const TYPE_NAME: &'static str = "enum";
    const EXPECTED: &'static str = "default or adaptive";

    fn parse(text: &str) -> Option<SchedulerType> {
        match text.to_ascii_lowercase().as_str() {
            "default" | "ng" => Some(SchedulerType::Default),
            "adaptive" => Some(SchedulerType::Adaptive),
            _ => None,
        }
    }
}
