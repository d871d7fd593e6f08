//! Checkpoints: when they are taken and what they promise.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::option::options;
use crate::value::CheckpointingMode;

options! {
    /// How often a checkpoint is taken; when it is not set, none is.
    CHECKPOINTING_INTERVAL: Option<Duration> = "execution.checkpointing.interval"
        => not_yet_in_effect;

    /// How long a checkpoint may take before it is given up.
    CHECKPOINTING_TIMEOUT: Duration = "execution.checkpointing.timeout", default "10 min"
        => not_yet_in_effect;

    /// What a checkpoint promises.
    CHECKPOINTING_MODE: CheckpointingMode = "execution.checkpointing.mode",
        default "EXACTLY_ONCE" => not_yet_in_effect;

    /// How many checkpoints may be under way at once.
    CHECKPOINTING_MAX_CONCURRENT: NonZeroU32 =
        "execution.checkpointing.max-concurrent-checkpoints", default "1" => not_yet_in_effect;

    /// The least time between the end of a checkpoint and the start of the next.
    CHECKPOINTING_MIN_PAUSE: Duration = "execution.checkpointing.min-pause", default "0 ms"
        => not_yet_in_effect;
}
