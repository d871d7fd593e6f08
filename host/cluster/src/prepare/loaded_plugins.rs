//! The plugins of a job while it is prepared: read, compiled, described, and what is wrong with
//! those that are not. One that fails keeps no other from being loaded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sandbar_graph::spec::SELF_PLUGIN;
use sandbar_model::PluginId;
use sandbar_model::plugin::PluginDescription;
use sandbar_taskmanager::PluginHandle;
use sandbar_wasm::{Capabilities, Engine, Plugin};

/// The plugins by the names that the job gives them.
pub(super) struct LoadedPlugins<'a> {
    engine: &'a Engine,
    arguments: Vec<String>,
    granted: Capabilities,
    pub(super) descriptions: BTreeMap<String, PluginDescription>,
    pub(super) handles: HashMap<String, PluginHandle>,
    pub(super) bytes: BTreeMap<PluginId, Arc<Vec<u8>>>,
    /// Those that are not loaded; the problems say why.
    pub(super) failed: BTreeSet<String>,
    pub(super) problems: Vec<String>,
}

impl<'a> LoadedPlugins<'a> {
    /// None yet, for a job with these arguments that is granted this.
    pub(super) fn new(
        engine: &'a Engine,
        arguments: Vec<String>,
        granted: Capabilities,
    ) -> LoadedPlugins<'a> {
        LoadedPlugins {
            engine,
            arguments,
            granted,
            descriptions: BTreeMap::new(),
            handles: HashMap::new(),
            bytes: BTreeMap::new(),
            failed: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Adds operators of the host's own.
    pub(super) fn add_native(
        &mut self,
        name: &str,
        description: &PluginDescription,
        handle: &PluginHandle,
    ) {
        self.descriptions.insert(name.to_owned(), description.clone());
        self.handles.insert(name.to_owned(), handle.clone());
    }

    /// Adds the plugin that defined the job.
    pub(super) fn add_own(&mut self, plugin: Plugin, bytes: Arc<Vec<u8>>) {
        self.bytes.insert(plugin.id(), bytes);
        self.describe(SELF_PLUGIN, Ok(plugin));
    }

    /// Adds a plugin by its file.
    pub(super) fn read(&mut self, name: &str, path: &Path) {
        self.add(name, read_plugin(path, self.engine.plugin_bytes_max()).map(Arc::new));
    }

    /// Adds a plugin by its bytes, or notes why they are not there.
    pub(super) fn add(&mut self, name: &str, bytes: Result<Arc<Vec<u8>>, String>) {
        let loaded = bytes.and_then(|bytes| {
            let loaded = self.engine.load(name, &bytes, self.granted);
            let loaded = loaded.map_err(|error| error.to_string())?;
            self.bytes.insert(loaded.id(), bytes);
            Ok(loaded)
        });
        self.describe(name, loaded);
    }

    fn describe(&mut self, name: &str, loaded: Result<Plugin, String>) {
        let described = loaded.and_then(|plugin| {
            let described = plugin.describe(&self.arguments);
            Ok((described.map_err(|error| error.to_string())?, plugin))
        });
        match described {
            Ok((description, plugin)) => {
                self.descriptions.insert(name.to_owned(), description);
                self.handles.insert(name.to_owned(), PluginHandle::Component(plugin));
            }
            Err(problem) => {
                self.failed.insert(name.to_owned());
                self.problems.push(problem);
            }
        }
    }
}

/// Reads a plugin that is not too large; the path may be a stranger's.
pub(super) fn read_plugin(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let failed = |error: io::Error| {
        format!("cannot read plugin {shown}: {error}; build it with `sandbar plugin build`")
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(format!("plugin {shown} is no file; name the .wasm file of a plugin"));
    }
    if metadata.len() > bytes_max as u64 {
        let bytes = metadata.len();
        return Err(format!(
            "plugin {shown} is {bytes} bytes, over the limit of {bytes_max}; build it with \
             optimisation and without debug information, or raise sandbar.plugin.bytes.max"
        ));
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile; what is too large the engine refuses.
    let file = File::open(path).map_err(failed)?;
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
