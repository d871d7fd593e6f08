//! The plugins of a TaskManager, by the hash of their bytes: fetched from the JobManager once,
//! however many jobs use them. The engine keeps compiled code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sandbar_model::{JobId, PluginId};
use sandbar_rpc::{ToJobManager, ToTaskManager};
use sandbar_wasm::{Capabilities, Engine};

use super::job_manager_link::JobManagerLink;
use crate::deployment::PluginHandle;

/// Plugins whose bytes are kept; the one that was fetched first goes first.
const PLUGINS_MAX: usize = 64;

/// Plugins that need not be fetched, by job and name: what a client in the same process has loaded,
/// and native operators. Shared with whoever submits jobs there.
#[derive(Clone, Debug, Default)]
pub struct LocalPlugins(Arc<Mutex<HashMap<JobId, HashMap<String, PluginHandle>>>>);

impl LocalPlugins {
    /// Adds those of a job.
    pub fn add(&self, job: JobId, plugins: HashMap<String, PluginHandle>) {
        lock(&self.0).insert(job, plugins);
    }

    fn get(&self, job: JobId, name: &str) -> Option<PluginHandle> {
        lock(&self.0).get(&job)?.get(name).cloned()
    }

    fn release(&self, job: JobId) {
        lock(&self.0).remove(&job);
    }
}

pub(super) struct PluginStore {
    engine: Engine,
    link: Arc<JobManagerLink>,
    local: LocalPlugins,
    fetched: Mutex<Vec<(PluginId, Arc<Vec<u8>>)>>,
}

impl PluginStore {
    pub(super) fn new(
        engine: Engine,
        link: Arc<JobManagerLink>,
        local: LocalPlugins,
    ) -> PluginStore {
        PluginStore { engine, link, local, fetched: Mutex::default() }
    }

    /// Loads a plugin, which `name` names in messages. Blocks while it is fetched and compiled.
    ///
    /// # Errors
    /// It cannot be fetched, or is no plugin.
    pub(super) fn load(
        &self,
        job: JobId,
        name: &str,
        plugin: PluginId,
        granted: Capabilities,
    ) -> Result<PluginHandle, String> {
        if let Some(local) = self.local.get(job, name) {
            return Ok(local);
        }
        let bytes = self.bytes(name, plugin)?;
        let loaded = self.engine.load(name, &bytes, granted).map_err(|error| error.to_string())?;
        Ok(PluginHandle::Component(loaded))
    }

    /// Forgets what is kept for a job alone.
    pub(super) fn release(&self, job: JobId) {
        self.local.release(job);
    }

    fn bytes(&self, name: &str, plugin: PluginId) -> Result<Arc<Vec<u8>>, String> {
        let known = lock(&self.fetched)
            .iter()
            .find(|(id, _)| *id == plugin)
            .map(|(_, bytes)| Arc::clone(bytes));
        if let Some(bytes) = known {
            return Ok(bytes);
        }
        let answer = self.link.ask(|request| ToJobManager::FetchPlugin { request, plugin });
        let fetched = match answer {
            Ok(ToTaskManager::Plugin { bytes, .. }) => bytes,
            Ok(other) => Err(format!("the JobManager answered {other:?}")),
            Err(error) => Err(error),
        };
        let failed = |error| format!("plugin \"{name}\" cannot be fetched: {error}");
        let bytes = Arc::new(fetched.map_err(failed)?.into_vec());
        let mut kept = lock(&self.fetched);
        if kept.len() >= PLUGINS_MAX {
            kept.remove(0);
        }
        kept.push((plugin, Arc::clone(&bytes)));
        Ok(bytes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
