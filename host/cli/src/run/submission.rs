//! From a job that is prepared here to one that a cluster runs: the plugins that the cluster lacks
//! are uploaded, then the job is sent with what the user set for it.
//!
//! Law: plugins are named by the hash of their bytes, so that what runs is what was prepared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sandbar_cluster::{JobSource, PreparedJob};
use sandbar_config::options::cluster::{
    CLIENT_TIMEOUT, EXECUTION_ATTACHED, EXECUTION_SHUTDOWN_ON_ATTACHED_EXIT, EXECUTION_TARGET,
    REST_ADDRESS, REST_PORT,
};
use sandbar_graph::spec::SELF_PLUGIN;
use sandbar_model::{JobId, PluginId};
use sandbar_rest::RestClient;
use sandbar_rest::message::plugin::{JobSubmitRequest, PluginRunRequest};
use sandbar_taskmanager::PluginHandle;

use crate::job_arguments::JobArguments;
use crate::loaded_plugin::size;
use crate::output;

/// Sends jobs to a cluster.
pub(super) struct Submitter<'a> {
    pub(super) client: &'a RestClient,
    /// Whether uploads are not told of.
    pub(super) is_quiet: bool,
}

impl Submitter<'_> {
    /// Uploads what the cluster lacks and starts the job.
    ///
    /// # Errors
    /// A file cannot be read, or the cluster refuses; its words are the message.
    pub(super) fn submit(
        &self,
        arguments: &JobArguments,
        job: &PreparedJob,
    ) -> anyhow::Result<JobId> {
        let mut stored: BTreeSet<String> =
            self.client.plugins()?.files.into_iter().map(|file| file.id).collect();
        let mut plugins = BTreeMap::new();
        for (name, spec) in &job.spec.plugins {
            let path = job.base_folder.as_deref().unwrap_or(Path::new("")).join(&spec.path);
            plugins.insert(name.clone(), self.store(job, name, &path, &mut stored)?.to_string());
        }
        let configuration = configuration_of(arguments);
        match arguments.source()? {
            JobSource::File(path) => {
                let request = JobSubmitRequest {
                    plugins,
                    configuration,
                    base_folder: Some(absolute(&folder_of(&path)?)?),
                    ..JobSubmitRequest::new(serde_json::to_string(&job.spec)?)?
                };
                Ok(self.client.submit(&request)?)
            }
            JobSource::Plugin { path, arguments } => {
                let plugin = self.store(job, SELF_PLUGIN, &path, &mut stored)?;
                let request = PluginRunRequest {
                    program_args_list: Some(arguments),
                    flink_configuration: Some(configuration),
                    base_folder: Some(absolute(Path::new("."))?),
                    plugins,
                    ..PluginRunRequest::default()
                };
                Ok(self.client.run_plugin(plugin, &request)?)
            }
            JobSource::Submitted(_) => {
                anyhow::bail!("a job that a client has sent is on a cluster")
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
    ) -> anyhow::Result<PluginId> {
        let shown = path.display();
        let id = match job.plugins.get(name) {
            Some(PluginHandle::Component(plugin)) => plugin.id(),
            Some(PluginHandle::Native(_)) | None => {
                anyhow::bail!("plugin {shown} is no component: a cluster cannot run it")
            }
        };
        if stored.contains(&id.to_string()) {
            return Ok(id);
        }
        let bytes = job.plugin_bytes.get(&id);
        let bytes = bytes.with_context(|| format!("plugin {shown} was prepared without bytes"))?;
        if !self.is_quiet {
            output::say(format!("Uploading plugin {shown}, {}", size(bytes.len())));
        }
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let uploaded = self.client.upload_plugin(&file_name, bytes)?;
        stored.insert(uploaded.id);
        Ok(id)
    }
}

/// What the user set for the job, without what only this command obeys.
fn configuration_of(arguments: &JobArguments) -> BTreeMap<String, String> {
    let mut configuration = arguments.overrides().into_map();
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
fn folder_of(file: &Path) -> anyhow::Result<PathBuf> {
    let file = std::path::absolute(file).context("cannot find the working folder")?;
    Ok(file.parent().unwrap_or(&file).to_owned())
}

/// A folder from the root, as JSON can say it.
fn absolute(folder: &Path) -> anyhow::Result<String> {
    let folder = std::path::absolute(folder).context("cannot find the working folder")?;
    folder.into_os_string().into_string().map_err(|folder| {
        let shown = folder.display();
        anyhow::anyhow!("folder {shown} has a name that is no UTF-8, which a cluster is told in")
    })
}
