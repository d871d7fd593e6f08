//! The job that a verb is about, and how it is prepared: the same for verbs that only look at it
//! and for those that run it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use sandbar_client::defaults::set_local_parallelism;
use sandbar_cluster::{JobLoader, JobSource, PrepareError, PreparedJob};
use sandbar_config::Configuration;

use crate::configuration::{self, ConfigurationArgs};

/// Arguments that name a job.
#[derive(Args, Debug)]
pub(crate) struct JobArguments {
    /// A job file (.toml or .json), or a plugin (.wasm) that defines a job.
    pub(crate) job: PathBuf,
    /// Arguments for a job plugin's `define`; a job file takes none.
    #[arg(last = true)]
    pub(crate) arguments: Vec<String>,
    /// Parallelism of operators that set none themselves, as -Dparallelism.default; by default
    /// the number of cores or, on a cluster, the cluster's parallelism.default.
    #[arg(short, long, value_parser = clap::value_parser!(u32).range(1..))]
    parallelism: Option<u32>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

impl JobArguments {
    /// What the job is read from.
    ///
    /// # Errors
    /// There are arguments for a job file.
    pub(crate) fn source(&self) -> Result<JobSource, PrepareError> {
        JobSource::of(&self.job, self.arguments.clone())
    }

    /// The configuration file with `-D` over it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn configuration(&self) -> anyhow::Result<Configuration> {
        self.configuration.load()
    }

    /// The arguments that name the configuration file, for a process that is to read it too.
    pub(crate) fn file_arguments(&self) -> impl Iterator<Item = OsString> {
        self.configuration.file_arguments()
    }

    /// What `-D` and `-p` set, which wins over what the job sets itself.
    pub(crate) fn overrides(&self) -> Configuration {
        let mut overrides = self.configuration.overrides();
        if let Some(parallelism) = self.parallelism {
            overrides.set("parallelism.default", parallelism.to_string());
        }
        overrides
    }

    /// Reads the job, loads its plugins and compiles its graph, for this machine.
    ///
    /// # Errors
    /// Everything that is wrong with configuration and job.
    pub(crate) fn prepare(&self) -> anyhow::Result<PreparedJob> {
        let mut configuration = self.configuration()?;
        set_local_parallelism(&mut configuration);
        self.prepare_with(&configuration)
    }

    /// The same, for a cluster with this configuration.
    ///
    /// # Errors
    /// Everything that is wrong with the job.
    pub(crate) fn prepare_with(
        &self,
        configuration: &Configuration,
    ) -> anyhow::Result<PreparedJob> {
        let source = self.source()?;
        let engine = configuration::engine(configuration)?;
        let loader = JobLoader {
            engine: &engine,
            configuration,
            overrides: &self.overrides(),
            native: Default::default(),
        };
        let prepared = loader.prepare(&source)?;
        configuration::warn_of_keys(&prepared);
        Ok(prepared)
    }
}
