//! Keeps the sources of a job together: knows how far each subtask of an alignment group has come,
//! and tells it how far it may go. Pure.
//!
//! Law: Flink's `SourceCoordinator`: nobody goes further than the slowest that has told, and the
//! drift that its own source allows. Who is idle or has ended tells the end of time.

use std::collections::BTreeMap;

use sandbar_model::job_graph::{JobGraph, WatermarkAlignment as Alignment};
use sandbar_model::{VertexId, Watermark};
use sandbar_rpc::TaskAttempt;

use crate::task_ref::TaskRef;

/// The alignment groups of a job.
#[derive(Debug, Default)]
pub(super) struct WatermarkAlignment {
    sources: BTreeMap<VertexId, Alignment>,
    /// What each subtask told last.
    told: BTreeMap<TaskRef, (u32, Watermark)>,
}

impl WatermarkAlignment {
    pub(super) fn of(graph: &JobGraph) -> WatermarkAlignment {
        let alignment = |vertex: &sandbar_model::job_graph::JobVertex| {
            // Its source's own, else that of an operator chained to it.
            let mut strategies =
                vertex.operators.iter().filter_map(|node| node.watermarks.as_ref());
            Some((vertex.id, strategies.find_map(|strategy| strategy.alignment.clone())?))
        };
        let sources = graph.vertices.iter().filter_map(alignment).collect();
        WatermarkAlignment { sources, told: BTreeMap::new() }
    }

    /// Takes the watermark of a subtask and returns how far it may go; none if it is in no group.
    /// What attempts told that `is_current` denies counts no more.
    pub(super) fn on_watermark(
        &mut self,
        task: TaskAttempt,
        watermark: Watermark,
        is_current: impl Fn(TaskRef, u32) -> bool,
    ) -> Option<Watermark> {
        let Alignment { group, max_drift_ms, .. } = self.sources.get(&task.vertex)?;
        let of_task = TaskRef { vertex: task.vertex, subtask: task.subtask };
        self.told.insert(of_task, (task.attempt, watermark));
        self.told.retain(|of, (attempt, _)| is_current(*of, *attempt));
        let sources = &self.sources;
        let is_of_group =
            |of: &TaskRef| sources.get(&of.vertex).is_some_and(|other| other.group == *group);
        let of_group = self.told.iter().filter(|(of, _)| is_of_group(of));
        let least = of_group.map(|(_, (_, reached))| *reached).min()?;
        Some(match least {
            Watermark::MAX => Watermark::MAX,
            Watermark(least) => Watermark(least.saturating_add(*max_drift_ms)),
        })
    }
}

#[cfg(test)]
mod tests {
    use sandbar_model::JobId;

    use super::*;

    fn alignment(groups: &[(u32, &str, i64)]) -> WatermarkAlignment {
        let source = |&(vertex, group, max_drift_ms): &(u32, &str, i64)| {
            let group = group.to_owned();
            (VertexId(vertex), Alignment { group, max_drift_ms, update_interval_ms: 1000 })
        };
        let sources = groups.iter().map(source).collect();
        WatermarkAlignment { sources, told: BTreeMap::new() }
    }

    fn tell(
        alignment: &mut WatermarkAlignment,
        (vertex, subtask, attempt): (u32, u32, u32),
        watermark: i64,
    ) -> Option<i64> {
        let task = TaskAttempt { job: JobId(7), vertex: VertexId(vertex), subtask, attempt };
        // Attempt 0 of the first subtask of vertex 1 is over.
        let over = TaskRef { vertex: VertexId(1), subtask: 0 };
        let is_current = |of: TaskRef, number: u32| number > 0 || of != over;
        alignment.on_watermark(task, Watermark(watermark), is_current).map(|bound| bound.0)
    }

    #[test]
    fn the_slowest_of_a_group_bounds_all_of_it() {
        let mut alignment = alignment(&[(0, "a", 100), (1, "a", 10), (2, "b", 0)]);
        assert_eq!(tell(&mut alignment, (0, 0, 0), 5000), Some(5100));
        assert_eq!(tell(&mut alignment, (0, 1, 0), 2000), Some(2100));
        // Each has the drift of its own source, and another group is no matter.
        assert_eq!(tell(&mut alignment, (1, 0, 1), 3000), Some(2010));
        assert_eq!(tell(&mut alignment, (2, 0, 0), 7), Some(7));
        assert_eq!(tell(&mut alignment, (3, 0, 0), 7), None);
        // Idle or ended: it leaves; when all have, nothing bounds.
        assert_eq!(tell(&mut alignment, (0, 1, 0), i64::MAX), Some(3100));
        assert_eq!(tell(&mut alignment, (1, 0, 1), i64::MAX), Some(5010));
        assert_eq!(tell(&mut alignment, (0, 0, 0), i64::MAX), Some(i64::MAX));
        assert_eq!(tell(&mut alignment, (0, 0, 0), i64::MAX - 5), Some(i64::MAX));
    }

    #[test]
    fn what_an_attempt_told_that_is_over_counts_no_more() {
        let mut alignment = alignment(&[(0, "a", 0), (1, "a", 0)]);
        assert_eq!(tell(&mut alignment, (1, 0, 1), 100), Some(100));
        assert_eq!(tell(&mut alignment, (0, 0, 0), 900), Some(100));
        // An old attempt speaks up, which is not heard.
        assert_eq!(tell(&mut alignment, (1, 0, 0), 5), Some(900));
        assert_eq!(tell(&mut alignment, (0, 0, 0), 950), Some(950));
    }
}
