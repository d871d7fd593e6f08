//! Native operators: the same role as a guest's, compiled into the host. Not for users, who are
//! sandboxed; benchmarks use them to tell what the sandbox costs, tests to build graphs without
//! guests.

use sandbar_model::{RecordBatch, RecordBatchView};

/// Native operators under a plugin's name.
pub trait NativePlugin: Send + Sync {
    /// Opens an operator for one subtask.
    ///
    /// # Errors
    /// Unknown operator or bad config.
    fn open(&self, operator: &str, config: &str) -> Result<Box<dyn NativeFunction>, String>;
}

/// A native operator at work.
pub trait NativeFunction: Send {
    /// Processes records of an input and appends what it emits on its main output to `out`.
    ///
    /// # Errors
    /// The position of a record it refuses, and why.
    fn process(
        &mut self,
        input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), (usize, String)>;

    /// Event time has come to `watermark`, which follows what is appended to `out`.
    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) {
        let _ = (watermark, out);
    }

    /// The input has ended: appends what is left.
    fn finish(&mut self, out: &mut RecordBatch) {
        let _ = out;
    }
}
