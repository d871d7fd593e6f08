//! Native operators: the same role as a guest's, compiled into the host. Not for users, who are
//! sandboxed; benchmarks use them to tell what the sandbox costs, tests to build graphs without
//! guests.

use sandbar_model::{RecordBatch, RecordBatchView};
use sandbar_state::{KeyedState, Timers};

/// Native operators under a plugin's name.
pub trait NativePlugin: Send + Sync {
    /// Opens an operator for one subtask.
    ///
    /// # Errors
    /// Unknown operator or bad config.
    fn open(&self, operator: &str, config: &str) -> Result<Box<dyn NativeFunction>, String>;

    /// Opens an operator with a keyed input for one subtask. Unless it wants the state and timers
    /// that the engine has for it, it is opened as any other.
    ///
    /// # Errors
    /// As `open`, and what the state backend says.
    fn open_keyed(
        &self,
        operator: &str,
        config: &str,
        services: NativeServices,
    ) -> Result<Box<dyn NativeFunction>, String> {
        drop(services);
        self.open(operator, config)
    }
}

/// What the engine keeps state and timers in, for one subtask of an operator with a keyed input:
/// by the key groups of the subtask, and paid from the managed memory of its slot.
pub struct NativeServices {
    /// The operator, as state and timers are named by it.
    pub uid: String,
    /// The state backend.
    pub state: KeyedState,
    /// Its timers. Those that are due the operator takes itself, in `on_watermark`.
    pub timers: Timers,
}

impl std::fmt::Debug for NativeServices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeServices").field("uid", &self.uid).finish_non_exhaustive()
    }
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
    ///
    /// # Errors
    /// Why the task must fail.
    fn on_watermark(&mut self, watermark: i64, out: &mut RecordBatch) -> Result<(), String> {
        let _ = (watermark, out);
        Ok(())
    }

    /// The keyed state, for who asks for it; none if it is kept elsewhere.
    fn keyed_state(&mut self) -> Option<&mut KeyedState> {
        None
    }

    /// The input has ended: appends what is left.
    fn finish(&mut self, out: &mut RecordBatch) {
        let _ = out;
    }
}
