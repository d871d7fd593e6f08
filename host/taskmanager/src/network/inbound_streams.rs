//! The streams of an inbound connection: puts elements into the channels of this TaskManager and
//! collects what their producers are to be told. Does no I/O.
//!
//! Law: a stream ends when its sender says so (end of input, close, fail) or with the connection;
//! what this side ends it only tells of, so that nothing on its way meets an unknown stream. The
//! end of input is confirmed: its sender's task has not finished before.

use std::collections::HashMap;
use std::sync::Arc;

use sandbar_model::RecordBatch;

use super::codec::{CREDITS_PER_FRAME_MAX, Credit, Frame, encode_control};
use super::error::ConnectionError;
use super::outbound_streams::CAPACITY_MAX;
use crate::element::StreamElement;
use crate::error::ExchangeFailure;
use crate::exchange::channel::{Channel, Feedback, GateSignal};
use crate::exchange::registry::{ChannelId, ChannelRegistry};

/// Most streams of one connection: some hundred tasks sending to some hundred others.
const STREAMS_MAX: usize = 1 << 17;

/// One channel from elsewhere.
#[derive(Debug)]
struct InboundStream {
    id: ChannelId,
    channel: Arc<Channel>,
    /// The sender has been told that it is to end the stream.
    is_told: bool,
}

/// All channels of a connection.
#[derive(Debug)]
pub struct InboundStreams {
    peer: String,
    registry: Arc<ChannelRegistry>,
    streams: HashMap<u32, InboundStream>,
    /// Streams whose end has arrived, which is to be confirmed.
    ended: Vec<u32>,
    /// Lists the streams that have something to tell their producers.
    signal: Arc<GateSignal>,
}

impl InboundStreams {
    /// Makes the streams of a connection from `peer`.
    pub fn new(
        peer: String,
        registry: Arc<ChannelRegistry>,
        signal: Arc<GateSignal>,
    ) -> InboundStreams {
        InboundStreams { peer, registry, streams: HashMap::new(), ended: Vec::new(), signal }
    }

    /// Number of streams that have not ended.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether all streams have ended.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// An empty batch for the records of a stream.
    pub fn spare(&self, stream: u32) -> Box<RecordBatch> {
        self.streams.get(&stream).map(|stream| stream.channel.empty_batch()).unwrap_or_default()
    }

    /// Handles a frame of the sender's.
    ///
    /// # Errors
    /// What ends the connection.
    pub fn on_frame(&mut self, frame: Frame) -> Result<(), ConnectionError> {
        match frame {
            Frame::Open { stream, channel, capacity } => self.open(stream, channel, capacity),
            Frame::Element { stream, element } => self.on_element(stream, element),
            Frame::Close { stream } => {
                if let Some(ended) = self.streams.remove(&stream) {
                    self.registry.withdraw(ended.id, &ended.channel);
                    ended.channel.close_producer();
                }
                Ok(())
            }
            Frame::Fail { stream, reason } => {
                if let Some(ended) = self.streams.remove(&stream) {
                    ended.channel.fail(self.failure(reason));
                }
                Ok(())
            }
            Frame::Refusal { reason } => Err(ConnectionError::Refused(reason)),
            Frame::Hello { .. } | Frame::Welcome { .. } | Frame::Credit(_) => {
                Err(ConnectionError::out_of_place(&frame, "a sender sends no such frame"))
            }
        }
    }

    /// Appends frames with all that producers are to be told by now.
    ///
    /// # Errors
    /// None in practice: these frames are short.
    pub fn feedback(&mut self, out: &mut Vec<u8>) -> Result<(), ConnectionError> {
        for stream in self.ended.drain(..) {
            encode_control(out, &Frame::Close { stream })?;
        }
        let mut credits = Vec::new();
        while let Some(index) = self.signal.next_ready() {
            let stream = index as u32;
            let Some(told) = self.streams.get_mut(&stream) else { continue };
            match told.channel.feedback() {
                Some(Feedback::Credit(amount)) => credits.push(Credit { stream, amount }),
                Some(Feedback::Closed) if !told.is_told => {
                    told.is_told = true;
                    encode_control(out, &Frame::Close { stream })?;
                }
                Some(Feedback::Failed(failure)) if !told.is_told => {
                    told.is_told = true;
                    let reason = failure.reason.clone();
                    encode_control(out, &Frame::Fail { stream, reason })?;
                }
                Some(Feedback::Closed | Feedback::Failed(_)) | None => {}
            }
            if credits.len() == CREDITS_PER_FRAME_MAX {
                encode_control(out, &Frame::Credit(std::mem::take(&mut credits)))?;
            }
        }
        if !credits.is_empty() {
            encode_control(out, &Frame::Credit(credits))?;
        }
        Ok(())
    }

    /// Fails all channels.
    pub fn fail(&mut self, reason: &str) {
        let failure = self.failure(reason.to_owned());
        for (_, stream) in self.streams.drain() {
            stream.channel.fail(Arc::clone(&failure));
        }
    }

    fn open(&mut self, stream: u32, id: ChannelId, capacity: u32) -> Result<(), ConnectionError> {
        let refuse = |what| Err(ConnectionError::Unexpected { kind: "open", stream, what });
        if self.streams.len() + self.ended.len() >= STREAMS_MAX {
            return refuse("there are as many streams as a connection may have");
        }
        if capacity == 0 || capacity > CAPACITY_MAX {
            return refuse("no channel has such a capacity");
        }
        if self.streams.contains_key(&stream) {
            return refuse("it is open already");
        }
        let found = self.registry.channel_from_remote(id, capacity as usize);
        let channel = found.unwrap_or_else(|| {
            let released = Channel::new(1);
            released.fail(self.failure("the job has been released there".to_owned()));
            Arc::new(released)
        });
        channel.attach_remote_producer(stream as usize, Arc::clone(&self.signal));
        self.streams.insert(stream, InboundStream { id, channel, is_told: false });
        Ok(())
    }

    fn on_element(&mut self, stream: u32, element: StreamElement) -> Result<(), ConnectionError> {
        let refuse = |what| Err(ConnectionError::Unexpected { kind: "element", stream, what });
        let is_last = matches!(element, StreamElement::EndOfInput);
        let Some(found) = self.streams.get(&stream) else {
            return refuse("it is not open");
        };
        if found.channel.try_push(element).is_err() && found.channel.failure().is_none() {
            return refuse("it was sent without credit");
        }
        if is_last {
            self.streams.remove(&stream);
            self.ended.push(stream);
            self.signal.wake();
        }
        Ok(())
    }

    fn failure(&self, reason: String) -> Arc<ExchangeFailure> {
        Arc::new(ExchangeFailure { peer: self.peer.clone(), reason })
    }
}

#[cfg(test)]
mod tests;
