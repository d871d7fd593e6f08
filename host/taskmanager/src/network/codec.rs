//! The codec of a data connection: what each kind of frame carries. A batch travels as its five
//! columns lie in memory (little endian), behind their lengths.
//!
//! Law: pure; whatever the bytes, decoding ends with a frame or a [`FrameError`], and asks for no
//! more memory than the payload is long.

use sandbar_model::job_graph::EdgeId;
use sandbar_model::{JobId, RecordBatch, RecordBatchView, Watermark};

use super::columns;
use super::compression::{Compression, Compressor, Decompressor};
use super::frame::{FrameError, FrameKind, Header, write_frame};
use super::payload::{PayloadReader, put_text};
use crate::element::StreamElement;
use crate::exchange::registry::ChannelId;
use crate::watermark_valve::WatermarkStatus;

/// Longest payload of a frame that carries no batch; also of any frame before the hello is taken.
pub const CONTROL_BYTES_MAX: u32 = 64 << 10;
/// Most streams that one credit frame speaks of.
pub const CREDITS_PER_FRAME_MAX: usize = 4096;

/// Leave to send more elements of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// The stream.
    pub stream: u32,
    /// Elements more.
    pub amount: u32,
}

/// What one end tells the other.
#[derive(Debug)]
pub enum Frame {
    /// Who dials.
    Hello {
        /// Its TaskManager id.
        task_manager: String,
        /// What only TaskManagers of the cluster know.
        token: String,
        /// How it will compress batches.
        compression: Compression,
    },
    /// The hello was taken.
    Welcome {
        /// Who answers.
        task_manager: String,
        /// Longest payload that it takes.
        frame_bytes_max: u32,
    },
    /// The connection ends.
    Refusal {
        /// Why.
        reason: String,
    },
    /// A stream begins.
    Open {
        /// The number its frames bear.
        stream: u32,
        /// What it feeds.
        channel: ChannelId,
        /// Elements that the sender believes the channel to have room for.
        capacity: u32,
    },
    /// The next element of a stream.
    Element {
        /// The stream.
        stream: u32,
        /// The element.
        element: StreamElement,
    },
    /// Streams may send more.
    Credit(Vec<Credit>),
    /// Nobody at the end that sends this needs the stream any more.
    Close {
        /// The stream.
        stream: u32,
    },
    /// A stream ends with an error.
    Fail {
        /// The stream.
        stream: u32,
        /// Why.
        reason: String,
    },
}

/// Writes frames one behind the other into a buffer of the caller's.
pub struct Encoder {
    /// Longest payload that the other end takes.
    pub frame_bytes_max: u32,
    compressor: Compressor,
    /// A batch before it is compressed.
    raw: Vec<u8>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl Encoder {
    /// Makes an encoder for one connection.
    pub fn new(compression: Compression, frame_bytes_max: u32) -> Encoder {
        let compressor = Compressor::new(compression);
        Encoder { frame_bytes_max, compressor, raw: Vec::new() }
    }

    /// Appends an element of a stream.
    ///
    /// # Errors
    /// A batch that is longer than the limit; `out` is as it was.
    pub fn element(
        &mut self,
        out: &mut Vec<u8>,
        stream: u32,
        element: &StreamElement,
    ) -> Result<(), FrameError> {
        match element {
            StreamElement::Batch(batch) => self.batch(out, FrameKind::Batch, stream, batch.view()),
            StreamElement::Refused(batch) => {
                self.batch(out, FrameKind::Refused, stream, batch.view())
            }
            StreamElement::Watermark(Watermark(at)) => {
                control(out, FrameKind::Watermark, stream, &at.to_le_bytes())
            }
            StreamElement::Status(WatermarkStatus::Active) => {
                control(out, FrameKind::Status, stream, &[0])
            }
            StreamElement::Status(WatermarkStatus::Idle) => {
                control(out, FrameKind::Status, stream, &[1])
            }
            StreamElement::EndOfInput => control(out, FrameKind::EndOfInput, stream, &[]),
        }
    }

    fn batch(
        &mut self,
        out: &mut Vec<u8>,
        kind: FrameKind,
        stream: u32,
        batch: RecordBatchView<'_>,
    ) -> Result<(), FrameError> {
        let limit = self.frame_bytes_max;
        let length = columns::encoded_bytes(batch);
        if length > limit as usize {
            return Err(FrameError::TooLong { kind, length: length as u64, limit });
        }
        if self.compressor.is_idle() {
            return write_frame(out, kind, stream, limit, |out| {
                columns::encode(batch, out);
                Compression::None as u8
            });
        }
        self.raw.clear();
        columns::encode(batch, &mut self.raw);
        let Encoder { compressor, raw, .. } = self;
        write_frame(out, kind, stream, limit, |out| compressor.compress(raw, out) as u8)
    }
}

/// Appends a frame that carries no element.
///
/// # Errors
/// It is longer than [`CONTROL_BYTES_MAX`]: a text without bounds; or a frame of an element, which
/// an [`Encoder`] writes.
pub fn encode_control(out: &mut Vec<u8>, frame: &Frame) -> Result<(), FrameError> {
    let mut payload = Vec::new();
    let (kind, stream) = match frame {
        Frame::Hello { task_manager, token, compression } => {
            payload.push(*compression as u8);
            put_text(&mut payload, task_manager);
            put_text(&mut payload, token);
            (FrameKind::Hello, 0)
        }
        Frame::Welcome { task_manager, frame_bytes_max } => {
            payload.extend_from_slice(&frame_bytes_max.to_le_bytes());
            put_text(&mut payload, task_manager);
            (FrameKind::Welcome, 0)
        }
        Frame::Refusal { reason } => {
            put_text(&mut payload, reason);
            (FrameKind::Refusal, 0)
        }
        Frame::Open { stream, channel, capacity } => {
            payload.extend_from_slice(&channel.job.0.to_le_bytes());
            for word in [channel.attempt, channel.edge.0, channel.from, channel.to, *capacity] {
                payload.extend_from_slice(&word.to_le_bytes());
            }
            (FrameKind::Open, *stream)
        }
        Frame::Credit(credits) => {
            for credit in credits {
                payload.extend_from_slice(&credit.stream.to_le_bytes());
                payload.extend_from_slice(&credit.amount.to_le_bytes());
            }
            (FrameKind::Credit, 0)
        }
        Frame::Close { stream } => (FrameKind::Close, *stream),
        Frame::Fail { stream, reason } => {
            put_text(&mut payload, reason);
            (FrameKind::Fail, *stream)
        }
        Frame::Element { stream, element } => {
            return Encoder::new(Compression::None, CONTROL_BYTES_MAX)
                .element(out, *stream, element);
        }
    };
    control(out, kind, stream, &payload)
}

fn control(
    out: &mut Vec<u8>,
    kind: FrameKind,
    stream: u32,
    payload: &[u8],
) -> Result<(), FrameError> {
    write_frame(out, kind, stream, CONTROL_BYTES_MAX, |out| {
        out.extend_from_slice(payload);
        Compression::None as u8
    })
}

/// Reads frames; owns the memory that decompression needs.
pub struct Decoder {
    frame_bytes_max: u32,
    decompressor: Decompressor,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// Makes a decoder for payloads of at most that many bytes, compressed or not.
    pub fn new(frame_bytes_max: u32) -> Decoder {
        Decoder { frame_bytes_max, decompressor: Decompressor::default() }
    }

