//! The configuration of a verb: a YAML file with `-Dkey=value` over it, and what follows from
//! the user's environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use sandbar_client::defaults::cache_folder;
use sandbar_cluster::{PreparedJob, settings};
use sandbar_config::{ConfigError, Configuration};
use sandbar_wasm::Engine;

use crate::output;
use crate::problems::Problems;

/// Folder with the configuration file, by its environment variable. Flink's: `FLINK_CONF_DIR`.
const FOLDER_VARIABLE: &str = "SANDBAR_CONF_DIR";
/// Name of the file in that folder.
const FILE_NAME: &str = "config.yaml";

/// Arguments of verbs that need configuration.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigurationArgs {
    /// Configuration file in YAML; by default config.yaml in $SANDBAR_CONF_DIR, if that is set.
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Sets an option, over what file and job say; may be repeated. `sandbar config` lists them.
    #[arg(
        short = 'D',
        value_name = "KEY=VALUE",
        value_parser = parse_override,
        help_heading = "Configuration"
    )]
    overrides: Vec<(String, String)>,
}

fn parse_override(text: &str) -> Result<(String, String), ConfigError> {
    Configuration::parse_override(text)
}

impl ConfigurationArgs {
    /// Reads the file and lays the overrides over it. Warns of keys that no option has.
    ///
    /// # Errors
    /// The file cannot be read, or a value is not of its option's type.
    pub(crate) fn load(&self) -> anyhow::Result<Configuration> {
        let mut configuration = match self.file() {
            Some(path) => read(&path)?,
            None => Configuration::new(),
        };
        configuration.merge(self.overrides());
        let errors = configuration.errors().iter().map(ToString::to_string).collect();
        Problems(errors).into_result()?;
        configuration.unknown_keys().iter().for_each(output::warning);
        Ok(configuration)
    }

    /// What `-D` set alone: it wins over what a job sets itself. Values are checked by whoever
    /// lays the overrides over a configuration.
    pub(crate) fn overrides(&self) -> Configuration {
        Configuration::from_pairs(self.overrides.iter().cloned())
    }

    /// The arguments again, for a process that is to have the same configuration.
    pub(crate) fn to_arguments(&self) -> Vec<OsString> {
        let overrides = self.overrides.iter().map(|(key, value)| format!("-D{key}={value}").into());
        self.file_arguments().chain(overrides).collect()
    }

    /// Those of them that name the file.
    pub(crate) fn file_arguments(&self) -> impl Iterator<Item = OsString> {
        self.file().into_iter().flat_map(|file| [OsString::from("--config"), file.into()])
    }

    fn file(&self) -> Option<PathBuf> {
        let by_variable = || Some(Path::new(&variable(FOLDER_VARIABLE)?).join(FILE_NAME));
        self.config.clone().or_else(by_variable)
    }
}

/// Warns of keys in a job's own configuration that no option has, and of options that are set for
/// it, by whomever, and not yet in effect.
pub(crate) fn warn_of_keys(job: &PreparedJob) {
    let name = &job.spec.name;
    for key in job.unknown_keys() {
        output::warning(format!("configuration of job \"{name}\": {key}"));
    }
    for key in job.configuration.idle_keys() {
        output::warning(format!("job \"{name}\": option `{key}` is not yet in effect"));
    }
}

/// Reads a configuration file.
///
/// # Errors
/// It cannot be read, or is no configuration.
pub(crate) fn read(path: &Path) -> anyhow::Result<Configuration> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read configuration file {shown}"))?;
    Configuration::from_yaml(&text).with_context(|| shown.to_string())
}

/// Makes the engine that verbs load plugins on.
///
/// # Errors
/// An option is wrong, or the engine does not fit the machine.
pub(crate) fn engine(configuration: &Configuration) -> anyhow::Result<Engine> {
    let options = settings::engine(configuration, cache_folder())?;
    Engine::new(options).context("cannot make the sandbox engine")
}

/// An environment variable; one that is empty is not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
