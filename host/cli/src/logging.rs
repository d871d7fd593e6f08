//! What the engine and the guests log, on standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use sandbar_cluster::LogBuffer;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

use crate::output;

/// Warnings of the engine, and what guests say: they log under the target `guest`.
const FILTER: &str = "warn,guest=info";
/// The same for processes that serve: what they do, too.
const SERVER_FILTER: &str = "info";

/// Arguments of every verb about logging.
#[derive(Args, Debug)]
pub(crate) struct LoggingArgs {
    /// What to log: a level such as debug, or a filter such as `warn,guest=debug`. By default
    /// `info` for processes that serve, and else `warn,guest=info`.
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "SANDBAR_LOG",
        help_heading = "Logging"
    )]
    log_level: Option<String>,
    /// How to log.
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Logging")]
    log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts to log, to standard error and, for a process that serves, to what it shows of its log.
pub(crate) fn start(args: &LoggingArgs, is_server: bool) -> LogBuffer {
    let default = if is_server { SERVER_FILTER } else { FILTER };
    let asked = args.log_level.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(asked).unwrap_or_else(|error| {
        output::warning(format!("\"{asked}\" is no log filter: {error}; using {default}"));
        EnvFilter::new(default)
    });
    let buffer = LogBuffer::default();
    let kept = buffer.clone();
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    match (args.log_format, is_server) {
        (LogFormat::Text, true) => {
            log.with_ansi(false).with_writer(io::stderr.and(move || kept.clone())).init();
        }
        (LogFormat::Json, true) => {
            log.json().with_writer(io::stderr.and(move || kept.clone())).init();
        }
        (LogFormat::Text, false) => {
            let has_colours = output::has_colours(io::stderr().is_terminal());
            log.with_ansi(has_colours).with_writer(io::stderr).init();
        }
        (LogFormat::Json, false) => log.json().with_writer(io::stderr).init(),
    }
    buffer
}
