//! What the graph compiler is told of plugins and connectors.

use std::collections::BTreeMap;
use std::path::Path;

use sandbar_connectors::sink::ANY_FORMAT;
use sandbar_graph::{Catalog, SinkTraits, SourceTraits};
use sandbar_model::plugin::PluginDescription;
use serde_json::Value;

/// What the graph compiler asks of plugins and connectors.
pub(super) struct LoadedCatalog<'a> {
    pub(super) base_folder: Option<&'a Path>,
    pub(super) plugins: BTreeMap<String, PluginDescription>,
}

impl Catalog for LoadedCatalog<'_> {
    fn plugin(&self, name: &str) -> Option<&PluginDescription> {
        self.plugins.get(name)
    }

    fn plugin_names(&self) -> Vec<String> {
        self.plugins.keys().cloned().collect()
    }

    fn source(
        &self,
        connector: &str,
        options: &BTreeMap<String, Value>,
    ) -> Result<SourceTraits, String> {
        let source = sandbar_connectors::source(connector, options, self.base_folder)
            .map_err(|error| error.to_string())?;
        // Only one subtask can read a stream that cannot be split.
        let single = matches!(connector, "socket" | "stdin");
        Ok(SourceTraits {
            format: source.format().to_owned(),
            parallelism_max: single.then_some(1),
        })
    }

    fn sink(
        &self,
        connector: &str,
        options: &BTreeMap<String, Value>,
    ) -> Result<SinkTraits, String> {
        let sink = sandbar_connectors::sink(connector, options, self.base_folder)
            .map_err(|error| error.to_string())?;
        // An input of format "bytes" takes anything, which is what a sink says with "*".
        let formats = sink.formats().iter().map(|format| match *format {
            ANY_FORMAT => "bytes".to_owned(),
            other => other.to_owned(),
        });
        Ok(SinkTraits { formats: formats.collect() })
    }
}
