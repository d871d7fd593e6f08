//! The exchange of records between TaskManager processes.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::option::options;
use crate::value::{CompressionCodec, MemorySize};

options! {
    /// Address of this machine at which a TaskManager takes records of others.
    TASKMANAGER_BIND_HOST: String = "taskmanager.bind-host", default "127.0.0.1";

    /// Port at which a TaskManager takes records of others; 0 takes a free one.
    TASKMANAGER_DATA_PORT: u16 = "taskmanager.data.port", default "0";

    /// How records are compressed on their way between TaskManagers.
    NETWORK_COMPRESSION_CODEC: CompressionCodec = "taskmanager.network.compression.codec",
        default "NONE";

    /// Largest batch that a TaskManager takes from another one.
    NETWORK_FRAME_BYTES_MAX: MemorySize = "sandbar.network.frame.bytes.max", default "64 mb";

    /// How long a TaskManager may take to connect to another one, over all attempts.
    NETWORK_CONNECT_TIMEOUT: Duration = "sandbar.network.connect.timeout", default "10 s";

    /// How long what was sent may stay without acknowledgement before the connection is given up.
    NETWORK_UNACKNOWLEDGED_TIMEOUT: Duration = "sandbar.network.unacknowledged.timeout",
        default "30 s";

    /// Most connections that a TaskManager takes from others at a time.
    NETWORK_CONNECTIONS_MAX: NonZeroU32 = "sandbar.network.connections.max", default "1024";
}
