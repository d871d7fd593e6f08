//! Log lines of guests, under the target that the process files them by.

use sandbar_wasm::LogLevel;

/// Writes a line with what it is of.
pub(super) fn write(job: &str, subtask: u32, operator: &str, level: LogLevel, message: &str) {
    match level {
        LogLevel::Trace => tracing::trace!(target: "guest", job, operator, subtask, "{message}"),
        LogLevel::Debug => tracing::debug!(target: "guest", job, operator, subtask, "{message}"),
        LogLevel::Info => tracing::info!(target: "guest", job, operator, subtask, "{message}"),
        LogLevel::Warn => tracing::warn!(target: "guest", job, operator, subtask, "{message}"),
        LogLevel::Error => tracing::error!(target: "guest", job, operator, subtask, "{message}"),
    }
}
