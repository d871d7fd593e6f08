//! Where the server listens, and its limits.

use std::time::Duration;

use sandbar_rpc::TlsServer;

/// Where the REST API is served, and how much of anything it takes.
#[derive(Clone, Debug)]
pub struct RestOptions {
    /// Name or address of the interface to listen on: the option `rest.bind-address`. Whoever
    /// reaches it can run code on the cluster.
    pub bind_address: String,
    /// The port: the option `rest.port`. 0 for one that is free.
    pub port: u16,
    /// The limits.
    pub limits: RestLimits,
    /// TLS, or none: the option `security.ssl.rest.enabled`.
    pub tls: Option<TlsServer>,
}

impl Default for RestOptions {
    /// `127.0.0.1:8081` with the default limits, without TLS.
    fn default() -> RestOptions {
        RestOptions {
            bind_address: "127.0.0.1".to_owned(),
            port: 8081,
            limits: RestLimits::default(),
            tls: None,
        }
    }
}

/// How much of anything the server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestLimits {
    /// Bytes of a plugin's upload, envelope included. More is answered with 413. At most
    /// [`RestLimits::UPLOADS_MAX`] of them are in memory.
    pub upload_bytes_max: usize,
    /// Bytes of any other body. More is answered with 413.
    pub body_bytes_max: usize,
    /// Open connections. Further ones wait until one is closed.
    pub connections_max: usize,
    /// How long a request's head may take, and how long a connection may idle. Longer is answered
    /// with 408. The handshake of TLS may take as long.
    pub header_time_max: Duration,
    /// How long a request may take from its head to its answer. A body that takes longer is
    /// answered with 408, a cluster that does with 504.
    pub request_time_max: Duration,
}

impl RestLimits {
    /// Uploads at one time; further ones wait. With the default size that is 400 MiB.
    pub const UPLOADS_MAX: usize = 4;
    /// Questions to the cluster at one time, each on a thread of its own; further ones wait.
    pub const GATEWAY_CALLS_MAX: usize = 64;
    /// Bytes of a request's head.
    pub const HEADER_BYTES_MAX: usize = 64 * 1024;
    /// How long [`crate::RestHandle::stop`] waits for answers that are under way.
    pub const STOP_TIME_MAX: Duration = Duration::from_secs(5);
}

impl Default for RestLimits {
    fn default() -> RestLimits {
        RestLimits {
            upload_bytes_max: 100 * 1024 * 1024,
            body_bytes_max: 1024 * 1024,
            connections_max: 1024,
            header_time_max: Duration::from_secs(10),
            request_time_max: Duration::from_secs(60),
        }
    }
}
