//! The streams of an outbound connection: which may send, and what goes into the next write.
//! Decides and encodes; does no I/O.
//!
//! Law: an element is taken from its channel only with a credit of its receiver, so what is written
//! is always read, and a slow receiver holds up nothing but its own channel.

use std::collections::HashMap;
use std::sync::Arc;

use super::codec::{Credit, Encoder, Frame, encode_control};
use super::error::ConnectionError;
use super::frame::FrameError;
use super::mailbox::OutboundEvent;
use crate::element::StreamElement;
use crate::error::ExchangeFailure;
use crate::exchange::channel::{Channel, GateSignal};
use crate::exchange::registry::ChannelId;

/// Bytes after which a write is full: several buffers go into one system call.
const WRITE_BYTES: usize = 256 << 10;
/// Most elements that a receiver may have room for; what grants more is no TaskManager.
pub(crate) const CAPACITY_MAX: u32 = 1 << 16;

/// One channel on its way.
#[derive(Debug)]
struct OutboundStream {
    id: ChannelId,
    channel: Arc<Channel>,
    credit: u32,
    /// Its end has been sent; the receiver is to confirm it.
    ended: bool,
    /// It had elements when it had no credit. Invariant: then the signal does not list it.
    starved: bool,
}

/// All channels of a connection.
#[derive(Debug)]
pub(crate) struct OutboundStreams {
    peer: String,
    streams: HashMap<u32, OutboundStream>,
    /// The number of the stream to come; 0 is the connection's.
    next: u32,
    signal: Arc<GateSignal>,
    encoder: Encoder,
    /// Frames to write.
    out: Vec<u8>,
}

impl OutboundStreams {
    /// Makes the streams of a connection to `peer`; `signal` lists those that have elements.
    pub(crate) fn new(peer: String, signal: Arc<GateSignal>, encoder: Encoder) -> OutboundStreams {
        OutboundStreams { peer, streams: HashMap::new(), next: 1, signal, encoder, out: Vec::new() }
    }

    /// Number of streams that have not ended.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Handles an event.
    ///
    /// # Errors
    /// What ends the connection.
    pub(crate) fn on_event(&mut self, event: OutboundEvent) -> Result<(), ConnectionError> {
        match event {
            OutboundEvent::Open { id, channel } => self.open(id, channel)?,
            OutboundEvent::Credit(credits) => {
                credits.into_iter().try_for_each(|credit| self.on_credit(credit))?;
            }
            OutboundEvent::Closed { stream } => {
                if let Some(ended) = self.streams.remove(&stream) {
                    ended.channel.close_consumer();
                    if !ended.ended {
                        encode_control(&mut self.out, &Frame::Close { stream })?;
                    }
                }
            }
            OutboundEvent::Failed { stream, reason } => {
                if let Some(ended) = self.streams.remove(&stream) {
                    ended.channel.fail(self.failure(reason));
                    encode_control(&mut self.out, &Frame::Close { stream })?;
                }
            }
            OutboundEvent::Release(job) => {
                let ended: Vec<u32> = self.of_job(job);
                for stream in ended {
                    if let Some(released) = self.streams.remove(&stream) {
                        released.channel.close_consumer();
                    }
                    encode_control(&mut self.out, &Frame::Close { stream })?;
                }
            }
            OutboundEvent::Lost(error) => return Err(error),
        }
        Ok(())
    }

    /// Encodes what may be sent, up to a full write. Returns what to write, if there is anything.
    ///
    /// # Errors
    /// What ends the connection.
    pub(crate) fn next_write(&mut self) -> Result<&[u8], ConnectionError> {
        while self.out.len() < WRITE_BYTES {
            let Some(index) = self.signal.next_ready() else { break };
            self.send(index)?;
        }
        Ok(&self.out)
    }

    /// Forgets what has been written.
    pub(crate) fn written(&mut self) {
        self.out.clear();
        self.out.shrink_to(WRITE_BYTES * 4);
    }

    /// Fails all channels.
    pub(crate) fn fail(&mut self, failure: &Arc<ExchangeFailure>) {
        for (_, stream) in self.streams.drain() {
            stream.channel.fail(Arc::clone(failure));
        }
    }

    fn open(&mut self, id: ChannelId, channel: Arc<Channel>) -> Result<(), ConnectionError> {
        let stream = self.next;
        // Numbers wrap after four billion channels; those of that time have ended.
        self.next = self.next.wrapping_add(1).max(1);
        let capacity = u32::try_from(channel.capacity()).unwrap_or(u32::MAX);
        encode_control(&mut self.out, &Frame::Open { stream, channel: id, capacity })?;
        channel.attach_consumer(stream as usize, Arc::clone(&self.signal));
        let opened = OutboundStream { id, channel, credit: 0, ended: false, starved: false };
        self.streams.insert(stream, opened);
        Ok(())
    }

    fn on_credit(&mut self, credit: Credit) -> Result<(), ConnectionError> {
        // Streams end while credit for them is on its way.
        let Some(stream) = self.streams.get_mut(&credit.stream) else { return Ok(()) };
        stream.credit = stream.credit.saturating_add(credit.amount);
        if stream.credit > CAPACITY_MAX {
            let (kind, what) = ("credit", "more credit than any channel has room");
            return Err(ConnectionError::Unexpected { kind, stream: credit.stream, what });
        }
        if stream.credit > 0 && std::mem::take(&mut stream.starved) {
            self.signal.ready_again(credit.stream as usize);
        }
        Ok(())
    }

    /// Sends one element of a channel and lists it again behind the others if it has more.
    fn send(&mut self, index: usize) -> Result<(), ConnectionError> {
        let number = index as u32;
        let Some(stream) = self.streams.get_mut(&number) else { return Ok(()) };
        if stream.channel.is_abandoned() {
            self.streams.remove(&number);
            encode_control(&mut self.out, &Frame::Close { stream: number })?;
            return Ok(());
        }
        if stream.credit == 0 {
            stream.starved = true;
            return Ok(());
        }
        let (element, more) = stream.channel.pop();
        let Some(element) = element else { return Ok(()) };
        stream.credit -= 1;
        if more {
            self.signal.ready_again(index);
        }
        let encoded = self.encoder.element(&mut self.out, number, &element);
        match element {
            StreamElement::Batch(batch) | StreamElement::Refused(batch) => {
                stream.channel.recycle(batch);
            }
            StreamElement::EndOfInput => stream.ended = true,
            StreamElement::Watermark(_) | StreamElement::Status(_) => {}
        }
        encoded.or_else(|error| self.refuse(number, &error))
    }

    /// Ends a stream whose element cannot be sent; the others go on.
    fn refuse(&mut self, number: u32, error: &FrameError) -> Result<(), ConnectionError> {
        let reason = format!("cannot send: {error}");
        if let Some(stream) = self.streams.remove(&number) {
            stream.channel.fail(self.failure(reason.clone()));
        }
        Ok(encode_control(&mut self.out, &Frame::Fail { stream: number, reason })?)
    }

    fn of_job(&self, job: sandbar_model::JobId) -> Vec<u32> {
        let of_job = self.streams.iter().filter(|(_, stream)| stream.id.job == job);
        of_job.map(|(number, _)| *number).collect()
    }

    fn failure(&self, reason: String) -> Arc<ExchangeFailure> {
        Arc::new(ExchangeFailure { peer: self.peer.clone(), reason })
    }
}

#[cfg(test)]
mod tests;
