//! Processes of a cluster: how they find and watch each other, and what the JobManager keeps.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::option::options;
use crate::value::{ExecutionTarget, PortRange, ResourceProvider};

options! {
    /// Where `sandbar run` runs jobs: `local` in its own process, `remote` on the cluster at
    /// `rest.address`, `application` on a cluster of the job's own whose JobManager defines it,
    /// `per-job` the same after the client has checked the job.
    EXECUTION_TARGET: ExecutionTarget = "execution.target", default "local";

    /// Whether `sandbar run` stays with a job that runs on a cluster until it ends; `-d` sets it to
    /// false.
    EXECUTION_ATTACHED: bool = "execution.attached", default "true";

    /// Whether a job on a cluster is cancelled when the `sandbar run` that stays with it is ended
    /// with Ctrl-C.
    EXECUTION_SHUTDOWN_ON_ATTACHED_EXIT: bool = "execution.shutdown-on-attached-exit",
        default "false";

    /// How long a client that stays with a job tries to reach the cluster again.
    CLIENT_TIMEOUT: Duration = "client.timeout", default "1 min";

    /// Address at which the JobManager is reached by TaskManagers.
    JOBMANAGER_RPC_ADDRESS: String = "jobmanager.rpc.address", default "localhost";

    /// Port at which the JobManager is reached by TaskManagers; 0 takes a free one.
    JOBMANAGER_RPC_PORT: u16 = "jobmanager.rpc.port", default "6123";

    /// Address of this machine at which the JobManager listens for TaskManagers.
    JOBMANAGER_BIND_HOST: String = "jobmanager.bind-host", default "127.0.0.1";

    /// Address at which clients reach the REST API.
    REST_ADDRESS: String = "rest.address", default "localhost";

    /// Address of this machine at which the REST API listens. Whoever reaches it can run code on
    /// the cluster.
    REST_BIND_ADDRESS: String = "rest.bind-address", default "127.0.0.1";

    /// Port of the REST API and the web page; 0 takes a free one.
    REST_PORT: u16 = "rest.port", default "8081", also ["rest.bind-port"];

    /// How often the processes of a cluster ask each other for a sign of life.
    HEARTBEAT_INTERVAL: Duration = "heartbeat.interval", default "2 s";

    /// How long a process may be silent before it is taken for dead.
    HEARTBEAT_TIMEOUT: Duration = "heartbeat.timeout", default "6 s";

    /// How many messages in a row may fail before their target is taken for dead. Not needed: a
    /// link that breaks is known at once.
    HEARTBEAT_RPC_FAILURE_THRESHOLD: NonZeroU32 = "heartbeat.rpc-failure-threshold",
        default "2" => not_yet_in_effect;

    /// How long a job waits for slots before it fails.
    SLOT_REQUEST_TIMEOUT: Duration = "slot.request.timeout", default "5 min";

    /// Whether slots are taken of the TaskManager that is used least; if not, of the one that is
    /// used most.
    EVENLY_SPREAD_OUT_SLOTS: bool = "cluster.evenly-spread-out-slots", default "false";

    /// Who starts TaskManagers: nobody (`standalone`), or the JobManager as processes on its own
    /// machine (`process`), when jobs need them.
    RESOURCE_PROVIDER: ResourceProvider = "sandbar.resource.provider", default "standalone";

    /// How long a TaskManager that the JobManager started may idle before it is ended.
    TASK_MANAGER_TIMEOUT: Duration = "resourcemanager.taskmanager-timeout", default "30 s";

    /// TaskManagers that the JobManager starts at most.
    PROVIDER_TASK_MANAGERS_MAX: NonZeroU32 = "sandbar.resource.task-managers.max", default "16";

    /// How long a job that has ended is shown.
    JOBSTORE_EXPIRATION_TIME: Duration = "jobstore.expiration-time", default "1 h";

    /// How many jobs that have ended are shown.
    JOBSTORE_MAX_CAPACITY: NonZeroU32 = "jobstore.max-capacity", default "1000";

    /// Name of a TaskManager; made up when it is not set. No two may have the same.
    TASKMANAGER_RESOURCE_ID: Option<String> = "taskmanager.resource-id";

    /// Address at which other TaskManagers reach this one; when it is not set, the one it listens
    /// on, or that by which it reaches the JobManager.
    TASKMANAGER_HOST: Option<String> = "taskmanager.host";

    /// Ports of which a TaskManager takes the first free one for `/metrics`, at
    /// `taskmanager.bind-host`.
    METRICS_PORTS: PortRange = "metrics.reporter.prom.port", default "9249-9348";

    /// How long a TaskManager tries to register at its JobManager before it ends with an error.
    TASKMANAGER_REGISTRATION_TIMEOUT: Duration = "taskmanager.registration.timeout",
        default "5 min";

    /// What survives the loss of a JobManager: NONE, or the name of a store of leases.
    HIGH_AVAILABILITY: String = "high-availability.type", default "NONE",
        also ["high-availability"] => not_yet_in_effect;

    /// Name of the cluster: TaskManagers of different ones exchange no records.
    HIGH_AVAILABILITY_CLUSTER_ID: String = "high-availability.cluster-id", default "/default";

    /// Folder of what a JobManager needs in order to take over.
    HIGH_AVAILABILITY_STORAGE_DIR: Option<String> = "high-availability.storageDir"
        => not_yet_in_effect;
}
