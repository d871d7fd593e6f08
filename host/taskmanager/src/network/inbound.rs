//! An inbound connection: takes elements from one other TaskManager and gives credit back.
//!
//! Two threads: the reader, which never waits for a channel (credit is leave to send, so there is
//! room), and the writer of credit, which parks until a consumer has taken something.
//!
//! Law: a connection is nothing to the rest of the process before its hello has been taken, and
//! when it ends every channel it carried fails with the reason.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sandbar_model::RecordBatch;

use super::codec::{CONTROL_BYTES_MAX, Decoder, Frame, encode_control};
use super::error::ConnectionError;
use super::frame_reader::FrameReader;
use super::inbound_streams::InboundStreams;
use super::options::NetworkOptions;
use super::socket::configure;
use super::wire::{TimedWire, Wire};
use crate::exchange::channel::GateSignal;
use crate::exchange::registry::ChannelRegistry;

/// What others see of an inbound connection.
#[derive(Debug)]
pub(crate) struct Inbound {
    wire: Arc<Wire>,
    from: SocketAddr,
    /// None until the hello has been taken.
    streams: Mutex<Option<InboundStreams>>,
    signal: Arc<GateSignal>,
    stopped: AtomicBool,
}

impl Inbound {
    /// Makes a connection that has been accepted.
    pub(crate) fn new(socket: TcpStream, from: SocketAddr, with_tls: bool) -> Inbound {
        let wire = Arc::new(Wire::new(socket, with_tls));
        let (signal, stopped) = (Arc::default(), AtomicBool::new(false));
        Inbound { wire, from, streams: Mutex::default(), signal, stopped }
    }

    /// Says why it is not taken, and does not wait.
    pub(crate) fn turn_away(&self, reason: &str) {
        // One who does not listen is turned away all the same.
        let _ = self.wire.turn_away(reason);
    }

    /// Number of streams that have not ended.
    pub(crate) fn streams(&self) -> usize {
        self.lock().as_ref().map_or(0, InboundStreams::len)
    }

    /// Ends the connection.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The reader returns and closes with the reason; a closed socket stays closed.
        let _ = self.wire.socket().shutdown(Shutdown::Read);
    }

    /// Takes elements until the connection ends, on the current thread.
    pub(crate) fn run(
        self: &Arc<Inbound>,
        options: &NetworkOptions,
        registry: &Arc<ChannelRegistry>,
    ) {
        let mut peer = self.from.to_string();
        let ended = match self.serve(options, registry, &mut peer) {
            Ok(never) => match never {},
            Err(_) if self.stopped.load(Ordering::SeqCst) => ConnectionError::Stopped,
            Err(error) => error,
        };
        tracing::info!(%peer, reason = %ended, "connection from a TaskManager has ended");
        let reason = ended.to_string();
        if let Some(mut streams) = self.lock().take() {
            streams.fail(&reason);
        }
        if ended.is_of_this_side() {
            self.wire.close_with_reason(&reason);
        }
        let _ = self.wire.socket().shutdown(Shutdown::Both);
        self.signal.wake();
    }

    fn serve(
        self: &Arc<Inbound>,
        options: &NetworkOptions,
        registry: &Arc<ChannelRegistry>,
        peer: &mut String,
    ) -> Result<std::convert::Infallible, ConnectionError> {
        configure(self.wire.socket(), options)?;
        if let Some(tls) = &options.tls {
            self.wire.secure_accepted(tls, options.hello_timeout)?;
        }
        let wire = TimedWire::new(Arc::clone(&self.wire), options.hello_timeout);
        let mut reader = FrameReader::new(wire, CONTROL_BYTES_MAX);
        let mut decoder = Decoder::new(options.frame_bytes_max);
        let hello = reader.next_frame(&mut decoder, |_| Box::default());
        self.on_hello(hello.map_err(|error| reader.source().explain(error))?, options, peer)?;
        reader.source().lift_limit()?;
        reader.set_limit(options.frame_bytes_max);
        let signal = Arc::clone(&self.signal);
        *self.lock() = Some(InboundStreams::new(peer.clone(), Arc::clone(registry), signal));
        self.start_feedback(peer)?;
        loop {
            let frame = reader.next_frame(&mut decoder, |stream| self.spare(stream))?;
            self.lock()
                .as_mut()
                .map_or(Err(ConnectionError::Stopped), |streams| streams.on_frame(frame))?;
        }
    }

    /// Takes the hello of a TaskManager of this cluster, and nothing else.
    fn on_hello(
        &self,
        frame: Frame,
        options: &NetworkOptions,
        peer: &mut String,
    ) -> Result<(), ConnectionError> {
        let Frame::Hello { task_manager: name, token, compression: _ } = frame else {
            return Err(ConnectionError::out_of_place(&frame, "a connection begins with a hello"));
        };
        *peer = format!("{name} ({})", self.from);
        if !is_same(token.as_bytes(), options.cluster_token.as_bytes()) {
            return Err(ConnectionError::Token);
        }
        let mut bytes = Vec::new();
        let task_manager = options.task_manager.0.clone();
        let welcome = Frame::Welcome { task_manager, frame_bytes_max: options.frame_bytes_max };
        encode_control(&mut bytes, &welcome)?;
        Ok(self.wire.write_all(&bytes)?)
    }

    fn spare(&self, stream: u32) -> Box<RecordBatch> {
        self.lock().as_ref().map_or_else(Box::default, |streams| streams.spare(stream))
    }

    /// Starts the thread that tells the sender what it may send.
    fn start_feedback(self: &Arc<Inbound>, peer: &str) -> Result<(), ConnectionError> {
        let inbound = Arc::clone(self);
        let feedback = move || {
            inbound.signal.attach(std::thread::current());
            if inbound.tell().is_err() {
                // The reader returns from a closed socket and fails the channels.
                let _ = inbound.wire.socket().shutdown(Shutdown::Both);
            }
        };
        std::thread::Builder::new().name(format!("network to {peer}")).spawn(feedback)?;
        Ok(())
    }

    /// Returns when the connection has ended.
    fn tell(&self) -> Result<(), ConnectionError> {
        let mut out = Vec::new();
        loop {
            match self.lock().as_mut() {
                Some(streams) => streams.feedback(&mut out)?,
                None => return Ok(()),
            }
            if out.is_empty() {
                std::thread::park();
            } else {
                self.wire.write_all(&out)?;
                out.clear();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<InboundStreams>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares in a time that does not tell where they differ.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let differing = left.iter().zip(right).fold(0, |differing, (a, b)| differing | (a ^ b));
    left.len() == right.len() && differing == 0
}
