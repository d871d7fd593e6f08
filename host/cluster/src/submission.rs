//! From a prepared job to what a JobManager is told of it.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use sandbar_jobmanager::{SplitCoordinator, Submission};
use sandbar_model::{JobId, PluginId};
use sandbar_rpc::JobInformation;
use sandbar_taskmanager::PluginHandle;

use crate::prepare::PreparedJob;
use crate::settings;

/// What a JobManager is told of a job.
///
/// # Errors
/// A source that cannot find its input, or a wrong option.
pub(crate) fn submission(id: JobId, job: &PreparedJob) -> anyhow::Result<Submission> {
    let splits = SplitCoordinator::new(&job.graph, job.base_folder.as_deref())
        .map_err(anyhow::Error::msg)?;
    settings::task(&job.configuration)?;
    let options = settings::execution_graph(&job.configuration, id)?;
    let base_folder = job.base_folder.as_ref().map(|folder| folder.display().to_string());
    let plugins = plugin_ids(&job.plugins);
    let graph = job.graph.clone();
    Ok(Submission {
        information: JobInformation { job: id, graph, plugins, base_folder },
        splits,
        options,
    })
}

fn plugin_ids(plugins: &HashMap<String, PluginHandle>) -> BTreeMap<String, PluginId> {
    let id = |handle: &PluginHandle| match handle {
        PluginHandle::Component(plugin) => plugin.id(),
        // Native operators are never fetched.
        PluginHandle::Native(_) => PluginId([0; 32]),
    };
    plugins.iter().map(|(name, handle)| (name.clone(), id(handle))).collect()
}

/// Random, from the standard library's per-process random keys.
pub(crate) fn new_job_id() -> JobId {
    let half = |salt: u64| u128::from(RandomState::new().hash_one(salt));
    JobId(half(1) << 64 | half(2))
}
