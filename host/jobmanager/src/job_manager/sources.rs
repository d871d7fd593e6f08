//! What sources tell and ask: their splits, and their watermarks, by which groups of them keep
//! together.

use sandbar_model::Watermark;
use sandbar_rpc::{TaskAttempt, TaskManagerId, ToTaskManager};

use super::JobManager;

impl JobManager {
    pub(super) fn on_next_split(&mut self, id: &TaskManagerId, request: u64, task: TaskAttempt) {
        let split = match self.jobs.get_mut(&task.job) {
            Some(master) => master.next_split(task),
            None => Err(format!("there is no job {}", task.job)),
        };
        self.send(id, ToTaskManager::Split { request, split });
    }

    pub(super) fn on_source_watermark(
        &mut self,
        id: &TaskManagerId,
        task: TaskAttempt,
        watermark: Watermark,
    ) {
        let master = self.jobs.get_mut(&task.job);
        if let Some(bound) = master.and_then(|master| master.align(task, watermark)) {
            self.send(id, ToTaskManager::AlignSource { task, max_watermark: bound.0 });
        }
    }
}
