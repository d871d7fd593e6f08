//! How jobs run: parallelism, chaining, time.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::option::options;
use crate::value::{BufferTimeout, MaxParallelism, RuntimeMode};

options! {
    /// Parallelism of operators of jobs that set none themselves.
    PARALLELISM_DEFAULT: NonZeroU32 = "parallelism.default", default "1";

    /// The job's name, in place of the one in its job file.
    PIPELINE_NAME: Option<String> = "pipeline.name";

    /// Number of key groups, and so the largest parallelism that a job can be rescaled to, for
    /// operators that set none themselves; -1: follows from the operator's parallelism.
    PIPELINE_MAX_PARALLELISM: MaxParallelism = "pipeline.max-parallelism", default "-1";

    /// Whether operators that can be chained run in one task, calling each other directly.
    PIPELINE_OPERATOR_CHAINING: bool = "pipeline.operator-chaining.enabled", default "true",
        also ["pipeline.operator-chaining"];

    /// Whether operators of different max parallelism may be chained.
    PIPELINE_CHAIN_DIFFERENT_MAX_PARALLELISM: bool =
        "pipeline.operator-chaining.chain-operators-with-different-max-parallelism",
        default "true";

    /// How often sources make watermarks from the timestamps seen; 0 for never.
    PIPELINE_AUTO_WATERMARK_INTERVAL: Duration = "pipeline.auto-watermark-interval",
        default "200 ms";

    /// How long an output buffer that is not full may wait before it is sent; 0 sends each
    /// record at once, -1 sends full buffers only.
    EXECUTION_BUFFER_TIMEOUT: BufferTimeout = "execution.buffer-timeout", default "100 ms",
        also ["execution.buffer-timeout.interval"];

    /// Whether a job runs as a stream or as a batch: bounded sources only, no watermark before the
    /// end of the input, and one result a key of rolling aggregations, at that end, when pending
    /// processing-time timers fire, too. AUTOMATIC is BATCH if all sources are bounded.
    EXECUTION_RUNTIME_MODE: RuntimeMode = "execution.runtime-mode", default "STREAMING";

    /// How long a cancelled task may take to end before its TaskManager gives up.
    TASK_CANCELLATION_TIMEOUT: Duration = "task.cancellation.timeout", default "180000 ms"
        => not_yet_in_effect;
}
