//! Failover regions: which subtasks are restarted when one fails. Pure.
//!
//! Law: a region is a set of subtasks that pipelined exchanges connect. All exchanges are
//! pipelined, so no record passes between regions and restarting one alone is enough.
//! Forward and rescale connect a subtask with some of the other side, every other partitioner
//! connects all with all.
//! Source: Flink, `RestartPipelinedRegionFailoverStrategy`, `PipelinedRegionComputeUtil`.

use std::collections::BTreeMap;
use std::ops::Range;

use sandbar_model::job_graph::{JobEdge, JobGraph, Partitioner};

use crate::task_ref::{TaskRef, tasks_of};

/// `jobmanager.execution.failover-strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailoverStrategy {
    /// `region`: the region of the failed task is restarted.
    #[default]
    Region,
    /// `full`: the whole job is restarted.
    Full,
}

/// Position of a region among those of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(pub usize);

/// The regions of a job; with the strategy `full`, there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailoverRegions {
    /// `of_task[vertex][subtask]`.
    of_task: Vec<Vec<RegionId>>,
    /// Invariant: each is in the order of the graph, and none is empty.
    regions: Vec<Vec<TaskRef>>,
}

impl FailoverRegions {
    /// Finds the regions of a job, in the order of their first subtasks.
    pub fn of(graph: &JobGraph, strategy: FailoverStrategy) -> FailoverRegions {
        let mut sets = DisjointSets::new(graph);
        match strategy {
            FailoverStrategy::Region => {
                graph.edges.iter().for_each(|edge| sets.connect(graph, edge))
            }
            FailoverStrategy::Full => (1..sets.parents.len()).for_each(|task| sets.unite(0, task)),
        }
        let mut ids = BTreeMap::new();
        let mut of_task: Vec<Vec<RegionId>> = vec![Vec::new(); graph.vertices.len()];
        let mut regions: Vec<Vec<TaskRef>> = Vec::new();
        for (number, task) in tasks_of(graph).enumerate() {
            let id = *ids.entry(sets.root(number)).or_insert(RegionId(regions.len()));
            if id.0 == regions.len() {
                regions.push(Vec::new());
            }
            regions[id.0].push(task);
            of_task[task.vertex.index()].push(id);
        }
        FailoverRegions { of_task, regions }
    }

    /// Number of regions.
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether the job has no subtasks.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// All regions.
    pub fn ids(&self) -> impl Iterator<Item = RegionId> + use<> {
        (0..self.regions.len()).map(RegionId)
    }

    /// The region of a subtask; none for a subtask that the job does not have.
    pub fn region_of(&self, task: TaskRef) -> Option<RegionId> {
        self.of_task.get(task.vertex.index())?.get(task.subtask as usize).copied()
    }

    /// The subtasks of a region; none for a region that the job does not have.
    pub fn tasks(&self, region: RegionId) -> &[TaskRef] {
        self.regions.get(region.0).map_or(&[], Vec::as_slice)
    }

    /// The subtasks to restart when one fails, itself among them.
    pub fn tasks_to_restart(&self, failed: TaskRef) -> &[TaskRef] {
        self.region_of(failed).map_or(&[], |region| self.tasks(region))
    }
}

/// Union-find over subtasks, numbered in the order of the graph.
struct DisjointSets {
    parents: Vec<usize>,
    /// The number of each vertex's first subtask.
    first: Vec<usize>,
}

impl DisjointSets {
    fn new(graph: &JobGraph) -> DisjointSets {
        let mut first = Vec::with_capacity(graph.vertices.len());
        let mut tasks = 0;
        for vertex in &graph.vertices {
            first.push(tasks);
            tasks += vertex.parallelism as usize;
        }
        DisjointSets { parents: (0..tasks).collect(), first }
    }

    fn root(&mut self, mut task: usize) -> usize {
        while self.parents[task] != task {
            // Halving the path keeps later look-ups short.
            self.parents[task] = self.parents[self.parents[task]];
            task = self.parents[task];
        }
        task
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.parents[one.max(other)] = one.min(other);
    }

    fn connect(&mut self, graph: &JobGraph, edge: &JobEdge) {
        let parallelism =
            |vertex: sandbar_model::VertexId| graph.vertices[vertex.index()].parallelism;
        let (sources, targets) = (parallelism(edge.source), parallelism(edge.target));
        let first_source = self.first[edge.source.index()];
        let first_target = self.first[edge.target.index()];
        for target in 0..targets {
            for source in sources_of(edge.partitioner, target, sources, targets) {
                self.unite(first_source + source as usize, first_target + target as usize);
            }
        }
    }
}

/// Upstream subtasks that connect a downstream subtask with its region. For all-to-all, where
/// everything is connected, the first target names all sources, and every other only the first.
///
/// Source: Flink, `VertexInputInfoComputationUtils.computeVertexInputInfoForPointwise`.
fn sources_of(partitioner: Partitioner, target: u32, sources: u32, targets: u32) -> Range<u32> {
    if !is_pointwise(partitioner) {
        return if target == 0 { 0..sources } else { 0..sources.min(1) };
    }
    let scaled =
        |index: u32| (u64::from(index) * u64::from(sources) / u64::from(targets.max(1))) as u32;
    if sources >= targets {
        scaled(target)..scaled(target + 1)
    } else {
        scaled(target)..scaled(target) + sources.min(1)
    }
}

fn is_pointwise(partitioner: Partitioner) -> bool {
    match partitioner {
        Partitioner::Forward | Partitioner::Rescale => true,
        Partitioner::Rebalance
        | Partitioner::Shuffle
        | Partitioner::Broadcast
        | Partitioner::Global
        | Partitioner::Hash
        | Partitioner::Custom => false,
    }
}

#[cfg(test)]
mod tests;
