//! From a job that is prepared here to one that a cluster runs: the plugins that the cluster lacks
//! are uploaded, then the job is sent with what the user set for it.
//!
//! Law: plugins are named by the hash of their bytes, so that what runs is what was prepared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sandbar_cluster::{JobSource, PreparedJob};
use sandbar_config::Configuration;
use sandbar_config::options::cluster::{
    CLIENT_TIMEOUT, EXECUTION_ATTACHED, EXECUTION_SHUTDOWN_ON_ATTACHED_EXIT, EXECUTION_TARGET,
    REST_ADDRESS, REST_PORT,
};
use sandbar_graph::spec::SELF_PLUGIN;
use sandbar_model::{JobId, PluginId};
use sandbar_rest::RestClient;
use sandbar_rest::message::plugin::{JobSubmitRequest, PluginRunRequest};
use sandbar_taskmanager::PluginHandle;

use crate::error::EnvError;

/// Sends jobs to a cluster.
pub struct Submitter<'a> {
    /// Speaks to it.
    pub client: &'a RestClient,
    /// Told of each plugin that is uploaded: its path, and its size in bytes.
    pub on_upload: &'a dyn Fn(&Path, usize),
}

impl std::fmt::Debug for Submitter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submitter").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Submitter<'_> {
    /// Uploads what the cluster lacks and starts the job that `source` was prepared to; `overrides`
    /// win over the job's own options.
    ///
    /// # Errors
    /// A file cannot be read, or the cluster refuses; its words are the message.
    pub fn submit(
        &self,
        source: &JobSource,
        overrides: &Configuration,
        job: &PreparedJob,
    ) -> Result<JobId, EnvError> {
        let mut stored: BTreeSet<String> =
            self.client.plugins()?.files.into_iter().map(|file| file.id).collect();
        let mut plugins = BTreeMap::new();
        for (name, spec) in &job.spec.plugins {
            let path = job.base_folder.as_deref().unwrap_or(Path::new("")).join(&spec.path);
            plugins.insert(name.clone(), self.store(job, name, &path, &mut stored)?.to_string());
        }
        let configuration = of_job(overrides);
        match source {
            JobSource::File(path) => {
                let spec = serde_json::to_string(&job.spec).and_then(JobSubmitRequest::new);
                let request = JobSubmitRequest {
                    plugins,
                    configuration,
                    base_folder: Some(absolute(&folder_of(path)?)?),
                    ..spec.map_err(|error| EnvError::Submission(error.to_string()))?
                };
                Ok(self.client.submit(&request)?)
            }
            JobSource::Plugin { path, arguments } => {
                let plugin = self.store(job, SELF_PLUGIN, path, &mut stored)?;
                let request = PluginRunRequest {
                    program_args_list: Some(arguments.clone()),
                    flink_configuration: Some(configuration),
                    base_folder: Some(absolute(Path::new("."))?),
                    plugins,
                    ..PluginRunRequest::default()
                };
                Ok(self.client.run_plugin(plugin, &request)?)
            }
            JobSource::Submitted(_) => {
                let message = "a job that a client has sent is on a cluster".to_owned();
                Err(EnvError::Submission(message))
            }
        }
    }

    /// The id of a plugin, which is on the cluster afterwards.
    fn store(
        &self,
        job: &PreparedJob,
        name: &str,
        path: &Path,
        stored: &mut BTreeSet<String>,
    ) -> Result<PluginId, EnvError> {
        let shown = path.display();
        let id = match job.plugins.get(name) {
            Some(PluginHandle::Component(plugin)) => plugin.id(),
            Some(PluginHandle::Native(_)) | None => {
                let message = format!("plugin {shown} is no component: a cluster cannot run it");
                return Err(EnvError::Submission(message));
            }
        };
        if stored.contains(&id.to_string()) {
            return Ok(id);
        }
        let Some(bytes) = job.plugin_bytes.get(&id) else {
            let message = format!("plugin {shown} was prepared without bytes");
            return Err(EnvError::Submission(message));
        };
        (self.on_upload)(path, bytes.len());
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let uploaded = self.client.upload_plugin(&file_name, bytes)?;
        stored.insert(uploaded.id);
        Ok(id)
    }
}

/// What the user set for the job, without what only a client obeys.
fn of_job(overrides: &Configuration) -> BTreeMap<String, String> {
    let mut configuration = overrides.clone().into_map();
    for key in [
        CLIENT_TIMEOUT.key(),
        EXECUTION_ATTACHED.key(),
        EXECUTION_SHUTDOWN_ON_ATTACHED_EXIT.key(),
        EXECUTION_TARGET.key(),
        REST_ADDRESS.key(),
        REST_PORT.key(),
    ] {
        configuration.remove(key);
    }
    configuration
}

/// The folder that a file is in; that of `job.toml` is the working folder.
fn folder_of(file: &Path) -> Result<PathBuf, EnvError> {
    let file = std::path::absolute(file).map_err(no_folder)?;
    Ok(file.parent().unwrap_or(&file).to_owned())
}

/// A folder from the root, as JSON can say it.
fn absolute(folder: &Path) -> Result<String, EnvError> {
    let folder = std::path::absolute(folder).map_err(no_folder)?;
    folder.into_os_string().into_string().map_err(|folder| {
        let shown = folder.display();
        let message =
            format!("folder {shown} has a name that is no UTF-8, which a cluster is told in");
        EnvError::Submission(message)
    })
}

fn no_folder(error: std::io::Error) -> EnvError {
    EnvError::Submission(format!("cannot find the working folder: {error}"))
}
