//! From what a user names, a job file or a job plugin, to a job that can be submitted: files are
//! read, plugins loaded and described, the graph compiled. All that is wrong is said at once.

mod loaded_catalog;
mod loaded_plugins;
mod runtime_mode;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sandbar_config::{Configuration, UnknownKey};
use sandbar_graph::{FileFormat, JobSpec, Places, StreamGraph};
use sandbar_model::job_graph::JobGraph;
use sandbar_model::plugin::PluginDescription;
use sandbar_model::{JobId, PluginId};
use sandbar_taskmanager::PluginHandle;
use sandbar_wasm::{Capabilities, Engine, Plugin};

use self::loaded_catalog::LoadedCatalog;
use self::loaded_plugins::{LoadedPlugins, read_plugin};
use crate::settings;
use crate::submitted_job::{OwnPlugin, SubmittedJob};

/// Where a job comes from.
#[derive(Clone, Debug)]
pub enum JobSource {
    /// A job file, TOML or JSON by its name.
    File(PathBuf),
    /// A plugin that defines a job, and the arguments for it.
    Plugin {
        /// The plugin's file.
        path: PathBuf,
        /// Arguments for `define`.
        arguments: Vec<String>,
    },
    /// What a client sent.
    Submitted(SubmittedJob),
}

impl JobSource {
    /// Tells by the path: a file that ends in `.wasm` is a job plugin. Only that is a program, to
    /// which arguments can be given.
    ///
    /// # Errors
    /// There are arguments for a job file.
    pub fn of(path: &Path, arguments: Vec<String>) -> Result<JobSource, PrepareError> {
        if path.extension().is_some_and(|extension| extension == "wasm") {
            return Ok(JobSource::Plugin { path: path.to_owned(), arguments });
        }
        if !arguments.is_empty() {
            let (file, arguments) = (path.display(), arguments.join(" "));
            return Err(PrepareError::from(format!(
                "job file {file} takes no arguments, but `-- {arguments}` was given: arguments \
                 reach jobs that are programs (.wasm) only; leave them out, and write into the \
                 file what they were to say"
            )));
        }
        Ok(JobSource::File(path.to_owned()))
    }
}

/// Everything that is wrong with a job.
#[derive(Clone, Debug)]
pub struct PrepareError {
    /// One message each.
    pub problems: Vec<String>,
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for PrepareError {}

impl From<String> for PrepareError {
    fn from(problem: String) -> PrepareError {
        PrepareError { problems: vec![problem] }
    }
}

/// A job that can be submitted.
#[derive(Debug)]
pub struct PreparedJob {
    /// As the user wrote it.
    pub spec: JobSpec,
    /// As it was written, as a graph.
    pub stream_graph: StreamGraph,
    /// After chaining.
    pub graph: JobGraph,
    /// Its plugins by name.
    pub plugins: HashMap<String, PluginHandle>,
    /// The bytes of its plugins, for whoever must fetch them.
    pub plugin_bytes: BTreeMap<PluginId, Arc<Vec<u8>>>,
    /// The cluster's configuration with the job's and the user's over it.
    pub configuration: Configuration,
    /// Where relative paths of its connectors start from.
    pub base_folder: Option<PathBuf>,
}

impl PreparedJob {
    /// The keys of the job's own configuration that no option has.
    pub fn unknown_keys(&self) -> Vec<UnknownKey> {
        configuration_of(&self.spec).unknown_keys()
    }
}

/// What comes with a spec.
#[derive(Default)]
struct Given {
    /// The plugin that defined it.
    own: Option<(Plugin, Arc<Vec<u8>>)>,
    /// Plugins by the names that it gives them; others are read from their paths.
    plugins: BTreeMap<String, Arc<Vec<u8>>>,
    /// Where its relative paths start from.
    base_folder: Option<PathBuf>,
}

/// Prepares jobs on an engine.
#[derive(Debug)]
pub struct JobLoader<'a> {
    /// Loads plugins.
    pub engine: &'a Engine,
    /// The cluster's configuration.
    pub configuration: &'a Configuration,
    /// What the user set for this job alone; wins over the job's own.
    pub overrides: &'a Configuration,
    /// Native plugins by name, for benchmarks and tests.
    pub native: BTreeMap<String, (PluginDescription, PluginHandle)>,
}

