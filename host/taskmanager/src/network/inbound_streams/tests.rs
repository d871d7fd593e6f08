//! What a sender may and may not do, without a socket.

use sandbar_model::job_graph::EdgeId;
use sandbar_model::{JobId, Watermark};

use super::*;
use crate::network::frame::{FrameKind, HEADER_BYTES, Header};

struct Wire {
    streams: InboundStreams,
    registry: Arc<ChannelRegistry>,
}

fn id(to: u32) -> ChannelId {
    ChannelId { job: JobId(1), attempt: 0, edge: EdgeId(0), from: 0, to }
}

fn element() -> StreamElement {
    StreamElement::Watermark(Watermark(1))
}

impl Wire {
    fn new() -> Wire {
        let registry: Arc<ChannelRegistry> = Arc::default();
        let peer = "tm-1".to_owned();
        let streams = InboundStreams::new(peer, Arc::clone(&registry), Arc::default());
        Wire { streams, registry }
    }

    fn open(&mut self, stream: u32, capacity: u32) -> Result<(), ConnectionError> {
        self.streams.on_frame(Frame::Open { stream, channel: id(stream), capacity })
    }

    fn send(&mut self, stream: u32, element: StreamElement) -> Result<(), ConnectionError> {
        self.streams.on_frame(Frame::Element { stream, element })
    }

    /// Kinds and streams of the frames that go back.
    fn told(&mut self) -> Vec<(FrameKind, u32)> {
        let mut bytes = Vec::new();
        self.streams.feedback(&mut bytes).unwrap();
        let mut frames = Vec::new();
        while let Some(header) = bytes.first_chunk() {
            let header = Header::decode(header, 1 << 20).unwrap();
            bytes.drain(..HEADER_BYTES + header.payload_bytes());
            frames.push((header.kind, header.stream));
        }
        frames
    }
}

#[track_caller]
fn check_refused(result: Result<(), ConnectionError>, expected: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_sender_without_credit_is_refused() {
    let mut wire = Wire::new();
    wire.open(1, 2).unwrap();
    wire.send(1, element()).unwrap();
    wire.send(1, element()).unwrap();
    check_refused(wire.send(1, element()), "element frame of stream 1: it was sent without credit");
}

#[test]
fn streams_that_cannot_be_are_refused() {
    let mut wire = Wire::new();
    check_refused(wire.send(1, element()), "it is not open");
    check_refused(wire.open(1, 0), "no channel has such a capacity");
    check_refused(wire.open(1, u32::MAX), "no channel has such a capacity");
    wire.open(1, 2).unwrap();
    check_refused(wire.open(1, 2), "it is open already");
    check_refused(wire.streams.on_frame(Frame::Credit(Vec::new())), "a sender sends no such frame");
    assert_eq!(wire.registry.len(), 1);
}

#[test]
fn credit_of_several_streams_is_one_frame() {
    let mut wire = Wire::new();
    wire.open(1, 2).unwrap();
    wire.open(2, 2).unwrap();
    assert_eq!(wire.told(), [(FrameKind::Credit, 0)]);
    assert_eq!(wire.told(), []);
}

#[test]
fn the_end_is_confirmed() {
    let mut wire = Wire::new();
    wire.open(1, 2).unwrap();
    wire.told();
    wire.send(1, StreamElement::EndOfInput).unwrap();
    assert_eq!((wire.told(), wire.streams.len()), (vec![(FrameKind::Close, 1)], 0));
    assert_eq!(wire.registry.len(), 1, "its consumer is to come");
    check_refused(wire.send(1, element()), "it is not open");
}

#[test]
fn a_consumer_that_is_gone_is_told_of_once_and_elements_on_their_way_are_dropped() {
    let mut wire = Wire::new();
    wire.open(1, 2).unwrap();
    wire.told();
    wire.registry.channel(id(1), 2).close_consumer();
    assert_eq!(wire.told(), [(FrameKind::Close, 1)]);
    (0..9).for_each(|_| wire.send(1, element()).unwrap());
    assert_eq!(wire.told(), []);
    wire.streams.on_frame(Frame::Close { stream: 1 }).unwrap();
    assert_eq!(wire.streams.len(), 0);
}

#[test]
fn a_released_job_fails_its_late_streams() {
    let mut wire = Wire::new();
    wire.registry.release(JobId(1));
    wire.open(1, 2).unwrap();
    assert_eq!(wire.told(), [(FrameKind::Fail, 1)]);
    wire.send(1, element()).unwrap();
    assert!(wire.registry.is_empty());
}

#[test]
fn the_end_of_the_connection_fails_every_channel() {
    let mut wire = Wire::new();
    wire.open(1, 2).unwrap();
    let channel = wire.registry.channel(id(1), 2);
    wire.streams.fail("lost");
    let failure = channel.failure().unwrap();
    assert_eq!((failure.peer.as_str(), failure.reason.as_str()), ("tm-1", "lost"));
}
