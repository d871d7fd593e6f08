//! Environments: where the jobs of a Rust program run. Source: Flink's `LocalEnvironment` and
//! `RemoteEnvironment`.

use std::path::Path;
use std::sync::Arc;

use sandbar_cluster::{JobLoader, JobResult, JobSource, MiniCluster, MiniClusterOptions, settings};
use sandbar_config::Configuration;
use sandbar_config::options::cluster::CLIENT_TIMEOUT;
use sandbar_connectors::Console;
use sandbar_model::SystemClock;
use sandbar_wasm::Engine;

use crate::cluster_client::{client, configuration_on};
use crate::defaults::{cache_folder, set_local_parallelism};
use crate::error::EnvError;
use crate::job::Job;
use crate::submission::Submitter;

/// Where jobs run, and with which options.
///
/// ```no_run
/// use sandbar_client::{Env, EnvError};
///
/// fn count(env: &Env) -> Result<(), EnvError> {
///     let result = env.run("word_count.wasm", ["book.txt"])?;
///     assert_eq!(result.failure, None);
///     Ok(())
/// }
///
/// count(&Env::local())?;
/// count(&Env::remote("127.0.0.1:8081").set("parallelism.default", "4"))?;
/// # Ok::<(), EnvError>(())
/// ```
#[derive(Clone)]
pub struct Env {
    target: Target,
    options: Configuration,
    console: Option<Console>,
}

#[derive(Clone, Debug)]
enum Target {
    Local,
    /// The `host:port` of a JobManager's REST API.
    Remote(String),
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Env {
    /// Each job runs on a cluster of its own in this process, with as many slots as it needs and a
    /// parallelism of the number of cores unless [`Env::set`] says otherwise.
    pub fn local() -> Env {
        Env::at(Target::Local)
    }

    /// Jobs run on the cluster whose REST API is at this `host:port`. Nothing is sent yet.
    pub fn remote(address: &str) -> Env {
        Env::at(Target::Remote(address.to_owned()))
    }

    fn at(target: Target) -> Env {
        Env { target, options: Configuration::new(), console: None }
    }

    /// Sets an option, over what jobs set themselves; as `-Dkey=value` on the command line.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Env {
        self.options.set(key, value.to_owned());
        self
    }

    /// Where print sinks of local jobs write: by default to standard output and standard error. On
    /// a cluster they write to the output of its TaskManagers.
    #[must_use]
    pub fn with_console(mut self, console: Console) -> Env {
        self.console = Some(console);
        self
    }

    /// Starts a job: a job file (.toml, .json), or a plugin (.wasm) that defines one from these
    /// arguments. Relative paths of its connectors start from the folder of the job file or, for
    /// a plugin, from the working folder.
    ///
    /// # Errors
    /// Everything that is wrong with job and options, or the cluster's refusal.
    pub fn submit<A: Into<String>>(
        &self,
        job: impl AsRef<Path>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Job, EnvError> {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let source = JobSource::of(job.as_ref(), arguments)?;
        let wrong = self.options.errors();
        if !wrong.is_empty() {
            let messages: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            return Err(EnvError::Setup(messages.join("\n")));
        }
        match &self.target {
            Target::Local => self.submit_local(&source),
            Target::Remote(address) => self.submit_remote(address, &source),
        }
    }

    /// Starts a job and waits for its end. A job that fails has a result that says so.
    ///
    /// # Errors
    /// As [`Env::submit`] and [`Job::wait`].
    pub fn run<A: Into<String>>(
        &self,
        job: impl AsRef<Path>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<JobResult, EnvError> {
        self.submit(job, arguments)?.wait()
    }

    fn submit_local(&self, source: &JobSource) -> Result<Job, EnvError> {
        let mut configuration = self.options.clone();
        set_local_parallelism(&mut configuration);
        let standard = || Console::new(std::io::stdout(), std::io::stderr());
        let cluster = MiniCluster::new(MiniClusterOptions {
            configuration,
            clock: Arc::new(SystemClock),
            console: self.console.clone().unwrap_or_else(standard),
            cache_folder: cache_folder(),
        })
        .map_err(EnvError::setup)?;
        let prepared = cluster.loader(&self.options).prepare(source)?;
        let job = cluster.submit(prepared).map_err(EnvError::setup)?;
        Ok(Job::local(cluster, job))
    }

    fn submit_remote(&self, address: &str, source: &JobSource) -> Result<Job, EnvError> {
        let client = client(Some(address), &self.options)?;
        let patience = self.options.get(&CLIENT_TIMEOUT).map_err(EnvError::setup)?;
        let configuration = configuration_on(&client, &self.options)?;
        let options = settings::engine(&configuration, cache_folder()).map_err(EnvError::setup)?;
        let engine = Engine::new(options).map_err(EnvError::setup)?;
        let loader = JobLoader {
            engine: &engine,
            configuration: &configuration,
            overrides: &self.options,
            native: Default::default(),
        };
        let prepared = loader.prepare(source)?;
        let submitter = Submitter { client: &client, on_upload: &|_, _| {} };
        let job = submitter.submit(source, &self.options, &prepared)?;
        Ok(Job::remote(client, job, patience))
    }
}
