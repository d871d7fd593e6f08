//! What goes in comes out; whatever else comes in is an error.

use proptest::prelude::*;

use super::*;
use crate::network::frame::HEADER_BYTES;

const LIMIT: u32 = 1 << 20;

fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (header, payload) = bytes.split_first_chunk::<HEADER_BYTES>().expect("a whole header");
    let header = Header::decode(header, LIMIT)?;
    assert_eq!(header.payload_bytes(), payload.len());
    Decoder::new(LIMIT).decode(&header, payload, |_| Box::default())
}

fn encode(frame: &Frame, compression: Compression) -> Vec<u8> {
    let mut out = b"what lies in front stays".to_vec();
    let before = out.len();
    if let Frame::Element { stream, element } = frame {
        Encoder::new(compression, LIMIT).element(&mut out, *stream, element).unwrap();
    } else {
        encode_control(&mut out, frame).unwrap();
    }
    out.split_off(before)
}

/// A frame as text: elements have no equality of their own.
fn shown(frame: &Frame) -> String {
    format!("{frame:?}")
}

fn batches() -> impl Strategy<Value = RecordBatch> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let records = proptest::collection::vec((any::<i64>(), bytes(), bytes()), 0..60);
    (any::<bool>(), any::<bool>(), records).prop_map(|(keyed, by_value, records)| {
        let mut batch = RecordBatch::new();
        for (timestamp, key, value) in records {
            if keyed {
                batch.push_keyed(timestamp, &key, &value);
            } else {
                batch.push(timestamp, &value);
            }
        }
        if keyed && by_value { batch.view().keyed_by_value().to_batch() } else { batch }
    })
}

fn elements() -> impl Strategy<Value = StreamElement> {
    prop_oneof![
        batches().prop_map(|batch| StreamElement::Batch(Box::new(batch))),
        batches().prop_map(|batch| StreamElement::Refused(Box::new(batch))),
        any::<i64>().prop_map(|at| StreamElement::Watermark(Watermark(at))),
        any::<bool>().prop_map(|idle| StreamElement::Status(if idle {
            WatermarkStatus::Idle
        } else {
            WatermarkStatus::Active
        })),
        any::<()>().prop_map(|()| StreamElement::EndOfInput),
    ]
}

fn compressions() -> impl Strategy<Value = Compression> {
    prop_oneof![Just(Compression::None), Just(Compression::Lz4), Just(Compression::Zstd)]
}

