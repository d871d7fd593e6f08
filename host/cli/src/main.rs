//! The binary `sandbar`: one file a verb, and the nouns that verbs share.
//!
//! Exit codes: 0 for success, 1 for a job or a check that failed, 2 for a wrong command line.
//! Results go to standard output, everything else to standard error.
//!
//! Law: no decisions about jobs here; verbs call `sandbar-cluster`, or a cluster through its REST
//! API, and print what it says.

mod cluster_client;
mod configuration;
mod job_arguments;
mod loaded_plugin;
mod logging;
mod output;
mod parent;
mod problems;
mod signals;

mod bench;
mod cancel;
mod cluster;
mod config;
mod info;
mod job;
mod jobmanager;
mod list;
mod logs;
mod plugin;
mod run;
mod state;
mod taskmanager;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::logging::LoggingArgs;

/// A stream processor whose operators are WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "sandbar", version, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  sandbar plugin new hello     make a plugin in Rust with a job that uses it
  sandbar plugin build hello   compile it to hello/hello.wasm
  sandbar run hello/job.toml   run the job in this process
  sandbar info job.toml        show the graph that a job becomes
  sandbar cluster start        start a cluster on this machine
  sandbar run -d job.toml      run a job on it
  sandbar list                 show its jobs
  sandbar cancel JOBID         end one
  sandbar cluster stop         end the cluster

`sandbar VERB --help` shows the examples of a verb.")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    logging: LoggingArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs a job, in this process or on a cluster.
    Run(run::RunArgs),
    /// Runs a job on a cluster of its own, which ends with the job.
    RunApplication(run::RunArgs),
    /// Lists the jobs of a cluster.
    List(list::ListArgs),
    /// Cancels jobs of a cluster.
    Cancel(cancel::CancelArgs),
    /// Starts, stops and shows a cluster on this machine.
    Cluster(cluster::ClusterArgs),
    /// Shows the state of running jobs.
    State(state::StateArgs),
    /// Prints the log of a cluster's process.
    Logs(logs::LogsArgs),
    /// Shows the graph that a job becomes, without running it.
    Info(info::InfoArgs),
    /// Says what a job file may hold, and whether one is right.
    Job(job::JobArgs),
    /// Makes, builds and examines plugins, and gives them to clusters.
    Plugin(plugin::PluginArgs),
    /// Lists the options of the configuration, or checks a file of them.
    Config(config::ConfigArgs),
    /// Runs the JobManager of a cluster.
    #[command(name = "jobmanager")]
    JobManager(jobmanager::JobManagerArgs),
    /// Runs a TaskManager of a cluster.
    #[command(name = "taskmanager")]
    TaskManager(taskmanager::TaskManagerArgs),
    /// Measures this machine.
    Bench(bench::BenchArgs),
}

impl Verb {
    /// Whether it serves others, who want to read what it did.
    fn is_server(&self) -> bool {
        matches!(self, Verb::JobManager(_) | Verb::TaskManager(_))
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = logging::start(&cli.logging, cli.verb.is_server());
    let result = match cli.verb {
        Verb::Run(args) => run::execute(&args),
        Verb::RunApplication(args) => run::execute_application(&args),
        Verb::List(args) => list::execute(&args),
        Verb::Cancel(args) => cancel::execute(&args),
        Verb::Cluster(args) => cluster::execute(&args),
        Verb::State(args) => state::execute(&args),
        Verb::Logs(args) => logs::execute(&args),
        Verb::Info(args) => info::execute(args),
        Verb::Job(args) => job::execute(args),
        Verb::Plugin(args) => plugin::execute(args),
        Verb::Config(args) => config::execute(args),
        Verb::JobManager(args) => jobmanager::execute(args, log),
        Verb::TaskManager(args) => taskmanager::execute(args, log),
        Verb::Bench(args) => bench::execute(args),
    };
    result.unwrap_or_else(|error| problems::report(&error))
}
