//! Runs operators natively in `cargo test`: the same code that runs in the sandbox, with the host's
//! part played in memory. Also shows what a job builds.

mod event_time;
mod harness;
mod inspect;
mod setup;
mod state;

pub use harness::{HarnessSnapshot, OneInput, OperatorHarness};
pub use setup::HarnessSetup;

use crate::error::Error;
use crate::plugin::PluginBuilder;
use crate::plugin::registry::describe;
use crate::stream::StreamExecutionEnvironment;
use crate::stream::environment::job_parts;

/// The JobSpec that a job builds from arguments.
///
/// # Errors
/// The builder fails, or was asked for what it cannot do.
pub fn job_spec(
    define: fn(&mut StreamExecutionEnvironment, &[String]) -> Result<(), Error>,
    arguments: &[&str],
) -> Result<serde_json::Value, Error> {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let (spec, operators) = job_parts("job", define, &arguments)?;
    describe("job", "0", &operators)?;
    Ok(serde_json::from_str(&spec)?)
}

/// Checks that a plugin's operators are complete, and returns their names.
///
/// # Errors
/// Two operators share a name, or a port has no format.
pub fn plugin_operators(register: fn(&mut PluginBuilder)) -> Result<Vec<String>, Error> {
    let mut plugin = PluginBuilder::default();
    register(&mut plugin);
    let description = describe("plugin", "0", &plugin.operators)?;
    Ok(description.operators.into_iter().map(|operator| operator.name).collect())
}

#[cfg(test)]
mod tests;
