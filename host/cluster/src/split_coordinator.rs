//! The enumerators of a job's sources, one per source vertex, asked by all its subtasks.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sandbar_connectors::{ConnectorError, Split, SplitEnumerator};
use sandbar_model::VertexId;
use sandbar_model::job_graph::{JobGraph, OperatorBody};
use sandbar_taskmanager::SplitProvider;

pub(crate) struct SplitCoordinator {
    enumerators: HashMap<VertexId, Mutex<Box<dyn SplitEnumerator>>>,
}

impl SplitCoordinator {
    /// Makes the enumerators of a job's sources.
    ///
    /// # Errors
    /// The connector's message, with the name of the source.
    pub(crate) fn new(
        graph: &JobGraph,
        base_folder: Option<&Path>,
    ) -> Result<SplitCoordinator, String> {
        let mut enumerators = HashMap::new();
        for vertex in &graph.vertices {
            let head = &vertex.operators[0];
            let OperatorBody::Source(connector) = &head.body else { continue };
            let source =
                sandbar_connectors::source(&connector.name, &connector.options, base_folder);
            let enumerator = source
                .and_then(|source| source.enumerator(vertex.parallelism))
                .map_err(|error| format!("source \"{}\": {error}", head.name))?;
            enumerators.insert(vertex.id, Mutex::new(enumerator));
        }
        Ok(SplitCoordinator { enumerators })
    }
}

impl SplitProvider for SplitCoordinator {
    fn next_split(&self, vertex: VertexId, subtask: u32) -> Result<Option<Split>, ConnectorError> {
        match self.enumerators.get(&vertex) {
            Some(enumerator) => {
                enumerator.lock().unwrap_or_else(PoisonError::into_inner).next_split(subtask)
            }
            None => Ok(None),
        }
    }
}
