//! An outbound connection: carries the elements of all channels to one other TaskManager.
//!
//! Two threads: the writer parks until a channel has elements or an event is posted; the reader
//! blocks in the socket and posts what comes back. Threads rather than tokio: channels wake
//! threads, compression would hold up a runtime, and there are two for each TaskManager only.
//!
//! Law: when the connection ends, every channel it carried or was about to carry fails with the
//! reason.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sandbar_model::JobId;

use super::codec::{CONTROL_BYTES_MAX, Decoder, Encoder, Frame, encode_control};
use super::error::ConnectionError;
use super::frame_reader::FrameReader;
use super::mailbox::{Mailbox, OutboundEvent};
use super::options::NetworkOptions;
use super::outbound_streams::OutboundStreams;
use super::socket::connect;
use super::wire::{TimedWire, Wire};
use crate::error::ExchangeFailure;
use crate::exchange::channel::Channel;
use crate::exchange::registry::ChannelId;

/// What others see of an outbound connection.
#[derive(Debug)]
pub(crate) struct Outbound {
    address: String,
    mailbox: Mailbox,
    streams: AtomicUsize,
    stopped: AtomicBool,
}

impl Outbound {
    /// Starts a connection. It is made on a thread of its own; until it is, events wait.
    ///
    /// # Errors
    /// No thread.
    pub(crate) fn start(address: &str, options: Arc<NetworkOptions>) -> io::Result<Arc<Outbound>> {
        let outbound = Arc::new(Outbound {
            address: address.to_owned(),
            mailbox: Mailbox::new(),
            streams: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let writer = Arc::clone(&outbound);
        std::thread::Builder::new()
            .name(format!("network to {address}"))
            .spawn(move || writer.run(&options))?;
        Ok(outbound)
    }

    /// Carries a channel to the other side, or says that the connection has ended.
    pub(crate) fn open(&self, id: ChannelId, channel: &Arc<Channel>) -> bool {
        self.mailbox.post(OutboundEvent::Open { id, channel: Arc::clone(channel) }).is_ok()
    }

    /// Ends the streams of a job whose tasks have ended.
    pub(crate) fn release(&self, job: JobId) {
        // A connection that has ended has no streams.
        let _ = self.mailbox.post(OutboundEvent::Release(job));
    }

    /// Why the connection has ended, if it has.
    pub(crate) fn ended(&self) -> Option<Arc<ExchangeFailure>> {
        self.mailbox.closed()
    }

    /// Number of streams that have not ended.
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// Ends the connection.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Without room for this event there is one already that ends the connection.
        let _ = self.mailbox.post(OutboundEvent::Lost(ConnectionError::Stopped));
    }

    fn run(self: Arc<Outbound>, options: &NetworkOptions) {
        self.mailbox.signal.attach(std::thread::current());
        let mut peer = self.address.clone();
        let mut streams = None;
        let ended = match self.shake_hands(options, &mut peer) {
            Ok(Link { wire, reader, encoder }) => {
                let signal = Arc::clone(&self.mailbox.signal);
                let streams = streams.insert(OutboundStreams::new(peer.clone(), signal, encoder));
                self.drive(&wire, reader, streams)
            }
            Err(error) => error,
        };
        tracing::info!(%peer, reason = %ended, "connection to a TaskManager has ended");
        let failure = Arc::new(ExchangeFailure { peer, reason: ended.to_string() });
        let left = self.mailbox.close(Arc::clone(&failure));
        if let Some(mut streams) = streams {
            streams.fail(&failure);
        }
        for event in left {
            if let OutboundEvent::Open { channel, .. } = event {
                channel.fail(Arc::clone(&failure));
            }
        }
        self.streams.store(0, Ordering::Relaxed);
    }

    /// Connects and says hello; `peer` becomes the name of who answers.
    fn shake_hands(
        &self,
        options: &NetworkOptions,
        peer: &mut String,
    ) -> Result<Link, ConnectionError> {
        let socket = connect(&self.address, options, |back_off| self.pause(back_off))?;
        let wire = Arc::new(Wire::new(socket, options.tls.is_some()));
        if let Some(tls) = &options.tls {
            wire.secure_dialled(tls, &self.address, options.hello_timeout)?;
        }
        let mut bytes = Vec::new();
        let hello = Frame::Hello {
            task_manager: options.task_manager.0.clone(),
            token: options.cluster_token.clone(),
            compression: options.compression,
        };
        encode_control(&mut bytes, &hello)?;
        wire.write_all(&bytes)?;
        let timed = TimedWire::new(Arc::clone(&wire), options.hello_timeout);
        let mut reader = FrameReader::new(timed, CONTROL_BYTES_MAX);
        let welcome = reader.next_frame(&mut Decoder::new(CONTROL_BYTES_MAX), |_| Box::default());
        let frame_bytes_max = match welcome.map_err(|error| reader.source().explain(error))? {
            Frame::Welcome { task_manager, frame_bytes_max } => {
                *peer = format!("{task_manager} ({})", self.address);
                frame_bytes_max.min(options.frame_bytes_max)
            }
            Frame::Refusal { reason } => return Err(ConnectionError::Refused(reason)),
            frame @ (Frame::Hello { .. }
            | Frame::Open { .. }
            | Frame::Element { .. }
            | Frame::Credit(_)
            | Frame::Close { .. }
            | Frame::Fail { .. }) => {
                return Err(ConnectionError::out_of_place(&frame, "it answers no hello"));
            }
        };
        reader.source().lift_limit()?;
        Ok(Link { wire, reader, encoder: Encoder::new(options.compression, frame_bytes_max) })
    }

    /// Waits, and says whether to go on.
    fn pause(&self, back_off: Duration) -> bool {
        let until = Instant::now() + back_off;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stopped.load(Ordering::SeqCst) {
                return left.is_zero();
            }
            std::thread::park_timeout(left);
        }
    }

