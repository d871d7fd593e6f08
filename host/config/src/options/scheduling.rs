//! How a job comes to its parallelism. Source: Flink, `JobManagerOptions.SCHEDULER` and those of
//! the adaptive scheduler, with the names of Flink 2.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::option::options;
use crate::value::SchedulerType;

options! {
    /// Who decides on the parallelism of a job: `default` waits for all the slots it needs,
    /// `adaptive` runs it on those that there are and rescales it when they change, from the
    /// beginning of its input. Any failure restarts all of an adaptive job.
    SCHEDULER: SchedulerType = "jobmanager.scheduler", default "default";

    /// How long an adaptive job waits for the slots of its lower bounds before it fails.
    RESOURCE_WAIT_TIMEOUT: Duration =
        "jobmanager.adaptive-scheduler.submission.resource-wait-timeout", default "5 min",
        also ["jobmanager.adaptive-scheduler.resource-wait-timeout"];

    /// How long an adaptive job that could run waits for all the slots it would like, before it
    /// runs with fewer.
    SUBMISSION_STABILIZATION_TIMEOUT: Duration =
        "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout", default "10 s",
        also ["jobmanager.adaptive-scheduler.resource-stabilization-timeout"];

    /// How long an adaptive job that runs waits for all the slots it would like, before it is
    /// rescaled to some more of them; with all of them it does not wait.
    EXECUTING_STABILIZATION_TIMEOUT: Duration =
        "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout", default "60 s",
        also ["jobmanager.adaptive-scheduler.scaling-interval.max"];

    /// How long an adaptive job runs at least before it is rescaled.
    COOLDOWN_AFTER_RESCALING: Duration =
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling", default "30 s",
        also ["jobmanager.adaptive-scheduler.scaling-interval.min"];

    /// By how many subtasks some vertex must grow for an adaptive job to be rescaled for it.
    MIN_PARALLELISM_INCREASE: NonZeroU32 =
        "jobmanager.adaptive-scheduler.min-parallelism-increase", default "1";
}