fn frames() -> impl Strategy<Value = Frame> {
    let text = || "[a-zü]{0,30}";
    let channel =
        (any::<u128>(), any::<[u32; 4]>()).prop_map(|(job, [attempt, edge, from, to])| ChannelId {
            job: JobId(job),
            attempt,
            edge: EdgeId(edge),
            from,
            to,
        });
    let credit = any::<(u32, u32)>().prop_map(|(stream, amount)| Credit { stream, amount });
    prop_oneof![
        (text(), text(), compressions()).prop_map(|(task_manager, token, compression)| {
            Frame::Hello { task_manager, token, compression }
        }),
        (text(), any::<u32>()).prop_map(|(task_manager, frame_bytes_max)| Frame::Welcome {
            task_manager,
            frame_bytes_max
        }),
        text().prop_map(|reason| Frame::Refusal { reason }),
        (any::<u32>(), channel, any::<u32>()).prop_map(|(stream, channel, capacity)| Frame::Open {
            stream,
            channel,
            capacity
        }),
        (any::<u32>(), elements()).prop_map(|(stream, element)| Frame::Element { stream, element }),
        proptest::collection::vec(credit, 0..20).prop_map(Frame::Credit),
        any::<u32>().prop_map(|stream| Frame::Close { stream }),
        (any::<u32>(), text()).prop_map(|(stream, reason)| Frame::Fail { stream, reason }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_sent_is_what_arrives(frame in frames(), compression in compressions()) {
        let bytes = encode(&frame, compression);
        prop_assert_eq!(shown(&decode(&bytes).unwrap()), shown(&frame));
    }

    #[test]
    fn every_flip_of_one_bit_is_found(frame in frames(), compression in compressions()) {
        let mut bytes = encode(&frame, compression);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (header, payload) = bytes.split_first_chunk().unwrap();
            let header = Header::decode(header, LIMIT);
            let found = header.and_then(|header| header.check_payload(payload)).is_err();
            prop_assert!(found, "bit {} of {:?}", bit, frame);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// A payload that was cut (or grew) and has a fitting checksum all the same: the other end has
    /// an error, or means harm.
    #[test]
    fn every_cut_of_a_payload_is_found(frame in frames(), compression in compressions()) {
        let bytes = encode(&frame, compression);
        let header = Header::decode(bytes.first_chunk().unwrap(), LIMIT).unwrap();
        let payload = &bytes[HEADER_BYTES..];
        for length in (0..payload.len()).chain([payload.len() + 1]) {
            // A credit frame cut between two credits is a shorter credit frame.
            if header.kind == FrameKind::Credit && length % 8 == 0 {
                continue;
            }
            let mut cut = payload.to_vec();
            cut.resize(length, 0);
            prop_assert!(forged(&header, &cut).is_err(), "cut to {} of {:?}", length, frame);
        }
    }

    #[test]
    fn random_bytes_are_an_error_and_no_panic(
        kind in 1..=12_u8,
        codec in 0..4_u8,
        payload in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let kind = FrameKind::ALL[kind as usize - 1];
        let mut bytes = Vec::new();
        write_frame(&mut bytes, kind, 7, LIMIT, |out| {
            out.extend_from_slice(&payload);
            codec
        }).unwrap();
        // Whether it happens to be a frame does not matter here.
        let _ = decode(&bytes);
    }

    #[test]
    fn random_headers_are_an_error(bytes in any::<[u8; HEADER_BYTES]>()) {
        prop_assert!(Header::decode(&bytes, LIMIT).is_err());
    }
}

/// Decodes a payload under a header made for it.
fn forged(header: &Header, payload: &[u8]) -> Result<Frame, FrameError> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, header.kind, header.stream, LIMIT, |out| {
        out.extend_from_slice(payload);
        header.codec
    })
    .unwrap();
    decode(&bytes)
}

#[test]
fn columns_that_make_no_batch_are_refused() {
    let mut batch = RecordBatch::new();
    batch.push(1, b"one");
    batch.push(2, b"two");
    batch.value_ends = vec![4, 2];
    let frame = Frame::Element { stream: 3, element: StreamElement::Batch(Box::new(batch)) };
    let error = decode(&encode(&frame, Compression::None)).unwrap_err().to_string();
    assert_eq!(error, "Batch frame: column value-ends decreases at record 1");
}

#[test]
fn a_batch_beyond_the_limit_is_neither_sent_nor_taken() {
    let mut batch = RecordBatch::new();
    batch.push(1, &[0; 2000]);
    let element = StreamElement::Batch(Box::new(batch));
    let mut out = Vec::new();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let error = Encoder::new(compression, 1000).element(&mut out, 0, &element).unwrap_err();
        assert!(error.to_string().contains("frame.bytes.max"), "{error}");
        assert!(out.is_empty());
    }
    let bytes = encode(&Frame::Element { stream: 0, element }, Compression::Zstd);
    let (header, payload) = bytes.split_first_chunk().unwrap();
    let header = Header::decode(header, 1000).unwrap();
    let taken = Decoder::new(1000).decode(&header, payload, |_| Box::default());
    assert!(matches!(taken, Err(FrameError::TooLong { length: 2028, limit: 1000, .. })));
}

#[test]
fn what_compresses_is_shorter() {
    let mut batch = RecordBatch::new();
    (0..500).for_each(|at| batch.push_keyed(at, b"the same key", b"and the same value"));
    let frame = Frame::Element { stream: 1, element: StreamElement::Batch(Box::new(batch)) };
    let plain = encode(&frame, Compression::None).len();
    for compression in [Compression::Lz4, Compression::Zstd] {
        let bytes = encode(&frame, compression);
        assert!(bytes.len() * 2 < plain, "{compression:?}: {} of {plain}", bytes.len());
        assert_eq!(shown(&decode(&bytes).unwrap()), shown(&frame));
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = encode(&Frame::Close { stream: 1 }, Compression::None);
    bytes[4] += 1;
    let error = decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("version 2, this side speaks 1; run the same version"), "{error}");
}

#[test]
fn a_long_text_is_cut_between_letters() {
    let long = Frame::Refusal { reason: "ü".repeat(5000) };
    let bytes = encode(&long, Compression::None);
    let Frame::Refusal { reason } = decode(&bytes).unwrap() else { panic!("another frame") };
    assert_eq!(reason, "ü".repeat(2048));
}
