//! The job that a verb is about, prepared as `sandbar run` prepares it, without a cluster.

use std::path::PathBuf;

use clap::Args;
use sandbar_cluster::{JobLoader, JobSource, PreparedJob};

use crate::configuration::{self, ConfigurationArgs};

/// Arguments that name a job.
#[derive(Args, Debug)]
pub(crate) struct JobArguments {
    /// A job file (.toml or .json), or a plugin (.wasm) that defines a job.
    pub(crate) job: PathBuf,
    /// Arguments for a job plugin's `define`; a job file takes none.
    #[arg(last = true)]
    arguments: Vec<String>,
    /// Parallelism of operators that set none themselves, as -Dparallelism.default; by default
    /// the number of cores.
    #[arg(short, long, value_parser = clap::value_parser!(u32).range(1..))]
    parallelism: Option<u32>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

impl JobArguments {
    /// Reads the job, loads its plugins and compiles its graph.
    ///
    /// # Errors
    /// Everything that is wrong with configuration and job.
    pub(crate) fn prepare(&self) -> anyhow::Result<PreparedJob> {
        let mut configuration = self.configuration.load()?;
        configuration::set_local_parallelism(&mut configuration);
        let mut overrides = self.configuration.overrides()?;
        if let Some(parallelism) = self.parallelism {
            overrides.set("parallelism.default", parallelism.to_string());
        }
        let engine = configuration::engine(&configuration)?;
        let loader = JobLoader {
            engine: &engine,
            configuration: &configuration,
            overrides: &overrides,
            native: Default::default(),
        };
        let prepared = loader.prepare(&JobSource::of(&self.job, self.arguments.clone())?)?;
        configuration::warn_of_unknown_keys(&prepared);
        Ok(prepared)
    }
}
