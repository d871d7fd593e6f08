//! A job as a client sends it: the client reads files, the cluster sees what was in them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A plugin that defines a job.
#[derive(Clone, Debug)]
pub struct OwnPlugin {
    /// Its file, for messages.
    pub file_name: String,
    /// What is in it.
    pub bytes: Arc<Vec<u8>>,
}

/// A job that a client sent: a spec, or a plugin that defines one.
#[derive(Clone, Debug, Default)]
pub struct SubmittedJob {
    /// The job spec as JSON.
    pub spec: Option<String>,
    /// The plugin that defines the job, if there is no spec.
    pub own: Option<OwnPlugin>,
    /// Plugins by the names that the spec gives them; others are read from their paths.
    pub plugins: BTreeMap<String, Arc<Vec<u8>>>,
    /// Arguments for `define`.
    pub arguments: Vec<String>,
    /// Where relative paths of its connectors start from.
    pub base_folder: Option<PathBuf>,
}
