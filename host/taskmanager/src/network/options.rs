//! How a TaskManager takes part in the exchange: addresses, limits and times.

use std::time::Duration;

use sandbar_rpc::{TaskManagerId, TlsSettings};

use super::compression::Compression;

/// Options of a [`super::NetworkEnvironment`].
#[derive(Clone)]
pub struct NetworkOptions {
    /// Who this is, for the other end's messages.
    pub task_manager: TaskManagerId,
    /// `host:port` to listen on; port 0 takes a free one. `taskmanager.bind-host` and
    /// `taskmanager.data.port`.
    pub bind_address: String,
    /// What all TaskManagers of the cluster know and strangers do not.
    pub cluster_token: String,
    /// How batches that this side sends are compressed. `taskmanager.network.compression.codec`.
    pub compression: Compression,
    /// Longest frame taken, in bytes. `sandbar.network.frame.bytes.max`.
    pub frame_bytes_max: u32,
    /// How long a connection may take to be made, over all attempts.
    /// `sandbar.network.connect.timeout`.
    pub connect_timeout: Duration,
    /// How long the other end may take for its first frame, with the handshake of TLS before it.
    pub hello_timeout: Duration,
    /// How long sent bytes may stay unacknowledged before the connection counts as lost; an idle
    /// connection is probed as often. `sandbar.network.unacknowledged.timeout`.
    pub unacknowledged_timeout: Duration,
    /// Most connections taken at a time. `sandbar.network.connections.max`.
    pub connections_max: usize,
    /// Mutual TLS with all others, or none. `security.ssl.internal.enabled`.
    pub tls: Option<TlsSettings>,
}

impl NetworkOptions {
    /// The defaults, on a free port of the loopback interface.
    pub fn new(task_manager: TaskManagerId, cluster_token: impl Into<String>) -> NetworkOptions {
        NetworkOptions {
            task_manager,
            bind_address: "127.0.0.1:0".to_owned(),
            cluster_token: cluster_token.into(),
            compression: Compression::None,
            frame_bytes_max: 64 << 20,
            connect_timeout: Duration::from_secs(10),
            hello_timeout: Duration::from_secs(5),
            unacknowledged_timeout: Duration::from_secs(30),
            connections_max: 1024,
            tls: None,
        }
    }
}

impl std::fmt::Debug for NetworkOptions {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkOptions")
            .field("task_manager", &self.task_manager)
            .field("bind_address", &self.bind_address)
            .finish_non_exhaustive()
    }
}
