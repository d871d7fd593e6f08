//! What the engine and the guests log, on standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::output;

/// Warnings of the engine, and what guests say: they log under the target `guest`.
const FILTER: &str = "warn,guest=info";

/// Arguments of every verb about logging.
#[derive(Args, Debug)]
pub(crate) struct LoggingArgs {
    /// What to log: a level such as debug, or a filter such as `warn,guest=debug`.
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "SANDBAR_LOG",
        default_value = FILTER,
        help_heading = "Logging"
    )]
    log_level: String,
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

/// Starts to log.
pub(crate) fn start(args: &LoggingArgs) {
    let filter = EnvFilter::try_new(&args.log_level).unwrap_or_else(|error| {
        let filter = &args.log_level;
        output::warning(format!("\"{filter}\" is no log filter: {error}; using {FILTER}"));
        EnvFilter::new(FILTER)
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match args.log_format {
        LogFormat::Text => log.with_ansi(output::has_colours(io::stderr().is_terminal())).init(),
        LogFormat::Json => log.json().init(),
    }
}
