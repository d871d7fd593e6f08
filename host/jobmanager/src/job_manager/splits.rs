//! The splits of a job's sources: the enumerators, one a source vertex, and which subtask has what.
//! Without checkpoints a restarted subtask reads its splits again from their start.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

use sandbar_connectors::{ConnectorError, Split, SplitEnumerator};
use sandbar_model::VertexId;
use sandbar_model::job_graph::{JobGraph, OperatorBody};

use crate::task_ref::TaskRef;

/// Deals out the splits of a job.
#[derive(Default)]
pub struct SplitCoordinator {
    enumerators: HashMap<VertexId, Box<dyn SplitEnumerator>>,
    /// Splits that subtasks have; given back when they run again.
    assigned: BTreeMap<TaskRef, Vec<Split>>,
    returned: BTreeMap<TaskRef, VecDeque<Split>>,
}

impl std::fmt::Debug for SplitCoordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SplitCoordinator").finish_non_exhaustive()
    }
}

impl SplitCoordinator {
    /// Makes the enumerators of a job's sources.
    ///
    /// # Errors
    /// The connector's message, with the name of the source.
    pub fn new(graph: &JobGraph, base_folder: Option<&Path>) -> Result<SplitCoordinator, String> {
        let mut enumerators = HashMap::new();
        for vertex in &graph.vertices {
            let Some(head) = vertex.operators.first() else { continue };
            let OperatorBody::Source(connector) = &head.body else { continue };
            let source =
                sandbar_connectors::source(&connector.name, &connector.options, base_folder);
            let enumerator = source
                .and_then(|source| source.enumerator(vertex.parallelism))
                .map_err(|error| format!("source \"{}\": {error}", head.name))?;
            enumerators.insert(vertex.id, enumerator);
        }
        Ok(SplitCoordinator::of(enumerators))
    }

    /// Deals out the splits of these enumerators, by source vertex.
    pub fn of(enumerators: HashMap<VertexId, Box<dyn SplitEnumerator>>) -> SplitCoordinator {
        SplitCoordinator { enumerators, ..SplitCoordinator::default() }
    }

    /// The next split for a subtask, or none when it gets no more.
    pub(super) fn next(&mut self, task: TaskRef) -> Result<Option<Split>, ConnectorError> {
        let returned = self.returned.get_mut(&task).and_then(VecDeque::pop_front);
        let split = match (returned, self.enumerators.get_mut(&task.vertex)) {
            (Some(split), _) => Some(split),
            (None, Some(enumerator)) => enumerator.next_split(task.subtask)?,
            (None, None) => None,
        };
        if let Some(split) = &split {
            self.assigned.entry(task).or_default().push(split.clone());
        }
        Ok(split)
    }

    /// All tasks of the job run again, in number perhaps others: everything is dealt out anew.
    pub(super) fn restart(&mut self, graph: &JobGraph) {
        self.assigned.clear();
        self.returned.clear();
        for (vertex, enumerator) in &mut self.enumerators {
            let parallelism = graph.vertices.get(vertex.index()).map_or(0, |of| of.parallelism);
            enumerator.restart(parallelism);
        }
    }

    /// A subtask runs again: it gets the splits that it had.
    pub(super) fn give_back(&mut self, task: TaskRef) {
        if let Some(splits) = self.assigned.remove(&task) {
            let returned = self.returned.entry(task).or_default();
            splits.into_iter().rev().for_each(|split| returned.push_front(split));
        }
    }
}