impl JobLoader<'_> {
    /// Prepares a job.
    ///
    /// # Errors
    /// Everything that is wrong with its file, plugins, options and graph.
    pub fn prepare(&self, source: &JobSource) -> Result<PreparedJob, PrepareError> {
        match source {
            JobSource::File(path) => {
                let file_name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("cannot read job file {file_name}: {error}"))?;
                let format = FileFormat::of(&file_name);
                let (spec, places) = parse(&text, format, &file_name)?;
                let base_folder = path.parent().map(Path::to_owned);
                self.assemble(spec, &places, Given { base_folder, ..Given::default() })
            }
            JobSource::Plugin { path, arguments } => {
                let file_name = path.display().to_string();
                let own = OwnPlugin {
                    file_name,
                    bytes: Arc::new(read_plugin(path, self.engine.plugin_bytes_max())?),
                };
                self.define(&own, arguments, Given::default())
            }
            JobSource::Submitted(job) => {
                let given = Given {
                    own: None,
                    plugins: job.plugins.clone(),
                    base_folder: job.base_folder.clone(),
                };
                match (&job.spec, &job.own) {
                    (Some(spec), _) => {
                        let (mut spec, places) = parse(spec, FileFormat::Json, "job spec")?;
                        if !job.arguments.is_empty() {
                            spec.arguments.clone_from(&job.arguments);
                        }
                        self.assemble(spec, &places, given)
                    }
                    (None, Some(own)) => self.define(own, &job.arguments, given),
                    (None, None) => Err(PrepareError::from("there is no job".to_owned())),
                }
            }
        }
    }

    /// Has a plugin define its job.
    fn define(
        &self,
        own: &OwnPlugin,
        arguments: &[String],
        given: Given,
    ) -> Result<PreparedJob, PrepareError> {
        let name = &own.file_name;
        let granted = self.capabilities(&Configuration::new())?;
        let plugin =
            self.engine.load(name, &own.bytes, granted).map_err(|error| error.to_string())?;
        let json = plugin.define(arguments).map_err(|error| error.to_string())?;
        let file_name = format!("{name} (define)");
        let (mut spec, places) = parse(&json, FileFormat::Json, &file_name)?;
        spec.arguments = arguments.to_vec();
        self.assemble(spec, &places, Given { own: Some((plugin, Arc::clone(&own.bytes))), ..given })
    }

    /// Prepares a job that is there as a spec, such as a benchmark's.
    ///
    /// # Errors
    /// Everything that is wrong with its plugins, options and graph.
    pub fn prepare_spec(
        &self,
        spec: JobSpec,
        base_folder: Option<PathBuf>,
    ) -> Result<PreparedJob, PrepareError> {
        let places = Places::without_text(&spec.name);
        self.assemble(spec, &places, Given { base_folder, ..Given::default() })
    }

    fn assemble(
        &self,
        spec: JobSpec,
        places: &Places,
        mut given: Given,
    ) -> Result<PreparedJob, PrepareError> {
        let mut configuration = self.configuration.clone();
        configuration.merge(configuration_of(&spec));
        configuration.merge(self.overrides.clone());
        let mut problems = problems_of(&configuration);
        let granted = self.capabilities(&configuration).unwrap_or_else(|problem| {
            problems.push(problem);
            Capabilities::default()
        });
        let base_folder = given.base_folder.take();
        let mut loaded = LoadedPlugins::new(self.engine, spec.arguments.clone(), granted);
        for (name, (description, handle)) in &self.native {
            loaded.add_native(name, description, handle);
        }
        if let Some((own, bytes)) = given.own.take() {
            loaded.add_own(own, bytes);
        }
        for (name, plugin) in &spec.plugins {
            match given.plugins.remove(name) {
                Some(bytes) => loaded.add(name, Ok(bytes)),
                None => loaded.read(name, &in_folder(base_folder.as_deref(), &plugin.path)),
            }
        }
        problems.append(&mut loaded.problems);
        let catalog =
            LoadedCatalog { base_folder: base_folder.as_deref(), plugins: loaded.descriptions };
        // Wrong options are among the problems.
        let settings = settings::graph(&configuration).unwrap_or_default();
        let built = StreamGraph::build(&spec, places, &catalog, &settings);
        let stream_graph = built.map_err(|errors| {
            // Why a plugin is not loaded has been said.
            let is_told = |plugin: &str| loaded.failed.contains(plugin);
            let errors = errors.iter().filter(|error| !error.missing_plugin().is_some_and(is_told));
            problems.extend(errors.map(ToString::to_string));
        });
        if let Err(problem) =
            runtime_mode::resolve(&mut configuration, &spec, base_folder.as_deref())
        {
            add_once(&mut problems, problem);
        }
        let Ok(stream_graph) =
            stream_graph.and_then(|graph| if problems.is_empty() { Ok(graph) } else { Err(()) })
        else {
            return Err(PrepareError { problems });
        };
        let mut graph = sandbar_graph::job_graph(&stream_graph);
        graph.configuration = configuration.clone().into_map();
        let (plugins, plugin_bytes) = (loaded.handles, loaded.bytes);
        Ok(PreparedJob {
            spec,
            stream_graph,
            graph,
            plugins,
            plugin_bytes,
            configuration,
            base_folder,
        })
    }

    fn capabilities(&self, of_job: &Configuration) -> Result<Capabilities, String> {
        let mut configuration = self.configuration.clone();
        configuration.merge(of_job.clone());
        configuration.merge(self.overrides.clone());
        settings::capabilities(&configuration)
    }
}

/// What the job sets itself.
fn configuration_of(spec: &JobSpec) -> Configuration {
    let pairs = spec.configuration.iter().map(|(key, value)| (key.clone(), value.to_string()));
    Configuration::from_pairs(pairs)
}

fn parse(
    text: &str,
    format: FileFormat,
    file_name: &str,
) -> Result<(JobSpec, Places), PrepareError> {
    sandbar_graph::parse(text, format, file_name).map_err(|errors| PrepareError {
        problems: errors.iter().map(ToString::to_string).collect(),
    })
}

/// What is wrong with options: their values, each alone and together.
fn problems_of(configuration: &Configuration) -> Vec<String> {
    let mut problems: Vec<String> =
        configuration.errors().iter().map(ToString::to_string).collect();
    if let Err(error) = settings::task(configuration) {
        add_once(&mut problems, error.to_string());
    }
    if let Err(error) = settings::execution_graph(configuration, JobId(0)) {
        add_once(&mut problems, error.to_string());
    }
    problems
}

/// Adds a problem that has not been found in another way before.
fn add_once(problems: &mut Vec<String>, problem: String) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

fn in_folder(folder: Option<&Path>, path: &str) -> PathBuf {
    folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}
