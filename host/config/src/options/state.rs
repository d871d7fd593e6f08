//! Where state and snapshots are kept.

use crate::option::options;

options! {
    /// The state backend.
    STATE_BACKEND: String = "state.backend.type", default "hashmap", also ["state.backend"]
        => not_yet_in_effect;

    /// Folder of checkpoints; when it is not set, checkpoints are kept in the JobManager.
    CHECKPOINTS_DIR: Option<String> = "execution.checkpointing.dir",
        also ["state.checkpoints.dir"] => not_yet_in_effect;

    /// Folder of savepoints whose command names none.
    SAVEPOINTS_DIR: Option<String> = "execution.checkpointing.savepoint-dir",
        also ["state.savepoints.dir"] => not_yet_in_effect;
}
