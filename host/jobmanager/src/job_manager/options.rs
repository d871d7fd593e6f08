//! How a JobManager is made, and who starts TaskManagers for it.

use std::sync::Arc;
use std::time::Duration;

use sandbar_model::{Clock, PluginId};
use sandbar_rpc::{FencingToken, TaskManagerId};

use crate::slot_manager::SlotManagerOptions;

/// Starts and stops TaskManagers. Source: Flink's `ResourceManagerDriver`.
pub trait WorkerProvider: Send {
    /// Starts TaskManagers, which will register, and says how many could not be started.
    fn request(&mut self, workers: u32) -> u32;
    /// A TaskManager has been told to end, or is gone.
    fn released(&mut self, worker: &TaskManagerId);
}

/// The provider that cannot start any: TaskManagers come by themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standalone;

impl WorkerProvider for Standalone {
    fn request(&mut self, _workers: u32) -> u32 {
        0
    }

    fn released(&mut self, _worker: &TaskManagerId) {}
}

/// Finds the bytes of a plugin that was stored.
pub type PluginBytes = Arc<dyn Fn(PluginId) -> Option<Arc<Vec<u8>>> + Send + Sync>;

/// How a JobManager is made.
pub struct JobManagerOptions {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Its term.
    pub token: FencingToken,
    /// `heartbeat.interval`.
    pub heartbeat_interval: Duration,
    /// `heartbeat.timeout`.
    pub heartbeat_timeout: Duration,
    /// `slot.request.timeout`.
    pub slot_request_timeout: Duration,
    /// Jobs that have ended and are shown all the same: `jobstore.max-capacity`.
    pub archive_max: usize,
    /// How long they are shown: `jobstore.expiration-time`.
    pub archive_expiration: Duration,
    /// How slots are given.
    pub slots: SlotManagerOptions,
    /// Starts TaskManagers.
    pub provider: Box<dyn WorkerProvider>,
    /// Where TaskManagers get plugins.
    pub plugins: PluginBytes,
}

impl std::fmt::Debug for JobManagerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobManagerOptions").finish_non_exhaustive()
    }
}
