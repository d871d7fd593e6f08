//! The bytes of a data connection, from the socket to the channels: they are elements, or end the
//! connection with a reason. What is decoded is the same when it is encoded and decoded again.

#![no_main]

use std::io::Read;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sandbar_taskmanager::Compression;
use sandbar_taskmanager::exchange::registry::{ChannelId, ChannelRegistry};
use sandbar_taskmanager::network::codec::{Decoder, Encoder, Frame, encode_control};
use sandbar_taskmanager::network::frame::{FrameKind, write_frame};
use sandbar_taskmanager::network::frame_reader::FrameReader;
use sandbar_taskmanager::network::inbound_streams::InboundStreams;

/// Longest payload that is taken.
const LIMIT: u32 = 1 << 16;

/// Delivers bytes in pieces, as a socket does.
struct Pieces<'a> {
    bytes: &'a [u8],
    at_a_time: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.bytes.len().min(self.at_a_time).min(buffer.len());
        buffer[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

const KINDS: [FrameKind; 12] = [
    FrameKind::Hello,
    FrameKind::Welcome,
    FrameKind::Refusal,
    FrameKind::Open,
    FrameKind::Batch,
    FrameKind::Refused,
    FrameKind::Watermark,
    FrameKind::Status,
    FrameKind::EndOfInput,
    FrameKind::Credit,
    FrameKind::Close,
    FrameKind::Fail,
];

/// Puts headers with right checksums before payloads: kind, codec, stream, length, payload.
fn framed(mut input: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = input.split_first_chunk::<5>() {
        let [kind, codec, stream, low, high] = *head;
        let length = rest.len().min(usize::from(u16::from_le_bytes([low, high])));
        let (payload, behind) = rest.split_at(length);
        let kind = KINDS[usize::from(kind) % KINDS.len()];
        let written = write_frame(&mut frames, kind, u32::from(stream % 4), LIMIT, |out| {
            out.extend_from_slice(payload);
            codec % 4
        });
        written.expect("a payload of at most 65,535 bytes fits");
        input = behind;
    }
    frames
}

/// Encodes a frame and decodes that.
fn check_again(frame: &Frame) {
    let mut bytes = Vec::new();
    let encoded = match frame {
        Frame::Element { stream, element } => {
            Encoder::new(Compression::None, LIMIT).element(&mut bytes, *stream, element)
        }
        control => encode_control(&mut bytes, control),
    };
    // What came compressed may be longer than the limit without.
    if encoded.is_err() {
        return;
    }
    let mut reader = FrameReader::new(bytes.as_slice(), LIMIT);
    let again = reader.next_frame(&mut Decoder::new(LIMIT), |_| Box::default());
    assert_eq!(format!("{frame:?}"), format!("{:?}", again.expect("it was decoded before")));
}

fuzz_target!(init: sandbar_fuzz::write(sandbar_fuzz::frames), |input: &[u8]| {
    let Some((mode, input)) = input.split_first() else { return };
    let built = if mode & 1 == 0 { framed(input) } else { input.to_vec() };
    let at_a_time = if mode & 2 == 0 { usize::MAX } else { 1 + usize::from(mode >> 2) };
    let mut reader = FrameReader::new(Pieces { bytes: &built, at_a_time }, LIMIT);
    let mut decoder = Decoder::new(LIMIT);
    let registry: Arc<ChannelRegistry> = Arc::default();
    let mut streams =
        InboundStreams::new("peer".to_owned(), Arc::clone(&registry), Arc::default());
    let mut opened: Vec<(ChannelId, u32)> = Vec::new();
    let mut told = Vec::new();
    let ended = loop {
        let frame = match reader.next_frame(&mut decoder, |stream| streams.spare(stream)) {
            Ok(frame) => frame,
            Err(error) => break error,
        };
        check_again(&frame);
        if let Frame::Open { channel, capacity, .. } = &frame {
            opened.push((*channel, *capacity));
        }
        if let Err(error) = streams.on_frame(frame) {
            break error;
        }
        // A consumer that takes one element of each channel.
        for (id, _) in &opened {
            let (element, _) = registry.channel(*id, 1).pop();
            drop(element);
        }
        streams.feedback(&mut told).expect("feedback is short");
    };
    assert!(!ended.to_string().is_empty());
    streams.fail("the end");
    assert!(streams.is_empty());
    let mut feedback = FrameReader::new(told.as_slice(), LIMIT);
    while !told.is_empty() {
        match feedback.next_frame(&mut decoder, |_| Box::default()) {
            Ok(Frame::Credit(_) | Frame::Close { .. } | Frame::Fail { .. }) => {}
            Ok(other) => panic!("feedback of {other:?}"),
            Err(end) => {
                assert_eq!(end.to_string(), ended_well());
                break;
            }
        }
    }
});

/// How a connection ends between two frames.
fn ended_well() -> String {
    let mut reader = FrameReader::new([].as_slice(), LIMIT);
    let ended = reader.next_frame(&mut Decoder::new(LIMIT), |_| Box::default());
    ended.expect_err("there is nothing to read").to_string()
}
