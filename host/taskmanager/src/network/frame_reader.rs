//! Cuts what a connection delivers into frames.
//!
//! Law: memory grows with what has arrived, never with what a header promises.

use std::io::{ErrorKind, Read};

use sandbar_model::RecordBatch;

use super::codec::{Decoder, Frame};
use super::error::ConnectionError;
use super::frame::{FrameError, HEADER_BYTES, Header, is_tls};

/// Bytes asked of the connection at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// Bytes kept from one frame to the next.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// Reads frames from `source`.
#[derive(Debug)]
pub struct FrameReader<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    frame_bytes_max: u32,
}

impl<R: Read> FrameReader<R> {
    /// Reads from `source` frames whose payload has at most `frame_bytes_max` bytes.
    pub fn new(source: R, frame_bytes_max: u32) -> FrameReader<R> {
        FrameReader { source, buffer: Vec::new(), start: 0, end: 0, frame_bytes_max }
    }

    /// Where the bytes come from.
    pub fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Sets the longest payload of the frames to come.
    pub fn set_limit(&mut self, frame_bytes_max: u32) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// The next frame, read by `decoder`; `spare` gives an empty batch to fill for a stream.
    ///
    /// # Errors
    /// [`ConnectionError::Closed`] when the other end closed between two frames, what else ended
    /// the connection, or a bad payload.
    pub fn next_frame(
        &mut self,
        decoder: &mut Decoder,
        spare: impl FnOnce(u32) -> Box<RecordBatch>,
    ) -> Result<Frame, ConnectionError> {
        let (header, payload) = self.next()?;
        Ok(decoder.decode(&header, payload, spare)?)
    }

    /// The next frame; its payload is not yet compared with its checksum.
    ///
    /// # Errors
    /// [`ConnectionError::Closed`] when the other end closed between two frames, or what else ended
    /// the connection.
    pub(crate) fn next(&mut self) -> Result<(Header, &[u8]), ConnectionError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT_BYTES_MAX {
                self.buffer = Vec::new();
            }
        }
        self.fill(HEADER_BYTES)?;
        let bytes = self.buffer[self.start..].first_chunk().ok_or(ConnectionError::Cut)?;
        let header = Header::decode(bytes, self.frame_bytes_max)?;
        let whole = HEADER_BYTES + header.payload_bytes();
        self.fill(whole)?;
        let start = self.start;
        self.start += whole;
        Ok((header, &self.buffer[start + HEADER_BYTES..start + whole]))
    }

    /// Reads until at least that many bytes are there.
    fn fill(&mut self, wanted: usize) -> Result<(), ConnectionError> {
        while self.end - self.start < wanted {
            if self.end == self.buffer.len() {
                self.make_room(wanted);
            }
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) if self.start == self.end => return Err(ConnectionError::Closed),
                Ok(0) => return Err(self.cut()),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The connection has ended within a frame, or within what is none: an alert of TLS is shorter.
    fn cut(&self) -> ConnectionError {
        match self.buffer[self.start..self.end].first_chunk() {
            Some(magic) if is_tls(*magic) => FrameError::Tls.into(),
            _ => ConnectionError::Cut,
        }
    }

    fn make_room(&mut self, wanted: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() {
            let doubled = (self.buffer.len() * 2).max(BUFFER_BYTES);
            self.buffer.resize(doubled.min(wanted.max(BUFFER_BYTES)), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::codec::encode_control;

    /// Delivers a byte at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn two_frames() -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_control(&mut bytes, &Frame::Refusal { reason: "a reason".to_owned() }).unwrap();
        encode_control(&mut bytes, &Frame::Close { stream: 4 }).unwrap();
        bytes
    }

    #[test]
    fn frames_come_out_whole_however_they_arrive() {
        let bytes = two_frames();
        let mut reader = FrameReader::new(Trickle(&bytes), 1000);
        for expected in ["Refusal { reason: \"a reason\" }", "Close { stream: 4 }"] {
            let (header, payload) = reader.next().unwrap();
            let frame = Decoder::new(1000).decode(&header, payload, |_| Box::default()).unwrap();
            assert_eq!(format!("{frame:?}"), expected);
        }
        assert!(matches!(reader.next(), Err(ConnectionError::Closed)));
    }

    #[test]
    fn an_end_inside_a_frame_is_no_end() {
        let bytes = two_frames();
        let first = bytes.len() - HEADER_BYTES;
        for length in (1..first).chain(first + 1..bytes.len()) {
            let mut reader = FrameReader::new(&bytes[..length], 1000);
            let end = loop {
                if let Err(error) = reader.next() {
                    break error;
                }
            };
            assert!(matches!(end, ConnectionError::Cut), "{length}: {end}");
        }
    }

    #[test]
    fn a_promise_of_much_takes_little_memory() {
        let mut bytes = Vec::new();
        let kind = crate::network::frame::FrameKind::Batch;
        let payload = vec![0; 3 << 20];
        crate::network::frame::write_frame(&mut bytes, kind, 0, u32::MAX, |out| {
            out.extend_from_slice(&payload);
            0
        })
        .unwrap();
        bytes.truncate(1000);
        let mut reader = FrameReader::new(bytes.as_slice(), 64 << 20);
        assert!(matches!(reader.next(), Err(ConnectionError::Cut)));
        assert_eq!(reader.buffer.len(), BUFFER_BYTES);
    }
}
