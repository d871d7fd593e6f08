//! Log lines. The host tags them with job, operator and subtask and limits their volume.

use std::fmt;
use std::rc::Rc;

use crate::host::Host;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Finest detail.
    Trace,
    /// For the operator's author.
    Debug,
    /// For whoever runs the job.
    Info,
    /// Something is odd but the job goes on.
    Warn,
    /// Something failed.
    Error,
}

/// Writes log lines of one operator. The macros [`crate::info!`] and its siblings take a logger,
/// a [`crate::RuntimeContext`] or a [`crate::Context`].
#[derive(Clone)]
pub struct Logger {
    host: Rc<dyn Host>,
    operator: u32,
}

impl Logger {
    pub(crate) fn new(host: Rc<dyn Host>, operator: u32) -> Logger {
        Logger { host, operator }
    }

    /// Writes one line.
    pub fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        match message.as_str() {
            Some(text) => self.host.log(self.operator, level, text),
            None => self.host.log(self.operator, level, &message.to_string()),
        }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// Logs finest detail: `trace!(ctx, "saw {value}")`.
#[macro_export]
macro_rules! trace {
    ($target:expr, $($message:tt)+) => {
        $target.log($crate::Level::Trace, ::core::format_args!($($message)+))
    };
}

/// Logs for the operator's author: `debug!(ctx, "window {window} opened")`.
#[macro_export]
macro_rules! debug {
    ($target:expr, $($message:tt)+) => {
        $target.log($crate::Level::Debug, ::core::format_args!($($message)+))
    };
}

/// Logs for whoever runs the job: `info!(ctx, "{} rules loaded", rules.len())`.
#[macro_export]
macro_rules! info {
    ($target:expr, $($message:tt)+) => {
        $target.log($crate::Level::Info, ::core::format_args!($($message)+))
    };
}

/// Logs something odd: `warn!(ctx, "price {price} is negative")`.
#[macro_export]
macro_rules! warn {
    ($target:expr, $($message:tt)+) => {
        $target.log($crate::Level::Warn, ::core::format_args!($($message)+))
    };
}

/// Logs a failure: `error!(ctx, "rule {rule} does not parse")`.
#[macro_export]
macro_rules! error {
    ($target:expr, $($message:tt)+) => {
        $target.log($crate::Level::Error, ::core::format_args!($($message)+))
    };
}
