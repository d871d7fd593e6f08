//! The exchange between TaskManager processes. One connection carries all channels of all jobs from
//! one TaskManager to another; the sender's side dials, credit comes back on the same connection.
//!
//! Tasks know nothing of it: they write to a [`Channel`] and read from one. Law: what is on the
//! wire has room at the receiver's, so a slow consumer holds up its own channel only; and every
//! channel of a connection that ends fails, on both sides, with the reason.

mod columns;
mod inbound;
mod mailbox;
mod outbound;
mod outbound_streams;
mod payload;
mod socket;
mod tls_session;
mod wire;

pub mod codec;
pub mod compression;
pub mod error;
pub mod frame;
pub mod frame_reader;
pub mod inbound_streams;
pub mod options;
pub mod peer_locator;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sandbar_model::JobId;

use self::error::{ConnectionError, NetworkError};
use self::inbound::Inbound;
use self::options::NetworkOptions;
use self::outbound::Outbound;
use crate::error::ExchangeFailure;
use crate::exchange::channel::Channel;
use crate::exchange::registry::{ChannelId, ChannelRegistry};

/// Wait after a connection could not be taken, such as for want of file descriptors.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// The exchange of one TaskManager with all others. Dropping it ends all connections.
#[derive(Debug)]
pub struct NetworkEnvironment {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    options: Arc<NetworkOptions>,
    registry: Arc<ChannelRegistry>,
    /// By address. Invariant: one that has ended is replaced or removed, not used.
    outbound: Mutex<HashMap<String, Arc<Outbound>>>,
    /// By a number of their own.
    inbound: Mutex<HashMap<u64, Arc<Inbound>>>,
    stopped: AtomicBool,
}

impl NetworkEnvironment {
    /// Listens on the data port. What arrives goes into the channels of `registry`.
    ///
    /// # Errors
    /// The port cannot be had, or no thread.
    pub fn start(
        options: NetworkOptions,
        registry: Arc<ChannelRegistry>,
    ) -> Result<NetworkEnvironment, NetworkError> {
        let failed = |source| NetworkError::Bind { address: options.bind_address.clone(), source };
        let listener = TcpListener::bind(&options.bind_address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            options: Arc::new(options),
            registry,
            outbound: Mutex::default(),
            inbound: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let accepting = std::thread::Builder::new()
            .name("network accept".to_owned())
            .spawn(move || accepting.accept(&listener))
            .map_err(NetworkError::Thread)?;
        Ok(NetworkEnvironment { shared, address, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The channels of this TaskManager.
    pub fn registry(&self) -> &Arc<ChannelRegistry> {
        &self.shared.registry
    }

    /// A channel whose elements go to the channel of that name at another TaskManager's data
    /// address (`host:port`). What becomes of the connection the channel tells.
    pub fn sender(&self, peer_address: &str, id: ChannelId, capacity: usize) -> Arc<Channel> {
        let channel = Arc::new(Channel::to_connection(capacity));
        if let Err(reason) = self.shared.connect(peer_address, id, &channel) {
            let peer = peer_address.to_owned();
            channel.fail(Arc::new(ExchangeFailure { peer, reason }));
        }
        channel
    }

    /// Forgets what is kept for a job whose tasks have all ended.
    pub fn release(&self, job: JobId) {
        self.shared.registry.release(job);
        let mut outbound = lock(&self.shared.outbound);
        outbound.retain(|_, connection| connection.ended().is_none());
        outbound.values().for_each(|connection| connection.release(job));
    }

    /// Number of streams, in and out, that have not ended.
    pub fn open_streams(&self) -> usize {
        let outbound: usize =
            lock(&self.shared.outbound).values().map(|connection| connection.streams()).sum();
        let inbound: usize =
            lock(&self.shared.inbound).values().map(|connection| connection.streams()).sum();
        outbound + inbound
    }

    /// Number of connections, out and in.
    pub fn connections(&self) -> (usize, usize) {
        let outbound = lock(&self.shared.outbound);
        let alive = outbound.values().filter(|connection| connection.ended().is_none()).count();
        (alive, lock(&self.shared.inbound).len())
    }

    /// Ends all connections; their channels fail on both sides. Takes no more.
    pub fn stop(&self) {
        if self.shared.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        // Wakes the thread that accepts; if it cannot be reached, it has stopped already.
        let _ = TcpStream::connect(self.address);
        lock(&self.shared.outbound).drain().for_each(|(_, connection)| connection.stop());
        lock(&self.shared.inbound).values().for_each(|connection| connection.stop());
    }
}

impl Drop for NetworkEnvironment {
    fn drop(&mut self) {
        self.stop();
        if let Some(accepting) = self.accepting.take() {
            // It has logged what there is to say.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    /// Finds or makes the connection to an address and hands it the channel.
    fn connect(&self, address: &str, id: ChannelId, channel: &Arc<Channel>) -> Result<(), String> {
        let mut outbound = lock(&self.outbound);
        if self.stopped.load(Ordering::SeqCst) {
            return Err(ConnectionError::Stopped.to_string());
        }
        if outbound.get(address).is_some_and(|connection| connection.open(id, channel)) {
            return Ok(());
        }
        let connection = Outbound::start(address, Arc::clone(&self.options))
            .map_err(|error| NetworkError::Thread(error).to_string())?;
        if !connection.open(id, channel) {
            // It has been refused in the meantime.
            let ended = connection.ended().map(|failure| failure.reason.clone());
            return Err(ended.unwrap_or_else(|| ConnectionError::Closed.to_string()));
        }
        outbound.insert(address.to_owned(), connection);
        Ok(())
    }

    fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        for number in 0.. {
            let accepted = listener.accept();
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            let connection = match accepted {
                Ok((socket, from)) => {
                    Arc::new(Inbound::new(socket, from, self.options.tls.is_some()))
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection from a TaskManager");
                    std::thread::sleep(ACCEPT_BACK_OFF);
                    continue;
                }
            };
            self.start_inbound(number, connection);
        }
    }

    fn start_inbound(self: &Arc<Shared>, number: u64, connection: Arc<Inbound>) {
        {
            let mut inbound = lock(&self.inbound);
            let limit = self.options.connections_max;
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            if inbound.len() >= limit {
                drop(inbound);
                let reason = ConnectionError::Crowded { limit }.to_string();
                tracing::warn!(%reason, "a connection is one too many");
                connection.turn_away(&reason);
                return;
            }
            inbound.insert(number, Arc::clone(&connection));
        }
        let shared = Arc::clone(self);
        let started = std::thread::Builder::new().name("network in".to_owned()).spawn(move || {
            connection.run(&shared.options, &shared.registry);
            lock(&shared.inbound).remove(&number);
        });
        if let Err(error) = started {
            tracing::warn!(%error, "no thread for a connection from a TaskManager");
            lock(&self.inbound).remove(&number);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
