//! What tests of whole jobs need: a MiniCluster whose console is captured, the guests that
//! `make guests` builds, and jobs written as text.

mod patience;
mod printed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sandbar_cluster::{
    JobClient, JobResult, JobSnapshot, JobSource, MiniCluster, MiniClusterOptions, PrepareError,
};
use sandbar_config::Configuration;
use sandbar_connectors::Console;
use sandbar_model::plugin::PluginDescription;
use sandbar_model::{Clock, SystemClock};
use sandbar_taskmanager::PluginHandle;

pub use patience::await_end;
use printed::Printed;

/// How long a job of a test may take before the test fails.
const JOB_TIMEOUT: Duration = Duration::from_secs(60);

/// The root of the repository.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository is there")
}

/// The module of a guest crate, as `make guests` builds it.
///
/// # Panics
/// If it has not been built.
pub fn guest(package: &str) -> PathBuf {
    let file = format!("{}.wasm", package.replace('-', "_"));
    let path = root().join("target/guests/wasm32-unknown-unknown/guest").join(file);
    assert!(path.is_file(), "{} is missing: run `make guests` first", path.display());
    path
}

/// A MiniCluster and what its print sinks wrote.
pub struct TestCluster {
    /// The cluster.
    pub cluster: MiniCluster,
    /// Native plugins that jobs may use.
    pub native: BTreeMap<String, (PluginDescription, PluginHandle)>,
    output: Printed,
}

/// How a job went.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub result: JobResult,
    /// Its counters at the end.
    pub snapshot: JobSnapshot,
    /// What the print sinks of the cluster have written so far, line by line.
    pub lines: Vec<String>,
}

impl TestCluster {
    /// Makes a cluster that keeps compiled plugins in the build folder.
    pub fn new() -> TestCluster {
        TestCluster::with(&[], Arc::new(SystemClock))
    }

    /// Makes a cluster with options and a clock.
    ///
    /// # Panics
    /// If an option is wrong.
    pub fn with(options: &[(&str, &str)], clock: Arc<dyn Clock>) -> TestCluster {
        let (options, output) = cluster_options(options, clock);
        let cluster = MiniCluster::new(options).expect("the options are right");
        TestCluster { cluster, native: BTreeMap::new(), output }
    }

    /// Makes a cluster with virtual time from `start_ms` on.
    ///
    /// # Panics
    /// If there is no sandbox on this machine.
    pub fn with_virtual_clock(start_ms: i64) -> TestCluster {
        let (options, output) = cluster_options(&[], Arc::new(SystemClock));
        let cluster = MiniCluster::with_virtual_clock(options, start_ms).expect("it is made");
        TestCluster { cluster, native: BTreeMap::new(), output }
    }

    /// Submits a job.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn submit(
        &self,
        source: &JobSource,
        overrides: &[(&str, &str)],
    ) -> Result<JobClient, PrepareError> {
        let overrides = Configuration::from_pairs(overrides.iter().copied());
        let mut loader = self.cluster.loader(&overrides);
        loader.native.clone_from(&self.native);
        let prepared = loader.prepare(source)?;
        self.cluster.submit(prepared).map_err(|error| PrepareError::from(error.to_string()))
    }

    /// Runs a job to its end.
    ///
    /// # Panics
    /// If the job is wrong or does not end in time.
    pub fn run(&self, source: &JobSource, overrides: &[(&str, &str)]) -> Outcome {
        let job = self.submit(source, overrides).unwrap_or_else(|error| panic!("{error}"));
        self.attend(&job)
    }

    /// Waits for the end of a job.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn attend(&self, job: &JobClient) -> Outcome {
        let result = await_end(job, JOB_TIMEOUT).unwrap_or_else(|error| panic!("{error}"));
        Outcome { result, snapshot: job.snapshot(), lines: self.lines() }
    }

    /// Takes what the print sinks have written, once there is something or the timeout is over.
    pub fn take_text(&self, timeout: Duration) -> String {
        self.output.take(timeout)
    }

    /// What the print sinks have written, without what was taken, line by line.
    pub fn lines(&self) -> Vec<String> {
        self.output.text().lines().map(str::to_owned).collect()
    }
}

fn cluster_options(
    options: &[(&str, &str)],
    clock: Arc<dyn Clock>,
) -> (MiniClusterOptions, Printed) {
    let output = Printed::default();
    let options = MiniClusterOptions {
        configuration: Configuration::from_pairs(options.iter().copied()),
        clock,
        console: Console::new(output.clone(), std::io::sink()),
        cache_folder: Some(root().join("target/test-plugin-cache")),
    };
    (options, output)
}

impl Default for TestCluster {
    fn default() -> TestCluster {
        TestCluster::new()
    }
}

/// Writes a job file and its input into a folder.
///
/// # Panics
/// If they cannot be written.
pub fn write_job(folder: &Path, job: &str, inputs: &[(&str, &str)]) -> JobSource {
    for (name, text) in inputs {
        std::fs::write(folder.join(name), text).expect("the folder can be written");
    }
    let path = folder.join("job.toml");
    std::fs::write(&path, job).expect("the folder can be written");
    JobSource::File(path)
}

/// The lines without the `N> ` that a print sink writes in front, sorted.
pub fn sorted(lines: &[String]) -> Vec<String> {
    let bare = |line: &String| match line.split_once("> ") {
        Some((subtask, rest)) if subtask.parse::<u32>().is_ok() => rest.to_owned(),
        _ => line.clone(),
    };
    let mut bare: Vec<String> = lines.iter().map(bare).collect();
    bare.sort();
    bare
}