    /// Carries elements until the connection ends. Returns why it did.
    fn drive(
        self: &Arc<Outbound>,
        wire: &Wire,
        reader: FrameReader<TimedWire>,
        streams: &mut OutboundStreams,
    ) -> ConnectionError {
        let listener = match self.listen(reader) {
            Ok(listener) => listener,
            Err(error) => return ConnectionError::Io(error),
        };
        let ended = match self.write(wire, streams) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if ended.is_of_this_side() {
            wire.close_with_reason(&ended.to_string());
        }
        // The reader returns from a closed socket at once.
        let _ = wire.socket().shutdown(Shutdown::Both);
        let refused = listener.join().ok().flatten();
        match (ended, refused) {
            // What the other side said is why nothing can be written any more.
            (ConnectionError::Io(_), Some(reason)) => ConnectionError::Refused(reason),
            (ended, _) => ended,
        }
    }

    fn write(
        &self,
        wire: &Wire,
        streams: &mut OutboundStreams,
    ) -> Result<std::convert::Infallible, ConnectionError> {
        let mut events = Vec::new();
        loop {
            self.mailbox.take(&mut events);
            events.drain(..).try_for_each(|event| streams.on_event(event))?;
            let bytes = streams.next_write()?;
            if bytes.is_empty() {
                self.streams.store(streams.len(), Ordering::Relaxed);
                std::thread::park();
            } else {
                wire.write_all(bytes)?;
                streams.written();
            }
        }
    }

    /// Starts the reader. It ends with the connection and returns the other side's reason, if
    /// that gave one.
    fn listen(
        self: &Arc<Outbound>,
        mut reader: FrameReader<TimedWire>,
    ) -> io::Result<JoinHandle<Option<String>>> {
        let outbound = Arc::clone(self);
        let listen = move || {
            let mut decoder = Decoder::new(CONTROL_BYTES_MAX);
            loop {
                let frame = reader.next_frame(&mut decoder, |_| Box::default());
                let (event, refused) = match frame.and_then(on_frame) {
                    Ok(event) => (event, None),
                    Err(ConnectionError::Refused(reason)) => {
                        let error = ConnectionError::Refused(reason.clone());
                        (OutboundEvent::Lost(error), Some(reason))
                    }
                    Err(error) => (OutboundEvent::Lost(error), None),
                };
                let is_last = matches!(event, OutboundEvent::Lost(_));
                if outbound.mailbox.post(event).is_err() || is_last {
                    return refused;
                }
            }
        };
        std::thread::Builder::new().name(format!("network of {}", self.address)).spawn(listen)
    }
}

/// A connection that has been taken.
struct Link {
    wire: Arc<Wire>,
    reader: FrameReader<TimedWire>,
    encoder: Encoder,
}

/// What comes back from the receiver.
fn on_frame(frame: Frame) -> Result<OutboundEvent, ConnectionError> {
    match frame {
        Frame::Credit(credits) => Ok(OutboundEvent::Credit(credits)),
        Frame::Close { stream } => Ok(OutboundEvent::Closed { stream }),
        Frame::Fail { stream, reason } => Ok(OutboundEvent::Failed { stream, reason }),
        Frame::Refusal { reason } => Err(ConnectionError::Refused(reason)),
        Frame::Hello { .. }
        | Frame::Welcome { .. }
        | Frame::Open { .. }
        | Frame::Element { .. } => {
            Err(ConnectionError::out_of_place(&frame, "a receiver sends no such frame"))
        }
    }
}
