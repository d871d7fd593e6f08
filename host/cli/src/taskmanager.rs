//! `sandbar taskmanager`: runs a TaskManager of a cluster in this process.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use sandbar_client::defaults::cache_folder;
use sandbar_cluster::{LogBuffer, TaskManagerProcess, TaskManagerProcessOptions};
use sandbar_connectors::Console;

use crate::configuration::ConfigurationArgs;
use crate::parent;
use crate::signals::Signals;

/// Option that `--slots` sets.
const SLOTS: &str = "taskmanager.numberOfTaskSlots";

/// Arguments of `sandbar taskmanager`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar taskmanager                  a slot for each core, for the JobManager on this machine
  sandbar taskmanager --slots 4 -Djobmanager.rpc.address=10.0.0.1

Tries to register for taskmanager.registration.timeout; a JobManager that is lost is tried again.
Records that print sinks write go to standard output. Runs until the cluster ends or a signal.
Exit code: 0 when it was told to end, 1 when no JobManager took it.")]
pub(crate) struct TaskManagerArgs {
    /// Number of task slots, or `auto` for as many as there are cores; over
    /// taskmanager.numberOfTaskSlots.
    #[arg(long, value_name = "N|auto", value_parser = parse_slots)]
    slots: Option<u32>,
    /// End when standard input does: whoever started this holds its other end.
    #[arg(long, hide = true)]
    while_stdin_open: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

fn parse_slots(text: &str) -> Result<u32, String> {
    match text {
        "auto" => Ok(cores()),
        number => number
            .parse()
            .ok()
            .filter(|slots| *slots > 0)
            .ok_or_else(|| format!("\"{text}\" is neither a number from 1 on nor auto")),
    }
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// Runs the verb.
pub(crate) fn execute(args: TaskManagerArgs, log: LogBuffer) -> anyhow::Result<ExitCode> {
    let mut configuration = args.configuration.load()?;
    match args.slots {
        Some(slots) => configuration.set(SLOTS, slots.to_string()),
        None if configuration.text(SLOTS).is_none() => {
            configuration.set(SLOTS, cores().to_string())
        }
        None => {}
    }
    let process = TaskManagerProcess::start(TaskManagerProcessOptions {
        configuration,
        console: Console::new(std::io::stdout(), std::io::stderr()),
        cache_folder: cache_folder(),
        log,
    })?;
    let stopper = process.stopper();
    if args.while_stdin_open {
        let to_end = stopper.clone();
        parent::on_end(move || to_end.stop()).context("cannot watch standard input")?;
    }
    let _signals =
        Signals::listen_and(move || stopper.stop()).context("cannot listen for signals")?;
    process.run_to_end()?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_a_number_from_one_on_or_the_cores() {
        assert_eq!(parse_slots("3"), Ok(3));
        assert_eq!(parse_slots("auto"), Ok(cores()));
        for wrong in ["0", "-1", "many", "", "1.5"] {
            assert!(parse_slots(wrong).unwrap_err().contains("auto"), "{wrong}");
        }
    }
}
