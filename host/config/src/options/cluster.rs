//! Processes of a cluster: how they find and watch each other.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::option::options;

options! {
    /// Address at which the JobManager is reached.
    JOBMANAGER_RPC_ADDRESS: String = "jobmanager.rpc.address", default "localhost"
        => not_yet_in_effect;

    /// Port at which the JobManager is reached.
    JOBMANAGER_RPC_PORT: u16 = "jobmanager.rpc.port", default "6123" => not_yet_in_effect;

    /// Port of the REST API and the web page.
    REST_PORT: u16 = "rest.port", default "8081" => not_yet_in_effect;

    /// How often the processes of a cluster ask each other for a sign of life.
    HEARTBEAT_INTERVAL: Duration = "heartbeat.interval", default "10 s" => not_yet_in_effect;

    /// How long a process may be silent before it is taken for dead.
    HEARTBEAT_TIMEOUT: Duration = "heartbeat.timeout", default "50 s" => not_yet_in_effect;

    /// How many messages in a row may fail before their target is taken for dead.
    HEARTBEAT_RPC_FAILURE_THRESHOLD: NonZeroU32 = "heartbeat.rpc-failure-threshold",
        default "2" => not_yet_in_effect;

    /// What survives the loss of a JobManager: NONE, or the name of a store of leases.
    HIGH_AVAILABILITY: String = "high-availability.type", default "NONE",
        also ["high-availability"] => not_yet_in_effect;

    /// Separates clusters that share a store of leases.
    HIGH_AVAILABILITY_CLUSTER_ID: String = "high-availability.cluster-id", default "/default"
        => not_yet_in_effect;

    /// Folder of what a JobManager needs in order to take over.
    HIGH_AVAILABILITY_STORAGE_DIR: Option<String> = "high-availability.storageDir"
        => not_yet_in_effect;
}
