//! Credit and turns, without a socket.

use sandbar_model::job_graph::EdgeId;
use sandbar_model::{JobId, RecordBatch, Watermark};

use super::*;
use crate::network::compression::Compression;
use crate::network::frame::{FrameKind, HEADER_BYTES, Header};

struct Wire {
    streams: OutboundStreams,
}

impl Wire {
    fn new() -> Wire {
        let encoder = Encoder::new(Compression::None, 1 << 20);
        Wire { streams: OutboundStreams::new("tm-2".to_owned(), Arc::default(), encoder) }
    }

    fn open(&mut self, to: u32) -> Arc<Channel> {
        let channel = Arc::new(Channel::to_connection(8));
        let id = ChannelId { job: JobId(u128::from(to)), attempt: 0, edge: EdgeId(0), from: 0, to };
        let event = OutboundEvent::Open { id, channel: Arc::clone(&channel) };
        self.streams.on_event(event).unwrap();
        channel
    }

    fn credit(&mut self, stream: u32, amount: u32) -> Result<(), ConnectionError> {
        self.streams.on_event(OutboundEvent::Credit(vec![Credit { stream, amount }]))
    }

    /// Kinds and streams of the frames of the next write.
    fn written(&mut self) -> Vec<(FrameKind, u32)> {
        let mut bytes = self.streams.next_write().unwrap().to_vec();
        self.streams.written();
        let mut frames = Vec::new();
        while let Some(header) = bytes.first_chunk() {
            let header = Header::decode(header, 1 << 20).unwrap();
            bytes.drain(..HEADER_BYTES + header.payload_bytes());
            frames.push((header.kind, header.stream));
        }
        frames
    }
}

fn watermark() -> StreamElement {
    StreamElement::Watermark(Watermark(1))
}

#[test]
fn nothing_is_sent_without_credit_and_everything_with_it() {
    let mut wire = Wire::new();
    let channel = wire.open(0);
    (0..3).for_each(|_| channel.try_push(watermark()).unwrap());
    assert_eq!(wire.written(), [(FrameKind::Open, 1)]);
    wire.credit(1, 2).unwrap();
    assert_eq!(wire.written(), [(FrameKind::Watermark, 1); 2]);
    assert_eq!((wire.written(), channel.len()), (vec![], 1));
    wire.credit(1, 5).unwrap();
    channel.try_push(StreamElement::EndOfInput).unwrap();
    assert_eq!(wire.written(), [(FrameKind::Watermark, 1), (FrameKind::EndOfInput, 1)]);
    assert_eq!((wire.streams.len(), channel.is_delivered()), (1, Ok(false)));
    wire.streams.on_event(OutboundEvent::Closed { stream: 1 }).unwrap();
    assert_eq!((wire.streams.len(), channel.is_delivered()), (0, Ok(true)));
    assert_eq!(wire.written(), [], "the end has been said");
}

#[test]
fn channels_take_turns() {
    let mut wire = Wire::new();
    let channels = [wire.open(0), wire.open(1)];
    wire.written();
    for (stream, channel) in [1, 2].into_iter().zip(&channels) {
        wire.credit(stream, 8).unwrap();
        (0..2).for_each(|_| channel.try_push(watermark()).unwrap());
    }
    let order: Vec<u32> = wire.written().into_iter().map(|(_, stream)| stream).collect();
    assert_eq!(order, [1, 2, 1, 2]);
}

#[test]
fn a_write_ends_when_it_is_full() {
    let mut wire = Wire::new();
    let channel = wire.open(0);
    wire.credit(1, 8).unwrap();
    for _ in 0..8 {
        let mut batch = RecordBatch::new();
        batch.push(0, &[0; WRITE_BYTES / 2]);
        channel.try_push(StreamElement::Batch(Box::new(batch))).unwrap();
    }
    assert_eq!(wire.written().len(), 3, "the opening and two batches");
    assert_eq!(channel.len(), 6);
}

#[test]
fn credit_for_what_has_ended_is_ignored_and_too_much_is_an_error() {
    let mut wire = Wire::new();
    wire.open(0);
    wire.credit(9, 4).unwrap();
    assert!(wire.credit(1, u32::MAX).is_err());
}

#[test]
fn a_producer_that_left_early_closes_its_stream_even_without_credit() {
    let mut wire = Wire::new();
    let channel = wire.open(0);
    channel.try_push(watermark()).unwrap();
    assert_eq!(wire.written(), [(FrameKind::Open, 1)]);
    channel.close_producer();
    assert_eq!(wire.written(), [(FrameKind::Close, 1)]);
    assert_eq!(wire.streams.len(), 0);
}

#[test]
fn a_release_ends_the_streams_of_its_job_only() {
    let mut wire = Wire::new();
    let (first, second) = (wire.open(0), wire.open(1));
    wire.written();
    wire.streams.on_event(OutboundEvent::Release(JobId(1))).unwrap();
    assert_eq!(wire.written(), [(FrameKind::Close, 2)]);
    // Its producer, if there were one, would write into the void.
    (0..99).for_each(|_| second.try_push(watermark()).unwrap());
    assert!(first.is_empty() && second.is_empty());
    assert_eq!(wire.streams.len(), 1);
}

#[test]
fn what_the_receiver_ends_is_confirmed_once() {
    let mut wire = Wire::new();
    let (closed, failed) = (wire.open(0), wire.open(1));
    wire.written();
    let reason = "no such job".to_owned();
    let event = OutboundEvent::Failed { stream: 2, reason };
    wire.streams.on_event(event).unwrap();
    (0..2).for_each(|_| wire.streams.on_event(OutboundEvent::Closed { stream: 1 }).unwrap());
    assert_eq!(wire.written(), [(FrameKind::Close, 2), (FrameKind::Close, 1)]);
    assert_eq!(failed.failure().unwrap().reason, "no such job");
    assert!(closed.failure().is_none());
}
