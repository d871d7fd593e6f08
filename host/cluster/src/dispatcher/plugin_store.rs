//! The plugins of a cluster by the hash of their bytes: those that clients uploaded, and those that
//! jobs hold while they run. Source: Flink's `BlobServer`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sandbar_model::{JobId, PluginId};
use sandbar_rpc::{GatewayError, StoredPlugin};

/// Plugins that may be uploaded at once.
const PLUGINS_MAX: usize = 1000;
/// Bytes of all plugins that are uploaded or in use.
const BYTES_MAX: usize = 1 << 30;

type Bytes = Arc<Vec<u8>>;

/// The plugins.
#[derive(Debug, Default)]
pub(super) struct PluginStore(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    /// Oldest first.
    uploaded: Vec<(StoredPlugin, Bytes)>,
    /// The plugins of jobs that have not ended.
    held: HashMap<JobId, BTreeMap<PluginId, Bytes>>,
}

impl PluginStore {
    /// Adds a plugin; one that is there stays as it is.
    pub(super) fn add(
        &self,
        plugin: StoredPlugin,
        bytes: Bytes,
    ) -> Result<StoredPlugin, GatewayError> {
        let mut contents = self.lock();
        let known = contents.uploaded.iter().find(|(known, _)| known.id == plugin.id);
        if let Some((known, _)) = known {
            return Ok(known.clone());
        }
        if contents.uploaded.len() >= PLUGINS_MAX {
            return Err(GatewayError::TooLarge(format!(
                "there are {PLUGINS_MAX} plugins already; delete some first"
            )));
        }
        let is_held = contents.bytes(plugin.id).is_some();
        contents.check_room(if is_held { 0 } else { bytes.len() })?;
        contents.uploaded.push((plugin.clone(), bytes));
        Ok(plugin)
    }

    /// Keeps the plugins of a job until it is released.
    pub(super) fn hold(
        &self,
        job: JobId,
        plugins: BTreeMap<PluginId, Bytes>,
    ) -> Result<(), GatewayError> {
        let mut contents = self.lock();
        let shared: BTreeMap<PluginId, Bytes> = plugins
            .into_iter()
            .map(|(id, bytes)| (id, contents.bytes(id).unwrap_or(bytes)))
            .collect();
        let is_new = |id: &&PluginId| contents.bytes(**id).is_none();
        let more = shared.keys().filter(is_new).map(|id| shared[id].len()).sum();
        contents.check_room(more)?;
        contents.held.insert(job, shared);
        Ok(())
    }

    /// The jobs that hold plugins.
    pub(super) fn holders(&self) -> Vec<JobId> {
        self.lock().held.keys().copied().collect()
    }

    /// Lets the plugins of a job go.
    pub(super) fn release(&self, job: JobId) {
        self.lock().held.remove(&job);
    }

    /// The bytes of a plugin that is uploaded or in use.
    pub(super) fn bytes(&self, id: PluginId) -> Option<Bytes> {
        self.lock().bytes(id)
    }

    /// File name and bytes of an uploaded plugin.
    pub(super) fn uploaded(&self, id: PluginId) -> Option<(String, Bytes)> {
        let contents = self.lock();
        let (plugin, bytes) = contents.uploaded.iter().find(|(plugin, _)| plugin.id == id)?;
        Some((plugin.file_name.clone(), Arc::clone(bytes)))
    }

    /// All uploaded plugins, oldest first.
    pub(super) fn list(&self) -> Vec<StoredPlugin> {
        self.lock().uploaded.iter().map(|(plugin, _)| plugin.clone()).collect()
    }

    /// Forgets an uploaded plugin; false if there is none. Jobs keep theirs.
    pub(super) fn delete(&self, id: PluginId) -> bool {
        let mut contents = self.lock();
        let before = contents.uploaded.len();
        contents.uploaded.retain(|(plugin, _)| plugin.id != id);
        contents.uploaded.len() < before
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn bytes(&self, id: PluginId) -> Option<Bytes> {
        let uploaded = self.uploaded.iter().find(|(plugin, _)| plugin.id == id);
        let held = || self.held.values().find_map(|of_job| of_job.get(&id));
        uploaded.map(|(_, bytes)| bytes).or_else(held).map(Arc::clone)
    }

    fn check_room(&self, more: usize) -> Result<(), GatewayError> {
        let mut sizes: HashMap<PluginId, usize> =
            self.uploaded.iter().map(|(plugin, bytes)| (plugin.id, bytes.len())).collect();
        let held = self.held.values().flatten();
        sizes.extend(held.map(|(id, bytes)| (*id, bytes.len())));
        let kept: usize = sizes.values().sum();
        if kept + more <= BYTES_MAX {
            return Ok(());
        }
        Err(GatewayError::TooLarge(format!(
            "the plugins of the cluster have {kept} bytes, and with {more} more there would be \
             over {BYTES_MAX}; delete plugins that are not needed"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(id: u8) -> StoredPlugin {
        StoredPlugin {
            id: PluginId([id; 32]),
            file_name: format!("{id}.wasm"),
            uploaded: 0,
            bytes: 1,
            description: None,
            defines_job: false,
        }
    }

    #[test]
    fn a_plugin_that_is_deleted_stays_for_the_jobs_that_hold_it() {
        let store = PluginStore::default();
        let (id, bytes) = (PluginId([1; 32]), Arc::new(vec![1]));
        store.add(stored(1), Arc::clone(&bytes)).unwrap();
        store.hold(JobId(7), BTreeMap::from([(id, bytes)])).unwrap();
        assert!(store.delete(id) && !store.delete(id));
        assert!(store.uploaded(id).is_none() && store.bytes(id).is_some());
        assert_eq!(store.holders(), [JobId(7)]);
        store.release(JobId(7));
        assert!(store.bytes(id).is_none());
    }

    #[test]
    fn a_plugin_that_is_uploaded_again_changes_nothing() {
        let store = PluginStore::default();
        store.add(stored(1), Arc::default()).unwrap();
        let again = StoredPlugin { file_name: "other.wasm".to_owned(), ..stored(1) };
        assert_eq!(store.add(again, Arc::default()).unwrap().file_name, "1.wasm");
        assert_eq!(store.list().len(), 1);
    }

    #[test]
    fn there_are_not_more_bytes_than_there_may_be() {
        let store = PluginStore::default();
        let half = Arc::new(vec![0; BYTES_MAX / 2]);
        store.add(stored(1), Arc::clone(&half)).unwrap();
        store.hold(JobId(1), BTreeMap::from([(PluginId([2; 32]), half)])).unwrap();
        let refused = store.add(stored(3), Arc::new(vec![0])).unwrap_err();
        assert!(matches!(refused, GatewayError::TooLarge(_)), "{refused}");
        store.release(JobId(1));
        store.add(stored(3), Arc::new(vec![0])).unwrap();
    }
}
