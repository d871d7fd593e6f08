//! The server: listens, serves each connection as a task, and stops when told.
//!
//! Law: it owns its runtime, so callers need none, and a slow cluster blocks no other's.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use sandbar_model::{Clock, SystemClock};
use sandbar_rpc::{DispatcherGateway, TlsServer};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connection;
use crate::greeting;
use crate::options::{RestLimits, RestOptions};
use crate::service::RestService;

/// Threads that carry bytes. Whatever blocks has threads of its own.
const WORKER_THREADS: usize = 2;
/// How long to wait after an `accept` that failed, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, not ours, or unknown.
    #[error(
        "cannot listen on {bind_address}:{port}: {source}; choose another address with \
         rest.bind-address or another port with rest.port (0 for any)"
    )]
    Bind {
        /// `rest.bind-address`.
        bind_address: String,
        /// `rest.port`.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// No port of the range is free, or the address is not ours.
    #[error(
        "cannot serve /metrics on {bind_address}, up to port {port}: {source}; choose other ports \
         with metrics.reporter.prom.port (0 for any)"
    )]
    MetricsBind {
        /// `taskmanager.bind-host`.
        bind_address: String,
        /// The last port that was tried.
        port: u16,
        /// What the system says of it.
        source: std::io::Error,
    },
    /// There are no threads to be had.
    #[error("cannot start the threads of the REST server: {0}")]
    Threads(std::io::Error),
}

/// The REST server of a cluster.
#[derive(Debug)]
pub struct RestServer;

impl RestServer {
    /// Starts a server. It serves until its handle is dropped.
    ///
    /// # Errors
    /// [`StartError`], with what to do.
    pub fn start(
        options: &RestOptions,
        gateway: Arc<dyn DispatcherGateway>,
    ) -> Result<RestHandle, StartError> {
        RestServer::start_with_clock(options, gateway, Arc::new(SystemClock))
    }

    /// The same, with a clock for durations and the server's time.
    ///
    /// # Errors
    /// [`StartError`], with what to do.
    pub fn start_with_clock(
        options: &RestOptions,
        gateway: Arc<dyn DispatcherGateway>,
        clock: Arc<dyn Clock>,
    ) -> Result<RestHandle, StartError> {
        let unbound = |source| StartError::Bind {
            bind_address: options.bind_address.clone(),
            port: options.port,
            source,
        };
        let bound = TcpListener::bind((options.bind_address.as_str(), options.port));
        let listener = bound.map_err(unbound)?;
        let (tls, limits) = (options.tls.clone(), options.limits);
        let scheme = if tls.is_some() { "https" } else { "http" };
        serve_on(listener, tls, limits, WORKER_THREADS, move |local_address| {
            warn_if_open(local_address, options.tls.as_ref());
            let address = format!("{scheme}://{local_address}");
            RestService::new(limits, gateway, clock, address).into_router()
        })
    }
}

/// Serves what `router` makes for the address that is listened on.
pub(crate) fn serve_on(
    listener: TcpListener,
    tls: Option<TlsServer>,
    limits: RestLimits,
    threads: usize,
    router: impl FnOnce(SocketAddr) -> Router,
) -> Result<RestHandle, StartError> {
    let local_address = listener.local_addr().map_err(StartError::Threads)?;
    listener.set_nonblocking(true).map_err(StartError::Threads)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(RestLimits::GATEWAY_CALLS_MAX)
        .thread_name("rest")
        .enable_all()
        .build()
        .map_err(StartError::Threads)?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(StartError::Threads)?
    };
    let (stop, stopped) = watch::channel(false);
    let (ended, end) = mpsc::channel();
    let door = Door { router: router(local_address), limits, tls, stop: stopped };
    runtime.spawn(async move {
        accept(listener, door).await;
        // Nobody listens when the handle was dropped.
        let _ = ended.send(());
    });
    Ok(RestHandle { local_address, stop, end, runtime: Some(runtime) })
}

fn warn_if_open(address: SocketAddr, tls: Option<&TlsServer>) {
    let knows_clients = tls.is_some_and(TlsServer::authenticates_clients);
    if !address.ip().is_loopback() && !knows_clients {
        tracing::warn!(
            %address,
            "the REST API is open to everyone who reaches this address, and whoever reaches it can \
             run code on the cluster; set rest.bind-address to 127.0.0.1 unless the network is \
             closed, or ask for certificates with security.ssl.rest.authentication-enabled"
        );
    }
}

/// A running server. Dropping it ends the server at once.
#[derive(Debug)]
pub struct RestHandle {
    local_address: SocketAddr,
    stop: watch::Sender<bool>,
    end: mpsc::Receiver<()>,
    runtime: Option<Runtime>,
}

impl RestHandle {
    /// Where it listens; the port is the real one.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Takes no more requests, waits for the answers that are under way, at most
    /// [`RestLimits::STOP_TIME_MAX`], and ends. Blocks for so long.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // The server keeps to its time; this is for a machine that does not.
        let _ = self.end.recv_timeout(RestLimits::STOP_TIME_MAX * 2);
    }
}

impl Drop for RestHandle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            // Never waits: a handler may hang, and the caller may be a task of another runtime.
            runtime.shutdown_background();
        }
    }
}

/// What a connection needs.
#[derive(Clone)]
struct Door {
    router: Router,
    limits: RestLimits,
    tls: Option<TlsServer>,
    stop: watch::Receiver<bool>,
}

impl Door {
    async fn serve(self, stream: TcpStream) {
        let Door { router, limits, tls, mut stop } = self;
        let Some(tls) = tls else { return connection::serve(stream, router, limits, stop).await };
        let greeted = tokio::select! {
            greeted = greeting::greet(stream, &tls, limits.header_time_max) => greeted,
            // Nothing has been asked yet.
            _ = stop.changed() => None,
        };
        if let Some(greeted) = greeted {
            connection::serve(greeted, router, limits, stop).await;
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, mut door: Door) {
    let places = Arc::new(Semaphore::new(door.limits.connections_max.max(1)));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            // Nothing closes the semaphore.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        tokio::select! {
            _ = door.stop.changed() => break,
            Some(_) = connections.join_next() => {}
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let door = door.clone();
                    connections.spawn(async move {
                        door.serve(stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to the REST API");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    if timeout(RestLimits::STOP_TIME_MAX, rest).await.is_err() {
        tracing::warn!("requests to the REST API were cut off: they took too long to stop");
    }
}
