//! What the graph must know of plugins, connectors and configuration, asked of the caller.

use std::collections::BTreeMap;

use sandbar_model::plugin::PluginDescription;

/// The plugins and connectors that a job can use.
pub trait Catalog {
    /// The description of the plugin that the job calls `name`; none when it is not loaded.
    fn plugin(&self, name: &str) -> Option<&PluginDescription>;

    /// The names of all plugins, for hints.
    fn plugin_names(&self) -> Vec<String>;

    /// What a source with these options is like.
    ///
    /// # Errors
    /// There is no such connector, or it refuses the options: a message for the user.
    fn source(
        &self,
        connector: &str,
        options: &BTreeMap<String, serde_json::Value>,
    ) -> Result<SourceTraits, String>;

    /// What a sink with these options is like.
    ///
    /// # Errors
    /// As for [`Catalog::source`].
    fn sink(
        &self,
        connector: &str,
        options: &BTreeMap<String, serde_json::Value>,
    ) -> Result<SinkTraits, String>;
}

/// What a source is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTraits {
    /// Format of its records.
    pub format: String,
    /// The largest parallelism that makes sense, such as 1 for a socket; none for any. A source
    /// that sets no parallelism itself gets no more than this.
    pub parallelism_max: Option<u32>,
}

/// What a sink is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkTraits {
    /// Formats that it takes.
    pub formats: Vec<String>,
}

/// What configuration says about graphs. An operator's own setting and then the job's win over
/// the two parallelisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphSettings {
    /// `parallelism.default`.
    pub default_parallelism: u32,
    /// `pipeline.max-parallelism`; none: follows from the parallelism.
    pub max_parallelism: Option<u32>,
    /// `pipeline.operator-chaining.enabled`.
    pub chaining_enabled: bool,
    /// `pipeline.operator-chaining.chain-operators-with-different-max-parallelism`.
    pub chain_different_max_parallelism: bool,
}

/// The defaults of the options: parallelism 1, chaining enabled.
impl Default for GraphSettings {
    fn default() -> GraphSettings {
        GraphSettings {
            default_parallelism: 1,
            max_parallelism: None,
            chaining_enabled: true,
            chain_different_max_parallelism: true,
        }
    }
}