    /// Reads a payload behind its header. `spare` gives an empty batch to fill for a stream.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn decode(
        &mut self,
        header: &Header,
        payload: &[u8],
        spare: impl FnOnce(u32) -> Box<RecordBatch>,
    ) -> Result<Frame, FrameError> {
        header.check_payload(payload)?;
        let stream = header.stream;
        if matches!(header.kind, FrameKind::Batch | FrameKind::Refused) {
            let raw = self.decompressor.decompress(header, payload, self.frame_bytes_max)?;
            let mut batch = spare(stream);
            columns::decode(header, raw, &mut batch)?;
            let element = if header.kind == FrameKind::Batch {
                StreamElement::Batch(batch)
            } else {
                StreamElement::Refused(batch)
            };
            return Ok(Frame::Element { stream, element });
        }
        if header.codec != Compression::None as u8 {
            return Err(header.bad_payload("only batches are compressed"));
        }
        let mut reader = PayloadReader::new(header, payload);
        let frame = decode_control(header.kind, stream, &mut reader)?;
        reader.end()?;
        Ok(frame)
    }
}

fn decode_control(
    kind: FrameKind,
    stream: u32,
    reader: &mut PayloadReader<'_>,
) -> Result<Frame, FrameError> {
    let element = |element| Frame::Element { stream, element };
    Ok(match kind {
        FrameKind::Hello => {
            let compression = Compression::from_byte(reader.byte()?)
                .ok_or_else(|| reader.bad("a compression that this side does not know"))?;
            Frame::Hello { compression, task_manager: reader.text()?, token: reader.text()? }
        }
        FrameKind::Welcome => {
            Frame::Welcome { frame_bytes_max: reader.word()?, task_manager: reader.text()? }
        }
        FrameKind::Refusal => Frame::Refusal { reason: reader.text()? },
        FrameKind::Open => Frame::Open {
            stream,
            channel: ChannelId {
                job: JobId(u128::from_le_bytes(reader.take()?)),
                attempt: reader.word()?,
                edge: EdgeId(reader.word()?),
                from: reader.word()?,
                to: reader.word()?,
            },
            capacity: reader.word()?,
        },
        FrameKind::Watermark => {
            element(StreamElement::Watermark(Watermark(i64::from_le_bytes(reader.take()?))))
        }
        FrameKind::Status => element(StreamElement::Status(match reader.byte()? {
            0 => WatermarkStatus::Active,
            1 => WatermarkStatus::Idle,
            _ => return Err(reader.bad("an unknown status")),
        })),
        FrameKind::EndOfInput => element(StreamElement::EndOfInput),
        FrameKind::Credit => {
            let mut credits = Vec::with_capacity(reader.left() / 8);
            while reader.left() > 0 {
                credits.push(Credit { stream: reader.word()?, amount: reader.word()? });
            }
            Frame::Credit(credits)
        }
        FrameKind::Close => Frame::Close { stream },
        FrameKind::Fail => Frame::Fail { stream, reason: reader.text()? },
        FrameKind::Batch | FrameKind::Refused => return Err(reader.bad("it is a batch")),
    })
}

#[cfg(test)]
mod tests;
