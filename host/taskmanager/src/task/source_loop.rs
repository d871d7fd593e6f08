//! The loop of a source task: poll the reader, send what it read, ask for splits.

use sandbar_connectors::{ReaderStatus, SourceReader};
use sandbar_model::{RecordBatch, Watermark};

use super::source_head::SourceHead;
use super::{Pace, Task};
use crate::chain::{Operator, Outputs};
use crate::error::TaskError;
use crate::virtual_clock::Wait;

/// Runs a source to the end of its input.
pub(super) fn run(
    task: &Task,
    pace: &mut Pace<'_>,
    name: &str,
    mut reader: Box<dyn SourceReader>,
    outputs: Outputs,
) -> Result<(), TaskError> {
    let failed = |error| TaskError::of_connector(name, error);
    let (vertex, subtask) = (task.deployment.vertex, task.deployment.subtask);
    let node = &task.deployment.vertex().operators[0];
    let mut head = SourceHead::new(task, node, outputs);
    let mut batch = RecordBatch::new();
    loop {
        pace.between_elements(&mut head)?;
        if head.is_ahead() {
            let due_ms = head.next_processing_timer();
            let waited = pace.wait(&mut head, Wait { due_ms, on_outside: false })?;
            task.control.add_aligned(waited);
            continue;
        }
        batch.clear();
        let status = reader.poll(&mut batch).map_err(failed)?;
        if !batch.is_empty() {
            task.metrics.io.num_records_in.add(batch.len() as i64);
        }
        head.emit(&mut batch, reader.runs())?;
        match status {
            ReaderStatus::Ready => {}
            ReaderStatus::Pending { wake_at_ms } => {
                let timer = head.next_processing_timer();
                let due_ms = wake_at_ms.into_iter().chain(timer).min();
                pace.wait(&mut head, Wait { due_ms, on_outside: wake_at_ms.is_none() })?;
            }
            ReaderStatus::NeedsSplit => {
                head.on_splits_read();
                let splits = &task.deployment.job.splits;
                match splits.next_split(vertex, subtask).map_err(failed)? {
                    Some(split) => {
                        head.on_split(&split.id);
                        reader.add_split(split);
                    }
                    None => break,
                }
            }
            ReaderStatus::Finished => break,
        }
    }
    head.on_watermark(Watermark::MAX)?;
    head.finish()?;
    head.close()
}
